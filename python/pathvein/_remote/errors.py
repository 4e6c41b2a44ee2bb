"""Conversion of any exception of a file system to the `OSError` that fits.

Client libraries raise classes of their own, which need not be installed. So an error is recognized
by its number, its HTTP status, the store's error code, the names of its classes, or its text.
This module has the meanings that are common to all file systems. Adapters add their own.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Mapping
from typing import Literal

from pathvein._listing import noted

#: Subclasses come before their bases: the first match is used.
_ERRNO_OF_CLASS: tuple[tuple[type[OSError], int], ...] = (
    (FileNotFoundError, errno.ENOENT),
    (NotADirectoryError, errno.ENOTDIR),
    (IsADirectoryError, errno.EISDIR),
    (PermissionError, errno.EACCES),
    (FileExistsError, errno.EEXIST),
    (TimeoutError, errno.ETIMEDOUT),
    (ConnectionRefusedError, errno.ECONNREFUSED),
    (ConnectionAbortedError, errno.ECONNABORTED),
    (BrokenPipeError, errno.EPIPE),
    (ConnectionError, errno.ECONNRESET),
)
_ERRNO_OF_STATUS = {
    **dict.fromkeys((401, 403, 407), errno.EACCES),
    **dict.fromkeys((404, 410), errno.ENOENT),
    **dict.fromkeys((408, 504), errno.ETIMEDOUT),
    **dict.fromkeys((429, 503), errno.EBUSY),
}

#: Names of the classes that the usual client libraries raise.
_DISCONNECTED = frozenset(
    """BadAnswer BadGatewayError ClientConnectionError ClientPayloadError ConnectionError
    DecodeError EOFError HTTPClientError IncompleteRead IncompleteReadError JSONDecodeError
    NetworkError ParseError ProtocolError ProxyError ResponseParserError
    ResponseStreamingError""".split()
)
_TIMEOUT = frozenset(
    """ConnectTimeoutError FSTimeoutError ReadTimeout ReadTimeoutError ServerTimeoutError Timeout
    TimeoutError TimeoutException""".split()
)
_TEXTS = (
    (errno.ENOENT, r"^no such (?:file|dir|path)"),
    (errno.ENOTDIR, r"not a directory|requires a directory"),
    (errno.ELOOP, r"too many levels of symbolic links"),
)
#: Codes of S3, whose API is that of many stores.
_REFUSED = frozenset(
    """ExpiredToken InvalidAccessKeyId InvalidToken RequestExpired RequestTimeTooSkewed
    SignatureDoesNotMatch TokenRefreshRequired""".split()
)
_THROTTLED = frozenset(
    """BandwidthLimitExceeded InternalError RequestLimitExceeded RequestThrottled RequestTimeout
    ProvisionedThroughputExceededException ServiceUnavailable SlowDown Throttling
    ThrottlingException TooManyRequests TooManyRequestsException""".split()
)
#: Searched for in the text, and in the name of the class.
_DENIED = re.compile(
    r"access.?denied|authenticat|authoriz|credential|forbidden|permission", re.IGNORECASE
)

#: Why a request may succeed if it is sent again: too many requests were sent, the connection
#: failed, or there was no response in time.
Transient = Literal["throttled", "disconnected", "timeout"]


class BadAnswer(Exception):
    """The response of a store is not a listing, or is incomplete."""


class Unfit(Exception):
    """The store cannot be listed by obstore. The text says why."""


class FlatDenied(Exception):
    """The source cannot be listed flat, or not completely. Perhaps it can with a delimiter."""


class TooLarge(Exception):
    """A level is too large to be listed by obstore, which does not return it in pages."""


class Disordered(Exception):
    """The first page shows that the store does not sort its keys."""


class ErrorMeanings:
    """The meanings of the errors of one kind of file system, in addition to the common ones.

    Codes and classes are exact names. Texts are regular expressions, matched without case.
    """

    def __init__(
        self,
        *,
        denied: Iterable[str] = (),
        refused: Iterable[str] = (),
        throttled: Iterable[str] = (),
        disconnected: Iterable[str] = (),
        disconnected_text: str = r"(?!)",
        timeout: Iterable[str] = (),
        texts: Iterable[tuple[int, str]] = (),
    ) -> None:
        """
        Args:
            denied: Codes of the store if it denies a request.
            refused: Codes if it refuses the credentials, and with them any request.
            throttled: Codes if it asks for fewer requests.
            disconnected, timeout: Classes of errors of the connection, and if no response came.
            disconnected_text: The beginning of the text of an error of the connection.
            texts: Pairs of an error number and a part of the text.
        """
        self._refused = _REFUSED.union(refused)
        self._denied = self._refused.union(["AccessDenied", *denied])
        self._throttled = _THROTTLED.union(throttled)
        self._disconnected = _DISCONNECTED.union(disconnected)
        self._disconnected_text = re.compile(disconnected_text, re.IGNORECASE)
        self._timeout = _TIMEOUT.union(timeout)
        self._texts = [(code, re.compile(t, re.IGNORECASE)) for code, t in (*texts, *_TEXTS)]

    def transient(self, error: BaseException) -> Transient | None:
        """Why the request may succeed if it is sent again, or `None` if it will not."""
        status, code = http_status(error), error_code(error)
        if status in (403, 404):
            return None
        if status in (429, 503) or code in self._throttled:
            return "throttled"
        if status is not None:
            return "throttled" if status >= 500 or status == 408 else None
        names = {cls.__name__ for cls in type(error).__mro__}
        if names & self._timeout:
            return "timeout"
        if names & self._disconnected or self._disconnected_text.match(str(error)):
            return "disconnected"
        return None

    def is_refused(self, error: BaseException) -> bool:
        """Whether the credentials are refused: no other request with them can succeed."""
        return error_code(error) in self._refused or http_status(error) == 401

    def errno_of(self, error: BaseException) -> int:
        """The error number that fits best; EIO if none does."""
        if isinstance(error, OSError):
            if isinstance(error.errno, int) and error.errno > 0:
                return error.errno
            for cls, code in _ERRNO_OF_CLASS:
                if isinstance(error, cls):
                    return code
        if error_code(error) in self._denied:
            return errno.EACCES
        status = http_status(error)
        if status is not None:
            return _ERRNO_OF_STATUS.get(status, errno.EIO)
        name, text = type(error).__name__, str(error)
        for number, expression in self._texts:
            if expression.search(text):
                return number
        if _DENIED.search(name) or _DENIED.search(text):
            return errno.EACCES
        return errno.ETIMEDOUT if "timeout" in name.lower() else errno.EIO

    def os_error(self, error: Exception, filename: str, doing: str) -> OSError:
        """The `OSError` that fits, with `filename`, a note of the operation, and the cause."""
        code = self.errno_of(error)
        message = error.strerror if isinstance(error, OSError) else None
        if hasattr(error, "host"):
            # aiohttp's text names the host that could not be reached.
            message = _first_line(error)
        if not isinstance(message, str) or not message:
            if any(type(error) is cls for cls, _ in _ERRNO_OF_CLASS):
                message = os.strerror(code)
            else:
                # botocore appends the number of its own retries, which are switched off.
                text = _first_line(error).replace(" (reached max retries: 0)", "")
                message = f"{type(error).__name__}: {text}"
        made = noted(OSError(code, message, filename), doing)
        made.__cause__ = error
        return made


#: The meanings that are common to all file systems.
GENERIC = ErrorMeanings()


def _first_line(error: Exception) -> str:
    """The text of an error, without the response body that some libraries append."""
    first, *rest = str(error).splitlines() or [""]
    return f"{first} {rest[0].strip()}" if first.endswith(":") and rest else first


def http_status(error: BaseException) -> int | None:
    """The HTTP status of an error of a client library, if it has one."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # botocore
        candidates = [response.get("ResponseMetadata", {}).get("HTTPStatusCode")]
    else:
        candidates = [getattr(error, name, None) for name in ("status", "status_code", "code")]
        candidates += [getattr(response, name, None) for name in ("status", "status_code")]
    for candidate in candidates:
        try:
            if candidate is not None and 400 <= int(candidate) < 600:
                return int(candidate)
        except (TypeError, ValueError):
            continue
    return None


def error_code(error: BaseException) -> str | None:
    """The store's code for an error, such as `SlowDown`, if it has one."""
    response = getattr(error, "response", None)
    code: object = getattr(error, "error_code", None)  # azure, obstore
    if isinstance(response, Mapping):  # botocore
        code = response.get("Error", {}).get("Code")
    return None if code is None else str(getattr(code, "value", code))


def cannot_open(code: int, url: str) -> OSError:
    """The error of a directory that does not exist, or of a source that is a file."""
    return noted(OSError(code, os.strerror(code), url), "opening the directory")
