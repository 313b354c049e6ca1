"""Tests on all processors: benches in other processes beside the one in this process.

What belongs here: who runs which test, and that verdicts come in the order of the tests. What does not: running one
(`bench`). A test knows nothing of the others, so which process runs it makes no difference.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

from dagster_drips.errors import DripsError
from dagster_drips.project import Project
from dagster_drips.sequence_tests.bench import Bench, Verdict, bench_of
from dagster_drips.sequences.tests_file import WrittenTest

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
            waiting = [pool.submit(_run_there, number) for number in range(len(tests))]
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
                yield done[number] if number in done else waiting[number].result()


def _take_last(waiting: Sequence[Future[Any]], before: int, *, above: int) -> int | None:
    """The last test below `before` that no worker has begun; from now on it is this process's."""
    numbers: Iterator[int] = iter(range(before - 1, above - 1, -1))
    return next((number for number in numbers if waiting[number].cancel()), None)


@contextmanager
def _workers(project: Project, tests: Sequence[WrittenTest], count: int) -> Generator[ProcessPoolExecutor]:
    # Not forked: DuckDB and Polars have threads by now.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(project, list(tests)))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _Worker:
    """The bench of a worker process, which lives as long as that."""

    bench: Bench
    tests: Sequence[WrittenTest]


def _begin(project: Project, tests: Sequence[WrittenTest]) -> None:
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
