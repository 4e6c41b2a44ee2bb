"""The one layer that sends requests again, and limits how many are in flight.

A client library's own retries are switched off for listing: two layers of five tries each would
send twenty-five requests.
"""

from __future__ import annotations

import asyncio
import errno
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pathvein._remote.errors import ErrorMeanings

T = TypeVar("T")

#: Seconds until a request without an answer is cancelled and sent again. A safety net: most
#: client libraries have time-outs of their own.
TIMEOUT = 30.0
#: The first delay before a request is sent again, in seconds; it doubles each time, up to the
#: longest.
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0
#: How often a request is sent at most.
_TRIES = {"throttled": 9, "disconnected": 6, "timeout": 3}
#: Seconds that a request gets to end once it is cancelled.
_CANCEL_TIMEOUT = 0.1
#: Seconds within which several "slow down" count as one: requests in flight get it together.
_THROTTLE_INTERVAL = 0.2


class ConcurrencyLimit:
    """How many requests may be in flight: half as many after "slow down", then slowly more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._in_flight = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._throttled_until = 0.0

    @property
    def limit(self) -> int:
        """How many requests may be in flight now."""
        return int(self._limit)

    async def __aenter__(self) -> None:
        while self._in_flight >= self.limit:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except BaseException:
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        self._in_flight += 1

    async def __aexit__(self, *error: object) -> None:
        self._in_flight -= 1
        self._wake()

    def _wake(self) -> None:
        free = self.limit - self._in_flight
        while free > 0 and self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                free -= 1

    def throttled(self) -> None:
        """The store has asked for fewer requests."""
        now = time.monotonic()
        if now >= self._throttled_until:
            self._throttled_until = now + _THROTTLE_INTERVAL
            self._limit = max(1.0, self._limit / 2)

    def succeeded(self) -> None:
        """A request was answered."""
        self._limit = min(float(self._most), self._limit + 1 / self._limit)


@dataclass
class RequestCounts:
    """How many requests were sent, and how many of them were sent again."""

    requests: int = 0
    retries: int = 0


async def send(
    request: Callable[[], Awaitable[T]],
    limit: ConcurrencyLimit,
    counts: RequestCounts,
    errors: ErrorMeanings,
    *,
    timeout_factor: float | None = 1,
) -> T:
    """Send a request, again if need be, until it is answered or has been sent often enough.

    Args:
        request: Sends it and gives the answer.
        limit: How many may be in flight.
        counts: Where it is counted.
        errors: What its errors mean.
        timeout_factor: How many times as long as others it may take; `None`: for ever.

    Raises what the last try raised.
    """
    tries = 0

    async def send_once() -> T:
        # Counted here: a request that is cancelled while it waits for its turn is not sent.
        counts.requests += 1
        counts.retries += tries > 1
        return await request()

    while True:
        tries += 1
        try:
            async with limit:
                if timeout_factor is None:
                    answer = await send_once()
                else:
                    answer = await _within(TIMEOUT * timeout_factor, send_once())
        except Exception as error:
            kind = errors.transient(error)
            if kind is None or tries >= _TRIES[kind]:
                if tries > 1:
                    error.add_note(f"after {tries} tries")
                raise
            if kind == "throttled":
                limit.throttled()
        else:
            limit.succeeded()
            return answer
        delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** (tries - 1))
        await asyncio.sleep(delay * random.uniform(0.5, 1))


async def _within(seconds: float, answer: Awaitable[T]) -> T:
    """The answer, or `TimeoutError`.

    `asyncio.wait_for` waits until a request that was cancelled has ended, and some never do.
    """
    task = asyncio.ensure_future(answer)
    # asyncio reports an exception that nobody retrieves, also that of an abandoned request.
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    try:
        done, _ = await asyncio.wait((task,), timeout=seconds)
    except BaseException:
        task.cancel()
        await asyncio.wait((task,), timeout=_CANCEL_TIMEOUT)
        raise
    if not done:
        task.cancel()
        raise TimeoutError
    if task.cancelled():
        # Something that it waited for was cancelled, such as a connection that requests share.
        raise ConnectionAbortedError(errno.ECONNABORTED, "the request was cancelled on its way")
    return task.result()
