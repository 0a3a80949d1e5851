"""The inside of a dataset's file: its tables, how a row is written into them, and where it stands.

Cells are a JSON list in the order of the columns. `folded` is the text that a search looks through. Positions
leave gaps, so that a row can be put between two others; a deleted row keeps its place, unseen (live = 0).
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from studio.data.conversations import cell_text
from studio.data.files import listed
from studio.errors import DataError

GAP = 2**32
CROWD = 1000
BUSY_SECONDS = 10.0

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE rows (
    id INTEGER PRIMARY KEY, position INTEGER NOT NULL, live INTEGER NOT NULL DEFAULT 1,
    version INTEGER NOT NULL DEFAULT 0, cells TEXT NOT NULL, folded TEXT NOT NULL);
CREATE TABLE edits (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, change INTEGER NOT NULL, kind TEXT NOT NULL,
    row_id INTEGER, before TEXT, after TEXT, undoes INTEGER);
CREATE TABLE changes (id INTEGER PRIMARY KEY AUTOINCREMENT, sentence TEXT NOT NULL, state TEXT NOT NULL);
"""
INDEXES = """
CREATE INDEX rows_live ON rows (position) WHERE live = 1;
CREATE INDEX rows_position ON rows (position);
CREATE INDEX edits_row ON edits (row_id);
CREATE INDEX edits_change ON edits (change);
CREATE INDEX changes_state ON changes (state, id);
"""

Values = dict[str, object]


@dataclass(frozen=True)
class Row:
    """A row as it is now. `version` grows with every change to it; `edit` takes it back to detect a conflict."""

    id: int
    values: Values
    version: int


def open_file(path: Path) -> sqlite3.Connection:
    """A connection in which a commit returns when it is on the disk; never makes a file."""
    db = sqlite3.connect(
        path.as_uri() + "?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # an iterator may be carried on in another thread
    )
    db.execute("PRAGMA synchronous = FULL")
    return db


def mend(error: sqlite3.Error) -> str:
    """What to do about an error of SQLite."""
    text = str(error)
    if "full" in text:
        return "Free some disk space and try again."
    if "locked" in text or "busy" in text:
        return "Another process is writing to it; try again in a moment."
    if "readonly" in text or "unable to open" in text:
        return "Check that this user may write to its folder."
    return "The file may be damaged; restore it from a copy or import the data again."


def dump(value: object) -> str:
    """JSON as stored. DataError for what a JSON text cannot hold."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        raise DataError("A text holds half of a character (a lone surrogate), which cannot be stored.") from None
    except (TypeError, ValueError, RecursionError):
        raise DataError("A cell must hold text, a number, true, false, null, a list or an object.") from None
    return text


def pack(values: Mapping[str, object], columns: Sequence[str]) -> str:
    """The cells of a row as stored; a column without a value is null, an unknown column a DataError."""
    unknown = [column for column in values if column not in columns]
    if unknown:
        raise DataError(f"There is no column {listed(unknown)}. The columns are {listed(list(columns))}.")
    return dump([values.get(column) for column in columns])


def unpack(cells: str, columns: Sequence[str]) -> Values:
    return dict(zip_longest(columns, json.loads(cells)))


def fold(cells: str) -> str:
    """The text of all cells for a search that ignores case; the separator keeps cells apart."""
    return "\x1f".join(cell_text(cell) for cell in json.loads(cells)).casefold()


def condition(search: str) -> tuple[str, list[str]]:
    """SQL and its parameters for the live rows that hold a text."""
    if not search:
        return "live = 1", []
    return "live = 1 AND instr(folded, ?) > 0", [search.casefold()]


def columns_of(db: sqlite3.Connection) -> list[str]:
    return json.loads(db.execute("SELECT value FROM meta WHERE key = 'columns'").fetchone()[0])


def live_cells(db: sqlite3.Connection, row_id: int) -> str | None:
    found = db.execute("SELECT cells FROM rows WHERE id = ? AND live = 1", [row_id]).fetchone()
    return found[0] if found else None


def load_row(db: sqlite3.Connection, row_id: int, columns: Sequence[str]) -> Row:
    """DataError if the row was deleted or never was."""
    query = "SELECT cells, version FROM rows WHERE id = ? AND live = 1"
    found = db.execute(query, [row_id]).fetchone()
    if not found:
        raise DataError(f"Row {row_id} is not in this dataset (it may have been deleted: undo brings it back).")
    return Row(row_id, unpack(found[0], columns), found[1])


def place_after(db: sqlite3.Connection, row_id: int | None) -> int:
    """A free position right behind a row, else behind all; moves the rows that follow where no gap is left."""
    if row_id is None:
        return db.execute("SELECT coalesce(max(position), 0) FROM rows").fetchone()[0] + GAP
    own = db.execute("SELECT position FROM rows WHERE id = ?", [row_id]).fetchone()[0]
    following = next_position(db, own)
    if following is not None and following - own < 2:
        spread_out(db, own)
        own = db.execute("SELECT position FROM rows WHERE id = ?", [row_id]).fetchone()[0]
        following = next_position(db, own)
    return own + GAP if following is None else (own + following) // 2


def next_position(db: sqlite3.Connection, position: int) -> int | None:
    return db.execute("SELECT min(position) FROM rows WHERE position > ?", [position]).fetchone()[0]


def spread_out(db: sqlite3.Connection, own: int) -> None:
    """Make gaps behind a position: among the next thousand rows if there is room, else among all."""
    query = "SELECT id, position FROM rows WHERE position > ? ORDER BY position LIMIT ?"
    crowd = db.execute(query, [own, CROWD]).fetchall()
    step = (crowd[-1][1] - own) // len(crowd)
    if step > CROWD:
        moved = [(own + number * step, row_id) for number, (row_id, _) in enumerate(crowd, 1)]
        db.executemany("UPDATE rows SET position = ? WHERE id = ?", moved)
        return
    db.execute(
        "UPDATE rows SET position = spread.number * ? FROM "
        "(SELECT id, row_number() OVER (ORDER BY position) AS number FROM rows) AS spread "
        "WHERE rows.id = spread.id",
        [GAP],
    )
