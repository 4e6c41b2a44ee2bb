"""The Python in README.md runs as it stands."""

import shutil
from pathlib import Path

import pytest
import readme_snippets

ROOT = Path(__file__).parent.parent


def test_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    assert readme_snippets.run(ROOT / "README.md") > 0


def test_snippets_are_found_with_their_lines() -> None:
    text = """a
```python
x = 1

y
```
```console
$ z
```
1. b

   ```python
   if x:
       z
   ```
"""
    assert readme_snippets.snippets(text) == [(3, "x = 1\n\ny\n"), (13, "if x:\n    z\n")]
