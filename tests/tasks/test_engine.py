"""The engine that runs tasks, on made-up ones: what executors may do, and what may go wrong."""

from __future__ import annotations

import _thread
import errno
import gc
import os
import pickle
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from random import Random
from typing import Any

import pathvein_core
import pytest
from hypothesis import given
from hypothesis import strategies as st

from executors import Immediate, Unruly
from made_up_tasks import MadeUpDivision, made_up_plan
from pathvein._stream import Stream
from pathvein._tasks import engine, work
from pathvein._tasks.engine import TaskProducer
from pathvein._tasks.executors import Workforce
from pathvein._tasks.plan import Plan
from pathvein._tasks.work import Task


def started(executor: Executor, division: Any = None, plan: Plan | None = None) -> TaskProducer:
    return TaskProducer(
        division or MadeUpDivision(3, 3), plan or made_up_plan(), Workforce(executor)
    )


def drained(producer: TaskProducer, seconds: float = 60) -> tuple[list[Any], list[OSError]]:
    """All that comes, within so many seconds."""
    results: list[Any] = []
    errors: list[OSError] = []
    ended, deadline = False, time.monotonic() + seconds
    while not ended:
        assert time.monotonic() < deadline
        found, failed, ended = producer.next_batch(1)
        results += found
        errors += failed
    return results, errors


def nodes(width: int, depth: int, top: str = "0") -> list[str]:
    below = [f"{top}/{index}" for index in range(width)] if depth else []
    return [top, *(node for one in below for node in nodes(width, depth - 1, one))]


class Failing(Immediate):
    """Runs a task, or raises what `fails` gives for it, in its future."""

    def __init__(self, fails: Callable[[Task], BaseException | None]) -> None:
        self._fails = fails
        self.tasks: list[Task] = []

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.tasks.append(args[0])
        error = self._fails(args[0])
        if error is None:
            return super().submit(function, *args, **kwargs)
        future: Future[Any] = Future()
        future.set_exception(error)
        return future


class Waiting(Executor):
    """Runs nothing: the tests do."""

    _max_workers = 2

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []
        self.calls: list[tuple[Any, ...]] = []

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.futures.append(future)
        self.calls.append((function, *args))
        if len(self.futures) == 1:
            self.answer(0, directories=2)
        return future

    def answer(self, index: int, directories: int | None = None) -> None:
        function, task = self.calls[index]
        task = Task(task.plan, task.description, None, directories)
        self.futures[index].set_result(function(task))


@given(st.integers(0, 2**32), st.integers(0, 4), st.integers(0, 3))
def test_whatever_an_executor_does_each_node_counts_once(seed: int, width: int, depth: int) -> None:
    with Unruly(Random(seed)) as executor:
        producer = started(executor, MadeUpDivision(width, depth))
        results, errors = drained(producer)
    assert sorted(results) == sorted(nodes(width, depth))
    assert not errors
    stats = producer.stats()
    assert (stats.directories, stats.matches, stats.errors) == (len(results), len(results), 0)
    assert stats.hidden_by_links == 3
    assert stats.threads == 0 or stats.threads < 5


def test_errors_come_with_their_notes_and_are_counted() -> None:
    odd = {
        "0/1": PermissionError(errno.EACCES, "Permission denied", "x/\udcff"),
        "0/2": OSError("no number"),
    }
    odd["0/1"].add_note("while opening the directory")
    producer = started(Immediate(), plan=made_up_plan(odd=odd))
    results, errors = drained(producer)
    assert len(results) == len(nodes(3, 3))
    first, second = sorted(errors, key=str)
    assert (type(first), first.errno, first.filename) == (PermissionError, errno.EACCES, "x/\udcff")
    assert first.__notes__ == ["while opening the directory"]
    assert (type(second), second.args) == (OSError, ("no number",))
    assert producer.stats().errors == 2


@pytest.mark.parametrize("lost", [RuntimeError("died"), CancelledError(), KeyboardInterrupt()])
def test_a_task_that_is_lost_is_sent_again_twice_at_most(lost: BaseException) -> None:
    def fails(task: Task) -> BaseException | None:
        return lost if b'"0/1"' in task.description else None

    executor, division = Failing(fails), MadeUpDivision(3, 1)
    # One root a task: what is with a lost one in a task is lost, too.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_FIRST_ROOTS", 1)
        first = MadeUpDivision(3, 1)
        first._left = ["0/0", "0/1", "0/2"]
        producer = started(executor, first)
    results, errors = drained(producer)
    assert sorted(results) == ["0/0", "0/2"]
    [error] = errors
    assert (error.errno, error.filename) == (errno.EIO, "0/1")
    assert error.__cause__ is lost or isinstance(lost, CancelledError)
    assert error.__notes__[0] == "while scanning a sub-tree"
    assert sum(b'"0/1"' in task.description for task in executor.tasks) == 3
    assert first.given_up == ["0/1"]
    assert producer.stats().errors == 1
    assert division.waiting


def test_a_failure_of_a_worker_that_may_pass_is_tried_again() -> None:
    failing = OSError(errno.ESTALE, "stale", "/source")
    plan = made_up_plan(raising={"0/1": failing})
    division = MadeUpDivision(1, 0)
    producer = started(Immediate(), division, plan)
    drained(producer)
    division._left = ["0/1"]
    producer._flights.clear()
    results, [error] = drained(producer)
    assert not results
    assert error.filename == "0/1"
    assert isinstance(error.__cause__, OSError)
    assert error.__cause__.filename == "/source"


def test_an_error_of_the_source_is_raised_at_once() -> None:
    gone = FileNotFoundError(errno.ENOENT, "No such file or directory", "/source")
    executor = Failing(lambda task: None)
    with pytest.raises(FileNotFoundError) as raised:
        started(executor, plan=made_up_plan(raising={"0": gone}))
    assert raised.value.filename == "/source"
    assert len(executor.tasks) == 1


@pytest.mark.parametrize(
    "error", [ImportError("no x"), AttributeError("run"), TypeError("t"), pickle.PicklingError("p")]
)
def test_what_would_fail_again_is_raised(error: BaseException) -> None:
    executor = Failing(lambda task: error)
    with pytest.raises(type(error)) as raised:
        started(executor)
    assert raised.value is error
    assert "test_engine.Failing" in error.__notes__[0]
    assert pathvein_core.__version__ in error.__notes__[0]
    assert len(executor.tasks) == 1


def test_a_defect_in_a_worker_is_raised() -> None:
    plan = made_up_plan(raising={"0/2/1": ZeroDivisionError("d")})
    with pytest.raises(ZeroDivisionError, match="d") as raised:
        drained(started(Immediate(), plan=plan))
    assert "executors.Immediate" in raised.value.__notes__[-1]


def test_an_exception_that_no_worker_could_send() -> None:
    class Own(KeyError):
        pass

    own = Own("key", object())
    own.add_note("note")
    made = work.received(pickle.loads(pickle.dumps(work.sent(own))))
    assert type(made) is KeyError
    assert made.args[0] == "key"
    assert made.__notes__ == ["note"]
    group = work.received(work.sent(ExceptionGroup("several", [ValueError("one")])))
    assert isinstance(group, RuntimeError)
    assert "several" in str(group)


def test_where_there_is_no_source_nobody_waits_for_the_first_task() -> None:
    """And if it is lost, that is an error as of any other."""

    class Silent(Waiting):
        def answer(self, index: int, directories: int | None = None) -> None:
            """Not yet."""

    executor, division = Silent(), MadeUpDivision(2, 0)
    division._left = ["a", "b"]
    producer = TaskProducer(division, made_up_plan(), Workforce(executor), has_source=False)
    assert [task.description.count(b'"a"') for _, task in executor.calls] == [1, 0]
    super(Silent, executor).answer(1)
    results: list[Any] = []
    errors: list[OSError] = []
    for index in 0, 2, 3:
        executor.futures[index].set_exception(OSError("lost"))
        found, failed, ended = producer.next_batch(0.1)
        results += found
        errors += failed
    assert (results, ended) == (["b"], True)
    assert [error.filename for error in errors] == ["a"]


def test_a_pool_that_is_broken_for_good() -> None:
    class Broken(Failing):
        def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            if self.tasks:
                raise BrokenExecutor("for good")
            return super().submit(function, *args, **kwargs)

    executor = Broken(lambda task: BrokenExecutor("a worker died"))
    with pytest.raises(BrokenExecutor, match="for good"):
        started(executor)


def test_workers_of_another_version() -> None:
    plan = made_up_plan()
    plan.version = "0.0.1"
    with pytest.raises(RuntimeError) as raised:
        started(Immediate(), plan=plan)
    for told in "0.0.1", pathvein_core.__version__, "executors.Immediate":
        assert told in str(raised.value)
    # Nothing of the plan was looked at.
    assert work.run(Task(plan, b"")) == (pathvein_core.__version__,)


def test_close_cancels_what_has_not_begun_and_waits_for_nothing() -> None:
    executor, division = Waiting(), MadeUpDivision(5, 2)
    producer = started(executor, division)
    producer.next_batch(0)
    assert len(executor.futures) == 5
    running = executor.futures[1]
    running.set_running_or_notify_cancel()
    # Another thread waits for results.
    waited: list[Any] = []
    thread = threading.Thread(target=lambda: waited.append(producer.next_batch(30)))
    thread.start()
    producer.close()
    thread.join(10)
    assert waited == [([], [], True)]
    assert not running.cancelled()
    assert all(future.cancelled() for future in executor.futures[2:])
    assert division.closed == 1
    # What the other gives back comes too late.
    executor.answer(1)
    assert producer.next_batch(0) == ([], [], True)
    producer.close()


def test_a_fork_has_no_tasks() -> None:
    executor = Waiting()
    producer = started(executor)
    producer.next_batch(0)
    here, producer._process = producer._process, 1
    with pytest.raises(RuntimeError, match="another process"):
        producer.next_batch(0)
    producer.close()
    assert not any(future.cancelled() for future in executor.futures)
    producer._process = here


def test_ctrl_c_while_workers_are_waited_for() -> None:
    executor = Waiting()
    stream = Stream("made up", started(executor), list, "raise", None)
    next(stream)

    def interrupted() -> None:
        # It is told to the main thread, which waits by then, or will.
        _thread.start_new_thread(_thread.interrupt_main, ())
        list(stream)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert all(future.done() for future in executor.futures)
    assert list(stream) == []


def test_an_answer_that_comes_twice_counts_once() -> None:
    executor = Waiting()
    producer = started(executor, MadeUpDivision(2, 1))
    found, _, ended = producer.next_batch(0)
    assert not ended
    for number, flight in producer._flights.copy().items():
        executor.answer(executor.futures.index(flight.future))
        producer._done.put((number, flight.future))
    more, errors = drained(producer)
    assert sorted([*found, *more]) == nodes(2, 1)
    assert not errors


def test_a_stream_that_is_forgotten_cancels_its_tasks() -> None:
    executor = Waiting()
    stream = Stream("made up", started(executor), list, "raise", None)
    there = weakref.ref(stream)
    next(stream)
    del stream
    gc.collect()
    assert there() is None
    assert len(executor.futures) > 1
    assert all(future.cancelled() for future in executor.futures[1:])


def test_progress_and_callables_that_raise() -> None:
    def stop(stats: pathvein_core.Stats) -> None:
        raise KeyError(stats.directories)

    executor = Waiting()
    stream = Stream("made up", started(executor), list, "raise", stop)
    with pytest.raises(KeyError):
        for _ in stream:
            pass
    assert all(future.done() for future in executor.futures)


def test_budgets_grow_and_are_short_while_little_waits() -> None:
    producer = started(Immediate())
    assert producer._budget(is_enough=True) == engine.SHORTEST
    producer._started -= 10
    assert 1.0 <= producer._budget(is_enough=True) < 1.1
    assert producer._budget(is_enough=False) < 0.2
    producer._started -= 1000
    assert producer._budget(is_enough=True) == engine.LONGEST
    producer.close()


def test_what_an_executor_may_be() -> None:
    class Client:
        def get_executor(self) -> Executor:
            return Immediate()

    assert isinstance(Workforce(Client()).executor, Immediate)
    for wrong in Client, Immediate, 3, "loky", os:
        with pytest.raises(TypeError, match=r"executor must be a concurrent\.futures\.Executor"):
            Workforce(wrong)


def test_how_many_workers_there_are() -> None:
    assert Workforce(Immediate()).workers == 2

    class Own(Immediate):
        _max_workers = None  # type: ignore[assignment]

    assert Workforce(Own()).workers == os.cpu_count()

    class Cluster(Immediate):
        class _client:
            @staticmethod
            def nthreads() -> dict[str, int]:
                return {"a": 3, "b": 4}

    assert Workforce(Cluster()).workers == 7

    class Closed(Immediate):
        class _client:
            """Its `submit` says that it is closed, and nothing before that."""

            status = "closed"

    assert Workforce(Closed()).workers == 1


def test_a_client_that_nobody_can_wait_for() -> None:
    class Asynchronous(Immediate):
        class _client:
            asynchronous = True

    with pytest.raises(TypeError, match="executor is an asynchronous Dask client"):
        Workforce(Asynchronous())


def test_no_repr_tells_what_a_plan_holds() -> None:
    plan = Plan.of("m", "s3://bucket", [], {"exclude": "hidden"}, {"key": "SECRET", "lock": [1, 2]})
    assert b"SECRET" in plan.packed
    for shown in repr(plan), repr(Task(plan, b"description")), repr([Task(plan, b"", 0.5)]):
        for secret in "SECRET", "bucket", "hidden", "description":
            assert secret not in shown
    again = pickle.loads(pickle.dumps(plan))
    assert again.parts().storage_options["key"] == "SECRET"
    assert again.digest == plan.digest
    with pytest.raises(TypeError, match=r"storage_options\['lock'\].*lock has no pickle") as raised:
        Plan.of("m", "s", [], {}, {"key": "SECRET", "lock": threading.Lock()})
    assert "SECRET" not in str(raised.value)


def test_workers_keep_what_they_opened_for_the_last_plans() -> None:
    class Opened:
        def __init__(self, name: str) -> None:
            self.name = name
            self.closed = 0

        def close(self) -> None:
            self.closed += 1

    kept: Any = work._Kept()
    plans = [made_up_plan(odd={str(index): OSError()}) for index in range(5)]
    opened = [Opened(str(index)) for index in range(5)]
    for plan, one in zip(plans, opened, strict=True):
        kept.give(plan, one)
    # The oldest makes room.
    assert [one.closed for one in opened] == [1, 0, 0, 0, 0]
    assert kept.take(plans[1]) is opened[1]
    # It is in use, so another is opened.
    assert kept.take(plans[1]) is not opened[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "_SECONDS_KEPT", -1)
        assert kept.take(plans[2]) is opened[2]
    assert [one.closed for one in opened] == [1, 0, 0, 1, 1]
