"""What each action does to which rows, as entries for the log. All functions run inside one transaction."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from studio.data.store.edit_log import CELLS, MARKS, Entry, make_change
from studio.data.store.marks import UNMARKED, Marks, check_marks, pack_marks, unite, unpack_marks
from studio.data.store.tables import Row, columns_of, live_rows, load_row, pack, place_after, unpack
from studio.errors import DataError

# Kinds of entries with which a row comes into being, rather than back from the trash. A rebirth: its addition had been
# undone, and a version brings it back.
REBIRTH = "rebirth"
BIRTHS = ("add", "duplicate", "split", REBIRTH)
# A deleted row that can be restored. An addition that was undone is no deletion: redo brings it back.
IN_TRASH = f"""
live = 0 AND NOT EXISTS (
    SELECT 1 FROM edits AS birth WHERE birth.row_id = rows.id
    AND birth.kind IN {BIRTHS} AND birth.part = '{CELLS}' AND birth.before IS NULL
    AND +birth.change = (SELECT last.change FROM edits AS last WHERE last.seq = rows.version))
"""


def edit_cells(
    db: sqlite3.Connection, kind: str, row_ids: Iterable[int] | None, values: Mapping[str, object]
) -> Iterator[Entry]:
    """An entry for every live row that these values alter."""
    columns = columns_of(db)
    for row in live_rows(db, row_ids):
        after = pack({**unpack(row.cells, columns), **values}, columns)
        if after != row.cells:
            yield Entry(kind, row.id, row.cells, after)


def edit_marks(
    db: sqlite3.Connection, row_ids: Iterable[int] | None, change: Callable[[Marks], Marks]
) -> Iterator[Entry]:
    """An entry for every live row whose marks `change` alters."""
    known: dict[str, str] = {}  # most rows are marked alike
    for row in live_rows(db, row_ids):
        if row.marks not in known:
            known[row.marks] = pack_marks(change(unpack_marks(row.marks)))
        if (after := known[row.marks]) != row.marks:
            yield Entry("mark", row.id, row.marks, after, MARKS)


def delete_rows(db: sqlite3.Connection, row_ids: Iterable[int] | None, kind: str = "delete") -> Iterator[Entry]:
    for row in live_rows(db, row_ids):
        yield Entry(kind, row.id, row.cells, None)


def change_each(
    db: sqlite3.Connection,
    edits: Mapping[int, Mapping[str, object]],
    deletes: Iterable[int],
    marks: Mapping[int, Marks],
) -> Iterator[Entry]:
    """Deletions, then edits and marks of the rows that are left, the entries of one row together."""
    gone = set(deletes)
    marks = {row_id: pack_marks(check_marks(kept)) for row_id, kept in marks.items()}
    columns = columns_of(db)
    for row in live_rows(db, {*edits, *marks, *gone}):
        if row.id in gone:
            yield Entry("delete", row.id, row.cells, None)
            continue
        after = pack({**unpack(row.cells, columns), **edits.get(row.id, {})}, columns)
        if row.id in edits and after != row.cells:
            yield Entry("edit", row.id, row.cells, after)
        if marks.get(row.id, row.marks) != row.marks:
            yield Entry("mark", row.id, row.marks, marks[row.id], MARKS)


def insert_row(
    db: sqlite3.Connection, kind: str, cells: str, after: int | None, marks: Marks = UNMARKED
) -> list[Entry]:
    """A row that is not live yet, right behind the row `after` or at the end, and the entries that bring it to life."""
    query = "INSERT INTO rows (position, live, cells, folded) VALUES (?, 0, '', '')"
    row_id = db.execute(query, [place_after(db, after)]).lastrowid
    entries = [Entry(kind, row_id, None, cells)]
    given = pack_marks(marks)
    if given != "{}":
        entries.append(Entry(kind, row_id, "{}", given, MARKS))
    return entries


def split_row(db: sqlite3.Connection, at: str, row: Row, parts: Sequence[Mapping[str, object]]) -> list[Row]:
    """The first part stays in the row, each further one becomes a row behind it; a part names what differs."""
    if len(parts) < 2:
        raise DataError(f"Row {row.id} cannot be split into {len(parts)}: give at least two parts.")
    columns = columns_of(db)
    texts = [pack({**row.values, **part}, columns) for part in parts]
    before = pack(row.values, columns)
    entries = [Entry("split", row.id, before, texts[0])] if texts[0] != before else []
    ids = [row.id]
    for cells in texts[1:]:
        born = insert_row(db, "split", cells, ids[-1], row.marks.for_copy())
        entries += born
        ids.append(born[0].row_id)
    make_change(db, at, f"the split of row {row.id} into {len(parts)} rows", entries)
    return [load_row(db, row_id) for row_id in ids]


def merge_rows(db: sqlite3.Connection, at: str, rows: Sequence[Row], values: Mapping[str, object]) -> Row:
    """The first row gets the values and what the others were marked with; the others go to the trash."""
    if len(rows) < 2:
        raise DataError("Merging takes at least two different rows. Choose another one as well.")
    columns = columns_of(db)
    kept, others = rows[0], rows[1:]
    before, after = pack(kept.values, columns), pack({**kept.values, **values}, columns)
    entries = [Entry("merge", kept.id, before, after)] if before != after else []
    marks, merged = pack_marks(kept.marks), pack_marks(merge_marks([row.marks for row in rows]))
    if marks != merged:
        entries.append(Entry("merge", kept.id, marks, merged, MARKS))
    entries += delete_rows(db, [row.id for row in others], "merge")
    make_change(db, at, f"the merging of {len(rows)} rows into row {kept.id}", entries)
    return load_row(db, kept.id)


def merge_marks(marks: Sequence[Marks]) -> Marks:
    """The first row's status with all tags and notes; golden if one is, so that no test row turns into training."""
    return replace(
        marks[0],
        tags=unite(tag for kept in marks for tag in kept.tags),
        note="\n".join(unite(kept.note for kept in marks if kept.note)),
        golden=any(kept.golden for kept in marks),
    )


def cells_in_trash(db: sqlite3.Connection, row_id: int) -> str | None:
    found = db.execute(f"SELECT cells FROM rows WHERE id = ? AND {IN_TRASH}", [row_id]).fetchone()
    return found and found[0]


def restore_rows(db: sqlite3.Connection, row_ids: Iterable[int]) -> Iterator[Entry]:
    for row_id in sorted(set(row_ids)):
        cells = cells_in_trash(db, row_id)
        if cells is not None:
            yield Entry("restore", row_id, None, cells)
