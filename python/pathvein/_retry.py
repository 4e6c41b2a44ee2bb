"""The one layer that repeats requests: back-off with jitter, and fewer at a time when told.

Whatever repeats requests below (a client library's own policy) is switched off for listing, as
two layers multiply: each of five tries of the one would be five tries of the other.
"""

from __future__ import annotations

import asyncio
import errno
import random
import re
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pathvein._remote_errors import error_code, http_status

T = TypeVar("T")

#: Seconds until a request that has not been answered is given up, and sent again. A safety
#: net: file systems have limits of their own.
TIMEOUT = 30.0
#: The first pause in seconds, doubled each time, and the longest.
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
#: How often a request is sent at most: where the store asks for patience, where the way to it
#: fails, where it does not answer at all.
_TRIES = {"busy": 9, "broken": 6, "silent": 3}
#: Seconds that the end of a request is waited for that is cancelled.
_GRACE = 0.1
#: Seconds in which one "slow down" is enough: those that were under way come all at once.
_LULL = 0.2

_BUSY_CODES = frozenset(
    {
        *(
            "BandwidthLimitExceeded",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
        ),
        *("RequestThrottled", "ServerBusy", "SlowDown", "Throttling", "ThrottlingException"),
        *("TooManyRequests", "TooManyRequestsException"),
    }
)
_TRANSIENT_CODES = frozenset({"InternalError", "RequestTimeout", "ServiceUnavailable"})
#: By name, as none of the libraries need be there.
_SILENT_CLASSES = frozenset(
    {
        *("ConnectTimeoutError", "FSTimeoutError", "ReadTimeout", "ReadTimeoutError"),
        *("ServerTimeoutError", "ServiceResponseTimeoutError", "Timeout", "TimeoutError"),
        *("TimeoutException",),
    }
)
_BROKEN_CLASSES = frozenset(
    {
        *("BadAnswer", "BadGatewayError", "ClientConnectionError", "ClientPayloadError"),
        *("ChannelOpenError", "ConnectionLost"),
        *("SFTPConnectionLost", "SFTPNoConnection"),
        *("ConnectionError", "DecodeError", "EOFError", "HTTPClientError", "IncompleteRead"),
        *("IncompleteReadError", "JSONDecodeError", "NetworkError", "ParseError", "ProtocolError"),
        *(
            "NoValidConnectionsError",
            "ProxyError",
            "ResponseParserError",
            "ResponseStreamingError",
            "SSHException",
        ),
        *("ServiceRequestError", "ServiceResponseError"),
    }
)
#: How those that say it in words only tell that the connection is lost: FTP, paramiko.
_BROKEN_TEXT = re.compile(r"42[156]\b|socket is closed", re.IGNORECASE)


class BadAnswer(Exception):
    """The store answered with something that is no listing, or half of one."""


def trouble(error: BaseException) -> str | None:
    """What kind of passing trouble an error is, or `None` if trying again is of no use."""
    status, code = http_status(error), error_code(error)
    if status in (403, 404):
        return None
    if status == 429 or status == 503 or code in _BUSY_CODES:
        return "busy"
    if code in _TRANSIENT_CODES:
        return "busy"
    if status is not None:
        return "busy" if status >= 500 or status == 408 else None
    names = {cls.__name__ for cls in type(error).__mro__}
    if names & _SILENT_CLASSES:
        return "silent"
    if names & _BROKEN_CLASSES or _BROKEN_TEXT.match(str(error)):
        return "broken"
    return None


class Gate:
    """How many requests may be under way: half as many after "slow down", then slowly more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._under_way = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._calm_until = 0.0

    @property
    def limit(self) -> int:
        """How many may be under way now."""
        return int(self._limit)

    async def __aenter__(self) -> None:
        while self._under_way >= self.limit:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except BaseException:
                if turn.done() and not turn.cancelled():
                    self._wake()
                raise
            finally:
                if turn in self._waiting:
                    self._waiting.remove(turn)
        self._under_way += 1

    async def __aexit__(self, *error: object) -> None:
        self._under_way -= 1
        self._wake()

    def _wake(self) -> None:
        free = self.limit - self._under_way
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    def slow_down(self) -> None:
        """The store has asked for fewer requests."""
        now = time.monotonic()
        if now >= self._calm_until:
            self._calm_until = now + _LULL
            self._limit = max(1.0, self._limit / 2)

    def went_well(self) -> None:
        """A request was answered."""
        self._limit = min(float(self._most), self._limit + 1 / self._limit)


@dataclass
class Tally:
    """How many requests were sent, and how many of them again."""

    requests: int = 0
    retries: int = 0


async def persist(
    request: Callable[[], Awaitable[T]], gate: Gate, tally: Tally, *, patience: float = 1
) -> T:
    """Send a request until it is answered, or until that has been tried often enough.

    One that may take longer than others is given `patience` times as long.

    Raises what the last try raised.
    """
    tries = 0

    async def send() -> T:
        # Not before: what is cancelled on its way here is not sent.
        tally.requests += 1
        tally.retries += tries > 1
        return await request()

    while True:
        tries += 1
        try:
            async with gate:
                answer = await _in_time(send(), TIMEOUT * patience)
        except Exception as error:
            pause = _pause(error, tries, gate)
        else:
            gate.went_well()
            return answer
        await asyncio.sleep(pause)


async def _in_time(answer: Awaitable[T], seconds: float) -> T:
    """The answer, if it comes in time. What does not end when it is cancelled is not waited for."""
    task = asyncio.ensure_future(answer)
    # Else what comes of it after that is reported as an error that nobody has seen.
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    try:
        done, _ = await asyncio.wait((task,), timeout=seconds)
    except BaseException:
        task.cancel()
        # Most end at once.
        await asyncio.wait((task,), timeout=_GRACE)
        raise
    if not done:
        task.cancel()
        raise TimeoutError
    if task.cancelled():
        # Not by this, but what it waited for was, such as a connection that others share.
        raise ConnectionAbortedError(errno.ECONNABORTED, "the request was cancelled on its way")
    return task.result()


def persist_blocking(
    request: Callable[[], T],
    gate: Gate,
    tally: Tally,
    stopped: threading.Event,
) -> T:
    """The same for a thread that waits for its answers.

    How many requests are under way is the business of whoever has the threads, and so is how long
    one may take that of the file system. Nothing is sent any more once it is `stopped`.
    """
    tries = 0
    while True:
        if stopped.is_set():
            raise InterruptedError(errno.EINTR, "the scan has ended")
        tries += 1
        tally.requests += 1
        tally.retries += tries > 1
        try:
            answer = request()
        except Exception as error:
            stopped.wait(_pause(error, tries, gate))
        else:
            gate.went_well()
            return answer


def _pause(error: Exception, tries: int, gate: Gate) -> float:
    """Seconds to wait before the next try. Raises the error if there is to be none."""
    kind = trouble(error)
    if kind is None or tries >= _TRIES[kind]:
        if tries > 1:
            error.add_note(f"after {tries} tries")
        raise error
    if kind == "busy":
        gate.slow_down()
    pause: float = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (tries - 1))
    return pause * random.uniform(0.5, 1)
