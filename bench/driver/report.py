"""Tables and the bars, as text and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Bar:
    """What is asked for, and what was measured."""

    what: str
    measured: float
    limit: float
    #: Whether the limit is the least that will do, not the most.
    at_least: bool = False
    unit: str = ""
    #: The same by processor time, where that makes sense.
    cpu: float | None = None

    @property
    def met(self) -> bool:
        """Whether it is."""
        if self.at_least:
            return self.measured >= self.limit
        return self.measured <= self.limit

    def row(self) -> list[str]:
        """As a row of a table."""
        sign = ">=" if self.at_least else "<="
        return [
            self.what,
            f"{self.measured:.3g}{self.unit}",
            "" if self.cpu is None else f"{self.cpu:.3g}",
            f"{sign} {self.limit:g}{self.unit}",
            "met" if self.met else "MISSED",
        ]


@dataclass
class Table:
    """Rows under headings; the first column is text, the others are numbers."""

    title: str
    headings: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)

    def text(self) -> str:
        """For a terminal."""
        rows = [self.headings, *self.rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"== {self.title}", ""]
        for cells in rows:
            first, *others = zip(cells, widths, strict=True)
            line = first[0].ljust(first[1])
            lines.append(line + "".join("  " + cell.rjust(width) for cell, width in others))
        return "\n".join([*lines, *self.notes, ""])

    def markdown(self) -> str:
        """For a page."""
        return f"## {self.title}\n\n{self.body()}"

    def body(self) -> str:
        """The same without its title."""
        rule = ["---", *["---:"] * (len(self.headings) - 1)]
        lines = [f"| {' | '.join(cells)} |" for cells in [self.headings, rule, *self.rows]]
        for note in self.notes:
            lines += ["", note]
        return "\n".join([*lines, ""])


def summary(tables: Sequence[Table]) -> Table:
    """All bars in one table."""
    rows: list[Sequence[str]] = [bar.row() for table in tables for bar in table.bars]
    return Table("Bars", ["", "measured", "by cpu", "bar", ""], rows)


def put_into(page: Path, name: str, table: Table, machine: str) -> None:
    """Put a table, and what it was measured on, between the two comments that name it."""
    begin, end = f"<!-- scripts/bench --only {name} -->", "<!-- as measured -->"
    text = page.read_text(encoding="utf-8")
    place = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.DOTALL)
    new, count = place.subn(lambda _: f"\n{table.body()}\n{machine}.\n\n", text)
    if count != 1:
        raise SystemExit(f"{page} has no place for {name}: {begin} and {end}")
    page.write_text(new, encoding="utf-8")
