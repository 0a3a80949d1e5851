"""What the studio works out about each row, kept up with the dataset: a read model for filters, orders and facets.

A small dataset, and the few rows changed since the last question, are read on the spot. What would take longer (more
than `INLINE_ROWS`) is made by a process in the background (`build`); until it is done, marks and deletions are up to
date, and texts, lengths and labels are those of before.
"""

import hashlib
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from studio.data import background
from studio.data.store import open_dataset
from studio.data.store.dataset import Dataset
from studio.data.store.tables import columns_of
from studio.data.view.facts.borrowed import bring_up_borrowed
from studio.data.view.facts.file import (
    State,
    connect_facts,
    load_state,
    save_array,
    save_state,
    write,
)
from studio.data.view.facts.rows import Gathering, Source, catch_up
from studio.data.view.facts.sorting import rank_column
from studio.data.view.search import make_blocks
from studio.home import Home

if TYPE_CHECKING:
    import numpy as np

INLINE_ROWS = 5000
SORTED_COLUMNS = 20  # so many columns are sorted ahead; others when somebody asks
REPORT_ROWS = 2000


@contextmanager
def open_facts(home: Home, dataset: Dataset) -> Iterator[tuple[sqlite3.Connection, State | None]]:
    """facts.db in a reading transaction, brought up to date as far as that is quick, and its state.

    The state is None while nothing is known, and `behind` while a process works on a large change.
    """
    folder = home.cache(dataset.id)
    with connect_facts(folder) as db:
        if bring_up(db, dataset):
            start_building(home, dataset)
        bring_up_borrowed(db, folder)
        db.execute("BEGIN")
        yield db, load_state(db)


def start_building(home: Home, dataset: Dataset) -> None:
    """Have the facts made anew, unless that is going on, or ended without success for the dataset as it is."""
    progress = background.read_progress(home, dataset.id, "facts")
    if progress.state in ("failed", "stopped") and progress.version == dataset.version:
        return
    if progress.state != "running":
        background.start(home, dataset.id, "facts")


def bring_up(db: sqlite3.Connection, dataset: Dataset) -> bool:
    """Bring the facts to the dataset's state if that is quick; whether they have to be made in the background."""
    with dataset.connect() as source_db:
        state = load_state(db)
        if not state or not is_current(state, read_source(source_db, dataset)):
            with write(db):
                source_db.execute("BEGIN")  # after the lock on the facts, so that they are never ahead of it
                state = write_state(db, load_state(db), read_source(source_db, dataset))
    return state is None or state.behind or is_worn(db)


def read_source(db: sqlite3.Connection, dataset: Dataset) -> Source:
    meta = dict(db.execute("SELECT key, value FROM meta"))
    seq = db.execute("SELECT coalesce(max(seq), 0) FROM edits").fetchone()[0]
    identity = [meta[key] for key in ("created", "columns", "source")]
    return Source(db, digest(identity), digest(meta["mapping"]), columns_of(db), dataset.mapping, seq)


def digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:32]


def is_current(state: State, source: Source) -> bool:
    known = (state.identity, state.seq) == (source.identity, source.seq)
    return known and (state.behind or state.mapping == source.mapping_digest)


def is_worn(db: sqlite3.Connection) -> bool:
    """Whether so many rows were changed since the blocks were made that a search would become slow."""
    return db.execute("SELECT count(*) FROM late").fetchone()[0] > INLINE_ROWS


def write_state(db: sqlite3.Connection, state: State | None, source: Source) -> State | None:
    """Inside a transaction: make or catch up what is quick; the new state, None if nothing can be known yet."""
    if state and (state.identity != source.identity or state.seq > source.seq):  # another file under the same name
        db.execute("DELETE FROM state")
        state = None
    if state is None or state.mapping != source.mapping_digest:
        if source.count_to(INLINE_ROWS + 1) <= INLINE_ROWS:
            return make_all(db, source)
        if state is None:
            return None
        state.behind = True
    catch_up(db, state, source, INLINE_ROWS)
    save_state(db, state)
    return state


def build(
    home: Home,
    dataset_id: str,
    options: dict,
    report: Callable[[str, int, int], None],
    stopped: Callable[[], bool],
) -> None:
    """Make all facts and the search index anew (see background.py); nothing is changed if it is stopped."""
    dataset, folder = open_dataset(home, dataset_id), home.cache(dataset_id)
    with connect_facts(folder) as db, dataset.connect() as source_db:
        source_db.execute("BEGIN")
        make_all(db, read_source(source_db, dataset), report, stopped)
        bring_up_borrowed(db, folder)
        with suppress(sqlite3.OperationalError):  # somebody reads; another time then
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def make_all(
    db: sqlite3.Connection,
    source: Source,
    report: Callable[[str, int, int], None] = lambda stage, done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> State | None:
    """Read every row; the state that is known then, None if it was stopped. What was known is used until the end."""
    state = State(source.identity, source.mapping_digest, source.seq, secrets.token_hex(8))
    gathering, total = Gathering(source), source.count_to(None)

    def texts() -> Iterator[bytes]:
        for done, text in enumerate(gathering.read()):
            if done % REPORT_ROWS == 0:
                report("Reading the rows", done, total)
                if stopped():
                    return
            yield text

    blocks = 0
    query = "INSERT INTO texts (generation, number, ends, data) VALUES (?, ?, ?, ?)"
    for data, ends in make_blocks(texts()):
        db.execute(query, [state.generation, blocks, ends, data])
        blocks += 1
    arrays = rank_columns(db, state, source.columns[:SORTED_COLUMNS], report, stopped)
    if stopped():
        db.execute("DELETE FROM texts WHERE generation = ?", [state.generation])
        return None
    with nullcontext() if db.in_transaction else write(db):
        arrays |= gathering.finish(state)
        return replace_all(db, state, arrays, blocks)


def rank_columns(
    db: sqlite3.Connection,
    state: State,
    columns: list[str],
    report: Callable[[str, int, int], None],
    stopped: Callable[[], bool],
) -> dict[str, "np.ndarray"]:
    """The order of each column, from the blocks of texts."""
    arrays: dict[str, np.ndarray] = {}
    query = "SELECT data FROM texts WHERE generation = ? ORDER BY number"
    for number, column in enumerate(columns):
        if not stopped():
            report("Sorting the columns", number, len(columns))
            blocks = (data for (data,) in db.execute(query, [state.generation]))
            arrays |= rank_column(blocks, number).arrays(column)
    return arrays


def replace_all(db: sqlite3.Connection, state: State, arrays: dict[str, "np.ndarray"], blocks: int) -> State | None:
    """Inside a transaction: put what was made in the place of what was known.

    Blocks that are missing were taken away by somebody who made everything at the same time: then that is left.
    """
    query = "SELECT count(*) FROM texts WHERE generation = ?"
    if db.execute(query, [state.generation]).fetchone()[0] != blocks:
        return load_state(db)
    db.execute("DELETE FROM texts WHERE generation <> ?", [state.generation])
    db.execute("DELETE FROM arrays WHERE name NOT LIKE 'borrowed:%'")
    db.execute("DELETE FROM late")
    db.execute("DELETE FROM found")
    for name, values in arrays.items():
        save_array(db, name, values)
    save_state(db, state)
    return state
