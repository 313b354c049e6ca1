"""Tests on all processors: benches in other processes beside the one in this process.

What belongs here: who runs which test, and that verdicts come in the order of the tests. What does not: running one
(`bench`). A test knows nothing of the others, so which process runs it makes no difference.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import pickle
import tempfile
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.sequence_tests.bench import Bench, Verdict, bench_of
from dagster_drips.sequences.tests_file import WrittenTest
from dagster_drips.temporaries import REPLAY_PREFIX, owned

_WORTH_A_PROCESS = 8
"""So many tests take twice as long as starting a process and preparing its bench."""
_MOST_PROCESSES = 8


def outcomes(project: Project, tests: Sequence[WrittenTest]) -> Generator[Verdict | DripsError]:
    """Run tests; yields what became of each, in their order: an error where a given row can't be landed.

    Raises:
        DripsError: no test could be run: dbt can't read the project, or a segment fails.
    """
    with bench_of(project, tests) as bench:
        others = min(len(os.sched_getaffinity(0)), _MOST_PROCESSES, len(tests) // _WORTH_A_PROCESS) - 1
        if others < 1:
            yield from (_run(bench, test) for test in tests)
            return
        # Only now, as dbt has read the project by then, which the others needn't do again.
        with _workers(project, tests, others) as pool:
            waiting = [_submitted(pool, number) for number in range(len(tests))]
            done: dict[int, Verdict | DripsError] = {}
            last = len(tests)
            for number in range(len(tests)):
                # While the others run the first ones, this process takes what they have not begun from the end on.
                while number not in done and not waiting[number].done():
                    taken = _take_last(waiting, last, above=number)
                    if taken is None:
                        break
                    last = taken
                    done[taken] = _run(bench, tests[taken])
                try:
                    yield done[number] if number in done else waiting[number].result()
                except BrokenProcessPool:
                    # A worker could not begin or has died: what it leaves is run here.
                    yield _run(bench, tests[number])


def _submitted(pool: ProcessPoolExecutor, number: int) -> Future[Any]:
    try:
        return pool.submit(_run_there, number)
    except BrokenProcessPool as error:
        failed: Future[Any] = Future()
        failed.set_exception(error)
        return failed


def _take_last(waiting: Sequence[Future[Any]], before: int, *, above: int) -> int | None:
    """The last test below `before` that no worker has begun; from now on it is this process's."""
    return next((number for number in range(before - 1, above - 1, -1) if waiting[number].cancel()), None)


@contextmanager
def _workers(project: Project, tests: Sequence[WrittenTest], count: int) -> Generator[ProcessPoolExecutor]:
    # Not forked: DuckDB and Polars have threads by now. And told little: what is more than a pipe holds would be waited
    # for by this process for ever, should the other one end before it has read it.
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix=REPLAY_PREFIX) as scratch, owned(Path(scratch)):
        file = Path(scratch) / "tests.pickle"
        file.write_bytes(pickle.dumps(list(tests)))
        pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(project, file))
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)


class _Worker:
    """The bench of a worker process, which lives as long as that."""

    bench: Bench
    tests: Sequence[WrittenTest]


def _begin(project: Project, file: Path) -> None:
    tests: list[WrittenTest] = pickle.loads(file.read_bytes())  # noqa: S301 - written by the process that began this one
    stack = ExitStack()
    atexit.register(stack.close)
    _Worker.bench, _Worker.tests = stack.enter_context(bench_of(project, tests)), tests


def _run_there(number: int) -> Verdict | DripsError:
    return _run(_Worker.bench, _Worker.tests[number])


def _run(bench: Bench, test: WrittenTest) -> Verdict | DripsError:
    try:
        return bench.run(test)
    except DripsError as error:
        if error.file is None:
            raise
        return error
