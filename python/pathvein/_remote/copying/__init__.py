"""Copying where at least one end is not on this machine.

* `planning`: what belongs to a match, with sizes; `ends`: where a source or a destination is.
* `files`: reading and writing, one file for each kind of file system.
* `destinations`: what makes a match appear whole, or be removed again; `transfers`: one file.
* `producer`: all matches, many files at a time.
"""

from __future__ import annotations

from pathvein._remote.copying.producer import existing as existing
from pathvein._remote.copying.producer import open_copy as open_copy
