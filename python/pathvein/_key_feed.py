"""Scans and walks of stores that are listed flat: pages of keys, told to the core.

A :class:`KeyFeed` ties a store's listing call (`pathvein._stores`) by way of the scheduler
(`pathvein._flat`) to the core's `KeyScan` or `KeyWalk`. All of that runs on the loop of the file
system; the caller only takes what was found.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pathvein_core import ExcludeRules, FileStructurePattern, KeyScan, KeyWalk, Stats

from pathvein._background import Background
from pathvein._flat import FlatListing, Store
from pathvein._listing import noted
from pathvein._remote_errors import os_error
from pathvein._retry import Tally

if TYPE_CHECKING:
    from pathvein._remote import RemoteSource


class KeyFeed:
    """The feed of a scan, or of a walk, whose source is listed flat.

    Raises the `OSError` of a source that cannot be listed; `FlatDenied` or `Disordered` if it
    can perhaps be listed one directory at a time.
    """

    def __init__(
        self,
        source: RemoteSource,
        store: Store,
        keys: KeyScan | KeyWalk,
    ) -> None:
        self._source = source
        self._keys = keys
        self._tally = Tally()
        self._matches = self._error_count = 0
        self._process = os.getpid()
        self._listing: FlatListing
        listing = self._listing = FlatListing(
            store,
            keys,
            concurrency=source.concurrency,
            tally=self._tally,
            room=self._room,
            told=self._told,
            failed=self._failed,
        )
        self._background: Background | None = None
        self._background = background = Background(source.fs.loop, lambda _: listing.run())
        try:
            background.wait_for_begin()
            if not listing.found:
                source.check_source(None)
        except OSError:
            raise
        except BaseException:
            self.close()
            raise
