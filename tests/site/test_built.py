"""What the site is made of: every page, every public name, every link."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import threading
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import command_line
import mkdocs_hooks
import pathvein
import site_links

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("**/*.md"))


def page_of(site: Path, source: Path) -> Path:
    name = source.relative_to(ROOT / "docs").with_suffix("").as_posix()
    return site / f"{name if source.stem == 'index' else f'{name}/index'}.html"


def test_every_link_leads_somewhere_and_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    built = site_links.Site(site)
    assert list(built.faults()) == []
    assert {page_of(site, source) for source in PAGES} <= set(built.pages)
    assert sum(len(page.links) for page in built.pages.values()) > 1000


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="nothing/">', "nothing/ leads nowhere"),
        ('<a href="other/#there">', None),
        ('<a href="other/#nowhere">', "other/#nowhere has no such anchor"),
        ('<a href="#nowhere">', "#nowhere has no such anchor"),
        ('<a href="#own"><p id="own">', None),
        ('<a href="?q=1#own"><p id="own">', None),
        ('<p id="twice"><p id="twice">', "2 anchors are #twice"),
        ('<img src="picture.png">', "picture.png leads nowhere"),
        ('<a href="/other/">', "/other/ is no address"),
        ('<a href="file:///etc/passwd">', "file:///etc/passwd is no address"),
        ('<a href="/pathvein/other/">', None),
        ('<a href="/pathvein/0.10/other/">', None),
        ('<a href="/pathvein/nothing/">', "/pathvein/nothing/ leads nowhere"),
        ('<link rel="canonical" href="https://alexjbuck.github.io/pathvein/latest/other/">', None),
        (
            '<a href="https://alexjbuck.github.io/pathvein/latest/nothing/">',
            "https://alexjbuck.github.io/pathvein/latest/nothing/ leads nowhere",
        ),
        ('<a href="https://github.com/alexjbuck/pathvein/blob/main/README.md#try-it">', None),
        (
            '<a href="https://github.com/alexjbuck/pathvein/blob/main/NOTHING">',
            "https://github.com/alexjbuck/pathvein/blob/main/NOTHING is not in the repository",
        ),
        ('<a href="https://example.org/">', None),
        (
            '<script src="https://example.org/a.js">',
            "https://example.org/a.js is fetched from another host",
        ),
        ('<img src="//example.org/a.png">', "//example.org/a.png is fetched from another host"),
        (
            '<link rel="stylesheet" href="https://example.org/a.css">',
            "https://example.org/a.css is fetched from another host",
        ),
    ],
)
def test_what_is_told_of_links(tmp_path: Path, html: str, fault: str | None) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text('<h1 id="there">')
    (tmp_path / "index.html").write_text(html)
    faults = list(site_links.Site(tmp_path).faults())
    assert [f for f in faults if "is no address" not in f or "//example" not in f] == (
        [f"index.html: {fault}"] if fault else []
    )


class _Elsewhere(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_links_to_other_hosts_are_listed_and_asked_for(tmp_path: Path, elsewhere: str) -> None:
    links = "".join(f'<a href="{elsewhere}/{code}#x">' for code in (200, 403, 404, 500))
    own = '<a href="https://github.com/alexjbuck/pathvein/edit/main/README.md">'
    (tmp_path / "index.html").write_text(links + own)
    external = site_links.Site(tmp_path).external()
    assert external == {f"{elsewhere}/{code}": "index.html" for code in (200, 403, 404, 500)}
    assert list(site_links.ask(sorted(external))) == [
        f"{elsewhere}/404: 404 Not Found",
        f"{elsewhere}/500: 500 Internal Server Error",
    ]
    refused = "http://127.0.0.1:9/"
    [fault] = site_links.ask([refused])
    assert fault.startswith(f"{refused}: ")


def inventory(site: Path) -> set[str]:
    """The names that the pages of the API tell of, as Sphinx would read them."""
    *_, packed = (site / "objects.inv").read_bytes().split(b"\n", 4)
    return {line.split(" ")[0] for line in zlib.decompress(packed).decode().splitlines()}


def test_everything_public_is_told_of(site: Path) -> None:
    public = {f"pathvein.{name}" for name in pathvein.__all__}
    for module in pkgutil.iter_modules(pathvein.__path__):
        if not module.name.startswith("_") and module.name != "cli":
            name = f"pathvein.{module.name}"
            exported = importlib.import_module(name).__all__
            public |= {f"{name}.{each}" for each in exported if each not in pathvein.__all__}
    documented = inventory(site)
    assert public - documented == set()
    # And of classes their attributes and methods, but for those that Python gives them.
    for name in public:
        described = getattr(pathvein, name.removeprefix("pathvein."), None)
        if inspect.isclass(described):
            own = {
                member
                for base in described.__mro__
                if base.__module__.startswith("pathvein")
                for member in vars(base)
                if not member.startswith("_")
            }
            assert {member for member in own if f"{name}.{member}" not in documented} == set(), name


def test_lines_of_code_are_numbered_through_a_page() -> None:
    """Each docstring begins anew, and an anchor may be there once."""
    block = '<span id="__span-0-1">a</span><span id="__span-0-2">b</span>'
    html = mkdocs_hooks.on_page_content(block * 2, None, None, None)  # type: ignore[arg-type]
    assert re.findall(r'id="(.*?)"', html) == [f"__span-{n}" for n in (1, 2, 3, 4)]


def test_bars_in_tables_are_shown_as_github_shows_them(site: Path) -> None:
    r"""There ``\|`` in the code of a cell is a bar. In a regular expression it stays what it is."""
    html = page_of(site, ROOT / "docs/patterns.md").read_text(encoding="utf-8")
    assert "<td><code>*.nii | *.nii.gz</code></td>" in html
    for path in site.glob("*/index.html"):
        cells = re.findall(r"<td.*?</td>", path.read_text(encoding="utf-8"), re.DOTALL)
        assert not any("\\|" in cell for cell in cells), path


def test_what_is_returned_is_one_thing(site: Path) -> None:
    """Not one for each line of the docstring."""
    lists = [
        items
        for path in site.glob("api/*/index.html")
        for items in re.findall(
            r"<p>.{0,80}Returns:.{0,20}</p>\s*<ul>(.*?)</ul>",
            path.read_text(encoding="utf-8"),
            re.DOTALL,
        )
    ]
    assert len(lists) > 20
    assert [items for items in lists if items.count("<li") > 1] == []
    # What is before a colon is not taken for a type.
    assert [items for items in lists if re.search(r"<code>(The|An?)\b", items)] == []


class _Text(HTMLParser):
    """The text of a page outside of code, and how many there are of each tag, in its article."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.counts: dict[str, int] = {}
        self._code = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self._code += tag in ("code", "pre")

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("code", "pre")

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.text += data


def article(page: Path) -> _Text:
    html = page.read_text(encoding="utf-8")
    return _Text(html[html.index("<article") : html.index("</article>")])


def test_docstrings_are_rendered(site: Path) -> None:
    for source in (ROOT / "docs" / "api").glob("*.md"):
        text = article(page_of(site, source)).text
        for left in (">>>", "::", "Args:", "Example:", ":func", ":class", "``", "]["):
            assert left not in text, f"{source.name}: {left}"
    scanning = article(page_of(site, ROOT / "docs/api/scanning.md")).text
    assert all(title in scanning for title in ("Parameters:", "Returns:", "Raises:", "Examples:"))


@pytest.mark.parametrize(
    "source", [page for page in PAGES if page.parent.name == "docs"], ids=lambda page: page.name
)
def test_a_page_is_what_github_makes_of_it(site: Path, source: Path) -> None:
    """As many lists, tables, headings and blocks of code: the two Markdowns differ in corners."""
    markdown = pytest.importorskip("markdown_it").MarkdownIt("commonmark")
    rendered = markdown.enable("table").render(source.read_text(encoding="utf-8"))
    expected, found = _Text(rendered).counts, article(page_of(site, source)).counts
    for tag in ("h1", "h2", "h3", "h4", "ul", "ol", "li", "table", "td", "pre", "img"):
        assert found.get(tag, 0) == expected.get(tag, 0), tag


def test_pages_of_the_repository_and_addresses(site: Path) -> None:
    changelog = (site / "changelog/index.html").read_text(encoding="utf-8")
    repository = "https://github.com/alexjbuck/pathvein"
    assert f'href="{repository}/edit/main/CHANGELOG.md"' in changelog
    assert 'href="../semantics/"' in changelog
    patterns = (site / "patterns/index.html").read_text(encoding="utf-8")
    assert f'href="{repository}/edit/main/docs/patterns.md"' in patterns
    assert f'href="{repository}/tree/main/examples/guide"' in patterns
    own = "https://alexjbuck.github.io/pathvein"
    assert f'<link rel="canonical" href="{own}/patterns/">' in patterns
    sitemap = (site / "sitemap.xml").read_text(encoding="utf-8")
    assert len(re.findall("<loc>", sitemap)) == len(PAGES) + 1


def test_the_page_of_the_command_line_is_current() -> None:
    page = command_line.PAGE.read_text(encoding="utf-8")
    assert command_line.made(page) == page, "run scripts/site/command_line.py"


def test_help_as_markdown() -> None:
    markdown = command_line._markdown
    assert markdown("*.tmp and .git/, -vv: {a,b}") == "`*.tmp` and `.git/`, `-vv`: `{a,b}`"
    assert markdown("a directory's, s3://b/x, - is") == "a directory's, `s3://b/x`, `-` is"
    assert markdown("<a> [b] c_d") == r"\<a\> \[b\] c\_d"
    assert markdown("'a b' find . -x | y") == "`'a b'` `find . -x | y`"
