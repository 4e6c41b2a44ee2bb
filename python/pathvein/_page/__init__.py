"""The page of a report: one HTML file that needs nothing else, neither a network nor a server.

The files beside this one: the template (Jinja2), the style, and the scripts, which are put into the
page as one. What stands in names never becomes HTML: it is in the page as JSON only.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from pathvein._checking.texts import summary
from pathvein._page.data import page_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from jinja2 import Template

    from pathvein.reporting import CheckReport

__all__ = ["render", "write"]

#: In this order, as a later one uses what is in those before.
_SCRIPTS = ("text.js", "data.js", "view.js", "grid.js", "details.js", "page.js")


def render(report: CheckReport) -> str:
    """The page of a report, as HTML. It has no characters that UTF-8 cannot hold.

    Raises:
        ImportError: Jinja2 is not installed, which the extra ``report`` does.
    """
    style, script = _part("page.css"), "".join(map(_part, _SCRIPTS))
    return _template().render(
        policy="; ".join(
            (
                "default-src 'none'",
                f"script-src {_hash(script)}",
                f"style-src {_hash(style)}",
                "img-src data:",  # the icon, for which a browser would ask a server
                "base-uri 'none'",
                "form-action 'none'",
                "require-trusted-types-for 'script'",  # no HTML from text, by no mistake
            )
        ),
        version=report.version,
        summary=summary(report.complete, report.incomplete, report.unknown),
        style=style,
        script=script,
        data=page_json(report),
    )


def write(report: CheckReport, file: IO[str]) -> None:
    """Write the page of a report to a file that is open for text, in UTF-8.

    Raises:
        ImportError: As of :func:`render`.
        OSError: It cannot be written.
    """
    file.write(render(report))


def _hash(text: str) -> str:
    """By what the page's policy knows its own script and style."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _part(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")


@cache
def _template() -> Template:
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise ImportError(
            "a page takes Jinja2: pip install 'pathvein[report]'", name="jinja2"
        ) from error
    # What is put into it is our own, numbers, or JSON without `<`; HTML is not to be escaped there.
    return Environment(undefined=StrictUndefined, autoescape=False).from_string(
        _part("page.html.jinja")
    )
