"""The append-only log of changes, and the tables it amounts to. All functions run inside one transaction.

A change is what one action did: one entry in `edits` for every row it touched. An entry says what the row was
and what it became (null: not there), so that it can be reversed. Undo and redo append reversed entries that point
at what they reverse; nothing is ever taken out of `edits`. `changes` only keeps which change is next to undo.
"""

import sqlite3
from dataclasses import dataclass

from studio.data.tables import Values, fold


@dataclass(frozen=True)
class Edit:
    """One entry as shown. `kind`: edit, add, duplicate, delete, undo or redo; `undoes`: the entry it reverses."""

    seq: int
    at: str
    kind: str
    before: Values | None
    after: Values | None
    undoes: int | None


@dataclass(frozen=True)
class Entry:
    """One entry as written. Without a row id it is about the mapping of the columns."""

    kind: str
    row_id: int | None
    before: str | None
    after: str | None
    undoes: int | None = None


def make_change(db: sqlite3.Connection, at: str, sentence: str, entries: list[Entry]) -> None:
    """Log and apply a new change; what had been undone can no longer be redone."""
    db.execute("UPDATE changes SET state = 'dropped' WHERE state = 'undone'")
    query = "INSERT INTO changes (sentence, state) VALUES (?, 'done')"
    append(db, at, db.execute(query, [sentence]).lastrowid, entries)


def append(db: sqlite3.Connection, at: str, change: int, entries: list[Entry]) -> None:
    query = "INSERT INTO edits (at, change, kind, row_id, before, after, undoes) VALUES (?, ?, ?, ?, ?, ?, ?)"
    for entry in entries:
        values = [at, change, entry.kind, entry.row_id, entry.before, entry.after, entry.undoes]
        apply(db, db.execute(query, values).lastrowid, entry)


def apply(db: sqlite3.Connection, seq: int, entry: Entry) -> None:
    """Bring a row, or the mapping, to what the entry says it became."""
    if entry.row_id is None:
        db.execute("UPDATE meta SET value = ? WHERE key = 'mapping'", [entry.after])
    elif entry.after is None:
        db.execute("UPDATE rows SET live = 0, version = ? WHERE id = ?", [seq, entry.row_id])
    else:
        query = "UPDATE rows SET live = 1, version = ?, cells = ?, folded = ? WHERE id = ?"
        db.execute(query, [seq, entry.after, fold(entry.after), entry.row_id])


def undo(db: sqlite3.Connection, at: str) -> str | None:
    """Reverse the last change that stands; returns what it was."""
    last = db.execute("SELECT max(id) FROM changes WHERE state = 'done'").fetchone()[0]
    return reverse(db, at, last, "undo", "undone")


def redo(db: sqlite3.Connection, at: str) -> str | None:
    """Reverse the last undo; returns what came back. Undone changes are the newest, so the oldest is next."""
    first = db.execute("SELECT min(id) FROM changes WHERE state = 'undone'").fetchone()[0]
    return reverse(db, at, first, "redo", "done")


def reverse(db: sqlite3.Connection, at: str, change: int | None, kind: str, state: str) -> str | None:
    """Append the reverse of every entry of a change that stands, last first."""
    if change is None:
        return None
    query = (
        "SELECT seq, row_id, before, after FROM edits WHERE change = ? AND seq NOT IN "
        "(SELECT undoes FROM edits WHERE change = ? AND undoes IS NOT NULL) ORDER BY seq DESC"
    )
    standing = db.execute(query, [change, change]).fetchall()
    append(db, at, change, [Entry(kind, row, after, before, seq) for seq, row, before, after in standing])
    db.execute("UPDATE changes SET state = ? WHERE id = ?", [state, change])
    return db.execute("SELECT sentence FROM changes WHERE id = ?", [change]).fetchone()[0]
