"""Rows examined in several processes at once.

Each helper is given work through a pipe of its own, whose end it sees when this process is gone, however it ended; so
none is left behind.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait

from studio.data.checks.examine import Examined, examine
from studio.data.roles import Roles, load_roles
from studio.data.store.tables import unpack
from studio.errors import DataError

Work = list[tuple[bytes, str]]
Result = list[tuple[bytes, Examined]]


@dataclass(frozen=True)
class Setup:
    """All that examining a row needs: `roles` as `Roles.to_json` gives them, `common` as bytes of uint32."""

    columns: list[str]
    roles: dict
    common: bytes

    def examiner(self) -> Callable[[Work], Result]:
        """A function that takes (content, cells) and returns (content, what was seen)."""
        import numpy as np

        return partial(examine_cells, self.columns, load_roles(self.roles), np.frombuffer(self.common, np.uint32))


def examine_cells(columns: list[str], roles: Roles, common, work: Work) -> Result:
    return [(content, examine(unpack(cells, columns), roles, common)) for content, cells in work]


def examine_all(works: Iterable[Work], setup: Setup, processes: int) -> Iterator[Result]:
    """The results of all works, in any order; in this process if `processes` is 1."""
    if processes <= 1:
        yield from map(setup.examiner(), works)
        return
    with hire(setup, processes) as helpers:
        rest, busy = iter(works), set()
        for helper in helpers:
            busy |= give(helper, rest)
        while busy:
            for helper in wait(list(busy)):
                result = take(helper)
                busy.discard(helper)
                busy |= give(helper, rest)
                yield result


def give(helper: Connection, works: Iterator[Work]) -> set[Connection]:
    """Hand the next work to a helper; the helper, if there was one."""
    work = next(works, None)
    if work is None:
        return set()
    helper.send(work)
    return {helper}


def take(helper: Connection) -> Result:
    try:
        return helper.recv()
    except (EOFError, ConnectionError):
        raise DataError(
            "A helper process of the checks ended unexpectedly, perhaps for lack of memory. Run the checks again."
        ) from None


@contextmanager
def hire(setup: Setup, count: int) -> Iterator[list[Connection]]:
    """Helpers that end with the block."""
    context = multiprocessing.get_context("spawn")
    helpers, processes = [], []
    for _ in range(count):
        ours, theirs = context.Pipe()
        process = context.Process(target=help_out, args=(theirs, setup), daemon=True)
        process.start()
        theirs.close()  # else its end would never be seen
        helpers.append(ours)
        processes.append(process)
    try:
        yield helpers
    finally:
        for helper in helpers:
            helper.close()
        for process in processes:
            process.terminate()
            process.join()


def help_out(pipe: Connection, setup: Setup) -> None:
    """What a helper does until nobody is at the other end."""
    examine_work = setup.examiner()
    with suppress(EOFError, ConnectionError):
        while True:
            pipe.send(examine_work(pipe.recv()))
