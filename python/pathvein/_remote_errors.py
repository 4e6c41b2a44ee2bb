"""Whatever a file system raises, as the `OSError` that fits.

Part of `pathvein._remote`.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping

from pathvein._listing import noted

# In the order in which they are tried: subclasses first.
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
# Some come with a status that says nothing of the kind.
_DENIED_CODES = frozenset(
    {
        *("AccessDenied", "AuthenticationFailed", "AuthorizationFailure", "ExpiredToken"),
        *("InvalidAccessKeyId", "InvalidToken", "RequestExpired", "SignatureDoesNotMatch"),
        *("TokenRefreshRequired", "RequestTimeTooSkewed"),
    }
)
# Not what is asked is refused, but whoever asks.
_UNKNOWN_CODES = _DENIED_CODES - {"AccessDenied", "AuthorizationFailure"}
_DENIED = re.compile(
    r"access.?denied|authenticat|authoriz|credential|forbidden|permission|^530\b", re.IGNORECASE
)


# Those that have neither a number nor a status.
_ERRNO_OF_TEXT = (
    (errno.ENOENT, re.compile(r"^(?:(?:501|550)\b.*\b)?no such (?:file|dir|path)", re.IGNORECASE)),
    (errno.ENOTDIR, re.compile(r"not a directory|requires a directory", re.IGNORECASE)),
    (errno.ELOOP, re.compile(r"too many levels of symbolic links", re.IGNORECASE)),
)


def os_error(error: Exception, filename: str, doing: str) -> OSError:
    """`error` as the `OSError` that fits, with `filename`. The caller chains the two."""
    code = errno_of(error)
    message = error.strerror if isinstance(error, OSError) else None
    if hasattr(error, "host"):
        # Of aiohttp, which names the host that it could not reach.
        message = _first_line(error)
    if not isinstance(message, str) or not message:
        kind = next((cls for cls, _ in _ERRNO_OF_CLASS if type(error) is cls), None)
        text = _first_line(error)
        # Nor does it help that botocore itself was told not to try again.
        text = text.replace(" (reached max retries: 0)", "")
        message = os.strerror(code) if kind else f"{type(error).__name__}: {text}"
    return noted(OSError(code, message, filename), doing)


def _first_line(error: Exception) -> str:
    """What an error says: some cloud libraries append the whole response to it."""
    first, *rest = str(error).splitlines() or [""]
    return f"{first} {rest[0].strip()}" if first.endswith(":") and rest else first


def errno_of(error: Exception) -> int:
    if isinstance(error, OSError):
        if isinstance(error.errno, int) and error.errno > 0:
            return error.errno
        for cls, code in _ERRNO_OF_CLASS:
            if isinstance(error, cls):
                return code
    if error_code(error) in _DENIED_CODES:
        return errno.EACCES
    status = http_status(error)
    if status is not None:
        return _ERRNO_OF_STATUS.get(status, errno.EIO)
    for code, text in _ERRNO_OF_TEXT:
        if text.search(str(error)):
            return code
    if _DENIED.search(type(error).__name__) or _DENIED.search(str(error)):
        return errno.EACCES
    if "timeout" in type(error).__name__.lower():
        return errno.ETIMEDOUT
    return errno.EIO


def http_status(error: BaseException) -> int | None:
    """The HTTP status that an error of some cloud library carries, wherever it keeps it."""
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
    """The code by which the store itself calls the error, such as `SlowDown`."""
    response = getattr(error, "response", None)
    code: object = getattr(error, "error_code", None)  # azure
    if isinstance(response, Mapping):  # botocore
        code = response.get("Error", {}).get("Code")
    return None if code is None else str(getattr(code, "value", code))


def is_unknown(error: BaseException) -> bool:
    """Whether the credentials are refused: nothing else that is asked with them helps."""
    return error_code(error) in _UNKNOWN_CODES or http_status(error) == 401


def is_broken_link(error: OSError) -> bool:
    return errno_of(error) in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def missing(filename: str) -> OSError:
    error = OSError(errno.ENOENT, os.strerror(errno.ENOENT), filename)
    return noted(error, "opening the directory")


def not_a_directory(filename: str) -> OSError:
    return OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), filename)


def unaddressable(filename: str, why: str) -> OSError:
    message = f"the key cannot be addressed as a path: {why}"
    return noted(OSError(errno.EINVAL, message, filename), "reading the directory")
