"""The file facts.db: what is known of every row of a dataset, in columns, so that a question reads few megabytes.

    state    one JSON object: which state of the dataset the facts are of, and the names behind the codes
    arrays   one number for each row, in the dataset's order, deleted rows included (`live` is false for them)
    texts    the rows' texts for the search, in blocks (see search.py); `slot` says where a row's text is
    late     the texts of rows that were changed since the blocks were made; their slot is -1
    found    the last searches and the slots they found
    borrowed  what was taken over from checks.db and splits.db, and in which state they were (see borrowed.py)

Facts are facts about a copy: the file may be deleted at any time, and is thrown away when it is damaged.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from studio.data.store.tables import BUSY_SECONDS, mend
from studio.errors import DataError
from studio.system import lock

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1
PAGE_BYTES = 65536  # large pages: blocks of a megabyte are read four times as fast
LOG_PAGES = 160
SAVE_ARRAY = "INSERT OR REPLACE INTO arrays (name, dtype, data) VALUES (?, ?, ?)"

TABLES = f"""
PRAGMA page_size = {PAGE_BYTES};
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL);
CREATE TABLE arrays (name TEXT PRIMARY KEY, dtype TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE texts (
    generation TEXT NOT NULL, number INTEGER NOT NULL, ends BLOB NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (generation, number));
CREATE TABLE late (row_id INTEGER PRIMARY KEY, text BLOB NOT NULL);
CREATE TABLE found (
    id INTEGER PRIMARY KEY AUTOINCREMENT, generation TEXT NOT NULL, search TEXT NOT NULL, slots BLOB NOT NULL,
    UNIQUE (generation, search));
CREATE TABLE borrowed (kind TEXT PRIMARY KEY, stamp TEXT NOT NULL, seq INTEGER, names TEXT NOT NULL);
PRAGMA user_version = {FORMAT};
COMMIT;
"""
# What is known of each row, in the dataset's order. Lengths in characters, -1: unknown; label: its code, -1: none;
# version and changed: as in the dataset.
ROW_ARRAYS = {
    "id": "i8",
    "live": "?",
    "status": "u1",
    "golden": "?",
    "version": "i8",
    "changed": "i8",
    "prompt": "i4",
    "answer": "i4",
    "label": "i4",
    "slot": "i4",
}
# Pairs: the tag with this code stands on the row with this id.
TAG_ARRAYS = {"tag_row": "i8", "tag_code": "i4"}


@dataclass
class State:
    """Which state of the dataset the facts are of.

    `identity`: the dataset's own; `mapping`: what lengths and labels were read by; `seq`: the last entry of the log
    that is in. `behind`: texts, lengths and labels are of an earlier entry, and are being made anew in the background.
    `generation`: names the blocks of texts, of which there are `slots` rows. `label_names`: none if answers hardly
    repeat, which `labelled` says.
    """

    identity: str
    mapping: str
    seq: int
    generation: str
    slots: int = 0
    behind: bool = False
    labelled: bool = True
    label_names: list[str] = field(default_factory=list)
    tag_names: list[str] = field(default_factory=list)


@contextmanager
def connect_facts(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the folder's facts.db, made if missing. DataError if it cannot be used."""
    path = folder / "facts.db"
    try:
        with closing(open_or_make(path)) as db:
            yield db
    except (sqlite3.DatabaseError, DataError) as error:
        fault = (
            error if isinstance(error, sqlite3.Error) else error.__cause__
        )  # told as the dataset's, while both are open
        if isinstance(fault, sqlite3.DatabaseError) and not is_whole(path):
            remove_facts(path)
            raise DataError("The index of the rows was damaged. It is made anew; try again.") from error
        if isinstance(error, DataError):
            raise
        raise DataError(f"The index of the rows cannot be used ({error}). {mend(error)}") from error


def is_whole(path: Path) -> bool:
    """Whether SQLite finds nothing wrong in the file."""
    try:
        with closing(connect(path)) as db:
            return db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    except sqlite3.OperationalError:  # locked, not damaged
        return True
    except sqlite3.DatabaseError:
        return False


def open_or_make(path: Path) -> sqlite3.Connection:
    """Open the file; one that is missing, damaged or of another format is made anew."""
    db = connect(path)
    if read_format(db) != FORMAT:
        db.close()
        with lock(path.with_name("facts.make.lock")):  # several threads may come at once
            db = make(path)
    db.execute("PRAGMA synchronous = OFF")  # nothing here is worth waiting for the disk
    db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    return db


def make(path: Path) -> sqlite3.Connection:
    """A file with its tables, unless somebody else has made it in this moment."""
    db = connect(path)
    number = read_format(db)
    if number not in (0, FORMAT):
        db.close()
        remove_facts(path)
        db = connect(path)
    if number != FORMAT:
        db.executescript(TABLES)
    return db


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def read_format(db: sqlite3.Connection) -> int:
    """0: an empty file; -1: not a database."""
    try:
        return db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if "not a database" not in str(error):
            raise
        return -1


def remove_facts(path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)


@contextmanager
def write(db: sqlite3.Connection) -> Iterator[None]:
    """A transaction: after the block all of it is in, or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def load_state(db: sqlite3.Connection) -> State | None:
    """None before anything is known."""
    found = db.execute("SELECT value FROM state").fetchone()
    return State(**json.loads(found[0])) if found else None


def save_state(db: sqlite3.Connection, state: State) -> None:
    text = json.dumps(asdict(state), ensure_ascii=False)
    db.execute("INSERT OR REPLACE INTO state (id, value) VALUES (1, ?)", [text])


def load_array(db: sqlite3.Connection, name: str) -> "np.ndarray | None":
    """An array as it was saved, not to be written to; None if there is none of that name."""
    import numpy as np

    found = db.execute("SELECT dtype, data FROM arrays WHERE name = ?", [name]).fetchone()
    return np.frombuffer(found[1], np.dtype(found[0])) if found else None


def save_array(db: sqlite3.Connection, name: str, array: "np.ndarray") -> None:
    db.execute(SAVE_ARRAY, [name, array.dtype.str, array.tobytes()])
