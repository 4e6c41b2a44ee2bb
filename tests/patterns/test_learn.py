"""`FileStructurePattern.learn`: what it proposes, and that it always holds."""

from __future__ import annotations

import doctest
import errno
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trees
from pathvein import FileStructurePattern, scan
from pathvein._learning import names
from pathvein._learning.drawing import DirectoryLine, Drawing, FileLine, Name
from pathvein._learning.telling import _shortened
from pathvein._learning.tree import open_tree
from profiles import share
from strategies import directories, disk_names
from trees import Dir, Entry, File, Link, Make, tree

Spec = Mapping[str, Dir | str]


def spec_of(named: Spec) -> Dir:
    """Directories of these names, which may be equal but for the quotes behind them."""
    places: dict[str, Entry] = {}
    for index, (name, content) in enumerate(named.items()):
        inside = content if isinstance(content, Dir) else tree(*content.split())
        places[str(index)] = Dir({name.rstrip("'"): inside})
    return Dir(places)


def paths_of(top: Path, named: Spec) -> list[Path]:
    return [top / str(index) / name.rstrip("'") for index, name in enumerate(named)]


def learn(make: Make, rights: Spec, wrongs: Spec | None = None) -> tuple[str, list[str]]:
    """The text of the pattern for made-up directories, and which of the wrong ones it matches."""
    wrongs = wrongs or {}
    top = make(Dir({"right": spec_of(rights), "wrong": spec_of(wrongs)}))
    good, bad = paths_of(top / "right", rights), paths_of(top / "wrong", wrongs)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pattern = FileStructurePattern.learn(good, bad)
    assert all(map(pattern_matches(pattern), good))
    alike = [path for path in bad if pattern_matches(pattern)(path)]
    said = str(caught[0].message) if caught else ""
    assert len(caught) == bool(alike)
    assert [path for path in bad if str(path) in said.replace(",", "").split()] == alike
    assert FileStructurePattern.from_text(pattern.to_text()) == pattern
    return pattern.to_text(), [path.name for path in alike]


def pattern_matches(pattern: FileStructurePattern) -> Any:
    return lambda path: bool(scan(path, pattern, max_depth=0, on_error="raise"))


def drawn(text: str) -> str:
    """The text of a drawing that is indented in a test."""
    return FileStructurePattern.from_text(text).to_text()


# What all have, what some have, what differs

PROPOSED: dict[str, tuple[Spec, Spec, str]] = {
    "names that all have": (
        {"run_1": "config.json a.csv b.csv", "run_2": "config.json c.csv d.csv e.csv"},
        {},
        "run_*/{config.json, 2+ *.csv}",
    ),
    "names that differ in digits": (
        {"run_1": "scan_1.tif log_07.txt", "run_2": "scan_2.tif scan_3.tif log_12.txt"},
        {},
        "run_*/{log_*.txt, scan_*.tif}",
    ),
    "a few more of one shape": (
        {"a": "x_1.txt x_2.txt", "b": "x_1.txt x_2.txt x_3.txt"},
        {},
        "*/{2+ x_*.txt}",
    ),
    "digits in many places": (
        {"a": "x_1_1_1_1_1_1.txt", "b": "x_2_2_2_2_2_2.txt"},
        {},
        "*/{x_*.txt}",
    ),
    "digits that are the same stay": (
        {
            "sub-01": "sub-01_T1w.nii.gz sub-01_T2w.nii.gz",
            "sub-02": "sub-02_T1w.nii.gz sub-02_T2w.nii.gz",
        },
        {},
        "sub-*/{sub-*_T1w.nii.gz, sub-*_T2w.nii.gz}",
    ),
    "names that differ in a part": (
        {"ann_raw": "ann_report.pdf", "bob_raw": "bob_report.pdf"},
        {},
        "*_raw/{*_report.pdf}",
    ),
    "words in the middle": (
        {"230101_M00123_0045_000-ABC": "RunInfo.xml", "230207_M00123_0046_000-K7L": "RunInfo.xml"},
        {},
        "*_M00123_*_000-*/{RunInfo.xml}",
    ),
    "directories that have no name in common, but what is inside": (
        {
            "foo": "setup.py src/foo/__init__.py src/foo/core.py",
            "bar": "setup.py src/bar/__init__.py src/__pycache__/x.pyc",
        },
        {"baz": "setup.py src/baz/main.c"},
        "*/{setup.py, src/{*/{__init__.py, optional core.py}}}",
    ),
    "directories that have nothing in common": (
        {"a": "x/one", "b": "y/two"},
        {},
        "*/{optional x/{one}, optional y/{two}}",
    ),
    "names that differ in their end": (
        {"a": "README.md", "b": "README.rst", "c": "README"},
        {},
        "*/{README*}",
    ),
    "the longer extension": (
        {"a": "x.nii.gz", "b": "y.nii.gz z.nii.gz"},
        {},
        "*/{*.nii.gz}",
    ),
    "optional": (
        {"run_1": "config.json notes.txt", "run_2": "config.json figures/a.png"},
        {},
        "run_*/{config.json, optional notes.txt, optional figures/{a.png}}",
    ),
    "directories": (
        {
            "study_1": "sub-01/anat/x.nii sub-02/anat/y.nii",
            "study_2": "sub-01/anat/x.nii sub-03/anat/z.nii sub-04/anat/z.nii",
        },
        {},
        "study_*/{2+ sub-*/{anat/{*.nii}}}",
    ),
    "one directory": (
        {"run_1": "config.json a.csv b.csv"},
        {},
        "run_1/{a.csv, b.csv, config.json}",
    ),
    "names in digits alone": (
        {"2024": "01/a", "2025": "12/a 07/a"},
        {},
        "[0-9][0-9][0-9][0-9]/{[0-9][0-9]/{a}}",
    ),
    "hashes": (
        {
            "a": "part-0-3f2a1b4c-1b4c-4c4c-8d8d-0123456789ab.parquet deadbeef01.bin",
            "b": "part-1-aaaa1b4c-1b4c-4c4c-8d8d-ffff456789ab.parquet 0123456789ab.bin",
        },
        {},
        "*/{*.bin, part-*-*.parquet}",
    ),
    "names with the characters of globs": (
        {"a[1]": "b*c x?.txt", "a[2]": "b*c x?.txt"},
        {},
        "a[[]*]/{b[*]c, x[?].txt}",
    ),
    "bytes that are no text": (
        {"a": Dir({"\udcff.txt": File(), "c": File()}), "b": Dir({"\udcff.txt": File()})},
        {},
        r'*/{"\udcff.txt", optional c}',
    ),
    "what systems leave behind": (
        {
            "a": "x.csv .DS_Store __pycache__/a.pyc",
            "b": "x.csv .DS_Store Thumbs.db ._x.csv x.csv~ __pycache__/b.pyc",
        },
        {},
        "*/{x.csv}",
    ),
    "hidden files are files": (
        {"a": ".zattrs .zgroup", "b": ".zgroup"},
        {},
        "*/{.zgroup, optional .zattrs}",
    ),
    "what tools keep is told by its name": (
        {"a": ".git/HEAD .git/config src/m.py", "b": ".git/HEAD src/m.py"},
        {},
        "*/{.git/, src/{m.py}}",
    ),
    "what only wrong ones have": (
        {"run_1": "config.json", "run_2": "config.json"},
        {"run_3": "config.json FAILED", "run_4": "config.json old/x"},
        "run_*/{config.json, no FAILED, no old/}",
    ),
    "what only wrong ones have, in digits": (
        {"run_1": "config.json", "run_2": "config.json"},
        {"run_3": "config.json core.123", "run_4": "config.json core.7"},
        "run_*/{config.json, no core.*}",
    ),
    "too much to name it": (
        {"run_1": "config.json", "run_2": "config.json notes.txt"},
        {"run_3": "config.json q w e r t z"},
        "run_*/{config.json, optional notes.txt, nothing else}",
    ),
    "empty": ({"a": "", "b": ""}, {"c": "x", "c'": "y/"}, "*/{nothing else}"),
    "a number": (
        {"run_1": "a.csv b.csv", "run_2": "c.csv d.csv e.csv"},
        {"run_3": "f.csv", "run_4": "a.csv b.csv c.csv d.csv"},
        "run_*/{2-3 *.csv}",
    ),
    "exactly one": (
        {"a": "README.md", "b": "README.txt"},
        {"c": "README.md README.txt"},
        "*/{1 README.*}",
    ),
    "near misses": (
        {"run_1": "config.json"},
        {"run_2": "config.json FAILED", "calibration": "lamp.csv"},
        "run_1/{config.json, no FAILED}",
    ),
    "nothing else, and something": (
        {"a": "q/", "a'": "w/", "a''": "e/", "a'''": "r/"},
        {"a": "", "a'": "t/ z/", "a''": "u i o p s"},
        "a/{e/ | q/ | r/ | w/, nothing else}",
    ),
    "inside": (
        {"run_1": "data/a.parquet", "run_2": "data/b.parquet"},
        {"run_3": "data/", "run_4": "data/c.parquet data/BROKEN"},
        "run_*/{data/{*.parquet, no BROKEN}}",
    ),
    "each of them": (
        {
            "lab_1": "run_1/data/a run_2/data/a run_3/data/a",
            "lab_2": "run_1/data/a run_5/data/a",
        },
        {"lab_3": "run_1/data/a run_2/data/a run_3/config"},
        "lab_*/{2+ run_*/{data/{a}}, no run_*/{no data/}}",
    ),
    "digits and nothing but digits": (
        {"run_01": "a", "run_02": "a"},
        {"run_x": "a", "run_003": "a"},
        "regex:'run_[0-9]{2}'/{a}",
    ),
    "either": (
        {"a": "x.nii notes", "b": "y.tsv notes", "c": "y.tsv x.nii notes"},
        {"b": "notes"},
        "*/{notes, x.nii | y.tsv}",
    ),
}


@pytest.mark.parametrize("case", PROPOSED)
def test_proposal(case: str, make: Make) -> None:
    rights, wrongs, expected = PROPOSED[case]
    text, alike = learn(make, rights, wrongs)
    assert text == drawn(expected)
    assert alike == []


def test_links_are_not_entered(make: Make) -> None:
    elsewhere = Dir({"inside": Dir({"a": File()})})
    linking = Dir({"data": Link(raw="../../../elsewhere/inside")})
    top = make(Dir({"elsewhere": elsewhere, "right": spec_of({"run_1": linking})}))
    pattern = FileStructurePattern.learn(top / "right/0/run_1")
    assert pattern == FileStructurePattern.from_text("run_1/data/")


def test_many_names_make_few_lines(make_fast: Make) -> None:
    frames = " ".join(f"frame_{number:04}.tif" for number in range(1000))
    words = [f"{a}{b}{c}" for a in "klmnprst" for b in "aeiou" for c in "bdfgx"]
    text, _ = learn(
        make_fast,
        {
            "a": f"{frames} {' '.join(f'{word}.txt' for word in words)}",
            "b": f"{frames} frame_1000.tif {' '.join(f'{word}.txt' for word in words[:90])}",
        },
        {"c": f"{frames} {' '.join(f'{word}.txt' for word in words[:89])}"},
    )
    assert text == drawn("*/{90+ *.txt, 1000+ frame_*.tif}")


def test_one_of_many_names_is_missed(make_fast: Make) -> None:
    """The short drawing does not tell, so the name that does is added."""
    frames = [f"frame_{number:04}.tif" for number in range(1000)]
    others = [*frames[:500], *frames[501:], "frame_1000.tif"]
    text, _ = learn(
        make_fast,
        {"a": " ".join(frames), "b": " ".join([*frames, "frame_2000.tif"])},
        {"c": " ".join(others)},
    )
    assert text == drawn("*/{1000+ frame_*.tif, frame_0500.tif}")


def test_two_channels_have_a_line_each(make: Make) -> None:
    images = [f"img_{time:03}_c{channel}.tif" for time in range(20) for channel in (0, 1)]
    text, _ = learn(make, {"a": " ".join(images), "b": " ".join(images[:24])})
    assert text == drawn("*/{12+ img_*_c0.tif, 12+ img_*_c1.tif}")


def test_large_trees_have_short_drawings(make_fast: Make) -> None:
    """It says what is near to the top, and no more than fits on a screen."""
    words = "alpha beta gamma delta eta theta iota kappa".split()
    paths = [f"{a}/{b}/{c}/{d}" for a in words for b in words for c in words for d in words[:2]]
    text, _ = learn(make_fast, {"one": " ".join(paths)})
    assert text == drawn(f"one/{{{', '.join(f'{word}/' for word in sorted(words))}}}")


def test_deep_differences_are_found(make: Make) -> None:
    """Deeper than is drawn where that is not needed."""
    chain = "/".join("abcdefghij")
    text, _ = learn(
        make, {"x": f"{chain}/yes"}, {"x": f"{chain}/", "x'": f"{chain}/yes {chain}/no"}
    )
    assert "yes" in text
    assert "no no" in text


def test_alike_are_told(make: Make) -> None:
    """Of what is the same, and of those that no single pattern tells apart."""
    same, other = "config.json data/a", "config.json"
    text, alike = learn(make, {"run_1": same}, {"run_1": same, "run_1'": other})
    assert text == drawn("run_1/{config.json, data/{a}}")
    assert alike == ["run_1"]
    # With neither of two files, and with both, it is right.
    _, alike = learn(make, {"a": "", "a'": "x y"}, {"a": "x", "a'": "y", "a''": "x y z"})
    assert alike == ["a", "a"]


def test_names_of_the_directories_are_the_last_resort(make: Make) -> None:
    text, alike = learn(make, {"run_1": "a", "run_2": "a"}, {"run_3": "a"})
    assert (text, alike) == (drawn("run_1/ | run_2/{a}"), [])
    many = {f"run_{number}": "a" for number in range(13)}
    text, alike = learn(make, many, {"run_13": "a"})
    assert (text, alike) == (drawn("run_*/{a}"), ["run_13"])


def test_junk_is_used_if_nothing_else_tells(make: Make) -> None:
    text, alike = learn(make, {"a": "x"}, {"a": "x .DS_Store"})
    assert (text, alike) == (drawn("a/{x, no .DS_Store}"), [])


def test_what_is_forbidden_is_not_shortened_to_more(make: Make) -> None:
    """`no h/{x}` without its line would be `no h/`, and exclude the right one."""
    top = make(Dir({"right": tree("h/"), "wrong": tree("h/x")}))
    [right, wrong] = [open_tree("", top / name, None)[1] for name in ("right", "wrong")]
    inside = Drawing(Name(("h",)), [FileLine(Name(("x",)))])
    drawing = Drawing(Name(("*",)), directories=[DirectoryLine([inside], 0, 0)])
    expected = drawing.copy()
    drawing.files.append(FileLine(Name(("*",)), 0))
    assert _shortened(drawing, [right], [wrong]) == expected


def test_examples_of_the_names() -> None:
    failed, tried = doctest.testmod(names)
    assert (failed, tried > 0) == (0, True)


# What goes wrong


def test_nothing_to_learn_from() -> None:
    with pytest.raises(ValueError, match="examples must be at least one directory"):
        FileStructurePattern.learn([])
    with pytest.raises(TypeError, match="examples must be a path or an iterable of paths, not int"):
        FileStructurePattern.learn(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"counterexamples\[0\] must be .*, not NoneType"):
        FileStructurePattern.learn(".", [None])


def test_what_is_no_directory(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        FileStructurePattern.learn(tmp_path / "missing")
    assert missing.value.filename == str(tmp_path / "missing")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError) as no_directory:
        FileStructurePattern.learn(tmp_path, [tmp_path / "file"])
    assert no_directory.value.filename == str(tmp_path / "file")


def _learn_as_nobody(right: str, wrong: str) -> tuple[int, str]:
    try:
        FileStructurePattern.learn(right, wrong)
    except OSError as error:
        return error.errno or 0, str(error.filename)
    return 0, ""


@pytest.mark.parametrize("side", ["right", "wrong"])
def test_unreadable_directory_is_named(side: str, make: Make) -> None:
    readable = Dir({"run": Dir({"data": tree("a")})})
    closed = Dir({"run": Dir({"data": Dir({"a": File()}, mode=0)})})
    top = make(Dir({"right": readable, "wrong": readable, side: closed}))
    got = trees.run_unprivileged(_learn_as_nobody, str(top / "right/run"), str(top / "wrong/run"))
    assert got == (errno.EACCES, str(top / side / "run/data"))


# URLs


def test_urls_and_upaths() -> None:
    from upath import UPath

    value = trees.as_value(tree("a.csv", "data/x.parquet"))
    with trees.in_memory(value, "run_1") as first, trees.in_memory(value, "run_2") as second:
        pattern = FileStructurePattern.learn([str(first), UPath(second)])
        assert pattern == FileStructurePattern.from_text("run_*/{a.csv, data/{x.parquet}}")
        with pytest.warns(UserWarning, match="also matched, as names do not tell: memory://"):
            FileStructurePattern.learn(first, [str(first)])


def test_options_are_for_urls(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"storage_options are for URLs .*examples\[0\]"):
        FileStructurePattern.learn(tmp_path, storage_options={"anon": True})
    with trees.in_memory(trees.as_value(tree("a")), tmp_path.name) as url:
        # The options of an in-memory file system have no meaning, and are taken.
        (tmp_path / "a").touch()
        pattern = FileStructurePattern.learn([tmp_path, str(url)], storage_options={"x": 1})
        assert pattern == FileStructurePattern.from_text(f"'{tmp_path.name}'/{{a}}")


# Random directories

NAMES = st.sampled_from(
    "a b a.txt b.txt x1 x2 x3 x4.csv x5.csv x10.csv .DS_Store [ * sub-1_a sub-2_a é".split()
)
TOPS = st.sampled_from(["run_1", "run_2", "run_x", "run_03", "z"])


@st.composite
def given_directories(draw: Any) -> tuple[list[tuple[str, Dir]], list[tuple[str, Dir]]]:
    """Named directories, right ones and wrong ones, of few names or of odd ones."""
    depth = draw(st.integers(0, 3))
    inside = directories(draw(st.sampled_from([NAMES, disk_names])), depth, special=False)
    right = draw(st.lists(st.tuples(TOPS, inside), min_size=1, max_size=4))
    wrong = draw(st.lists(st.tuples(TOPS, inside), max_size=4))
    if draw(st.booleans()):
        wrong.append(draw(st.sampled_from(right)))
    return right, wrong


def put(places: list[tuple[str, Dir]]) -> Dir:
    return Dir({str(index): Dir({name: spec}) for index, (name, spec) in enumerate(places)})


def lacks(one: Dir, other: Dir) -> bool:
    """Whether the first has a file that the second lacks."""
    return any(not isinstance(e, Dir) and n not in files(other) for n, e in one.entries.items())


def files(spec: Dir) -> set[str]:
    return {name for name, entry in spec.entries.items() if not isinstance(entry, Dir)}


def dirs(spec: Dir) -> dict[str, Dir]:
    return {name: entry for name, entry in spec.entries.items() if isinstance(entry, Dir)}


def can_be_told(rights: list[Dir], wrong: Dir) -> bool:
    """Whether some pattern matches the first directories, of any names, and not the last.

    The naive answer: a line of a pattern tells if each of the right ones has something that the
    wrong one lacks, or the wrong one something that each of them lacks; all files, or all
    directories.
    """

    def lacks_directory(one: Dir, other: Dir) -> bool:
        return any(
            name not in dirs(other) or can_be_told([below], dirs(other)[name])
            for name, below in dirs(one).items()
        )

    return any(
        all(test(right, wrong) for right in rights) or all(test(wrong, right) for right in rights)
        for test in (lacks, lacks_directory)
    )


@share(1)
@given(given_directories())
def test_right_ones_match_and_wrong_ones_are_told(
    given: tuple[list[tuple[str, Dir]], list[tuple[str, Dir]]],
) -> None:
    right, wrong = given
    with trees.built(Dir({"right": put(right), "wrong": put(wrong)}), fast=True) as top:
        good = [top / "right" / str(index) / name for index, (name, _) in enumerate(right)]
        bad = [top / "wrong" / str(index) / name for index, (name, _) in enumerate(wrong)]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pattern = FileStructurePattern.learn(good, bad)
        matching = pattern_matches(pattern)
        assert all(map(matching, good))
        alike = [index for index, path in enumerate(bad) if matching(path)]
        said = "".join(str(warning.message) for warning in caught)
        assert said.rpartition(": ")[2] == ", ".join(str(bad[index]) for index in alike)
        for index in alike:
            name, spec = wrong[index]
            assert name in {name for name, _ in right}
            assert not can_be_told([each for _, each in right], spec)
    assert FileStructurePattern.from_json(pattern.to_json()) == pattern
    assert FileStructurePattern.from_text(pattern.to_text()) == pattern


def test_a_hundred_thousand_entries(make_fast: Make) -> None:
    """No step takes more than a multiple of the number of names."""
    many = Dir({f"frame_{number:06}_{number % 7}.tif": File() for number in range(100_000)})
    fewer = Dir(dict(list(many.entries.items())[1:]))
    text, alike = learn(make_fast, {"run_1": many}, {"run_1": fewer})
    assert text.startswith("run_1/\n    100000+ frame_*_*.tif")
    assert alike == []
