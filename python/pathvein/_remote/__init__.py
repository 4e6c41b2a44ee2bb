"""Remote sources: scanning, walking and matching on the file systems of fsspec.

This package is imported only for URLs and UPaths, and by `walk_python`, so that
``import pathvein`` needs neither fsspec nor universal-pathlib. What it exports is its interface.
Its modules:

* `source`: opens a source and lists it; its URLs, and the UPaths of results;
* `filesystems`: an adapter for each kind of file system; `stores`: those of object stores;
* `above`: the directories above a file;
* `directories`: listing directory by directory; `keys`: listing flat, by pages of keys;
* `retry`, `errors`, `loop`, `names`: shared by these.
"""

from __future__ import annotations

try:
    try:
        import fsspec  # noqa: F401
    except (OSError, TypeError, ValueError) as error:
        # fsspec reads its configuration when it is imported. Its errors do not name the file.
        raise ValueError(
            "fsspec cannot take its configuration (~/.config/fsspec, FSSPEC_... variables): "
            f"{error}"
        ) from error
    import upath  # noqa: F401
except ImportError as error:
    raise ImportError(
        "URLs and UPaths need universal-pathlib and fsspec: pip install 'pathvein[cloud]'",
        name=error.name,
    ) from error

from pathvein._remote.above import RemotePlace as RemotePlace
from pathvein._remote.source import RemoteDirectory as RemoteDirectory
from pathvein._remote.source import local_path as local_path
from pathvein._remote.source import local_upath as local_upath
from pathvein._remote.source import make_upath as make_upath
from pathvein._remote.source import open_local as open_local
from pathvein._remote.source import open_scan as open_scan
from pathvein._remote.source import open_source as open_source
from pathvein._remote.source import walk as walk
