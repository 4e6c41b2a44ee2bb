"""The only layer that retries requests, and limits how many are in flight.

The client libraries' own are switched off: two layers of five tries would send 25 requests.
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

#: Seconds until a request without a response is cancelled and retried.
TIMEOUT = 30.0
#: Backoff: seconds before the first retry, doubled for each further one, and their maximum.
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0
#: Most tries of one request, by the reason of the last failure.
_TRIES = {"throttled": 9, "disconnected": 6, "timeout": 3}
#: Seconds to wait for a cancelled request to end.
_CANCEL_TIMEOUT = 0.1
#: Seconds within which several "slow down" responses count as one: all requests in flight get one.
_THROTTLE_INTERVAL = 0.2


class ConcurrencyLimit:
    """The limit of requests in flight. It is halved after "slow down", and then slowly raised."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._in_flight = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._throttled_until = 0.0

    @property
    def limit(self) -> int:
        """Most requests in flight now."""
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
        """Halve the limit: the store has asked for fewer requests."""
        now = time.monotonic()
        if now >= self._throttled_until:
            self._throttled_until = now + _THROTTLE_INTERVAL
            self._limit = max(1.0, self._limit / 2)

    def succeeded(self) -> None:
        """Raise the limit: a request has succeeded."""
        self._limit = min(float(self._most), self._limit + 1 / self._limit)


@dataclass
class RequestCounts:
    """How many requests were sent, and how many of these were retries."""

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
    """Send a request, with retries, and return its response.

    `request` sends it once. `timeout_factor` times `TIMEOUT` is its time-out; `None`: none.
    Raises the exception of the last try.
    """
    tries = 0

    async def send_once() -> T:
        # Counted here: a request that is cancelled while it waits for the limit is not sent.
        counts.requests += 1
        counts.retries += tries > 1
        return await request()

    while True:
        tries += 1
        try:
            async with limit:
                if timeout_factor is None:
                    response = await send_once()
                else:
                    response = await _within(TIMEOUT * timeout_factor, send_once())
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
            return response
        delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** (tries - 1))
        await asyncio.sleep(delay * random.uniform(0.5, 1))


async def _within(seconds: float, response: Awaitable[T]) -> T:
    """The response, or `TimeoutError`.

    `asyncio.wait_for` does not do: it waits for the cancelled request to end, and some never do.
    """
    task = asyncio.ensure_future(response)
    # asyncio logs exceptions that are never retrieved, such as that of an abandoned request.
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
        # By the client library, such as with a connection that several requests share.
        raise ConnectionAbortedError(errno.ECONNABORTED, "the request was cancelled on its way")
    return task.result()
