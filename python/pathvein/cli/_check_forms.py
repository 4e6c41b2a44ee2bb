"""The forms in which ``pathvein check`` writes what it found."""

from __future__ import annotations

import json
import re

from pathvein._checking.texts import lacks
from pathvein._visible import visible
from pathvein.cli._checking import labels
from pathvein.cli._output import Output, describe, named, safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein.cli._checking import Checked
    from pathvein.cli._output import Messages
    from pathvein.cli._patterns import Named

__all__ = ["FORMS"]


class _Text:
    """A line each: the path, and what is missing there."""

    end_of_line = "\n"

    def __init__(self, messages: Messages, patterns: list[Named]) -> None:
        self._output = Output(messages, self.end_of_line)
        self._messages = messages
        self._labels = labels(patterns)

    def write(self, batch: list[Checked]) -> None:
        """Write results, which come in any order."""
        self._output.write([self.line(checked) for checked in batch])

    def error(self, error: OSError) -> None:
        """What could not be read, which standard error tells in any case."""

    def end(self) -> None:
        """Write what stands at the end."""

    def line(self, checked: Checked) -> str:
        """The line of a result."""
        found = lacks(checked.result) or "complete"
        return f"{visible(checked.path)}{self.label(checked)}: {found}"

    def label(self, checked: Checked) -> str:
        """Which pattern it is, if there are several."""
        return f" [{visible(self._labels[checked.named.name])}]" if len(self._labels) > 1 else ""


class _Paths(_Text):
    """Paths alone, as their bytes are."""

    end_of_line = "\0"

    def __init__(self, messages: Messages, patterns: list[Named]) -> None:
        super().__init__(messages, patterns)
        self._written: set[str] = set()

    def write(self, batch: list[Checked]) -> None:
        paths = dict.fromkeys(checked.path for checked in batch)
        new = [path for path in paths if path not in self._written]
        self._written.update(new)
        self._output.write(new)


class _Json(_Text):
    """An object a line."""

    def line(self, checked: Checked) -> str:
        from pathvein._checking.dicts import result_dict

        told = result_dict(checked.result)
        # With the bytes of what is no UTF-8.
        told |= named("path", told["path"])
        return json.dumps({**told, **named("pattern_name", checked.named.name)})


class _Github(_Text):
    """Annotations, as GitHub makes them of lines that a job writes."""

    def line(self, checked: Checked) -> str:
        result = checked.result
        state = "is complete" if result.complete else "is not complete"
        if not (result.complete or result.missing):
            state = "could not be read"
        return _annotation(
            "notice" if result.complete else "error",
            checked.path,
            f"{visible(checked.path)} {state}{self.label(checked)}",
            lacks(result) or "complete",
        )

    def error(self, error: OSError) -> None:
        path = str(error.filename or "")
        self._output.write([_annotation("error", path, "could not be read", safe(describe(error)))])


def _annotation(kind: str, file: str, title: str, message: str) -> str:
    # GitHub takes paths as they are from the top of the checkout on.
    file = file.removeprefix("./")
    return f"::{kind} file={_property(file)},title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


class _Junit(_Text):
    """XML, as CI servers read it: a suite for each pattern, and in it a case for each directory.

    A case fails if something is missing. It has an error if it cannot be told whether something
    is. What else could not be read are errors of a suite of their own.
    """

    def __init__(self, messages: Messages, patterns: list[Named]) -> None:
        super().__init__(messages, patterns)
        self._suites = {
            named.name: _Suite(named.name, self._labels[named.name]) for named in patterns
        }
        self._reading = _Suite("reading", "reading")

    def write(self, batch: list[Checked]) -> None:
        for checked in batch:
            result = checked.result
            kind = "failure" if result.missing else "error" if result.unknown else None
            self._suites[checked.named.name].add(checked.path, kind, lacks(result))

    def error(self, error: OSError) -> None:
        self._reading.add(str(error.filename or ""), "error", safe(describe(error)))

    def end(self) -> None:
        suites = [*self._suites.values(), *[self._reading] * bool(self._reading.cases)]
        sums = [sum(numbers) for numbers in zip(*(suite.numbers for suite in suites), strict=True)]
        seconds = f"{self._messages.elapsed:.3f}"
        self._output.write(
            [
                '<?xml version="1.0" encoding="utf-8"?>',
                f"<testsuites{_numbers('pathvein check', sums)} time={_quoted(seconds)}>",
                *(line for suite in suites for line in suite.lines()),
                "</testsuites>",
            ]
        )


class _Suite:
    """The cases of a pattern."""

    def __init__(self, name: str, class_name: str) -> None:
        self._name = name
        # Some readers take cases of one class and name for one, in whatever suites they are.
        self._class = class_name
        #: The lines of each.
        self.cases: list[str] = []
        #: How many there are, how many of them fail, and how many have errors.
        self.numbers = [0, 0, 0]

    def add(self, path: str, kind: str | None, message: str) -> None:
        """Add a case, which fails or has an error, or neither."""
        case = f"    <testcase classname={_quoted(self._class)} name={_quoted(path)}"
        self.numbers[0] += 1
        if kind is None:
            self.cases.append(f"{case}/>")
            return
        self.numbers[1 if kind == "failure" else 2] += 1
        what = "missing" if kind == "failure" else "unknown"
        self.cases += [
            f"{case}>",
            f'      <{kind} type="{what}" message={_quoted(message)}>{_xml(message)}</{kind}>',
            "    </testcase>",
        ]

    def lines(self) -> list[str]:
        """The suite."""
        return [f"  <testsuite{_numbers(self._name, self.numbers)}>", *self.cases, "  </testsuite>"]


def _numbers(name: str, numbers: list[int]) -> str:
    tests, failures, errors = numbers
    return f' name={_quoted(name)} tests="{tests}" failures="{failures}" errors="{errors}"'


def _quoted(text: str) -> str:
    return f'"{_xml(text)}"'


def _xml(text: str) -> str:
    """Text that may stand in XML, as ASCII, so that no locale matters."""
    text = _NO_XML.sub(lambda match: rf"\u{ord(match[0]):04x}", visible(text))
    for char, entity in ("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot"):
        text = text.replace(char, f"&{entity};")
    return text.encode("ascii", "xmlcharrefreplace").decode()


#: What XML may not hold though it is no control character.
_NO_XML = re.compile("[\ufffe\uffff]")

FORMS = {"text": _Text, "json": _Json, "github": _Github, "junit": _Junit, "null": _Paths}
