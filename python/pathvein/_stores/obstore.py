"""S3, Google Cloud and Azure through obstore, which lists with less work than Python can.

It is a library for objects, not for keys, and makes a path of every key: a marker loses its
slash, a leading slash is gone, and an empty component fails the whole listing. What cannot be
told for certain is asked for separately, within limits, and beyond them `Unfit` is raised: then
the file system itself has to list.
"""

from __future__ import annotations

import asyncio
import atexit
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import obstore
from obstore.exceptions import BaseError, InvalidPathError
from obstore.store import AzureStore, GCSStore, S3Store

from pathvein._flat import Page, Unfit
from pathvein._retry import BadAnswer

_STATUS = re.compile(r"status code: ([1-5]\d\d)|status: ([1-5]\d\d)", re.IGNORECASE)
#: Requests to tell empty objects from markers, for one source.
_MOST_CHECKS = 64
#: Seconds that a listing with a delimiter may take: it cannot be had by pages.
_PATIENCE = 3.0
#: Seconds for which credentials are good before they are asked for again.
_CREDENTIALS_LAST = 300.0


class _Calm:
    """Lets obstore's threads finish before the interpreter ends.

    Shortly after it has handed over an answer a thread of its own still lets go of Python
    objects, and if there is no interpreter any more, the process aborts.
    """

    SECONDS = 0.1

    def __init__(self) -> None:
        self._last = 0.0
        atexit.register(self._wait)

    def answered(self) -> None:
        """An answer was handed over just now, or will not be waited for."""
        self._last = time.monotonic()

    def _wait(self) -> None:
        time.sleep(max(self._last + self.SECONDS - time.monotonic(), 0.0))


_calm = _Calm()


class Answer(Exception):
    """The store's answer was an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        code = re.search(r"<Code>(\w+)</Code>", text)
        self.error_code = code[1] if code else None


class _Stream:
    """A listing that goes on."""

    def __init__(self, told: str) -> None:
        #: What obstore pages through; `None` if it is to be begun.
        self.pages: Any = None
        #: The last key that it told.
        self.told = told


class ObstoreStore:
    """The keys below one prefix of a bucket."""

    page_size = 1000
    flat = True

    def __init__(self, fs: Any, package: str, base: str) -> None:
        """Raises `Unfit` if the file system's credentials or options cannot be taken over."""
        bucket, _, key = base.strip("/").partition("/")
        self._prefix = f"{key}/" if key else ""
        open_store, self.can_start = _OPENERS[package]
        #: Whether an empty object can be told from a marker.
        self._can_check = package != "adlfs"
        self._store = open_store(fs, bucket)
        self._checks = 0

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """See `pathvein._flat.Store`. The token is the stream, and where it is."""
        if delimiter:
            return await self._level(prefix)
        stream: _Stream = token or _Stream(after)
        # One that has failed ends, as if there were nothing more: it is begun anew.
        if stream.pages is None:
            stream.pages = obstore.list(
                self._store,
                (self._prefix + prefix).rstrip("/") or None,
                offset=self._prefix + stream.told if stream.told else None,
                chunk_size=self.page_size,
            )
        cut = len(self._prefix)
        try:
            objects = await _asked(_next_of(stream.pages))
            keys = [meta["path"][cut:] for meta in objects]
            if keys and not (self._prefix or prefix or after or token):
                await self._check_slashes(keys)
            # All pages but the last are full.
            told = keys[-1] if len(keys) == self.page_size else ""
            if not all(meta["size"] for meta in objects):
                keys = await self._with_markers(keys, [not meta["size"] for meta in objects])
        except BaseException:
            # Whoever asks again gets this page, not the next.
            stream.pages = None
            raise
        stream.told = told
        return Page(keys, [], stream if stream.told else None)

    async def _check_slashes(self, keys: list[str]) -> None:
        """Raises `Unfit` if a key of the bucket begins with a slash, which is gone from it.

        Such keys sort before all that begin with a digit or a letter, so they are on the first
        page of the bucket.
        """
        if min(keys) < "0":
            # Others sort before them, too.
            known = "/" not in (await self._level("")).prefixes
        else:
            # They would be the first, and the first would not be there without its slash. Nor
            # would it if it were a marker.
            known = await self._exists(keys[0]) or await self._is_marker(keys[0])
        if not known:
            raise Unfit("a key begins with a slash")

    async def _is_marker(self, key: str) -> bool:
        inside = obstore.list(self._store, self._prefix + key, chunk_size=1)
        found = await _asked(_next_of(inside))
        return bool(found) and found[0]["path"] == self._prefix + key

    async def _level(self, prefix: str) -> Page:
        path = (self._prefix + prefix).rstrip("/") or None
        listing = obstore.list_with_delimiter_async(self._store, path)
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await _asked(listing)
        except TimeoutError as error:
            if not (self._prefix or prefix):
                raise Unfit("the bucket's top is too large to be looked through") from error
            raise
        cut = len(self._prefix)
        prefixes = sorted(f"{name[cut:]}/" for name in answer["common_prefixes"])
        known = set(prefixes)
        keys = []
        for meta in answer["objects"]:
            name = meta["path"][cut:]
            # A marker, or a file of a directory's name: the flat listing tells.
            if name and (meta["size"] or f"{name}/" not in known):
                keys.append(name)
        return Page(sorted(keys), prefixes, None)

    async def _with_markers(self, keys: list[str], empty: list[bool]) -> list[str]:
        """The keys, with the slashes of those that are markers."""
        doubtful = [index for index, is_empty in enumerate(empty) if is_empty and keys[index]]
        self._checks += len(doubtful)
        if not self._can_check or self._checks > _MOST_CHECKS:
            raise Unfit("it does not tell empty objects from the markers of directories")
        for index in doubtful:
            if not await self._exists(keys[index]):
                keys[index] += "/"
        return sorted(set(keys))

    async def _exists(self, key: str) -> bool:
        try:
            await _asked(obstore.head_async(self._store, self._prefix + key))
        except FileNotFoundError:
            return False
        return True


async def _next_of(stream: Any) -> Any:
    try:
        return await stream.__anext__()
    except StopAsyncIteration:
        return ()


async def _asked(answer: Any) -> Any:
    """An answer; what obstore raises says what it is about only in its text."""
    try:
        return await answer
    except InvalidPathError as error:
        raise Unfit(f"a key is no path to it: {_first_line(error)}") from error
    except FileNotFoundError:
        raise
    except BaseError as error:
        text = str(error)
        if "invalid path" in text or "InvalidPath" in text:
            raise Unfit(f"a key is no path to it: {_first_line(error)}") from error
        status = _STATUS.search(text)
        if status is not None:
            raise Answer(int(status[1] or status[2]), text) from error
        if type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError"):
            raise PermissionError(_first_line(error)) from error
        raise BadAnswer(_first_line(error)) from error
    finally:
        _calm.answered()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


# Taking over credentials and options


def _refuse_others(kind: str, options: Mapping[str, Any], known: set[str]) -> None:
    others = sorted(name for name, value in options.items() if name not in known and value)
    if others:
        raise Unfit(f"{kind} {', '.join(others)} cannot be taken over")


def _connection(endpoint: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {"retry_config": {"max_retries": 0}}
    if endpoint and endpoint.startswith("http://"):
        options["client_options"] = {"allow_http": True}
    return options


def _open_s3(fs: Any, bucket: str) -> Any:
    import botocore.session

    if bucket.startswith("arn:"):
        raise Unfit("access points cannot be addressed")
    client = dict(fs.client_kwargs)
    config = dict(fs.config_kwargs)
    for name in ("max_pool_connections", "retries", "connect_timeout", "read_timeout"):
        config.pop(name, None)
    addressing = (config.pop("s3", None) or {}).copy()
    style = addressing.pop("addressing_style", "auto")
    if config.get("signature_version") in ("s3v4", "v4"):
        del config["signature_version"]
    _refuse_others("the options s3", addressing, set())
    _refuse_others("the options in config_kwargs:", config, {"region_name"})
    if client.pop("verify", None) not in (None, True):
        raise Unfit("the option verify in client_kwargs cannot be taken over")
    names = {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"}
    _refuse_others(
        "the options in client_kwargs:",
        client,
        names | {"region_name", "endpoint_url", "use_ssl"},
    )
    _refuse_others("the options", fs.kwargs, {"profile"})
    _refuse_others("the options in s3_additional_kwargs:", fs.s3_additional_kwargs, set())
    session = botocore.session.Session(profile=fs.kwargs.get("profile"))
    endpoint = (
        fs.endpoint_url or client.get("endpoint_url") or session.get_config_variable("endpoint_url")
    )
    region = (
        client.get("region_name")
        or config.get("region_name")
        or session.get_config_variable("region")
    )
    if region is None and endpoint is None:
        raise Unfit("the bucket's region is not known")
    options: dict[str, Any] = {**_connection(endpoint), "region": region or "us-east-1"}
    if endpoint:
        options["endpoint"] = endpoint
    elif not client.get("use_ssl", fs.use_ssl):
        raise Unfit("use_ssl=False cannot be taken over")
    options["virtual_hosted_style_request"] = style == "virtual"
    options["request_payer"] = bool(fs.requester_pays)
    key = fs.key or client.get("aws_access_key_id")
    if fs.anon:
        options["skip_signature"] = True
    elif key:
        options["access_key_id"] = key
        options["secret_access_key"] = fs.secret or client.get("aws_secret_access_key")
        token = fs.token or client.get("aws_session_token")
        if token:
            options["session_token"] = token
        options["skip_signature"] = False
    else:
        options["credential_provider"] = _aws_credentials(fs, session)
    return S3Store(bucket, **options)


def _aws_credentials(fs: Any, session: Any) -> Any:
    """The credentials that botocore finds, wherever it does, as the file system would."""
    if fs.session is not None and not fs._session_is_owned:
        raise Unfit("a session that was passed in cannot be taken over")
    credentials = session.get_credentials()
    if credentials is None:
        raise Unfit("there are no credentials")

    def provide() -> dict[str, Any]:
        now = credentials.get_frozen_credentials()
        return {
            "access_key_id": now.access_key,
            "secret_access_key": now.secret_key,
            "token": now.token,
            "expires_at": datetime.now(UTC) + timedelta(seconds=_CREDENTIALS_LAST),
        }

    return provide


def _open_gcs(fs: Any, bucket: str) -> Any:
    if fs.requester_pays:
        raise Unfit("requester_pays cannot be taken over")
    endpoint = getattr(fs, "_endpoint", None) or fs.storage_options.get("endpoint_url")
    options: dict[str, Any] = _connection(endpoint)
    if endpoint:
        options["base_url"] = endpoint
    credentials = fs.credentials
    if fs.token == "anon" or getattr(credentials, "method", None) == "anon":
        options["skip_signature"] = True
        return GCSStore(bucket, **options)
    google = getattr(credentials, "credentials", None)
    if google is None:
        raise Unfit("the credentials cannot be taken over")

    def provide() -> dict[str, Any]:
        credentials.maybe_refresh()
        expires = datetime.now(UTC) + timedelta(seconds=_CREDENTIALS_LAST)
        return {"token": google.token, "expires_at": expires}

    provider: Any = provide
    return GCSStore(bucket, credential_provider=provider, **options)


def _open_azure(fs: Any, container: str) -> Any:
    parts = dict(
        part.partition("=")[::2] for part in (fs.connection_string or "").split(";") if part
    )
    account = fs.account_name or parts.get("AccountName")
    key = fs.account_key or parts.get("AccountKey")
    sas = fs.sas_token or parts.get("SharedAccessSignature")
    endpoint = parts.get("BlobEndpoint")
    if not account:
        raise Unfit("the account's name is not known")
    options: dict[str, Any] = {**_connection(endpoint), "account_name": account}
    if endpoint:
        options["endpoint"] = endpoint
    if key:
        options["account_key"] = key
    elif sas:
        options["sas_key"] = sas.removeprefix("?")
    elif fs.anon:
        options["skip_signature"] = True
    else:
        raise Unfit("the credentials cannot be taken over")
    return AzureStore(container, **options)


_OPENERS: dict[str, tuple[Any, bool]] = {
    "s3fs": (_open_s3, True),
    "gcsfs": (_open_gcs, True),
    "adlfs": (_open_azure, False),
}


def open_obstore(fs: Any, package: str, base: str) -> ObstoreStore:
    """The store by way of obstore. Raises `Unfit` with the reason if that cannot be."""
    if package not in _OPENERS:
        raise Unfit("it lists only S3, Google Cloud and Azure")
    try:
        return ObstoreStore(fs, package, base)
    except Unfit:
        raise
    except Exception as error:
        raise Unfit(f"the options cannot be taken over: {_first_line(error)}") from error
