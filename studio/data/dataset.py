"""One dataset: a SQLite file with the rows and an append-only log of every change.

A change is committed, and on the disk, before the call returns; undo and redo are changes like any other.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from studio.data import edit_log, tables
from studio.data.edit_log import Edit, Entry
from studio.data.files import listed
from studio.data.tables import Row, Values, columns_of, condition, dump, live_cells, load_row, pack, unpack
from studio.errors import DataError

Clock = Callable[[], str]


@dataclass(frozen=True)
class DatasetInfo:
    """What a list of datasets shows. `modified`: ISO time of the last change."""

    id: str
    name: str
    rows: int
    modified: str


class EditConflict(DataError):
    """Somebody changed the row in the meantime. `mine`: the values asked for; `theirs`: the row as it is."""

    def __init__(self, message: str, mine: Values, theirs: Row):
        super().__init__(message)
        self.mine = mine
        self.theirs = theirs


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class Dataset:
    """A dataset on disk; holds no connection and no state, so it may be shared between threads."""

    path: Path
    clock: Clock = utc_now

    @property
    def id(self) -> str:
        return self.path.stem

    @property
    def name(self) -> str:
        return self.read_meta("name")

    @property
    def columns(self) -> list[str]:
        return self.read_meta("columns")

    @property
    def mapping(self) -> dict[str, str]:
        """Column -> role."""
        return self.read_meta("mapping")

    @property
    def source(self) -> dict:
        """Where the rows came from, as given to `create_dataset`."""
        return self.read_meta("source")

    @property
    def version(self) -> int:
        """Grows with every change to rows or mapping, and never otherwise; cheap to poll."""
        with self.connect() as db:
            return db.execute("SELECT coalesce(max(seq), 0) FROM edits").fetchone()[0]

    def info(self) -> DatasetInfo:
        with self.connect() as db:
            rows = db.execute("SELECT count(*) FROM rows WHERE live = 1").fetchone()[0]
            last = db.execute("SELECT at FROM edits ORDER BY seq DESC LIMIT 1").fetchone()
            meta = {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM meta")}
        return DatasetInfo(self.id, meta["name"], rows, last[0] if last else meta["created"])

    # Reading

    def count(self, search: str = "") -> int:
        """Rows there are; with `search`, those in which a cell holds that text (case ignored)."""
        where, terms = condition(search)
        with self.connect() as db:
            return db.execute(f"SELECT count(*) FROM rows WHERE {where}", terms).fetchone()[0]

    def page(self, offset: int, limit: int, search: str = "") -> list[Row]:
        """At most `limit` rows in their order, after the first `offset`."""
        where, terms = condition(search)
        query = (  # the inner query runs over the index alone
            "SELECT id, cells, version FROM rows WHERE id IN "
            f"(SELECT id FROM rows WHERE {where} ORDER BY position LIMIT ? OFFSET ?) ORDER BY position"
        )
        with self.connect() as db:
            columns = columns_of(db)
            found = db.execute(query, [*terms, max(0, limit), max(0, offset)])
            return [Row(row_id, unpack(cells, columns), version) for row_id, cells, version in found]

    def rows(self) -> Iterator[Row]:
        """All rows in their order, as they were when the iteration began."""
        with self.connect() as db:
            columns = columns_of(db)
            query = "SELECT id, cells, version FROM rows WHERE live = 1 ORDER BY position"
            for row_id, cells, version in db.execute(query):
                yield Row(row_id, unpack(cells, columns), version)

    def row(self, row_id: int) -> Row:
        """DataError if it was deleted or never was."""
        with self.connect() as db:
            return load_row(db, row_id, columns_of(db))

    def offset_of(self, row_id: int, search: str = "") -> int:
        """How many rows stand before it (with `search`: of those that match)."""
        where, terms = condition(search)
        query = f"SELECT count(*) FROM rows WHERE {where} AND position < "
        query += "(SELECT position FROM rows WHERE id = ?)"
        with self.connect() as db:
            load_row(db, row_id, columns_of(db))
            return db.execute(query, [*terms, row_id]).fetchone()[0]

    def history(self, row_id: int) -> list[Edit]:
        """Every entry of the log about a row, oldest first."""
        query = "SELECT seq, at, kind, before, after, undoes FROM edits WHERE row_id = ? ORDER BY seq"
        with self.connect() as db:
            columns = columns_of(db)
            return [
                Edit(seq, at, kind, before and unpack(before, columns), after and unpack(after, columns), undoes)
                for seq, at, kind, before, after, undoes in db.execute(query, [row_id])
            ]

    def content_hash(self) -> str:
        """SHA-256 over the columns and every row's values in order; an edit and its undo bring it back."""
        digest = hashlib.sha256()
        with self.connect() as db:
            digest.update(json.dumps(columns_of(db)).encode())
            for (cells,) in db.execute("SELECT cells FROM rows WHERE live = 1 ORDER BY position"):
                digest.update(b"\n" + cells.encode())
        return digest.hexdigest()

    # Changing

    def edit(self, row_id: int, values: Mapping[str, object], version: int | None = None) -> Row:
        """Set some cells; with `version`, EditConflict if the row was changed since it was read so."""
        with self.write() as db:
            columns = columns_of(db)
            row = load_row(db, row_id, columns)
            before, after = pack(row.values, columns), pack({**row.values, **values}, columns)
            if before == after:
                return row
            if version is not None and version != row.version:
                raise EditConflict(
                    f"Row {row_id} was changed somewhere else after you opened it, so your text was not saved. "
                    "Look at both and choose which to keep.",
                    dict(values),
                    row,
                )
            entry = Entry("edit", row_id, before, after)
            edit_log.make_change(db, self.clock(), f"the edit of row {row_id}", [entry])
            return load_row(db, row_id, columns)

    def add(self, values: Mapping[str, object], after: int | None = None) -> Row:
        """A new row right behind the row `after`, else at the end; cells not given are empty text."""
        with self.write() as db:
            columns = columns_of(db)
            cells = pack({**dict.fromkeys(columns, ""), **values}, columns)
            return self.insert(db, "add", cells, after)

    def duplicate(self, row_id: int) -> Row:
        """A copy right behind the row."""
        with self.write() as db:
            columns = columns_of(db)
            cells = pack(load_row(db, row_id, columns).values, columns)
            return self.insert(db, "duplicate", cells, row_id)

    def insert(self, db: sqlite3.Connection, kind: str, cells: str, after: int | None) -> Row:
        columns = columns_of(db)
        if after is not None:
            load_row(db, after, columns)
        query = "INSERT INTO rows (position, live, cells, folded) VALUES (?, 0, '', '')"
        row_id = db.execute(query, [tables.place_after(db, after)]).lastrowid
        sentence = f"the new row {row_id}" if kind == "add" else f"the copy of row {after}"
        edit_log.make_change(db, self.clock(), sentence, [Entry(kind, row_id, None, cells)])
        return load_row(db, row_id, columns)

    def delete(self, row_ids: Iterable[int]) -> int:
        """Delete rows by id, as one change; those already gone are passed over. Returns how many went."""
        with self.write() as db:
            found = {row_id: live_cells(db, row_id) for row_id in row_ids}
            gone = [Entry("delete", row_id, cells, None) for row_id, cells in found.items() if cells is not None]
            if gone:
                what = f"row {gone[0].row_id}" if len(gone) == 1 else f"{len(gone)} rows"
                edit_log.make_change(db, self.clock(), f"the deletion of {what}", gone)
            return len(gone)

    def set_mapping(self, mapping: Mapping[str, str]) -> None:
        """Give columns their roles (those not named: ignore); logged and undoable like any change."""
        with self.write() as db:
            columns = columns_of(db)
            before = db.execute("SELECT value FROM meta WHERE key = 'mapping'").fetchone()[0]
            after = dump(complete_mapping(mapping, columns))
            if before != after:
                entry = Entry("mapping", None, before, after)
                edit_log.make_change(db, self.clock(), "the new roles of the columns", [entry])

    def undo(self) -> str | None:
        """Reverse the last change that stands; a sentence that says what, None if there is nothing to undo."""
        with self.write() as db:
            what = edit_log.undo(db, self.clock())
        return what and f"Undid {what}."

    def redo(self) -> str | None:
        """Bring back what was undone last, unless something was changed since; None if there is nothing."""
        with self.write() as db:
            what = edit_log.redo(db, self.clock())
        return what and f"Redid {what}."

    # Connections

    def read_meta(self, key: str):
        with self.connect() as db:
            return json.loads(db.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchone()[0])

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own for every call: handlers run in many threads."""
        if not self.path.is_file():
            raise DataError(f"The dataset '{self.id}' is no longer there. Choose another one.")
        try:
            with closing(tables.open_file(self.path)) as db:
                yield db
        except sqlite3.Error as error:
            fault = f"The dataset '{self.id}' cannot be read or written ({error})."
            raise DataError(f"{fault} {tables.mend(error)}") from error

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: after the block all of it is on the disk, or nothing is."""
        with self.connect() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")


def complete_mapping(mapping: Mapping[str, str], columns: list[str]) -> dict[str, str]:
    """A role for every column, in their order; DataError for a column there is not."""
    unknown = [column for column in mapping if column not in columns]
    if unknown:
        raise DataError(f"There is no column {listed(unknown)}. The columns are {listed(columns)}.")
    return {column: mapping.get(column, "ignore") for column in columns}
