"""The places where the Python sources ask for the system are listed in docs/architecture.md.

And what tests import can be imported where the modules of Unix are missing.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "pathvein"

_ASKS = re.compile(
    r"\bos\.name\b|\bsys\.platform\b|\bplatform\.\w+\(|\b(?:has|get)attr\((?:os|pathvein_core), "
)
#: Modules of the standard library that Windows does not have.
UNIX_ONLY = frozenset(
    [
        "crypt",
        "curses",
        "fcntl",
        "grp",
        "posix",
        "pty",
        "pwd",
        "resource",
        "syslog",
        "termios",
        "tty",
    ]
)
#: What of `os`, `signal` and `socket` it does not have either, and tests may use at their top.
_MISSING = re.compile(
    r"os\.(?:fork|[gs]ete?[ug]id|mkfifo|mknod|chown|uname|getpgid|killpg|O_NONBLOCK|O_DIRECTORY"
    r"|O_NOFOLLOW|wait\w*|statvfs|[gls]etxattr|listxattr|sched_\w+)"
    r"|signal\.(?:SIGKILL|SIGHUP|SIGPIPE|SIGALRM|SIGUSR\d|SIGSTOP|SIGCONT|SIGCHLD|pthread_kill)"
    r"|socket\.AF_UNIX"
)


def asks(text: str) -> bool:
    """Whether a source asks for the system."""
    return _ASKS.search(text) is not None


def test_what_asks_is_found() -> None:
    assert asks('if os.name == "nt":')
    assert asks('getattr(os, "O_BINARY", 0)')
    assert not asks("os.names, platforms, platform = system")


def test_each_file_that_asks_for_the_system_is_listed() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.split("\n## Other systems\n")[1].split("\n### In Python\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*`) \| \S.*\|$", section, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(\S+\.py)`", row)]
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if asks(path.read_text(encoding="utf-8"))
    ]
    assert sorted(listed) == sorted(found)


def at_import(node: ast.AST) -> list[ast.AST]:
    """The statements and expressions that run when a module is imported."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            found += [part for each in child.decorator_list for part in ast.walk(each)]
            continue
        if isinstance(child, ast.Lambda) or (
            isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        ):
            continue
        found += [child, *at_import(child)]
    return found


def unix_at_import(text: str) -> list[str]:
    """What a module needs of Unix when it is imported, unless it skips itself before."""
    found = []
    tree = ast.parse(text)
    skips = "pytest.importorskip(" in text
    # What is imported by a test that is for Linux alone by its name is not looked at twice.
    for node in at_import(tree):
        if isinstance(node, ast.Import):
            found += [] if skips else [a.name for a in node.names if a.name in UNIX_ONLY]
        elif isinstance(node, ast.Attribute) and _MISSING.fullmatch(ast.unparse(node)):
            found.append(ast.unparse(node))
    return found


def test_what_modules_need_at_import_is_found() -> None:
    assert unix_at_import("import os, pwd") == ["pwd"]
    assert unix_at_import("KILL = signal.SIGKILL") == ["signal.SIGKILL"]
    assert unix_at_import("@mark(os.geteuid())\ndef f(): os.fork()") == ["os.geteuid"]
    assert unix_at_import("def f():\n    import pwd") == []
    assert unix_at_import("if TYPE_CHECKING:\n    import pwd") == []


@pytest.mark.skipif(sys.platform == "win32", reason="collecting the tests tells it there")
def test_all_tests_can_be_collected_on_windows() -> None:
    needs = {
        path.relative_to(ROOT).as_posix(): found
        for path in [*(ROOT / "tests").rglob("*.py"), *PACKAGE.rglob("*.py")]
        if (found := unix_at_import(path.read_text(encoding="utf-8")))
    }
    assert needs == {}
