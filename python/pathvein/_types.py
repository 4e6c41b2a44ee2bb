"""Types for annotations that are imported only when an annotation is evaluated.

To import `typing`, `pathlib` and universal-pathlib takes longer than to import all of pathvein.
So its modules import them only where they are used, and for type checkers. Annotations are
text. They refer to these types as attributes of this module, which imports a type when the text
is evaluated, as by `typing.get_type_hints`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent import futures
    from datetime import datetime as datetime
    from pathlib import Path as Path
    from typing import IO as IO
    from typing import Any as Any
    from typing import Generic as Generic
    from typing import Literal as Literal
    from typing import NamedTuple as NamedTuple
    from typing import Protocol
    from typing import Self as Self

    import pandas as pandas
    import polars as polars
    import pyarrow as pyarrow
    from typing_extensions import TypeVar
    from upath import UPath as UPath

    class _HasExecutor(Protocol):
        """Such as Dask's client."""

        def get_executor(self, **options: Any) -> futures.Executor: ...

    #: What runs tasks.
    Executor = futures.Executor | _HasExecutor

    T = TypeVar("T")
    #: The kinds of a source and of a destination. A bare `ScanResult` has a `Path`, as 0.9's had.
    #: Named tuples take the covariant ones: who takes either kind takes a result with a `Path`.
    S = TypeVar("S", bound="Path | UPath", default=Path)
    D = TypeVar("D", bound="Path | UPath", default=Path)
    S_co = TypeVar("S_co", bound="Path | UPath", default=Path, covariant=True)
    D_co = TypeVar("D_co", bound="Path | UPath", default=Path, covariant=True)
else:
    import sys
    from collections import namedtuple

    #: Stands for the type variable.
    T = object

    class Generic:
        """Stands for `typing.Generic`."""

        def __class_getitem__(cls, item: object) -> type:
            return cls

    class _Fields(type):
        """Makes a named tuple of a class with annotated fields."""

        def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, object]) -> type:
            fields = body["__annotations__"]
            made = namedtuple(name, fields, module=body["__module__"])
            made.__doc__ = body.get("__doc__")  # python -OO leaves none
            made.__annotations__ = fields
            if "__str__" in body:
                made.__str__ = body["__str__"]
            return made

    #: Stands for `typing.NamedTuple`.
    NamedTuple = type.__new__(_Fields, "NamedTuple", (), {})

    #: Packages of frames, and how these call them.
    _FRAMES = {"pandas": "DataFrame", "polars": "DataFrame", "pyarrow": "Table"}

    def _without_instances(name: str) -> type:
        """Stands for a class of a package that is not installed."""
        return type(name, (), {"__module__": __name__})

    def __getattr__(name: str) -> object:
        if name == "Path":
            from pathlib import Path

            return Path
        if name == "Executor":
            from concurrent.futures import Executor

            return Executor
        if name == "datetime":
            from datetime import datetime

            return datetime
        if name == "UPath":
            try:
                from upath import UPath
            except ImportError:
                return _without_instances(name)
            return UPath
        if name in _FRAMES:
            from importlib import import_module

            try:
                return import_module(name)
            except ImportError:
                frame = _FRAMES[name]
                return type(name, (), {frame: _without_instances(frame)})
        if name in ("S", "D", "S_co", "D_co"):
            # What a type variable of these names may be.
            module = sys.modules[__name__]
            return module.Path | module.UPath
        if name in ("Any", "IO", "Literal", "Self"):
            import typing

            return getattr(typing, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
