"""Pattern files in YAML: each document a pattern.

The text is read as events, and not as objects: nothing is built but lists, mappings and text,
an alias is met before it is followed, keys that stand twice are seen, and each value has a line.
"""

from __future__ import annotations

import re

from pathvein._pattern_files.parts import RegexBudget, Wrong, from_values, join, nearest, wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pathvein._pattern_files.parts import P, Part, Position

__all__ = ["parse"]

#: How much may be repeated by aliases, in characters and values: a few lines of aliases to
#: aliases would be gigabytes.
_MOST_REPEATED = 1_000_000
#: Lists and mappings in each other. A level of a pattern is four at most, and there are 128.
_MOST_NESTED = 4 * 128 + 8

_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
#: Numbers to YAML 1.2, some of which are text to 1.1.
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+|0x\w+")
_KINDS = {"bool": "a boolean", "int": "a number", "float": "a number", "str": "a number"}
_KINDS |= {"timestamp": "a date"}
#: Where a name begins with a character that means something to YAML.
_INDICATOR = re.compile(r"\s*(?:- +)*(?:\w+ *: +)?([][{}*&!|>%@`])")


def parse(cls: type[P], text: str) -> list[Part[P]]:
    """The patterns of a text, of which there is at least one.

    Raises:
        ModuleNotFoundError: PyYAML is missing; the message says what to install.
        Wrong: It is no YAML, or no pattern.
    """
    try:
        import yaml
    except ModuleNotFoundError as error:
        hint = "YAML needs PyYAML: pip install 'pathvein[yaml]'"
        raise ModuleNotFoundError(hint, name=error.name) from error
    parts: list[Part[P]] = []
    regexes = RegexBudget()
    try:
        loader = yaml.SafeLoader(text)
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.DocumentStartEvent):
                document = _Document(loader)
                values = document.read()
                # An empty one stands between two `---`, or after the last.
                if document.holds_something:
                    parts.append(_pattern(cls, document, values, regexes))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        position = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise Wrong(f"a file may not hold the character {error.character:#06x}", position) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text) from None
    if not parts:
        raise Wrong('the file is empty: any directory is directory_name: "*"')
    return parts


def _pattern(cls: type[P], document: _Document, values: Any, regexes: RegexBudget) -> Part[P]:
    def positions(place: str) -> Position | None:
        return nearest(document.positions, place)

    if not isinstance(values, dict):
        raise Wrong("expected the keys of a pattern", positions(""))
    values.pop("$schema", None)
    try:
        return from_values(cls, values, regexes), positions
    except ValueError as error:
        said = wrong(error, positions)
    place = said.message.partition(": ")[0]
    is_name = place.rpartition(".")[2] not in ("min", "max", "closed")
    if is_name and (plain := document.plain.get(place)):
        raise Wrong(f'{said.message}: if it is a name, write "{plain}" in quotes', said.position)
    raise said


class _Document:
    """Reads the values of one document, as JSON has them, from the events of a loader."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        #: Where each value begins, by its place.
        self.positions: dict[str, Position] = {}
        #: The plain scalars that are no text, by their places.
        self.plain: dict[str, str] = {}
        self.holds_something = False
        #: By anchor: the value, and its size. `None` while it is read.
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._repeated = 0

    def read(self) -> Any:
        """The values, up to the end of the document."""
        import yaml

        # The lists and mappings that are open: each with its place, its anchor, its size so far,
        # and the key of the next value of a mapping.
        opened: list[_Open] = []
        while True:
            event = self._loader.get_event()
            mark = event.start_mark.line + 1, event.start_mark.column + 1
            around = opened[-1] if opened else None
            if isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                done = opened.pop()
                value: Any = done.value
                size, anchor = done.size, done.anchor
            elif around and around.expects_key:
                around.take_key(self._key(event, mark), mark)
                continue
            else:
                place = around.next_place() if around else ""
                self.positions[place] = mark
                if isinstance(event, yaml.AliasEvent):
                    value, size = self._alias(event.anchor, mark, place)
                    anchor = None
                else:
                    anchor = event.anchor
                    if event.tag not in _TEXT_TAGS:
                        raise Wrong(
                            f"tags such as {event.tag} mean nothing here: a name that begins "
                            "with ! is written in quotes",
                            mark,
                            place,
                        )
                    if not isinstance(event, yaml.ScalarEvent):
                        self.holds_something = True
                        if len(opened) == _MOST_NESTED:
                            raise Wrong("it nests too deep", mark)
                        if anchor is not None:
                            self._anchors[anchor] = None
                        is_list = isinstance(event, yaml.SequenceStartEvent)
                        opened.append(_Open([] if is_list else {}, place, anchor))
                        continue
                    value, size = self._scalar(event, mark, place), 1 + len(event.value)
            if anchor is not None:
                self._anchors[anchor] = value, size
            if not opened:
                return value
            opened[-1].add(value, size)

    def _key(self, event: Any, mark: Position) -> str:
        import yaml

        value = event.value if isinstance(event, yaml.ScalarEvent) else None
        if isinstance(event, yaml.AliasEvent):
            value = self._alias(event.anchor, mark, "")[0]
        if not isinstance(value, str):
            raise Wrong("a key is a word, such as files", mark)
        if event.anchor is not None and not isinstance(event, yaml.AliasEvent):
            self._anchors[event.anchor] = value, 1 + len(value)
        self.holds_something = True
        return value

    def _alias(self, anchor: str, mark: Position, place: str) -> tuple[Any, int]:
        try:
            found = self._anchors[anchor]
        except KeyError:
            message = f'*{anchor} refers to nothing: a name is written in quotes, "*{anchor}"'
            raise Wrong(message, mark, place) from None
        if found is None:
            raise Wrong(f"*{anchor} would hold itself", mark, place)
        self._repeated += found[1]
        if self._repeated > _MOST_REPEATED:
            raise Wrong("its aliases repeat too much: write patterns that are shorter", mark, place)
        return found

    def _scalar(self, event: Any, mark: Position, place: str) -> str | int | bool | None:
        import yaml

        text: str = event.value
        if event.style is not None or event.tag is not None:
            self.holds_something = True
            return text
        self.holds_something |= text != ""
        tag = self._loader.resolve(yaml.ScalarNode, text, event.implicit)
        kind = tag.rpartition(":")[2]
        if kind == "null":
            self.plain[place] = text
            return None
        if text.lower() in ("true", "false"):
            self.plain[place] = text
            return text.lower() == "true"
        if _INTEGER.fullmatch(text):
            self.plain[place] = text
            return int(text)
        if kind == "str" and not _NUMBER.fullmatch(text):
            return text
        # What versions of YAML read in different ways, or as what no pattern has.
        also = ", and a boolean is true or false" if kind == "bool" else ""
        raise Wrong(
            f"{text} is {_KINDS.get(kind, 'no text')} to YAML: a name is written in quotes, "
            f'"{text}"{also}',
            mark,
            place,
        )


class _Open:
    """A list or mapping that is being read."""

    def __init__(self, value: list[Any] | dict[str, Any], place: str, anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.size = 1
        self._place = place
        self._key: str | None = None

    @property
    def expects_key(self) -> bool:
        """Whether the next value is a key."""
        return isinstance(self.value, dict) and self._key is None

    def take_key(self, key: str, mark: Position) -> None:
        """Take a key, which must be new."""
        if key in self.value:
            message = "the key stands twice in its mapping: keep one"
            raise Wrong(message, mark, join(self._place, key))
        self._key = key

    def next_place(self) -> str:
        """The place of the next value."""
        if self._key is not None:
            return join(self._place, self._key)
        return f"{self._place}[{len(self.value)}]"

    def add(self, value: Any, size: int) -> None:
        """Take a value."""
        self.size += size
        if isinstance(self.value, list):
            self.value.append(value)
        elif self._key is not None:
            self.size += len(self._key)
            self.value[self._key] = value
            self._key = None


def _syntax(error: Any, text: str) -> Wrong:
    mark = error.problem_mark or error.context_mark
    message = ", ".join(part for part in (error.context, error.problem) if part)
    line = text.split("\n")[mark.line : mark.line + 1]
    found = _INDICATOR.match(line[0]) if line else None
    hint = f": a name that begins with {found[1]} is written in quotes" if found else ""
    return Wrong(f"{message}{hint}", (mark.line + 1, mark.column + 1))
