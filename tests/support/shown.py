"""What is drawn for notebooks and by Rich, as text."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import pytest


def plain(shown: str) -> str:
    """The text of HTML."""
    return html.unescape(re.sub(r"<[^>]*>", "", shown))


def rich_text(shown: object, **options: Any) -> str:
    console_module = pytest.importorskip("rich.console")
    ascii_only = options.pop("ascii_only", False)
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "ascii" if ascii_only else "utf-8", newline="\n")
    console_module.Console(file=stream, width=200, **options).print(shown)
    stream.flush()
    return raw.getvalue().decode()
