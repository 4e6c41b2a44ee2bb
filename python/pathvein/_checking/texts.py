"""Requirements, and what became of them, as text for people: one line each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice

from pathvein_core import Directories

from pathvein._visible import visible
from pathvein.pattern import FileStructurePattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathvein._types import Any
    from pathvein.checking import CheckResult, Closest, Explanation, Missing, Requirement

__all__ = [
    "alternatives",
    "bracket",
    "head",
    "is_too_many",
    "kind_of",
    "lacks",
    "limits",
    "missing_text",
    "names",
    "pattern_text",
    "reason",
    "requirement_at",
    "requirement_text",
    "result_text",
    "summary",
    "text_of",
]

#: Of patterns with more entries than that, what is nested is left out. (One that holds another
#: twice, and that another twice, would be as long as it takes memory.)
_MOST_ENTRIES = 200
#: How long the text of a directory requirement may be in a line of what is missing.
_SHORT = 60
#: How many names are listed of those that should not be there.
_FEW_NAMES = 3
#: How many requirements of one level below the top are listed, and how many such levels.
_MOST_BELOW = 10
_MOST_LEVELS = 4

_REASONS = {
    "case": "{} differs in case",
    "normal form": "{} differs in Unicode normal form",
    "edit": "{} is one edit away",
    "below": "{} is one level down",
    "above": "{} is one level up",
    "directory": "{} is a directory",
    "file": "{} is a file",
    "link": "{} is a link that is not followed",
    "not entered": "{} is not entered",
    "unreadable": "{} could not be read",
}


# Requirements


def kind_of(place: str) -> str:
    """The attribute of a pattern that a place is in."""
    return place.partition("[")[0]


def requirement_at(pattern: FileStructurePattern, place: str) -> Any:
    """What stands at a place of a pattern, such as ``files[1]``, ``closed``."""
    kind, _, index = place.partition("[")
    found = getattr(pattern, kind)
    return found[int(index[:-1])] if index else found


def requirement_text(pattern: FileStructurePattern, place: str) -> str:
    """The pattern text of the requirement at a place of a pattern, on one line.

    Of one that is very large, what is nested is ``{...}``.
    """
    return text_of(place, requirement_at(pattern, place))


def text_of(place: str, requirement: Requirement) -> str:
    """The pattern text of a requirement, as :func:`requirement_text` has it."""
    return _text_of(kind_of(place), requirement)


@lru_cache(1024)
def _text_of(kind: str, requirement: Requirement) -> str:
    if kind == "closed":
        return "nothing else"
    if kind == "directory_name":
        return FileStructurePattern(requirement).to_text()  # type: ignore[arg-type]
    if kind.endswith("directories") and not _is_small(alternatives(requirement)):
        return f"{head(kind, requirement)}{{...}}"
    return _item_text(kind, requirement)


def head(place: str, requirement: Requirement) -> str:
    """The text of a directory requirement without what is asked for inside."""
    tests: list[Any] = []
    for pattern in alternatives(requirement):
        test = "*" if pattern.directory_name is None else pattern.directory_name
        tests += test if isinstance(test, tuple) else [test]
    item: Any = FileStructurePattern(tuple(tests))
    if isinstance(requirement, Directories):
        item = Directories(item, requirement.min, requirement.max)
    return _item_text(kind_of(place), item)


@lru_cache(256)
def pattern_text(pattern: FileStructurePattern) -> str:
    """A pattern's text on one line; of one that is very large, without what is in it."""
    if _is_small([pattern]):
        return _on_one_line(pattern.to_text().split("\n"))
    return f"{head('directories', pattern)}{{...}}"


def alternatives(requirement: Requirement) -> Sequence[FileStructurePattern]:
    """The patterns of a directory requirement."""
    found: Any = requirement.directory if isinstance(requirement, Directories) else requirement
    return found if isinstance(found, tuple) else (found,)


def limits(requirement: Requirement) -> tuple[int, int | None]:
    """How many entries are asked for at least and at most."""
    found: Any = requirement
    return getattr(found, "min", 1), getattr(found, "max", None)


def _item_text(kind: str, requirement: Any) -> str:
    """The text of an item of an attribute: that of a pattern without its first line."""
    attributes: dict[str, Any] = {kind: [requirement]}
    asking = FileStructurePattern("x", **attributes)
    return _on_one_line([line[4:] for line in asking.to_text().split("\n")[1:]])


def _on_one_line(lines: Sequence[str]) -> str:
    """Lines of pattern text in braces."""
    text = lines[0]
    # Of each level that is open whether it wants a brace. Alternatives that differ have their own.
    wants: list[bool] = []
    for line in lines[1:]:
        entry = line.lstrip(" ")
        depth = (len(line) - len(entry)) // 4
        if depth > len(wants):
            wants.append(not text.endswith("{"))
            text += "{" * wants[-1]
        else:
            text += "}" * sum(wants[depth:])
            del wants[depth:]
            text += "" if entry.startswith("}") else ", "
        text += entry
    return text + "}" * sum(wants)


def _is_small(patterns: Iterable[FileStructurePattern]) -> bool:
    """Whether the text of these has few entries."""
    entries, left = 0, list(patterns)
    while left and entries <= _MOST_ENTRIES:
        pattern = left.pop()
        asked = [alternatives(item) for item in pattern.directories]
        nested = [*pattern.optional_directories, *pattern.forbidden_directories]
        nested += (one for several in asked for one in several)
        files = (pattern.files, pattern.optional_files, pattern.forbidden_files)
        entries += 1 + sum(map(len, files))
        left += nested
    return entries <= _MOST_ENTRIES


# What is missing


def lacks(
    result: CheckResult[Any] | Explanation[Any] | tuple[Sequence[Missing], Sequence[Missing]],
) -> str:
    """What a directory lacks: ``3+ *.csv (2 there), data/*.parquet (data/ is empty)``.

    What cannot be told follows what is missing, and is marked as *unknown*. Of a directory
    requirement it names what the closest sub-directory lacks. Any character of a name is shown
    safely, and all is one line. It is empty if nothing is missing or unknown.

    Args:
        result: A result, or the missing and the unknown.
    """
    found: Any = result
    missing, unknown = getattr(found, "missing", None), getattr(found, "unknown", None)
    if missing is None or unknown is None:
        missing, unknown = found
    return visible(", ".join([*_all(missing, False, 0), *_all(unknown, True, 0)]))


def result_text(result: CheckResult[Any]) -> str:
    """A line of the directory and what it lacks: ``lab/run_007: config.json``."""
    return f"{visible(str(result.source))}: {lacks(result) or 'complete'}"


def summary(complete: int, incomplete: int, unknown: int) -> str:
    """What a check ends with: ``1,204 candidates: 1,187 complete, 15 not, 2 could not be read``.

    Args:
        complete: How many candidates are.
        incomplete: How many lack something.
        unknown: Of how many nothing is known to be missing, but not all could be read.
    """
    candidates = complete + incomplete + unknown
    if not candidates:
        return "0 candidates: nothing was checked"
    text = f"{candidates:,} candidate{'' if candidates == 1 else 's'}: {complete:,} complete"
    if incomplete:
        text += f", {incomplete:,} not"
    if unknown:
        text += f", {unknown:,} could not be read"
    return text


def missing_text(missing: Missing) -> str:
    """The text of one that is missing, without what is there in its place."""
    return visible(text_of(missing.place, missing.requirement))


def _all(missing: Sequence[Missing], is_unknown: bool, level: int) -> list[str]:
    return [_lack(item, is_unknown, level) for item in missing]


def _lack(item: Missing, is_unknown: bool, level: int, in_empty: bool = False) -> str:
    """One of what a directory lacks. `in_empty`: that nothing is there is told elsewhere."""
    above, hint = "", ""
    while (inside := _inside(item)) is not None:
        # The name that is there, and not what the pattern has: that is where to look.
        above += f"{inside.path}/"
        if inside.is_empty and not in_empty:
            in_empty, hint = True, f" ({above} is empty)"
        below = [(one, is_unknown) for one in inside.missing]
        below += [(one, True) for one in inside.unknown]
        if len(below) > 1:
            return f"{above}{{{_braced(below, level, in_empty)}}}{hint}"
        [(item, is_unknown)] = below
    text = text_of(item.place, item.requirement)
    if len(text) > _SHORT and kind_of(item.place).endswith("directories"):
        text = f"{head(item.place, item.requirement)}{{...}}"
    own = bracket(item, is_unknown) if is_unknown or not in_empty else ""
    shown = f"{text} ({own})" if own else text
    if above and not _may_end_path(item, text):
        shown = f"{{{shown}}}"
    return f"{above}{shown}{hint}"


def _may_end_path(item: Missing, text: str) -> bool:
    """Whether a text can stand behind the path of a directory: no words, no alternatives."""
    is_asked = kind_of(item.place) in ("files", "directories")
    return is_asked and limits(item.requirement) == (1, None) and "|" not in text


def _braced(below: Sequence[tuple[Missing, bool]], level: int, in_empty: bool = False) -> str:
    if level >= _MOST_LEVELS:
        return "..."
    texts = [_lack(*one, level + 1, in_empty) for one in islice(below, _MOST_BELOW)]
    if len(below) > _MOST_BELOW:
        texts.append(f"and {len(below) - _MOST_BELOW} more")
    return ", ".join(texts)


def _inside(item: Missing) -> Closest | None:
    """The closest sub-directory, if what it lacks is what is missing."""
    closest = item.closest
    if (
        closest is not None
        and closest.pattern is not None
        and closest.reason == "name"
        and (closest.missing or closest.unknown)
        and item.place.startswith("directories")
        and limits(item.requirement)[0] <= 1
        # Of several alternatives another would do as well.
        and len(alternatives(item.requirement)) == 1
        and not closest.count
    ):
        return closest
    return None


def is_too_many(place: str, requirement: Requirement, count: int) -> bool:
    """Whether what is there should not be."""
    if place == "closed" or place.startswith("forbidden_"):
        return count > 0
    most = limits(requirement)[1] if kind_of(place) in ("files", "directories") else None
    return most is not None and count > most


def bracket(item: Missing, is_unknown: bool = False) -> str:
    """What is there of something that is missing, or came closest to it; perhaps nothing."""
    closest = item.closest
    parts = []
    if closest is not None:
        if is_too_many(item.place, item.requirement, closest.count):
            parts.append(f"there: {names(closest.found, closest.count, _FEW_NAMES)}")
        elif closest.count:
            parts.append(f"{closest.count:,} there")
        if closest.reason is not None:
            parts.append(reason(closest))
    if is_unknown:
        return f"unknown: {', '.join(parts) or 'not all could be read'}"
    return ", ".join(parts)


def reason(closest: Closest) -> str:
    """How close it came."""
    path = "the directory" if closest.path == "." else f"{closest.path}"
    if closest.reason == "name":
        if closest.is_empty:
            return f"{path}/ is empty"
        below = [(one, False) for one in closest.missing]
        below += [(one, True) for one in closest.unknown]
        inner = _braced(below, _MOST_LEVELS - 1)
        return f"{path}/ lacks {inner}" if inner else f"{path}/"
    text = _REASONS.get(closest.reason or "")
    return text.format(path) if text else f"{path}: {closest.reason}"


def names(found: Sequence[str], count: int, most: int = 10) -> str:
    """Names, of many the first: ``a.csv, b.csv and 3 more``."""
    shown = ", ".join(found[:most])
    more = count - min(len(found), most)
    if not shown:
        return f"{count:,}"
    return f"{shown} and {more:,} more" if more > 0 else shown
