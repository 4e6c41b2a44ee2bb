"""The one layer that repeats requests: back-off with jitter, and fewer at a time when told.

Whatever repeats requests below (a client library's own policy) is switched off for listing, as
two layers multiply: each of five tries of the one would be five tries of the other.
"""

from __future__ import annotations

import asyncio
import random
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
_SILENT_CLASSES = frozenset(
    {
        *("ConnectTimeoutError", "FSTimeoutError", "ReadTimeout", "ReadTimeoutError"),
        *("ServerTimeoutError", "ServiceResponseTimeoutError", "TimeoutError"),
    }
)
#: By name, as none of the libraries need be there.
_BROKEN_CLASSES = frozenset(
    {
        *("BadAnswer", "ClientConnectionError", "ClientPayloadError", "ConnectionError"),
        *("HTTPClientError", "IncompleteRead", "IncompleteReadError", "JSONDecodeError"),
        *("ResponseParserError", "ResponseStreamingError", "ServiceRequestError"),
        *("ServiceResponseError", "ProxyError", "ParseError", "DecodeError"),
    }
)


class BadAnswer(Exception):
    """The store answered with something that is no listing, or half of one."""


def trouble(error: BaseException) -> str | None:
    """What kind of passing trouble an error is, or `None` if trying again is of no use."""
    status, code = http_status(error), error_code(error)
    if status == 429 or status == 503 or code in _BUSY_CODES:
        return "busy"
    if code in _TRANSIENT_CODES:
        return "busy"
    if status is not None:
        return "busy" if status >= 500 or status == 408 else None
    names = {cls.__name__ for cls in type(error).__mro__}
    if names & _SILENT_CLASSES:
        return "silent"
    return "broken" if names & _BROKEN_CLASSES else None


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
        now = asyncio.get_running_loop().time()
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


async def persist(request: Callable[[], Awaitable[T]], gate: Gate, tally: Tally) -> T:
    """Send a request until it is answered, or until that has been tried often enough.

    Raises what the last try raised.
    """
    tries = 0
    while True:
        tries += 1
        try:
            async with gate:
                tally.requests += 1
                tally.retries += tries > 1
                async with asyncio.timeout(TIMEOUT):
                    answer = await request()
        except Exception as error:
            kind = trouble(error)
            if kind is None or tries >= _TRIES[kind]:
                if tries > 1:
                    error.add_note(f"after {tries} tries")
                raise
            if kind == "busy":
                gate.slow_down()
        else:
            gate.went_well()
            return answer
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (tries - 1))
        await asyncio.sleep(pause * random.uniform(0.5, 1))
