"""Whatever a file system raises, as the `OSError` that fits.

Client libraries raise classes of their own, which need not be installed here: an error is known
by its number, its HTTP status, the store's code for it, the names of its classes, or its text.
What is common to all file systems is :data:`GENERIC`; an adapter adds what is special about its
own.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pathvein._listing import noted

#: Subclasses first: the first that fits counts.
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
    401: errno.EACCES,
    403: errno.EACCES,
    404: errno.ENOENT,
    407: errno.EACCES,
    408: errno.ETIMEDOUT,
    410: errno.ENOENT,
    429: errno.EBUSY,
    503: errno.EBUSY,
    504: errno.ETIMEDOUT,
}

#: Why a request may succeed if it is sent again: the server asks for fewer requests, the
#: connection failed, there was no answer in time.
Transient = Literal["throttled", "disconnected", "timeout"]


class BadAnswer(Exception):
    """The store answered with something that is no listing, or with half of one."""


@dataclass(frozen=True)
class ErrorMeanings:
    """What the errors of one kind of file system mean."""

    #: Codes of the store for: the request is denied.
    denied: frozenset[str] = frozenset()
    #: Codes for: the credentials are refused, so no other request with them can succeed.
    refused: frozenset[str] = frozenset()
    #: Codes for: fewer requests, please.
    throttled: frozenset[str] = frozenset()
    #: Names of classes for: the connection failed.
    disconnected: frozenset[str] = frozenset()
    #: Names of classes for: no answer came in time.
    timeout: frozenset[str] = frozenset()
    #: The beginning of the text of an error for: the connection failed.
    disconnected_text: re.Pattern[str] | None = None
    #: What the text of an error is searched for, and the number that it stands for.
    texts: tuple[tuple[int, re.Pattern[str]], ...] = ()

    def extended(
        self,
        *,
        denied: Iterable[str] = (),
        refused: Iterable[str] = (),
        throttled: Iterable[str] = (),
        disconnected: Iterable[str] = (),
        timeout: Iterable[str] = (),
        disconnected_text: str | None = None,
        texts: Iterable[tuple[int, str]] = (),
    ) -> ErrorMeanings:
        """These meanings and more. Texts are regular expressions; case does not matter."""
        compiled = tuple((number, re.compile(text, re.IGNORECASE)) for number, text in texts)
        return replace(
            self,
            denied=self.denied.union(denied),
            refused=self.refused.union(refused),
            throttled=self.throttled.union(throttled),
            disconnected=self.disconnected.union(disconnected),
            timeout=self.timeout.union(timeout),
            disconnected_text=(
                re.compile(disconnected_text, re.IGNORECASE)
                if disconnected_text
                else self.disconnected_text
            ),
            texts=compiled + self.texts,
        )

    def transient(self, error: BaseException) -> Transient | None:
        """Why a request may succeed if it is sent again, or `None` if it will not."""
        status, code = http_status(error), error_code(error)
        if status in (403, 404):
            return None
        if status in (429, 503) or code in self.throttled:
            return "throttled"
        if status is not None:
            return "throttled" if status >= 500 or status == 408 else None
        names = {cls.__name__ for cls in type(error).__mro__}
        if names & self.timeout:
            return "timeout"
        if names & self.disconnected:
            return "disconnected"
        if self.disconnected_text is not None and self.disconnected_text.match(str(error)):
            return "disconnected"
        return None

    def is_refused(self, error: BaseException) -> bool:
        """Whether the credentials are refused: no other request with them can succeed."""
        return error_code(error) in self.refused or http_status(error) == 401

    def errno_of(self, error: BaseException) -> int:
        """The error number that fits best; EIO if none does."""
        if isinstance(error, OSError):
            if isinstance(error.errno, int) and error.errno > 0:
                return error.errno
            for cls, code in _ERRNO_OF_CLASS:
                if isinstance(error, cls):
                    return code
        if error_code(error) in self.denied | self.refused:
            return errno.EACCES
        status = http_status(error)
        if status is not None:
            return _ERRNO_OF_STATUS.get(status, errno.EIO)
        name, text = type(error).__name__, str(error)
        for number, expression in self.texts:
            if expression.search(text):
                return number
        if _DENIED.search(name) or _DENIED.search(text):
            return errno.EACCES
        return errno.ETIMEDOUT if "timeout" in name.lower() else errno.EIO

    def os_error(self, error: Exception, filename: str, doing: str) -> OSError:
        """`error` as the `OSError` that fits, with `filename`. The caller chains the two."""
        code = self.errno_of(error)
        message = error.strerror if isinstance(error, OSError) else None
        if hasattr(error, "host"):
            # An error of aiohttp: its text names the host that could not be reached.
            message = _first_line(error)
        if not isinstance(message, str) or not message:
            if any(type(error) is cls for cls, _ in _ERRNO_OF_CLASS):
                message = os.strerror(code)
            else:
                # botocore adds its own number of retries, which is always zero here.
                text = _first_line(error).replace(" (reached max retries: 0)", "")
                message = f"{type(error).__name__}: {text}"
        return noted(OSError(code, message, filename), doing)


#: Read in the class names and texts of errors that have neither a number nor a status.
_DENIED = re.compile(
    r"access.?denied|authenticat|authoriz|credential|forbidden|permission", re.IGNORECASE
)

#: What errors mean on any file system.
GENERIC = ErrorMeanings().extended(
    disconnected=(
        *("BadAnswer", "BadGatewayError", "ClientConnectionError", "ClientPayloadError"),
        *("ConnectionError", "DecodeError", "EOFError", "IncompleteRead"),
        *("IncompleteReadError", "JSONDecodeError", "NetworkError", "ParseError"),
        *("ProtocolError", "ProxyError"),
    ),
    timeout=(
        *("ConnectTimeoutError", "FSTimeoutError", "ReadTimeout", "ReadTimeoutError"),
        *("ServerTimeoutError", "Timeout", "TimeoutError", "TimeoutException"),
    ),
    texts=(
        (errno.ENOENT, r"^no such (?:file|dir|path)"),
        (errno.ENOTDIR, r"not a directory|requires a directory"),
        (errno.ELOOP, r"too many levels of symbolic links"),
    ),
)


def _first_line(error: Exception) -> str:
    """The text of an error, without the whole response that some libraries append to it."""
    first, *rest = str(error).splitlines() or [""]
    return f"{first} {rest[0].strip()}" if first.endswith(":") and rest else first


def http_status(error: BaseException) -> int | None:
    """The HTTP status that an error of some client library carries."""
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
    """The code by which the store calls the error, such as `SlowDown`."""
    response = getattr(error, "response", None)
    code: object = getattr(error, "error_code", None)  # azure, obstore
    if isinstance(response, Mapping):  # botocore
        code = response.get("Error", {}).get("Code")
    return None if code is None else str(getattr(code, "value", code))


def not_a_directory(url: str) -> OSError:
    """The error of a source that is a file."""
    return OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), url)
