"""Named versions of a dataset: list them, compare two, bring one back.

A version is a place in the log; nothing is copied. What a part of a row was at a place is the `before` of its first
entry behind it, else what it is now (edit_log.py). The content hash is kept: what comes back can be held against it.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studio.data.files import listed, shown
from studio.data.store.changes import REBIRTH, cells_in_trash
from studio.data.store.dataset import Dataset
from studio.data.store.edit_log import CELLS, MAPPING, MARKS, Entry, last_seq, make_change
from studio.data.store.marks import check_note, unpack_marks
from studio.data.store.tables import BATCH, Row, columns_of, dump, hash_cells, hash_content, unpack
from studio.errors import DataError

LONGEST_NAME = 200
KINDS = ("marked", "changed", "removed", "added")

# Rows as they were at :seq; cells are null where a row was not there.
FIRST = "(SELECT seq FROM edits WHERE row_id = rows.id AND part = '{}' AND seq > :seq ORDER BY seq LIMIT 1)"
PAST = f"""
SELECT id,
    CASE WHEN cut IS NULL THEN CASE WHEN live THEN cells END
        ELSE (SELECT before FROM edits WHERE seq = cut) END AS was,
    CASE WHEN cut IS NULL THEN version ELSE coalesce(
        (SELECT max(seq) FROM edits WHERE row_id = id AND part = '{CELLS}' AND seq < cut), 0) END,
    CASE WHEN mark_cut IS NULL THEN marks ELSE (SELECT before FROM edits WHERE seq = mark_cut) END,
    CASE WHEN live THEN cells END, marks
FROM (SELECT *,
    CASE WHEN changed > :seq THEN {FIRST.format(CELLS)} END AS cut,
    CASE WHEN changed > :seq THEN {FIRST.format(MARKS)} END AS mark_cut
    FROM rows)
"""
# Rows that differ between two places, and how: the number of one of KINDS, from 1. 5: came and went in between.
DIFFERENT = f"""
WITH spans AS (
    SELECT row_id, part, min(seq) AS first, max(seq) AS last FROM edits
    WHERE seq > :low AND seq <= :high AND row_id IS NOT NULL GROUP BY row_id, part),
sides AS (
    SELECT spans.row_id, spans.part, start.before AS before, stop.after AS after FROM spans
    JOIN edits AS start ON start.seq = first JOIN edits AS stop ON stop.seq = last),
different AS (
    SELECT row_id, max(CASE
        WHEN part = '{MARKS}' THEN before <> after
        WHEN before IS NULL AND after IS NULL THEN 5
        WHEN before IS NULL THEN 4
        WHEN after IS NULL THEN 3
        WHEN before <> after THEN 2
        ELSE 0 END) AS kind
    FROM sides GROUP BY row_id)
"""


@dataclass(frozen=True)
class Version:
    """A named state. `at`: ISO time; `seq`: its place in the log; `rows`: how many there were."""

    id: int
    name: str
    note: str
    at: str
    seq: int
    rows: int
    content_hash: str


@dataclass(frozen=True)
class RowDiff:
    """A row that differs. `kind`: added, removed, changed (its cells) or marked (only its marks)."""

    row_id: int
    kind: str
    before: Row | None
    after: Row | None


@dataclass(frozen=True)
class Comparison:
    """How many rows differ, each counted once, and one page of them in the order of the dataset."""

    added: int
    removed: int
    changed: int
    marked: int
    page: list[RowDiff]


def save_version(dataset: Dataset, name: str, note: str = "", seq: int | None = None) -> Version:
    """Name the present state, or the one at `seq`; DataError if the name is empty or taken.

    It is no change, so it cannot be undone.
    """
    name = " ".join(name.split())[:LONGEST_NAME]
    if not name.isprintable() or not name:
        raise DataError("A version needs a name that can be seen, for example 'before cleaning'.")
    check_note(note)
    with dataset.connect() as db:
        db.execute("BEGIN")  # one state for all three, while others may go on writing
        seq = last_seq(db) if seq is None else seq
        rows, digest = hash_past(db, seq)
    with dataset.write() as db:
        if db.execute("SELECT 1 FROM versions WHERE name = ?", [name]).fetchone():
            raise DataError(
                f"There is a version {shown(name)} already. Versions are never replaced: choose another name."
            )
        values = (name, note, dataset.clock(), seq, rows, digest)
        query = "INSERT INTO versions (name, note, at, seq, rows, content_hash) VALUES (?, ?, ?, ?, ?, ?)"
        return Version(db.execute(query, values).lastrowid, *values)


def hash_past(db: sqlite3.Connection, seq: int) -> tuple[int, str]:
    """(how many rows there were at a place in the log, their content hash)."""
    if seq == last_seq(db):
        return db.execute("SELECT count(*) FROM rows WHERE live = 1").fetchone()[0], hash_content(db)
    found = db.execute(f"{PAST} ORDER BY position", {"seq": seq})
    texts = [cells for _, cells, *_ in found if cells is not None]
    return len(texts), hash_cells(columns_of(db), texts)


def list_versions(dataset: Dataset) -> list[Version]:
    """The versions, the newest first."""
    with dataset.connect() as db:
        return read_versions(db)


def read_versions(db: sqlite3.Connection) -> list[Version]:
    found = db.execute("SELECT id, name, note, at, seq, rows, content_hash FROM versions ORDER BY id DESC")
    return [Version(*values) for values in found]


def load_version(db: sqlite3.Connection, version_id: int) -> Version:
    """DataError, naming those there are, if there is none of that id."""
    versions = read_versions(db)
    for version in versions:
        if version.id == version_id:
            return version
    there = listed([version.name for version in versions])
    raise DataError(f"There is no version {version_id} of this dataset. There are {there or 'none yet'}.")


def rows_at(dataset: Dataset, version_id: int) -> Iterator[Row]:
    """The rows of a version in their order, with their marks."""
    with dataset.connect() as db:
        yield from past_rows(db, load_version(db, version_id).seq)


def past_rows(db: sqlite3.Connection, seq: int, row_ids: Sequence[int] | None = None) -> Iterator[Row]:
    """The rows (None: all), as they were at a place in the log, in their order."""
    columns = columns_of(db)
    among = "" if row_ids is None else "WHERE id IN (SELECT value FROM json_each(:ids))"
    found = db.execute(f"{PAST} {among} ORDER BY position", {"seq": seq, "ids": dump(list(row_ids or []))})
    for row_id, cells, version, marks, _, _ in found:
        if cells is not None:
            yield Row(row_id, unpack(cells, columns), version, unpack_marks(marks))


def compare_versions(
    dataset: Dataset,
    a: int,
    b: int | None = None,
    offset: int = 0,
    limit: int = 50,
    kinds: Sequence[str] = KINDS,
) -> Comparison:
    """What became of version `a` until version `b` (None: now), and a page of the rows, of these kinds only.

    `b` may be the older one: what was added since then is removed in this direction.
    """
    with dataset.connect() as db:
        db.execute("BEGIN")  # one state for the counts and the page
        start = load_version(db, a).seq
        end = last_seq(db) if b is None else load_version(db, b).seq
        names = KINDS if start <= end else ("marked", "changed", "added", "removed")
        span = {"low": min(start, end), "high": max(start, end)}
        query = f"{DIFFERENT} SELECT kind, count(*) FROM different WHERE kind BETWEEN 1 AND 4 GROUP BY kind"
        counts = {names[kind - 1]: count for kind, count in db.execute(query, span)}
        wanted = [number for number, name in enumerate(names, 1) if name in kinds]
        query = (
            f"{DIFFERENT} SELECT row_id, kind FROM different JOIN rows ON rows.id = row_id "
            "WHERE kind IN (SELECT value FROM json_each(:kinds)) ORDER BY position LIMIT :limit OFFSET :offset"
        )
        terms = span | {"kinds": dump(wanted), "limit": max(0, limit), "offset": max(0, offset)}
        page = {row_id: names[kind - 1] for row_id, kind in db.execute(query, terms)}
        before = {row.id: row for row in past_rows(db, start, list(page))}
        after = {row.id: row for row in past_rows(db, end, list(page))}
    diffs = [RowDiff(row_id, kind, before.get(row_id), after.get(row_id)) for row_id, kind in page.items()]
    return Comparison(**{kind: counts.get(kind, 0) for kind in KINDS}, page=diffs)


def restore_version(dataset: Dataset, version_id: int) -> int:
    """Make cells, rows, marks and roles what they were, as one undoable change; returns how many rows it touched.

    Rows that came later go to the trash, with their marks.
    """
    with dataset.write() as db:
        version = load_version(db, version_id)
        phrase = f"the return to version {shown(version.name)}"
        return make_change(db, dataset.clock(), phrase, way_back(db, version.seq))


def way_back(db: sqlite3.Connection, seq: int) -> Iterator[Entry]:
    """The entries that make all as it was at a place in the log; read in batches, while they are written."""
    query = f"{PAST} WHERE +changed > :seq AND id > :last ORDER BY id LIMIT :limit"
    last = 0
    while batch := db.execute(query, {"seq": seq, "last": last, "limit": BATCH}).fetchall():
        for row_id, was, _, old_marks, cells, marks in batch:
            if cells is None and was is not None:
                yield from revive(db, row_id, was)
            elif was != cells:
                yield Entry("version", row_id, cells, was)
            if old_marks != marks and was is not None:
                yield Entry("version", row_id, marks, old_marks, MARKS)
        last = batch[-1][0]
    yield from roles_back(db, seq)


def revive(db: sqlite3.Connection, row_id: int, was: str) -> Iterator[Entry]:
    """A row comes back: from the trash as it lies there, so that undo leaves that in the trash, and then as it was."""
    trashed = cells_in_trash(db, row_id)
    if trashed is None:
        yield Entry(REBIRTH, row_id, None, was)
        return
    yield Entry("version", row_id, None, trashed)
    if trashed != was:
        yield Entry("version", row_id, trashed, was)


def roles_back(db: sqlite3.Connection, seq: int) -> Iterator[Entry]:
    query = "SELECT before FROM edits WHERE part = ? AND seq > ? ORDER BY seq LIMIT 1"
    roles = db.execute(query, [MAPPING, seq]).fetchone()
    now = db.execute("SELECT value FROM meta WHERE key = 'mapping'").fetchone()
    if roles and roles != now:
        yield Entry("version", None, now[0], roles[0], MAPPING)
