"""One dataset: a SQLite file with the rows and an append-only log of every change.

A change is committed, and on the disk, before the call returns; undo and redo are changes like any other.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from studio.data.roles import Roles, as_roles, check_roles, load_roles
from studio.data.store import changes, edit_log, history
from studio.data.store.changes import IN_TRASH
from studio.data.store.dataset_file import DatasetFile
from studio.data.store.edit_log import MAPPING, Entry
from studio.data.store.history import Edit, HistoryLine
from studio.data.store.marks import Marks, make_marking
from studio.data.store.tables import Row, Values, columns_of, condition, dump, hash_content, load_row, pack, read_rows
from studio.errors import DataError


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


@dataclass(frozen=True)
class Trashed:
    """A deleted row as it was, and when it went (ISO time)."""

    row: Row
    at: str


class Dataset(DatasetFile):
    """A dataset on disk."""

    @property
    def name(self) -> str:
        return self.read_meta("name")

    @property
    def columns(self) -> list[str]:
        return self.read_meta("columns")

    @property
    def mapping(self) -> Roles:
        """Column -> role, with the options that reading the values needs."""
        return load_roles(self.read_meta("mapping"))

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
        inner = f"SELECT id FROM rows WHERE {where} ORDER BY position LIMIT ? OFFSET ?"  # runs over the index alone
        with self.connect() as db:
            return list(
                read_rows(db, f"WHERE id IN ({inner}) ORDER BY position", [*terms, max(0, limit), max(0, offset)])
            )

    def rows(self) -> Iterator[Row]:
        """All rows in their order, as they were when the iteration began."""
        with self.connect() as db:
            yield from read_rows(db, "WHERE live = 1 ORDER BY position")

    def rows_by_id(self, row_ids: Sequence[int]) -> list[Row]:
        """The rows with these ids, in that order; those that are gone are left out."""
        query = "WHERE live = 1 AND id IN (SELECT value FROM json_each(?))"
        with self.connect() as db:
            found = {row.id: row for row in read_rows(db, query, [json.dumps(list(row_ids))])}
        return [found[row_id] for row_id in row_ids if row_id in found]

    def row(self, row_id: int) -> Row:
        """DataError if it was deleted or never was."""
        with self.connect() as db:
            return load_row(db, row_id)

    def offset_of(self, row_id: int, search: str = "") -> int:
        """How many rows stand before it (with `search`: of those that match)."""
        where, terms = condition(search)
        query = f"SELECT count(*) FROM rows WHERE {where} AND position < "
        query += "(SELECT position FROM rows WHERE id = ?)"
        with self.connect() as db:
            load_row(db, row_id)
            return db.execute(query, [*terms, row_id]).fetchone()[0]

    def history(self, row_id: int) -> list[Edit]:
        """Every entry of the log about a row, oldest first."""
        with self.connect() as db:
            return history.read_history(db, row_id)

    def describe_history(self, row_id: int) -> list[HistoryLine]:
        """Why a row is as it is, in words, oldest first."""
        with self.connect() as db:
            return history.describe_history(db, row_id)

    def trash(self, offset: int, limit: int) -> list[Trashed]:
        """Deleted rows, the last deleted first."""
        query = f"WHERE {IN_TRASH} ORDER BY version DESC LIMIT ? OFFSET ?"
        with self.connect() as db:
            rows = list(read_rows(db, query, [max(0, limit), max(0, offset)]))
            times = [db.execute("SELECT at FROM edits WHERE seq = ?", [row.version]).fetchone()[0] for row in rows]
        return [Trashed(row, at) for row, at in zip(rows, times, strict=True)]

    def trash_count(self) -> int:
        with self.connect() as db:
            return db.execute(f"SELECT count(*) FROM rows WHERE {IN_TRASH}").fetchone()[0]

    def content_hash(self) -> str:
        """SHA-256 over the columns and every row's values in order; an edit and its undo bring it back."""
        with self.connect() as db:
            return hash_content(db)

    # Changing

    def edit(self, row_id: int, values: Mapping[str, object], version: int | None = None) -> Row:
        """Set some cells; with `version`, EditConflict if the row was changed since it was read so."""
        with self.write() as db:
            columns = columns_of(db)
            row = load_row(db, row_id)
            before, after = pack(row.values, columns), pack({**row.values, **values}, columns)
            if before == after:
                return row
            refuse_conflict(row, values, version)
            entry = Entry("edit", row_id, before, after)
            edit_log.make_change(db, self.clock(), f"the edit of row {row_id}", [entry])
            return load_row(db, row_id)

    def add(self, values: Mapping[str, object], after: int | None = None) -> Row:
        """A new row right behind the row `after`, else at the end; cells not given are empty text."""
        with self.write() as db:
            columns = columns_of(db)
            cells = pack({**dict.fromkeys(columns, ""), **values}, columns)
            if after is not None:
                load_row(db, after)
            entries = changes.insert_row(db, "add", cells, after)
            edit_log.make_change(db, self.clock(), lambda rows: f"the new {rows}", entries)
            return load_row(db, entries[0].row_id)

    def duplicate(self, row_id: int) -> Row:
        """A copy right behind the row, with its marks but for the approval and the note."""
        with self.write() as db:
            row = load_row(db, row_id)
            cells = pack(row.values, columns_of(db))
            entries = changes.insert_row(db, "duplicate", cells, row_id, row.marks.for_copy())
            edit_log.make_change(db, self.clock(), f"the copy of row {row_id}", entries)
            return load_row(db, entries[0].row_id)

    def delete(self, row_ids: Iterable[int]) -> int:
        """Delete rows by id, as one change; those already gone are passed over. Returns how many went."""
        with self.write() as db:
            gone = changes.delete_rows(db, row_ids)
            return edit_log.make_change(db, self.clock(), lambda rows: f"the deletion of {rows}", gone)

    def restore(self, row_ids: Iterable[int]) -> int:
        """Bring rows back from the trash, to their places, as one change; others are passed over. Returns how many."""
        with self.write() as db:
            back = changes.restore_rows(db, row_ids)
            return edit_log.make_change(db, self.clock(), lambda rows: f"the return of {rows} from the trash", back)

    def mark(
        self,
        row_ids: Iterable[int],
        *,
        status: str | None = None,
        add_tags: Iterable[str] = (),
        remove_tags: Iterable[str] = (),
        note: str | None = None,
        golden: bool | None = None,
    ) -> int:
        """Mark rows as one change; what is not given stays. Returns how many were marked otherwise before."""
        marking = make_marking(status, add_tags, remove_tags, note, golden)
        with self.write() as db:
            entries = changes.edit_marks(db, row_ids, marking.change)
            return edit_log.make_change(db, self.clock(), lambda rows: f"{marking.describe()} of {rows}", entries)

    def edit_many(self, edits: Mapping[int, Mapping[str, object]], sentence: str) -> int:
        """Set some cells of many rows as one change; see `change_rows`."""
        return self.change_rows(edits, (), {}, sentence)

    def change_rows(
        self,
        edits: Mapping[int, Mapping[str, object]],
        deletes: Iterable[int],
        marks: Mapping[int, Marks],
        sentence: str,
    ) -> int:
        """Cells to set, rows to delete and marks to give, by row id, as one change; returns how many rows it touched.

        `sentence` is what "Undid ..." says of it ("the repair of 12 rows"). Rows that are gone are passed over;
        DataError, and nothing is changed, for a column or a mark that cannot be.
        """
        with self.write() as db:
            entries = changes.change_each(db, edits, deletes, marks)
            return edit_log.make_change(db, self.clock(), sentence, entries)

    def split_row(self, row_id: int, parts: Sequence[Mapping[str, object]], version: int | None = None) -> list[Row]:
        """Split a row as one change: the first part stays in it, the others become rows right behind it.

        A part gives the values that differ from the row's. EditConflict as in `edit`.
        """
        with self.write() as db:
            row = load_row(db, row_id)
            refuse_conflict(row, parts[0] if parts else {}, version)
            return changes.split_row(db, self.clock(), row, parts)

    def merge_rows(self, row_ids: Sequence[int], values: Mapping[str, object]) -> Row:
        """Merge rows as one change: the first gets `values`, all tags and all notes; the others go to the trash."""
        with self.write() as db:
            rows = [load_row(db, row_id) for row_id in dict.fromkeys(row_ids)]
            return changes.merge_rows(db, self.clock(), rows, values)

    def set_mapping(self, mapping: Mapping[str, str]) -> None:
        """Give columns their roles (those not named: ignore); logged and undoable like any change.

        Roles bring their options; a plain mapping leaves the options as they are.
        """
        with self.write() as db:
            columns = columns_of(db)
            before = db.execute("SELECT value FROM meta WHERE key = 'mapping'").fetchone()[0]
            if not isinstance(mapping, Roles):
                mapping = Roles(mapping, load_roles(json.loads(before)).options)
            after = dump(complete_mapping(mapping, columns))
            if before != after:
                entry = Entry("mapping", None, before, after, MAPPING)
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

    def next_undo(self) -> str | None:
        """What `undo` would reverse ("the edit of row 5"); None if there is nothing."""
        with self.connect() as db:
            return edit_log.sentence_of(db, edit_log.next_undo(db))

    def next_redo(self) -> str | None:
        """What `redo` would bring back; None if there is nothing."""
        with self.connect() as db:
            return edit_log.sentence_of(db, edit_log.next_redo(db))


def refuse_conflict(row: Row, values: Mapping[str, object], version: int | None) -> None:
    """EditConflict if the row is no longer as it was when it had that version."""
    if version is not None and version != row.version:
        raise EditConflict(
            f"Row {row.id} was changed somewhere else after you opened it, so your text was not saved. "
            "Look at both and choose which to keep.",
            dict(values),
            row,
        )


def complete_mapping(mapping: Mapping[str, str], columns: list[str]) -> dict:
    """A role for every column, in their order, as stored; DataError for a column or a role there is not."""
    check_roles(columns, mapping)
    roles = {column: mapping.get(column, "ignore") for column in columns}
    return Roles(roles, as_roles(mapping).options).to_json()
