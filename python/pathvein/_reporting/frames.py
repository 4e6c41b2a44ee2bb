"""Results as tables of pandas, polars and Arrow, each imported only where one is made.

And before results are taken, which would be lost if it is not installed.
"""

from __future__ import annotations

from importlib import import_module

from pathvein import _types
from pathvein._arguments import wrong_type
from pathvein._checking.texts import pattern_text
from pathvein._reporting.rows import NEAR
from pathvein._visible import encodable
from pathvein.lib import ScanResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from pathvein._reporting.rows import Rows
    from pathvein._types import Any

__all__ = ["Column", "as_arrow", "as_pandas", "as_polars", "check_columns", "scan_columns"]

#: What a column holds.
TEXT, TEXTS, FLAG = "text", "texts", "flag"


class Column(_types.NamedTuple):
    """A column of a table. Its kind is told, as it cannot be seen if the table is empty."""

    name: str
    kind: str
    values: list[_types.Any]


def scan_columns(results: Iterable[ScanResult[Any]]) -> list[Column]:
    """The table of the results of a scan, in their order."""
    paths, names, parents, patterns = [], [], [], []
    # A pattern that is kept keeps its id.
    texts: dict[int, tuple[Any, str]] = {}
    for result in results:
        if not isinstance(result, ScanResult):
            raise wrong_type("results", "an iterable of ScanResult", result)
        path, pattern = result
        paths.append(encodable(str(path)))
        names.append(encodable(path.name))
        parents.append(encodable(str(path.parent)))
        if id(pattern) not in texts:
            texts[id(pattern)] = pattern, encodable(pattern_text(pattern))
        patterns.append(texts[id(pattern)][1])
    return [
        Column("path", TEXT, paths),
        Column("name", TEXT, names),
        Column("parent", TEXT, parents),
        Column("pattern", TEXT, patterns),
    ]


def check_columns(rows: Rows) -> list[Column]:
    """The table of the results of a check, in their order."""
    patterns = [encodable(reported.text) for reported in rows.patterns]
    columns = [
        Column("path", TEXT, []),
        Column("name", TEXT, []),
        Column("parent", TEXT, []),
        Column("pattern", TEXT, []),
        Column("complete", FLAG, []),
        Column("missing", TEXTS, []),
        Column("unknown", TEXTS, []),
        Column("near", TEXTS, []),
        Column("lacks", TEXT, []),
    ]
    # What rows have in common is made once.
    common: dict[int, tuple[list[str], list[str], list[str]]] = {}
    for path, name, parent, lacks in rows:
        if lacks.number not in common:
            items = rows.patterns[lacks.pattern].items
            common[lacks.number] = (
                [encodable(each["requirement"]) for each in lacks.missing],
                [encodable(each["requirement"]) for each in lacks.unknown],
                [encodable(items[number].text) for number, state in lacks.states if state == NEAR],
            )
        values: tuple[Any, ...] = (
            encodable(path),
            encodable(name),
            encodable(parent),
            patterns[lacks.pattern],
            lacks.is_complete,
            *map(list, common[lacks.number]),
            encodable(lacks.text),
        )
        for column, value in zip(columns, values, strict=True):
            column.values.append(value)
    return columns


def as_arrow(columns: Callable[[], list[Column]]) -> _types.pyarrow.Table:
    """A table of Arrow."""
    arrow: Any = _import("pyarrow", "to_arrow", "arrow")
    kinds = {TEXT: arrow.string(), TEXTS: arrow.list_(arrow.string()), FLAG: arrow.bool_()}
    return arrow.table({name: arrow.array(values, kinds[kind]) for name, kind, values in columns()})


def as_polars(columns: Callable[[], list[Column]]) -> _types.polars.DataFrame:
    """A frame of polars."""
    package: Any = _import("polars", "to_polars", "polars")
    kinds = {TEXT: package.String, TEXTS: package.List(package.String), FLAG: package.Boolean}
    made = columns()
    frame: _types.polars.DataFrame = package.DataFrame(
        {name: values for name, _, values in made},
        schema={name: kinds[kind] for name, kind, _ in made},
    )
    return frame


def as_pandas(columns: Callable[[], list[Column]]) -> _types.pandas.DataFrame:
    """A frame of pandas."""
    pandas: Any = _import("pandas", "to_pandas", "pandas")
    kinds = {TEXT: "str", TEXTS: "object", FLAG: "bool"}
    return pandas.DataFrame(
        {name: pandas.Series(values, dtype=kinds[kind]) for name, kind, values in columns()}
    )


def _import(package: str, function: str, extra: str) -> ModuleType:
    try:
        return import_module(package)
    except ImportError as error:
        hint = f"{function}() needs {package}: pip install 'pathvein[{extra}]'"
        raise ImportError(hint, name=package) from error
