"""Names as they are shown to people: any character safely, and its width on a terminal."""

from __future__ import annotations

import re

#: Control characters (C0, DEL, C1, line separators, changes of the writing direction), and
#: surrogates, which stand for bytes that are no text.
_UNPRINTABLE = re.compile(
    "[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
#: The password of a URL.
_PASSWORD = re.compile(r"(\w://[^/\s:@]*):[^/\s]*@")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    """Text without control characters, on one line.

    A control character becomes an escape such as ``\\n``, ``\\x1b`` or ``\\u0085``, a byte that
    is no text ``\\xff``.
    """
    return _UNPRINTABLE.sub(_escape, text)


def without_passwords(text: str) -> str:
    """Text without the passwords of URLs."""
    return _PASSWORD.sub(r"\1:***@", text)


def encodable(text: str) -> str:
    """Text that can be written as UTF-8: a byte that is no text becomes ``\\xff``."""
    return text if text.isascii() else _SURROGATE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return rf"\x{code - 0xDC00:02x}"
    return _SHORT.get(char) or (rf"\x{code:02x}" if code < 0x80 else rf"\u{code:04x}")


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) != 0 for char in text)
