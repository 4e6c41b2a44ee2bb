"""Reads the docstrings as this project writes them, for mkdocstrings.

They are written for those who read the source and for `help`, in Google's style, with a little
that Griffe does not know: roles of Sphinx as references (``:func:`scan```), ``#:`` above an
attribute, several arguments with one text, ``__new__`` where others write ``__init__``.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import griffe

_ROLE = re.compile(r":(?:func|class|meth|attr):`([^`]+)`")
#: Names of arguments and what is said of them all, which may go on in lines that are indented more.
_GROUP = re.compile(r"^( {4})((?:\w+,\s+)+\w+):((?: .*)?\n(?: {5,}.*\n)*)", re.MULTILINE)
_EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Gives Griffe what it knows for what it does not know."""

    def on_attribute_instance(
        self, *, attr: griffe.Attribute, agent: griffe.Visitor | griffe.Inspector, **_: Any
    ) -> None:
        """See `griffe.Extension`. Here and not later, when a stub is one with its module."""
        if isinstance(agent, griffe.Visitor) and attr.lineno and not attr.docstring:
            text = _comment_above(agent.code.splitlines(), attr.lineno - 1)
            if text:
                attr.docstring = griffe.Docstring(text, parent=attr)

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """See `griffe.Extension`. The arguments of a class are those of its ``__new__``."""
        new = cls.members.get("__new__")
        if isinstance(new, griffe.Function) and "__init__" not in cls.members:
            init = griffe.Function(
                "__init__",
                parameters=new.parameters,
                lineno=new.lineno,
                endlineno=new.endlineno,
                parent=cls,
            )
            cls.set_member("__init__", init)

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """See `griffe.Extension`. Called when all of a package is loaded."""
        if not obj.docstring and isinstance(obj.parent, griffe.Class):
            # An override says nothing of its own.
            for base in obj.parent.mro():
                if obj.name in base.members and base.members[obj.name].docstring:
                    obj.docstring = base.members[obj.name].docstring
                    return
        if not obj.docstring:
            return
        text = _EXAMPLE.sub("Examples:", obj.docstring.value)
        text = _GROUP.sub(_one_by_one, f"{text}\n").rstrip()
        obj.docstring.value = _ROLE.sub(lambda match: _reference(match[1], obj), text)


def _comment_above(lines: list[str], end: int) -> str:
    start = end
    while start > 0 and lines[start - 1].lstrip().startswith("#:"):
        start -= 1
    return "\n".join(line.lstrip()[2:].strip() for line in lines[start:end])


def _one_by_one(group: re.Match[str]) -> str:
    indent, names, text = group.groups()
    return "".join(f"{indent}{name}:{text}" for name in re.split(r",\s+", names))


def _reference(name: str, obj: griffe.Object) -> str:
    """A link to what a docstring of the object means by the name; MkDocs tells if there is none."""
    first = name.partition(".")[0]
    if first in sys.stdlib_module_names:
        return f"`{name}`"
    scope: griffe.Object | None = obj
    while scope is not None and scope.is_class is False and scope.is_module is False:
        scope = scope.parent
    if scope is not None and scope.is_class and first in scope.members:
        target = f"{scope.path}.{name}"
    else:
        target = name if first == "pathvein" else f"pathvein.{name}"
    return f"[`{name}`][{target}]"
