"""The kinds of systems that the Rust sources tell apart are listed in docs/architecture.md."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CRATES = ROOT / "crates"


def conditions(text: str) -> list[str]:
    """What stands in the parentheses of each `cfg`, `cfg_attr` and `cfg!`."""
    found = []
    for match in re.finditer(r"\bcfg(?:_attr)?!?\(", text):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        found.append(text[match.end() : end - 1])
    return found


def kinds(text: str) -> set[str]:
    """The kinds of systems that a source tells apart."""
    found: set[str] = set()
    for condition in conditions(text):
        plain = re.sub(r'\w+ = "[^"]*"', "", condition)
        found |= set(re.findall(r"\b(?:unix|windows)\b", plain))
        found |= set(re.findall(r'target_\w+ = "(\w+)"', condition))
    return found


def listed() -> list[tuple[str, set[str]]]:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.split("\n## Other systems\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\S+\.rs)` \| ([\w, ]+) \| \S.*\|$", section, re.MULTILINE)
    return [(name, set(kinds.split(", "))) for name, kinds in rows]


def test_conditions_are_read() -> None:
    text = '#[cfg(all(unix, not(target_os = "linux")))] if cfg!(windows) { unix() }'
    assert kinds(text) == {"unix", "linux", "windows"}
    assert kinds('#[cfg_attr(not(target_vendor = "apple"), allow(dead_code))]') == {"apple"}
    assert kinds('#[cfg(feature = "unix")] #[cfg(test)] unix') == set()


def test_each_file_that_tells_systems_apart_is_listed() -> None:
    sources = [path for crate in ("core", "py") for path in (CRATES / crate / "src").rglob("*.rs")]
    found = {
        path.relative_to(CRATES).as_posix(): told
        for path in sources
        if (told := kinds(path.read_text(encoding="utf-8")))
    }
    assert dict(listed()) == found
    assert len(listed()) == len(found)
