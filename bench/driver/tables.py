"""The tables: what each measures, and which bars it has."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from statistics import median

from . import compared, empty_app, patterns
from .contestants import HEADINGS, Contestant, measure, row
from .copies import copies
from .entrants import (
    a_process,
    beside_listers,
    by_name,
    faster,
    faster_bars,
    from_python,
    in_words,
    of_the_floor,
    rows_of,
    run_pattern,
    the_core,
    the_floor,
)
from .leaves import early, leaves, named, others
from .places import BENCH, PATHVEIN, PROGRAM, PYTHON, SERVED, environment
from .report import Bar, Table
from .settings import Settings
from .waiting import cold, trusted, waiting, warm

#: What `import pathvein` must not import.
FORBIDDEN = ["fsspec", "upath", "typer", "rich", "rich_click", "click"]
#: The mixes of globs and names as they occur: see bench/src/mixes.rs.
REALISTIC = ["lab", "source", "photos"]


def scans(settings: Settings) -> Table:
    """calls, on a tree of laboratory runs"""
    tree, looked_for = settings.trees.get("lab", settings.runs), run_pattern(settings)
    number = settings.threads
    each = sorted({1, number})
    contestants = [the_floor(tree, threads) for threads in each]
    contestants += [the_core(tree, looked_for, threads) for threads in each]
    for function in ["iscan", "scan"]:
        contestants += [from_python(function, tree, looked_for, threads) for threads in each]
    floor = f"floor, {in_words(number)}"
    walk = [PYTHON, SERVED, "walk", tree, looked_for]
    contestants.append(Contestant("os.walk, fnmatch", walk, floor, counts="matches"))
    if settings.download:
        old = patterns.write(settings.scratch / "old.jsonl", [patterns.as_text(patterns.run())])
        python = environment("pathvein-0.9.0") / "python"
        command = [python, SERVED, "old", tree, old]
        contestants.append(Contestant("0.9.0's scan", command, floor, True, counts="matches"))
        command = [environment("scandir-rs") / "python", SERVED, "scandir", tree]
        contestants.append(Contestant("scandir-rs, lists only", command, floor))
    measured = measure(contestants, settings.rounds)
    there = by_name(measured)
    entries = there[floor].count
    bars = []
    for threads in each:
        for name, limit in [("core's scan", 1.1), ("Python iscan", 1.25), ("Python scan", 1.5)]:
            name = f"{name}, {in_words(threads)}"
            bars.append(of_the_floor(there[name], limit))
    first = max(median(there[f"Python iscan, {in_words(t)}"].first or [0]) for t in each)
    bars.append(Bar("first result of iscan", first * 1e3, 20, unit=" ms"))
    if number > 1:
        gains = [
            median(a / b for a, b in zip(there[f"{name}, 1 thread"].seconds, fast, strict=True))
            for name in ["floor", "core's scan"]
            for fast in [there[f"{name}, {in_words(number)}"].seconds]
        ]
        what = f"gain from {in_words(number)}: of the floor's own"
        bars.append(Bar(what, gains[1] / gains[0], 0.95, at_least=True))
    return Table(f"Calls, {entries} entries", HEADINGS, rows_of(measured), [], bars)


def checks(settings: Settings) -> Table:
    """checks beside scans, on a tree of laboratory runs; times are divided by the scan's"""
    tree, looked_for = settings.trees.get("lab", settings.runs), run_pattern(settings)
    contestants = []
    for threads in sorted({1, settings.threads}):
        contestants.append(the_core(tree, looked_for, threads))
        contestants.append(the_core(tree, looked_for, threads, "check", "core's scan"))
        for scan, check in [("iscan", "icheck"), ("scan", "check")]:
            contestants.append(from_python(scan, tree, looked_for, threads))
            contestants.append(from_python(check, tree, looked_for, threads, f"Python {scan}"))
    measured = measure(contestants, settings.rounds)
    bars = [
        Bar(f"{one.contestant.name}: of the scan", one.ratio, 1.3, cpu=one.cpu_ratio)
        for one in measured
        if one.ratios
    ]
    return Table("Checks", HEADINGS, rows_of(measured), [], bars)


def processes(settings: Settings) -> Table:
    """whole processes, on the same tree"""
    tree = settings.trees.get("lab", settings.runs)
    measured, notes = beside_listers(settings, tree, old=True)
    bars = faster_bars(measured, 1.3, "")
    if "pathvein 0.9.0" in by_name(measured):
        times = faster(measured, "pathvein 0.9.0")
        bars.append(Bar("pathvein scan: faster than 0.9.0", times, 12, True))
    return Table("Whole processes", HEADINGS, rows_of(measured), notes, bars)


def large(settings: Settings) -> Table:
    """whole processes, on a tree ten times as large"""
    tree = settings.trees.get("lab", settings.runs * 10)
    measured, notes = beside_listers(settings, tree)
    bars = faster_bars(measured, 1.7, ", ten times the tree")
    return Table("Whole processes, ten times the tree", HEADINGS, rows_of(measured), notes, bars)


def sets(settings: Settings) -> Table:
    """1, 100 and 1,000 patterns at once"""
    tree = settings.trees.get("lab", settings.runs)
    limits = {1: 1.1, 100: 1.5, 1000: 2.5}
    rows: list[Sequence[str]] = []
    bars = []
    for count, limit in limits.items():
        wanted = patterns.many(count) if count > 1 else [patterns.run()]
        looked_for = patterns.write(settings.scratch / f"{count}.jsonl", wanted)
        contestants = [the_floor(tree, threads) for threads in sorted({1, settings.threads})]
        for threads in sorted({1, settings.threads}):
            contestants.append(the_core(tree, looked_for, threads))
            contestants.append(from_python("iscan", tree, looked_for, threads))
        for one in measure(contestants, settings.rounds):
            name = f"{count} patterns: {one.contestant.name}"
            rows.append([name, *row(one)[1:]])
            if count > 1 and one.contestant.name.startswith("core"):
                bars.append(of_the_floor(one, limit, f"{count} patterns: "))
    return Table("Many patterns", HEADINGS, rows, [], bars)


def sizes(settings: Settings) -> Table:
    """trees from 10,000 to 2,000,000 entries"""
    looked_for, number = run_pattern(settings), settings.threads
    rows: list[Sequence[str]] = []
    ratios: dict[str, list[float]] = {}
    # The default tree, with 19.3 entries a run, and parts and multiples of it.
    for runs in [settings.runs * part // 1000 for part in (35, 350, 1000, 7000)]:
        tree = settings.trees.get("lab", runs)
        contestants = []
        for threads in sorted({1, number}):
            contestants.append(the_floor(tree, threads))
            contestants.append(the_core(tree, looked_for, threads))
            contestants.append(from_python("iscan", tree, looked_for, threads))
        measured = measure(contestants, settings.rounds)
        for one in measured:
            name = one.contestant.name
            rows.append([f"{measured[0].count} entries: {name}", *row(one)[1:]])
            if one.ratios:
                ratios.setdefault(name, []).append(one.ratio)
        if runs > settings.runs:
            settings.trees.drop("lab", runs)
    bars = [
        Bar(f"{name}: the largest ratio over the smallest", max(several) / min(several), 1.2)
        for name, several in ratios.items()
        if name.startswith("core")
    ]
    return Table("From small to large", HEADINGS, rows, [], bars)


def shapes(settings: Settings) -> Table:
    """one directory with a million entries, a long chain, a tree of the machine's own"""
    everything = patterns.write(settings.scratch / "any.jsonl", [patterns.everything()])
    run = run_pattern(settings)
    rows: list[Sequence[str]] = []
    trees = {
        "files in one directory": (settings.trees.get("files", settings.entries), run),
        "directories in one": (settings.trees.get("flat", settings.entries), run),
        "chain": (settings.trees.get("chain", settings.depth), everything),
        str(settings.own): (settings.own, run),
    }
    for what, (tree, looked_for) in trees.items():
        contestants = []
        for threads in sorted({1, settings.threads}):
            contestants.append(the_floor(tree, threads))
            contestants.append(the_core(tree, looked_for, threads))
        contestants.append(from_python("iscan", tree, looked_for, settings.threads))
        measured = measure(contestants, min(settings.rounds, 5))
        rows += [[f"{what}: {one.contestant.name}", *row(one)[1:]] for one in measured]
    return Table("Other shapes", HEADINGS, rows)


def memory(settings: Settings) -> Table:
    """peak memory over the idle interpreter, and that of a set of results"""
    megabyte, entries = 1e6, settings.entries
    everything = patterns.write(settings.scratch / "any.jsonl", [patterns.everything()])
    lacking = patterns.write(settings.scratch / "lacking.jsonl", [patterns.lacking()])
    run = run_pattern(settings)
    rows: list[Sequence[str]] = []
    bars = []

    def grown(what: str, contestant: Contestant) -> float:
        """The largest growth of three fresh processes."""
        one_each = [measure([contestant], 1, warm=False)[0] for _ in range(3)]
        growth = max(4096, *(one.peak - one.idle for one in one_each)) / megabyte  # a page
        idle = one_each[0].idle / megabyte
        count = f"{one_each[0].count} {contestant.counts}"
        rows.append([f"{what}: {contestant.name}", f"{idle:.1f}", f"{growth:.1f}", count])
        return growth

    for kind, what, allowed in [
        ("wide", "a tree of directories", 20),
        ("flat", "directories in one", 20 + entries * 100 / megabyte),
        ("files", "files in one directory", 2),
    ]:
        tree = settings.trees.get(kind, entries)
        for looked_for, name in [(run, "nothing found"), (everything, "all found")]:
            grown(f"{what}, {name}", the_core(tree, looked_for, settings.threads))
            iscan = from_python("iscan", tree, looked_for, settings.threads)
            growth = grown(f"{what}, {name}", iscan)
            bars.append(Bar(f"iscan over {what}, {name}", growth, allowed, unit=" MB"))
        icheck = from_python("icheck", tree, lacking, settings.threads)
        growth = grown(f"{what}, all lack something", icheck)
        bars.append(Bar(f"icheck over {what}", growth, allowed, unit=" MB"))

    number = max(entries // 10, 1)
    tree = settings.trees.get("wide", number)
    paths = settings.scratch / "paths"
    with paths.open("w") as file:
        subprocess.run(["find", str(tree)], stdout=file, check=True)
    build = [PYTHON, SERVED, "plain_set", everything, paths]
    plain = grown("a set of results", Contestant("built in Python", build, counts="matches"))
    ours = grown("a set of results", from_python("scan", tree, everything, settings.threads))
    bars.append(Bar("scan: of a set built in Python", ours / plain, 1.1))
    headings = ["", "idle MB", "at most MB more", "counts"]
    return Table("Memory", headings, rows, ["The most of three fresh processes."], bars)


def imports(settings: Settings) -> Table:
    """what `import pathvein` adds to a bare interpreter"""
    contestants = [
        a_process(settings, "nothing", [PYTHON, "-c", "pass"]),
        a_process(settings, "import pathlib", [PYTHON, "-c", "import pathlib"], "nothing"),
        a_process(settings, "import pathvein", [PYTHON, "-c", "import pathvein"], "nothing"),
    ]
    measured = measure(contestants, settings.rounds * 4)
    there = by_name(measured)
    ours, bare = there["import pathvein"], there["nothing"]

    def added(times: list[float], without: list[float]) -> float:
        return median(a - b for a, b in zip(times, without, strict=True)) * 1e3

    by_clock, by_cpu = added(ours.seconds, bare.seconds), added(ours.cpu, bare.cpu)
    code = "import json, sys, pathvein; print(json.dumps(sorted(sys.modules)))"
    printed = subprocess.run([str(PYTHON), "-c", code], capture_output=True, check=True).stdout
    imported = {module.partition(".")[0] for module in json.loads(printed)}
    wrong = sorted(imported.intersection(FORBIDDEN))
    bars = [
        Bar("import pathvein adds", by_clock, 15, unit=" ms", cpu=by_cpu),
        Bar(f"modules imported of {', '.join(FORBIDDEN)}", len(wrong), 0),
    ]
    notes = [f"Imported but should not be: {', '.join(wrong)}."] if wrong else []
    return Table("Import", HEADINGS, rows_of(measured), notes, bars)


def small(settings: Settings) -> Table:
    """the command on about a hundred directories, against an app that does nothing"""
    tree = settings.trees.get("lab", 24)
    pattern = patterns.write(settings.scratch / "run.json", [patterns.run()])
    app = settings.scratch / "empty_app.py"
    app.write_text(empty_app.source())
    arguments = ["scan", tree, "-p", pattern]
    contestants = [
        a_process(settings, "empty app", [PYTHON, app, *arguments]),
        a_process(settings, "pathvein scan", [PATHVEIN, *arguments], "empty app", counts="matches"),
    ]
    measured = measure(contestants, settings.rounds * 4)
    ours = measured[1]
    what = "pathvein scan on 98 directories: of an empty app"
    bar = Bar(what, ours.ratio, 1.4, cpu=ours.cpu_ratio)
    headings = [heading.replace("floor", "empty app") for heading in HEADINGS]
    return Table("A small tree", headings, rows_of(measured), [], [bar])


def names(settings: Settings) -> Table:
    """PatternMatcher against a loop over fnmatch.filter"""
    rows: list[Sequence[str]] = []
    least: dict[bool, tuple[float, str]] = {}
    for mix in REALISTIC:
        for number in [1, 4, 20, 100, 200, 1000]:
            for count in [1, 10, 100, 1000, 10_000]:
                if number * count > settings.entries:
                    continue
                made = settings.scratch / "names.json"
                command = [str(PROGRAM), "names", mix, str(number), str(count)]
                with made.open("w") as file:
                    subprocess.run(command, stdout=file, check=True)
                ours, loop = measure(
                    [
                        Contestant("m", [PYTHON, SERVED, "matcher", made], counts="hits"),
                        Contestant("f", [PYTHON, SERVED, "fnmatch_filter", made], counts="hits"),
                    ],
                    min(settings.rounds, 3),
                )
                faster = median(b / a for a, b in zip(ours.seconds, loop.seconds, strict=True))
                each = [
                    f"{median(one.seconds) / (count * max(1, 2000 // count)) * 1e9:.0f}"
                    for one in (ours, loop)
                ]
                where = f"{mix}, {number} globs, {count} names"
                rows.append([where, *each, f"{faster:.1f}", f"{ours.count}"])
                many = number >= 4 and count >= 100
                least[many] = min(least.get(many, (faster, where)), (faster, where))
    bars = [
        Bar(f"match_many over fnmatch.filter, least, at {where}", faster, 10 if many else 1, True)
        for many, (faster, where) in least.items()
    ]
    headings = ["", "match_many, ns a name", "fnmatch.filter", "faster", "hits"]
    return Table("Names, from Python", headings, rows, [], bars)


def globs(settings: Settings) -> Table:
    """the Rust name set against GlobSet and RegexSet: criterion, some minutes"""
    results = BENCH / "target" / "criterion"
    shutil.rmtree(results, ignore_errors=True)
    manifest = ["--manifest-path", str(BENCH / "Cargo.toml")]
    command = ["cargo", "bench", "--quiet", "--locked", *manifest]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    times: dict[str, dict[str, float]] = {}
    for path in results.glob("*/*/new/benchmark.json"):
        what = json.loads(path.read_text())
        estimates = json.loads(path.with_name("estimates.json").read_text())
        per_name = estimates["median"]["point_estimate"] / what["throughput"]["Elements"]
        times.setdefault(what["group_id"], {})[what["value_str"]] = per_name
    rows: list[Sequence[str]] = []
    least: dict[bool, tuple[float, str]] = {}
    by_size = [(mix, int(a), int(b)) for mix, a, b in (cell.split("/") for cell in times)]
    for mix, number, count in sorted(by_size):
        cell = f"{mix}/{number}/{count}"
        each = times[cell]
        against = [each[other] / each["NameSet"] for other in ["GlobSet", "RegexSet"]]
        where = f"{mix}, {number} globs, {count} names"
        numbers = [f"{each[name]:.1f}" for name in ["NameSet", "GlobSet", "RegexSet"]]
        rows.append([where, *numbers, *(f"{faster:.2f}" for faster in against)])
        realistic = mix in [*REALISTIC, "words"]
        least[realistic] = min(least.get(realistic, (against[0], where)), (against[0], where))
    bars = [
        Bar(f"match_many over GlobSet, least, at {where}", faster, 2 if realistic else 1, True)
        for realistic, (faster, where) in least.items()
    ]
    headings = ["", "NameSet, ns a name", "GlobSet", "RegexSet", "x GlobSet", "x RegexSet"]
    return Table("Names, in Rust", headings, rows, [], bars)


def outermost(settings: Settings) -> Table:
    """only the outermost matches, on projects with a thousand directories each"""
    number = settings.runs // 75
    tree = settings.trees.get("projects", number)
    rows: list[Sequence[str]] = []
    bars = []
    for how, pattern in patterns.projects().items():
        looked_for = patterns.write(settings.scratch / "projects.jsonl", [pattern])
        for threads in sorted({1, settings.threads}):
            options = ["--serve", "--threads", str(threads), "--patterns", looked_for]
            every = f"{how}, {in_words(threads)}"
            name = f"the outermost, {every}"
            contestants = [
                Contestant(every, [PROGRAM, "scan", *options, tree], counts="matches"),
                Contestant(
                    name,
                    [PROGRAM, "scan", "--outermost", *options, tree],
                    every,
                    counts="matches",
                ),
            ]
            measured = measure(contestants, settings.rounds)
            rows += rows_of(measured)
            one = by_name(measured)[name]
            bars.append(Bar(f"{name}: of all", one.ratio, 0.1, cpu=one.cpu_ratio))
    settings.trees.drop("projects", number)
    return Table(f"{number} projects of 1,000 directories", HEADINGS, rows, [], bars)


#: All of them, in this order.
ALL: dict[str, Callable[[Settings], Table]] = {
    function.__name__: function
    for function in [
        scans,
        checks,
        processes,
        large,
        named,
        others,
        early,
        leaves,
        warm,
        cold,
        waiting,
        trusted,
        sets,
        sizes,
        shapes,
        memory,
        outermost,
        imports,
        small,
        copies,
        names,
        globs,
    ]
}
ALL["compared-processes"] = compared.processes
ALL["compared-calls"] = compared.calls
