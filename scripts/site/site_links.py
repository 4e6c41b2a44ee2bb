"""Checks a built site: that its links lead somewhere, and that it asks no other host.

    site_links.py SITE                       pages, anchors, images, files of the repository
    site_links.py SITE --external            lists the links to other hosts
    site_links.py SITE --external --check    and asks for each

MkDocs checks what is written in Markdown. This reads what came of it: docstrings, the theme, raw
HTML. That it works without a network is why it is none of the programs that do the same.
"""

from __future__ import annotations

import argparse
import re
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[2]
#: Where the site will be, with or without a version: so the page for what is not there, which is
#: shown at any address, refers to others.
_OWN = re.compile(r"(https://alexjbuck\.github\.io)?/pathvein/((latest|\d[^/]*)/)?")
_REPOSITORY = re.compile(r"https://github\.com/alexjbuck/pathvein/(blob|tree|edit|raw)/main/")
#: What a browser fetches by itself, by tag.
_FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
_FETCHED_LINKS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "modulepreload"}


class _Page(HTMLParser):
    """The anchors of a page and what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        found = dict(attrs)
        if found.get("id"):
            self.ids[found["id"] or ""] += 1
        if tag == "a" and found.get("name"):
            self.ids[found["name"] or ""] += 1
        for name in "href", "src":
            target = found.get(name)
            if target is None:
                continue
            self.links.add(target)
            relations = set((found.get("rel") or "").split())
            if _FETCHED.get(tag) == name or (tag == "link" and relations & _FETCHED_LINKS):
                self.fetched.add(target)


class Site:
    """A built site, read."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pages = {
            path: _Page(path.read_text(encoding="utf-8"))
            for path in sorted(directory.rglob("*.html"))
        }

    def faults(self) -> Iterator[str]:
        """What is wrong, a line for each."""
        for path, page in self.pages.items():
            name = path.relative_to(self.directory).as_posix()
            for anchor, count in page.ids.items():
                if count > 1:
                    yield f"{name}: {count} anchors are #{anchor}"
            for target in sorted(page.links):
                if fault := self._fault(path, target):
                    yield f"{name}: {target} {fault}"
            for target in sorted(page.fetched):
                if urlsplit(target).netloc and not _OWN.match(target):
                    yield f"{name}: {target} is fetched from another host"

    def external(self) -> dict[str, str]:
        """The links to other hosts, each with a page that has it."""
        return {
            target.partition("#")[0]: path.relative_to(self.directory).as_posix()
            for path, page in reversed(self.pages.items())
            for target in page.links
            if urlsplit(target).scheme in ("http", "https")
            and not _OWN.match(target)
            and not _REPOSITORY.match(target)
        }

    def _fault(self, page: Path, target: str) -> str | None:
        if repository := _REPOSITORY.match(target):
            file = unquote(target[repository.end() :].partition("#")[0])
            return None if (ROOT / file).exists() else "is not in the repository"
        if own := _OWN.match(target):
            base, target = self.directory, target[own.end() :]
        else:
            base = page.parent
        parts = urlsplit(target)
        if parts.scheme in ("http", "https", "mailto", "data"):
            return None
        if parts.scheme or parts.netloc or parts.path.startswith("/"):
            return "is no address"
        # Of an empty one as of the page itself, unless it is the first page.
        found = base / unquote(parts.path) if parts.path or base != page.parent else page
        if found.is_dir():
            found /= "index.html"
        found = found.resolve()
        if not found.is_file():
            return "leads nowhere"
        anchor = unquote(parts.fragment)
        if anchor and found in self.pages and anchor not in self.pages[found].ids:
            return "has no such anchor"
        return None


def ask(urls: Iterable[str], *, timeout: float = 30) -> Iterator[str]:
    """What is wrong with pages elsewhere. Who is refused as a program has been answered."""

    def fault(url: str) -> str | None:
        request = urllib.request.Request(url, headers={"User-Agent": "Mozilla/5.0 (links)"})
        for last in False, True:
            try:
                with urllib.request.urlopen(request, timeout=timeout):
                    return None
            except urllib.error.HTTPError as error:
                if error.code in (401, 403, 405, 429):
                    return None
                if last or error.code == 404:
                    return f"{url}: {error.code} {error.reason}"
            except OSError as error:
                if last:
                    return f"{url}: {error}"
        return None

    with ThreadPoolExecutor(8) as threads:
        yield from filter(None, threads.map(fault, urls))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("--external", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    site = Site(arguments.site.resolve())
    faults = list(site.faults())
    if arguments.external:
        external = site.external()
        for url in sorted(external):
            print(f"{url}  ({external[url]})")
        if arguments.check:
            faults += ask(sorted(external))
    else:
        links = sum(len(page.links) for page in site.pages.values())
        print(f"{arguments.site}: {len(site.pages)} pages, {links} links")
    if faults or not site.pages:
        sys.exit("\n".join(faults) or "no pages")


if __name__ == "__main__":
    main()
