"""See `scripts/bench-scale --help`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from driver import places, report
from driver.contestants import Broken

from . import tables
from .settings import Settings


def main() -> int:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench-scale",
        description="Measures what goes past one machine: executors, key streams, inventories. "
        "Linux only.",
        epilog="Tables: "
        + "; ".join(f"{name}: {function.__doc__}" for name, function in tables.ALL.items()),
    )
    add = parser.add_argument
    add("--only", metavar="TABLE", nargs="+", choices=tables.ALL, help="only these tables")
    add("--rounds", type=int, default=5, metavar="N", help="rounds of each (5)")
    add("--quick", action="store_true", help="a tenth of the sizes, 2 rounds")
    add("--part", type=float, metavar="X", help="that part of the sizes: 0.001 for a trial")
    add("--dir", type=Path, metavar="DIR", help="where to make the trees; a tmpfs, for example")
    add("--keep", action="store_true", help="leave the trees in --dir, to be used again")
    add("--markdown", type=Path, metavar="FILE", help="write the tables there, too")
    arguments = parser.parse_args()
    if arguments.keep and not arguments.dir:
        parser.error("--keep needs --dir")
    part = arguments.part or (0.1 if arguments.quick else 1)
    if not 0 < part <= 1:
        parser.error("--part is more than 0, and 1 at most")

    with tempfile.TemporaryDirectory(prefix="pathvein-bench-scale-") as scratch:
        trees = places.Trees((arguments.dir or Path(scratch)).absolute())
        trees.root.mkdir(parents=True, exist_ok=True)
        settings = Settings(
            trees=trees,
            scratch=Path(scratch),
            rounds=2 if arguments.quick else arguments.rounds,
            part=part,
        )
        done = []
        print(f"{places.machine()}\n")
        try:
            for name in arguments.only or tables.ALL:
                table = tables.ALL[name](settings)
                done.append(table)
                print(table.text(), flush=True)
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


# Workers that are spawned import this file as well, by another name.
if __name__ == "__main__":
    sys.exit(main())
