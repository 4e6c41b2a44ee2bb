"""The files that GitHub reads, and the map of the code in CONTRIBUTING.md."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / ".github" / "ISSUE_TEMPLATE"
FORMS = sorted(path for path in TEMPLATES.iterdir() if path.name != "config.yml")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

#: What GitHub takes of a form: what must be there, and what may be there besides.
_FORM = ({"name", "description", "body"}, {"title", "labels", "assignees", "projects", "type"})
_ATTRIBUTES = {
    "markdown": ({"value"}, set[str]()),
    "textarea": ({"label"}, {"description", "placeholder", "value", "render"}),
    "input": ({"label"}, {"description", "placeholder", "value"}),
    "dropdown": ({"label", "options"}, {"description", "multiple", "default"}),
    "checkboxes": ({"label", "options"}, {"description"}),
}


def has(given: dict[str, Any], keys: tuple[set[str], set[str]]) -> bool:
    must, may = keys
    return must <= set(given) <= must | may


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_form_is_one_that_github_shows(path: Path) -> None:
    """GitHub leaves out a form with a mistake, and tells only who looks at the file."""
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert has(form, _FORM)
    assert len(form["name"]) > 3
    assert all(isinstance(label, str) for label in form["labels"])
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert fields
    for field in form["body"]:
        assert has(field, ({"type", "attributes"}, {"id", "validations"})), field
        assert has(field["attributes"], _ATTRIBUTES[field["type"]]), field
        assert all(isinstance(text, str) and text for text in field["attributes"].values())
        assert all(value in (True, False) for value in field.get("validations", {}).values())
    ids = [field["id"] for field in fields]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in ids)
    labels = [field["attributes"]["label"] for field in fields]
    assert len(set(ids)) == len(set(labels)) == len(fields)


def test_bug_form_asks_for_what_is_needed() -> None:
    form = yaml.safe_load((TEMPLATES / "bug.yml").read_text(encoding="utf-8"))
    fields = {field["id"]: field for field in form["body"] if "id" in field}
    required = {name for name, field in fields.items() if field.get("validations")}
    assert required == {"what", "version", "pattern"}
    assert fields["version"]["attributes"]["label"] == "pathvein --version"
    assert "--json" in fields["explanation"]["attributes"]["label"]


def test_what_is_no_form_leads_somewhere() -> None:
    config = yaml.safe_load((TEMPLATES / "config.yml").read_text(encoding="utf-8"))
    assert set(config) == {"blank_issues_enabled", "contact_links"}
    for link in config["contact_links"]:
        assert set(link) == {"name", "url", "about"}
        assert link["url"].startswith("https://")


def rows() -> list[str]:
    """The rows of the tables of CONTRIBUTING.md that say where something is."""
    found = re.findall(r"^\| (?!\|)(.*) \|$", CONTRIBUTING, re.MULTILINE)
    assert len(found) > 60
    return found


def paths_in(row: str) -> list[str]:
    names = re.findall(r"`([^`]+)`", row)
    return [name for name in names if re.search(r"/.|\.(rs|pyi?|js|css|jinja|json|toml)$", name)]


#: Where the names of a row lie that are not whole paths.
_ROOMS = (
    "crates/core/src",
    "crates/py/src",
    "python/pathvein",
    "python/pathvein/_remote",
    "fuzz",
    "docs",
    "tests/support",
)


def meant(name: str, row: str) -> list[Path]:
    """What a name may stand for: a file, or what is so called beside another of its row."""
    if (ROOT / name).exists():
        return [ROOT / name]
    beside = [ROOT / other for other in paths_in(row) if (ROOT / other).exists()]
    folders = {place if place.is_dir() else place.parent for place in beside}
    # Of `pattern/json.rs` the next may be `json_reader.rs`, and of `engine.rs` `engine/entry.rs`.
    folders |= {inner for folder in folders for inner in folder.iterdir() if inner.is_dir()}
    places = [folder / name for folder in [*folders, *(ROOT / room for room in _ROOMS)]]
    return [place for place in places if place.exists()]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.split(" | ")[0][:40])
def test_files_that_the_map_names_exist(row: str) -> None:
    # What is run is written with its options: scripts/test [--quick].
    for name in paths_in(row):
        path = name.split(" ")[0]
        assert meant(path, row), path


def test_the_map_is_whole() -> None:
    """Each room, and each module at the top of the crates and of the package, is named in it."""
    # By its whole path, or that of something in it: there is a `copying` in more than one place.
    named = {
        above.with_suffix("")
        for row in rows()
        for name in paths_in(row)
        for place in meant(name.split(" ")[0], row)
        for above in (place, *place.parents)
        if above.is_relative_to(ROOT)
    }
    modules = [
        *(ROOT / "crates/core/src").iterdir(),
        *(ROOT / "python/pathvein").iterdir(),
        *(path.parent for path in (ROOT / "python/pathvein").glob("*/*/**/__init__.py")),
        *(path for path in (ROOT / "tests").iterdir() if path.is_dir()),
        *(path for path in (ROOT / "scripts").iterdir() if not path.suffix),
    ]
    # Rust has a file beside the room of each module; these say nothing by themselves.
    silent = {"lib.rs", "__init__.py", "__main__.py", "__pycache__", "py.typed"}
    missing = [
        path.relative_to(ROOT).as_posix()
        for path in modules
        if path.name not in silent and path.with_suffix("") not in named
    ]
    assert missing == []
