"""What libraries read anew for each client, and always find the same, is read once.

s3fs makes a session of botocore for each client. That takes a quarter of a second of CPU: nearly
all of it goes to reading the descriptions of AWS's services and the certificates of the world's
authorities, which come with the libraries and are nothing that a test here is about. The clients
of one session share both anyway.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import pytest


@contextlib.contextmanager
def quick_clients() -> Iterator[None]:
    """While it is entered."""
    with pytest.MonkeyPatch.context() as patch:
        try:
            import botocore.session
            from aiobotocore.httpsession import AIOHTTPSession  # type: ignore[import-untyped]
        except ImportError:  # then nothing here takes long
            yield
            return
        create = botocore.session.create_loader
        patch.setattr(botocore.session, "create_loader", functools.cache(create))

        # Where a later aiobotocore does without it, this is only slower.
        if build := getattr(AIOHTTPSession, "_build_ssl_contexts", None):
            built: dict[Any, Any] = {}

            def build_once(self: Any, proxy_url: Any) -> Any:
                if proxy_url or self._cert_file:  # which are added to it
                    return build(self, proxy_url)
                if self._verify not in built:
                    built[self._verify] = build(self, proxy_url)
                return built[self._verify]

            patch.setattr(AIOHTTPSession, "_build_ssl_contexts", build_once)
        yield
