"""What the site has besides docs/*.md, and how links to the rest of the repository get there.

MkDocs calls these functions: https://www.mkdocs.org/user-guide/plugins/#events
"""

from __future__ import annotations

import itertools
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
#: Files of the repository that are pages, too.
_PAGES = {"changelog.md": "CHANGELOG.md"}
#: A link, with its text if that is only the name of a file.
_LINK = re.compile(r"((?<=\[)[\w.-]+\.md)?\]\(([^)\s:]+)\)")
#: The anchor of a line of code: of a block and a line, but each docstring begins with block 0.
_LINE = re.compile(r'(?<= id="__span-)\d+-\d+(?=")')
#: What is code in a row of a table.
_ROW = re.compile(r"^ *\|.*$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are files of the repository."""
    for name, source in _PAGES.items():
        file = File.generated(config, name, abs_src_path=str(ROOT / source))
        file.edit_uri = f"../{source}"
        files.append(file)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to files that are not on the site lead to GitHub, and show bars in tables."""
    uri = page.file.src_uri
    source = _PAGES.get(uri, f"docs/{uri}")

    def link(match: re.Match[str]) -> str:
        text, target = match[1] or "", match[2]
        path, hash_, anchor = target.partition("#")
        repository = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if not path or not (ROOT / repository).exists():
            return match[0]  # of this page, or wrong, which MkDocs tells
        others = {file: name for name, file in _PAGES.items()}
        name = others.get(repository, posixpath.relpath(repository, "docs"))
        if file := files.get_file_from_path(name):
            path = posixpath.relpath(name, posixpath.dirname(uri) or ".")
            if text and file.page and file.page.title:
                text = str(file.page.title)
        else:
            kind = "tree" if (ROOT / repository).is_dir() else "blob"
            path = f"{config.repo_url}/{kind}/main/{repository}"
        return f"{text}]({path}{hash_}{anchor})"

    def bars(row: re.Match[str]) -> str:
        # GitHub ends a cell at a `|` in code, too, unless it is escaped. This Markdown does not,
        # and would show the backslash.
        return _CODE.sub(lambda code: code[0].replace("\\|", "|"), row[0])

    def written(text: str) -> str:
        return _ROW.sub(bars, _LINK.sub(link, text))

    # Not in code.
    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [written(markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, written(markdown[end:])])


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Number the lines of code through the page, so that no anchor is there twice."""
    numbers = itertools.count(1)
    return _LINE.sub(lambda _: str(next(numbers)), html)
