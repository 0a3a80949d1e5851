"""The rows inside a dataset's file: how one is written, read and found, and where it stands (tables: schema.py)."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path

from studio.data.files import listed
from studio.data.roles.conversations import cell_text
from studio.data.store.marks import UNMARKED, Marks, unpack_marks
from studio.errors import DataError

GAP = 2**32
CROWD = 1000
BUSY_SECONDS = 10.0
BATCH = 1000

Values = dict[str, object]


@dataclass(frozen=True)
class Row:
    """A row as it is now.

    `version` grows with every change to its cells, not to its marks; `edit` takes it back to detect a conflict.
    """

    id: int
    values: Values
    version: int
    marks: Marks = UNMARKED


@dataclass(frozen=True)
class Stored:
    """A live row as it lies in the file."""

    id: int
    cells: str
    version: int
    marks: str


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


def read_rows(db: sqlite3.Connection, rest: str, terms: Sequence = ()) -> Iterator[Row]:
    """Rows, with `rest` behind 'FROM rows'; nothing is read ahead."""
    columns = columns_of(db)
    for row_id, cells, version, marks in db.execute(f"SELECT id, cells, version, marks FROM rows {rest}", terms):
        yield Row(row_id, unpack(cells, columns), version, unpack_marks(marks))


def load_row(db: sqlite3.Connection, row_id: int) -> Row:
    """DataError if the row was deleted or never was."""
    for row in read_rows(db, "WHERE id = ? AND live = 1", [row_id]):
        return row
    raise DataError(f"Row {row_id} is not in this dataset (it may have been deleted: undo brings it back).")


def hash_content(db: sqlite3.Connection) -> str:
    """SHA-256 over the columns and every live row's cells in order."""
    found = db.execute("SELECT cells FROM rows WHERE live = 1 ORDER BY position")
    return hash_cells(columns_of(db), (cells for (cells,) in found))


def hash_cells(columns: Sequence[str], texts: Iterable[str]) -> str:
    """SHA-256 over columns and the cells of rows as stored."""
    digest = hashlib.sha256(json.dumps(columns).encode())
    for cells in texts:
        digest.update(b"\n" + cells.encode())
    return digest.hexdigest()


def live_rows(db: sqlite3.Connection, row_ids: Iterable[int] | None = None) -> Iterator[Stored]:
    """The live rows among these ids (None: all), by id, each once.

    Read in batches, so that a writer may change them meanwhile.
    """
    query = "SELECT id, cells, version, marks FROM rows WHERE live = 1 AND "
    if row_ids is None:
        query += "id > ? ORDER BY id LIMIT ?"
        last = 0
        while batch := db.execute(query, [last, BATCH]).fetchall():
            last = batch[-1][0]
            yield from (Stored(*found) for found in batch)
    else:
        query += "id IN (SELECT value FROM json_each(?)) ORDER BY id"
        for ids in batches(sorted(set(row_ids))):
            yield from (Stored(*found) for found in db.execute(query, [json.dumps(ids)]).fetchall())


def batches(items: Iterable, size: int = BATCH) -> Iterator[list]:
    """The items in lists of `size`, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


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
    """Make gaps behind a position: among the next thousand rows if there is room, else among all; their order stays.

    That is no change of a row: who needs to know where rows stand must keep their order, not their positions.
    """
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
