"""See `scripts/bench --help`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from . import places, report, tables
from .contestants import Broken
from .settings import Settings


def main() -> int:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures pathvein against the floor (a bare loop over getdents64) and "
        "against others, warm and interleaved. Linux only.",
        epilog="Tables: "
        + "; ".join(f"{name}: {function.__doc__}" for name, function in tables.ALL.items()),
    )
    add = parser.add_argument
    add("--only", metavar="TABLE", nargs="+", choices=tables.ALL, help="only these tables")
    add("--rounds", type=int, default=9, metavar="N", help="rounds of each (9)")
    add("--quick", action="store_true", help="a tenth of the sizes, 3 rounds")
    add("--runs", type=int, metavar="N", help="laboratory runs in the default tree (15000)")
    add("--entries", type=int, metavar="N", help="entries of the large directories (1000000)")
    add("--depth", type=int, metavar="N", help="depth of the chain (10000)")
    add("--files", type=int, metavar="N", help="files of 4 KB to copy (20000)")
    add("--megabytes", type=int, metavar="N", help="size of the large file to copy (2000)")
    add("--many", type=int, metavar="N", help="files of the copy whose memory counts (100000)")
    add("--objects", type=int, metavar="N", help="objects to copy from a store (1000)")
    add("--own", type=Path, default="/usr", metavar="DIR", help="a tree of the machine's (/usr)")
    add("--dir", type=Path, metavar="DIR", help="where to make the trees; a tmpfs, for example")
    add("--keep", action="store_true", help="leave the trees in --dir, to be used again")
    add("--no-download", action="store_true", help="without what has to be installed")
    add("--markdown", type=Path, metavar="FILE", help="write the tables there, too")
    add("--into", type=Path, metavar="PAGE", help="put the tables in their places on that page")
    arguments = parser.parse_args()
    if arguments.keep and not arguments.dir:
        parser.error("--keep needs --dir")

    tenth = 10 if arguments.quick else 1
    with tempfile.TemporaryDirectory(prefix="pathvein-bench-") as scratch:
        trees = places.Trees((arguments.dir or Path(scratch)).absolute())
        trees.root.mkdir(parents=True, exist_ok=True)
        settings = Settings(
            trees=trees,
            scratch=Path(scratch),
            rounds=3 if arguments.quick else arguments.rounds,
            runs=arguments.runs or 15_000 // tenth,
            entries=arguments.entries or 1_000_000 // tenth,
            depth=arguments.depth or 10_000 // tenth,
            files=arguments.files or 20_000 // tenth,
            megabytes=arguments.megabytes or 2000 // tenth,
            many=arguments.many or 100_000 // tenth,
            objects=arguments.objects or 1000 // tenth,
            own=arguments.own,
            threads=os.cpu_count() or 1,
            download=not arguments.no_download,
        )
        done = []
        print(f"{places.machine()}\n")
        try:
            for name in arguments.only or tables.ALL:
                table = tables.ALL[name](settings)
                done.append(table)
                print(table.text(), flush=True)
                if arguments.into:
                    report.put_into(arguments.into, name, table, places.machine())
        except Broken as error:
            print(f"Error: {error}", file=sys.stderr)
            return 1
        finally:
            if not arguments.keep:
                trees.drop_all()
    bars = report.summary(done)
    print(bars.text())
    if arguments.markdown:
        pages = [table.markdown() for table in [*done, bars]]
        arguments.markdown.write_text("\n".join([f"{places.machine()}\n", *pages]))
    return 0


sys.exit(main())
