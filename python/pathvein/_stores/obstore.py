"""S3, Google Cloud and Azure through obstore, which lists with less work than Python can.

It is a library for objects, not for keys, and makes a path of every key: a marker loses its
slash, a leading slash is gone, and an empty component fails the whole listing. What cannot be
told for certain is asked for separately, within limits, and beyond them `Unfit` is raised: then
the file system itself has to list.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from operator import lt
from typing import Any

import arro3.core  # noqa: F401  (obstore's tables are made of it)
import obstore
from obstore.exceptions import BaseError, InvalidPathError
from obstore.store import AzureStore, GCSStore, S3Store

from pathvein import _stores
from pathvein._keys.lister import TooLarge, Unfit
from pathvein._keys.planner import LAST, Page
from pathvein._retry import BadAnswer, Tally

_STATUS = re.compile(r"status code: ([1-5]\d\d)|status: ([1-5]\d\d)", re.IGNORECASE)
_NOT_TOLD = "it does not tell empty objects from the markers of directories"
#: Names that a request brings at most.
_FULL_PAGE = 1000
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


#: What lists, and what it signs with.
_Opened = tuple[Any, "_Credentials | None"]


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
        #: Whether it may begin with keys that were told.
        self.skips = False


class ObstoreStore:
    """The keys below one prefix of a bucket."""

    page_size = _FULL_PAGE
    flat = True

    def __init__(self, fs: Any, package: str, base: str, tally: Tally) -> None:
        """Raises `Unfit` if the file system's credentials or options cannot be taken over."""
        bucket, _, key = base.strip("/").partition("/")
        self._prefix = f"{key}/" if key else ""
        open_store, self.can_start = _OPENERS[package]
        #: Whether an empty object can be told from a marker.
        self._can_check = package != "adlfs"
        self._store, self._credentials = open_store(fs, bucket)
        self._checks = 0
        self._tally = tally
        #: What tells if directories exist by themselves; `None` if that is known.
        self._namespace: Any = None
        if package != "s3fs":
            self._namespace = _stores.open_store(fs, base, tally, private=False)

    async def page(
        self, prefix: str, after: str, end: str | None, token: Any, *, delimiter: bool
    ) -> Page:
        """See `pathvein._keys.lister.Store`. The token is the stream, and where it is."""
        if delimiter:
            return await self._level(prefix)
        if self._namespace is None:
            return await self._page(prefix, after, token)
        page: Page
        hierarchical, page = await asyncio.gather(
            self._namespace.hierarchical(), self._page(prefix, after, token)
        )
        if hierarchical:
            raise Unfit("its namespace is hierarchical")
        # A directory would be an empty object, so there is none; and then there is none above a
        # file, either.
        if hierarchical is None and page.token and not any("/" in key for key in page.keys):
            raise Unfit("it cannot be told if its namespace is hierarchical")
        self._namespace = None
        return page

    async def _page(self, prefix: str, after: str, token: Any) -> Page:
        stream: _Stream = token or _Stream(after)
        # One that has failed ends, as if there were nothing more: it is begun anew.
        if stream.pages is None:
            stream.pages = obstore.list(
                self._store,
                (self._prefix + prefix).rstrip("/") or None,
                offset=self._prefix + _path_before(stream.told) if stream.told else None,
                chunk_size=self.page_size,
                # Columns: a dictionary of each key costs twice as much as all the rest.
                return_arrow=True,
            )
            stream.skips = stream.told.endswith("/")
        cut = len(self._prefix)
        try:
            batch = await self._asked(_next_of(stream.pages))
            keys: list[str] = batch["path"].to_pylist() if batch else []
            sizes: list[int] = batch["size"].to_pylist() if batch else []
            if cut:
                keys = [key[cut:] for key in keys]
            if keys and not (self._prefix or prefix or after or token):
                await self._check_slashes(keys)
            # All pages but the last are full.
            is_last = len(keys) < self.page_size
            if stream.skips:
                known = sum(stream.told[:-1] <= key < stream.told for key in keys)
                del keys[:known], sizes[:known]
            keys = await self._with_markers(stream.told, keys, sizes)
        except BaseException:
            # Whoever asks again gets this page, not the next.
            stream.pages = None
            raise
        if keys:
            stream.told = keys[-1]
            stream.skips = False
        return Page(keys, [], None if is_last else stream)

    async def _check_slashes(self, keys: list[str]) -> None:
        """Raises `Unfit` if a key of the bucket begins with a slash, which is gone from it.

        Such keys sort before all that begin with a digit or a letter, so they are on the first
        page of the bucket.
        """
        if min(keys) < "0":
            # Others sort before them, too.
            self._tally.requests += 1
            try:
                known = "/" not in (await self._level("")).prefixes
            except TooLarge as error:
                raise Unfit("the bucket's top is too large to be looked through") from error
        else:
            # They would be the first, and the first would not be there without its slash, or there
            # twice in a row. Of a marker there may be others between the two, and if there are,
            # they sort before it.
            first, others = keys[0], keys[1:2]
            known = others != [first] and (
                await self._exists(first)
                or (not (others and others[0] < f"{first}/") and await self._is_marker(first))
            )
        if not known:
            raise Unfit("a key may begin with a slash")

    async def _is_marker(self, key: str) -> bool:
        self._tally.requests += 1
        inside = obstore.list(self._store, self._prefix + key, chunk_size=1)
        found = await self._asked(_next_of(inside))
        return bool(found) and found[0]["path"] == self._prefix + key

    async def _level(self, prefix: str) -> Page:
        path = (self._prefix + prefix).rstrip("/") or None
        listing = obstore.list_with_delimiter_async(self._store, path)
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await self._asked(listing)
        except TimeoutError as error:
            # Trying again would take as long.
            raise TooLarge(f"{prefix or 'the source'!r} has too many entries") from error
        told = len(answer["common_prefixes"]) + len(answer["objects"])
        # Beside the one that is counted already.
        self._tally.requests += max(told - 1, 0) // _FULL_PAGE
        cut = len(self._prefix)
        prefixes = sorted(f"{name[cut:]}/" for name in answer["common_prefixes"])
        # All markers but the level's own are among the prefixes; on Azure some are empty objects.
        objects = [meta for meta in answer["objects"] if f"{meta['path'][cut:]}/" != prefix]
        if not self._can_check and not all(meta["size"] for meta in objects):
            raise Unfit(_NOT_TOLD)
        keys = sorted(meta["path"][cut:] for meta in objects if len(meta["path"]) > cut)
        return Page(keys, prefixes, None)

    async def _with_markers(self, before: str, keys: list[str], sizes: list[int]) -> list[str]:
        """The keys, with the slashes of those that are markers.

        `before` is the key before them. Where a name is no greater, its slash shows.
        """
        if 0 not in sizes and all(map(lt, [before, *keys], keys)):
            return keys
        told = []
        for key, size in zip(keys, sizes, strict=True):
            marker = f"{key}/"
            if key and key <= before < marker:
                key = marker
            elif key and not size:
                self._checks += 1
                if not self._can_check or self._checks > _MOST_CHECKS:
                    raise Unfit(_NOT_TOLD)
                # The file would come first, and there is none before it.
                if not await self._exists(key):
                    key = marker
            told.append(key)
            before = key
        return told

    async def _exists(self, key: str) -> bool:
        self._tally.requests += 1
        try:
            await self._asked(obstore.head_async(self._store, self._prefix + key))
        except FileNotFoundError:
            return False
        return True

    async def _asked(self, answer: Any) -> Any:
        """An answer; what obstore raises says what it is about only in its text."""
        if self._credentials is not None:
            self._credentials.failure = None
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
            if self._credentials is not None and self._credentials.failure is not None:
                raise self._credentials.failure from None
            if "redirect" in _first_line(error) or "<Region>" in text:
                raise Unfit("the bucket is in another region") from error
            status = _STATUS.search(text)
            if status is not None:
                raise Answer(int(status[1] or status[2]), text) from error
            if type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError"):
                raise PermissionError(_first_line(error)) from error
            raise BadAnswer(_first_line(error)) from error
        finally:
            _calm.answered()


def _path_before(key: str) -> str:
    """A path after which a listing can begin to tell all keys after this one.

    A path loses the slash of a marker. Between `a` and `a/` there may be any number of keys; what
    is before `a/` and after this is next to none.
    """
    return f"{key[:-1]}.{LAST}" if key.endswith("/") else key


async def _next_of(stream: Any) -> Any:
    try:
        return await stream.__anext__()
    except StopAsyncIteration:
        return ()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


# Taking over credentials and options


def _refuse_others(kind: str, options: Mapping[str, Any], known: set[str]) -> None:
    others = sorted(name for name, value in options.items() if name not in known and value)
    if others:
        raise Unfit(f"{kind} {', '.join(others)} cannot be taken over")


def _connection(endpoint: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {"retry_config": {"max_retries": 0}, "skip_signature": False}
    if endpoint and endpoint.startswith("http://"):
        options["client_options"] = {"allow_http": True}
    return options


class _Credentials:
    """Tells obstore the credentials, and keeps the reason if it cannot.

    All are told in this way, even if they never change: what is not given to obstore it looks for
    in the environment, and would sign with somebody's key and somebody else's token.
    """

    def __init__(self, ask: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._ask = ask
        self.failure: Exception | None = None

    async def __call__(self) -> dict[str, Any]:
        expires = datetime.now(UTC) + timedelta(seconds=_CREDENTIALS_LAST)
        try:
            return {**await self._ask(), "expires_at": expires}
        except Exception as error:
            self.failure = error
            raise


def _fixed(**credentials: Any) -> Any:
    async def ask() -> dict[str, Any]:
        return credentials

    return _Credentials(ask)


def _open_s3(fs: Any, bucket: str) -> _Opened:
    from aiobotocore.session import AioSession  # type: ignore[import-untyped]

    if bucket.startswith("arn:"):
        raise Unfit("access points cannot be addressed")
    client = dict(fs.client_kwargs)
    config = dict(fs.config_kwargs)
    for name in ("max_pool_connections", "retries", "connect_timeout", "read_timeout"):
        config.pop(name, None)
    addressing = (config.pop("s3", None) or {}).copy()
    style = addressing.pop("addressing_style", None)
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
    session = fs.session or AioSession(**fs.kwargs)
    endpoint = fs.endpoint_url or client.get("endpoint_url") or _configured_endpoint(session)
    settings = session.get_config_variable("s3") or {}
    if not endpoint:
        # They change the endpoint.
        for name in ("use_accelerate_endpoint", "use_dualstack_endpoint"):
            if settings.get(name) or session.get_config_variable(name):
                raise Unfit(f"{name} cannot be taken over")
        if session.get_config_variable("use_fips_endpoint"):
            raise Unfit("use_fips_endpoint cannot be taken over")
    if not (endpoint or "").startswith("http://") and session.get_config_variable("ca_bundle"):
        raise Unfit("ca_bundle cannot be taken over")
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
    options["virtual_hosted_style_request"] = (
        style or settings.get("addressing_style")
    ) == "virtual"
    options["request_payer"] = bool(fs.requester_pays)
    credentials = None
    key = fs.key or client.get("aws_access_key_id")
    if fs.anon:
        options["skip_signature"] = True
    elif key:
        secret = fs.secret or client.get("aws_secret_access_key")
        if not secret:
            raise Unfit("there is a key, and no secret")
        token = fs.token or client.get("aws_session_token") or None
        credentials = _fixed(access_key_id=key, secret_access_key=secret, token=token)
    else:
        credentials = _aws_credentials(session)
    return S3Store(bucket, credential_provider=credentials, **options), credentials


def _configured_endpoint(session: Any) -> str | None:
    """The endpoint that botocore takes from the environment or the configuration."""
    named = [name for name in os.environ if name.startswith("AWS_ENDPOINT")]
    endpoint = None
    if not session.get_config_variable("ignore_configured_endpoint_urls"):
        scoped = session.get_scoped_config()
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if not endpoint and "services" in scoped:
            raise Unfit("the endpoints of services in the configuration cannot be taken over")
        endpoint = endpoint or scoped.get("endpoint_url")
    if not endpoint and named:
        raise Unfit(f"it would go by {', '.join(named)}, and its own file system does not")
    return endpoint


def _aws_credentials(session: Any) -> Any:
    """The credentials that botocore finds, wherever it does, as the file system would."""
    from botocore.exceptions import NoCredentialsError

    async def ask() -> dict[str, Any]:
        credentials = await session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        now = await credentials.get_frozen_credentials()
        return {
            "access_key_id": now.access_key,
            "secret_access_key": now.secret_key,
            "token": now.token,
        }

    return _Credentials(ask)


def _open_gcs(fs: Any, bucket: str) -> _Opened:
    if fs.requester_pays:
        raise Unfit("requester_pays cannot be taken over")
    _refuse_others("the options in session_kwargs:", fs.session_kwargs, set())
    if getattr(fs, "_use_client_cert", False):
        raise Unfit("a client's certificate cannot be taken over")
    endpoint = fs.base.partition("/storage/v1")[0]
    options: dict[str, Any] = {**_connection(endpoint), "base_url": endpoint}
    google = fs.credentials.credentials
    if google is None:
        # This is how gcsfs remembers that there are none.
        options["skip_signature"] = True
        return GCSStore(bucket, **options), None
    if getattr(google, "quota_project_id", None):
        raise Unfit("the project that the credentials bill cannot be taken over")

    async def ask() -> dict[str, Any]:
        fs.credentials.maybe_refresh()
        return {"token": google.token}

    credentials: Any = _Credentials(ask)
    return GCSStore(bucket, credential_provider=credentials, **options), credentials


def _open_azure(fs: Any, container: str) -> _Opened:
    # Made of all the options, and of what the environment says.
    client = fs.service_client
    if client.location_mode != "primary":
        raise Unfit("the location mode cannot be taken over")
    endpoint, _, signature = client.primary_endpoint.partition("?")
    account = client.account_name or fs.account_name
    if not account:
        raise Unfit("the account's name is not known")
    options: dict[str, Any] = _connection(endpoint)
    options |= {"endpoint": endpoint.rstrip("/"), "account_name": account}
    options |= {"use_emulator": False, "use_fabric_endpoint": False}
    credential = client.credential
    credentials = None
    if getattr(credential, "account_key", None):
        credentials = _fixed(access_key=credential.account_key)
    elif credential is not None:
        raise Unfit(f"a {type(credential).__name__} cannot be taken over")
    elif signature:
        credentials = _fixed(sas_token=signature)
    else:
        options["skip_signature"] = True
    return AzureStore(container, credential_provider=credentials, **options), credentials


_OPENERS: dict[str, tuple[Any, bool]] = {
    "s3fs": (_open_s3, True),
    "gcsfs": (_open_gcs, True),
    "adlfs": (_open_azure, False),
}


def open_obstore(fs: Any, package: str, base: str, tally: Tally) -> ObstoreStore:
    """The store by way of obstore. Raises `Unfit` with the reason if that cannot be."""
    if package not in _OPENERS:
        raise Unfit("it lists only S3, Google Cloud and Azure")
    try:
        return ObstoreStore(fs, package, base, tally)
    except Unfit:
        raise
    except Exception as error:
        raise Unfit(f"the options cannot be taken over: {_first_line(error)}") from error
