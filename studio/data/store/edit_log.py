"""The append-only log of changes, and the tables it amounts to. All functions run inside one transaction.

A change is what one action did. It has an entry in `edits` for every part of every row it touched: the cells (with the
row's life: null is not there), the marks; or the mapping of the columns, which belongs to no row. An entry says what
the part was and what it became, so that it can be reversed. (A row may come back and then be altered in one change.)
Undo and redo append reversed entries that point at what they reverse; nothing is ever taken out of `edits`. `changes`
only keeps which change is next to undo.

What a part was at some entry of the log is therefore the `before` of its first entry after that, else what it is now.
Versions stand on this (versions.py).
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from studio.data.store.tables import BATCH, batches, fold

CELLS, MARKS, MAPPING = "cells", "marks", "mapping"

# What a change is called behind "Undid ...": a text, or a function of the rows it touched ("row 5", "12 rows").
Phrase = str | Callable[[str], str]


@dataclass(frozen=True)
class Entry:
    """One entry as written. `row_id` is None for the mapping alone."""

    kind: str
    row_id: int | None
    before: str | None
    after: str | None
    part: str = CELLS
    undoes: int | None = None


def make_change(db: sqlite3.Connection, at: str, phrase: Phrase, entries: Iterable[Entry]) -> int:
    """Log and apply a new change; what had been undone can no longer be redone. Returns how many rows it touched.

    The entries of one row must follow each other. They may come from a generator that reads the same tables in
    batches (`live_rows`): they are written in batches as well. Without entries there is no change.
    """
    entries = iter(entries)
    first = next(entries, None)
    if first is None:
        return 0
    db.execute("UPDATE changes SET state = 'dropped' WHERE state = 'undone'")
    change = db.execute("INSERT INTO changes (sentence, state) VALUES ('', 'done')").lastrowid
    touched = append(db, at, change, chain([first], entries))
    if callable(phrase):
        phrase = phrase(f"row {first.row_id}" if touched == 1 else f"{touched} rows")
    db.execute("UPDATE changes SET sentence = ? WHERE id = ?", [phrase, change])
    return touched


def append(db: sqlite3.Connection, at: str, change: int, entries: Iterable[Entry]) -> int:
    """Write and apply the entries; returns how many rows they are about."""
    touched, last = 0, None
    query = "INSERT INTO edits (seq, at, change, kind, row_id, before, after, part, undoes) VALUES (?, ?, ?, "
    query += "?, ?, ?, ?, ?, ?)"
    for batch in batches(entries):
        numbered = list(enumerate(batch, last_seq(db) + 1))
        db.executemany(
            query,
            [(seq, at, change, e.kind, e.row_id, e.before, e.after, e.part, e.undoes) for seq, e in numbered],
        )
        apply(db, numbered)
        for entry in batch:
            touched += entry.row_id is not None and entry.row_id != last
            last = entry.row_id
    return touched


def last_seq(db: sqlite3.Connection) -> int:
    return db.execute("SELECT coalesce(max(seq), 0) FROM edits").fetchone()[0]


def apply(db: sqlite3.Connection, numbered: list[tuple[int, Entry]]) -> None:
    """Bring rows, or the mapping, to what the entries say they became. A row is altered before it goes, never after."""
    cells = [(seq, e) for seq, e in numbered if e.part == CELLS]
    db.executemany(
        "UPDATE rows SET live = 1, version = ?1, changed = ?1, cells = ?2, folded = ?3 WHERE id = ?4",
        [(seq, e.after, fold(e.after), e.row_id) for seq, e in cells if e.after is not None],
    )
    db.executemany(
        "UPDATE rows SET live = 0, version = ?1, changed = ?1 WHERE id = ?2",
        [(seq, e.row_id) for seq, e in cells if e.after is None],
    )
    db.executemany(
        "UPDATE rows SET changed = ?, marks = ? WHERE id = ?",
        [(seq, e.after, e.row_id) for seq, e in numbered if e.part == MARKS],
    )
    db.executemany(
        "UPDATE meta SET value = ? WHERE key = 'mapping'", [[e.after] for _, e in numbered if e.part == MAPPING]
    )


def undo(db: sqlite3.Connection, at: str) -> str | None:
    """Reverse the last change that stands; returns what it was."""
    return reverse(db, at, next_undo(db), "undo", "undone")


def redo(db: sqlite3.Connection, at: str) -> str | None:
    """Reverse the last undo; returns what came back."""
    return reverse(db, at, next_redo(db), "redo", "done")


def next_undo(db: sqlite3.Connection) -> int | None:
    return db.execute("SELECT max(id) FROM changes WHERE state = 'done'").fetchone()[0]


def next_redo(db: sqlite3.Connection) -> int | None:
    """Undone changes are the newest, so the oldest of them is next."""
    return db.execute("SELECT min(id) FROM changes WHERE state = 'undone'").fetchone()[0]


def sentence_of(db: sqlite3.Connection, change: int | None) -> str | None:
    found = db.execute("SELECT sentence FROM changes WHERE id = ?", [change]).fetchone()
    return found and found[0]


def reverse(db: sqlite3.Connection, at: str, change: int | None, kind: str, state: str) -> str | None:
    """Append the reverse of every entry of a change that stands, last first."""
    if change is None:
        return None
    append(db, at, change, reversed_entries(db, change, kind))
    db.execute("UPDATE changes SET state = ? WHERE id = ?", [state, change])
    return sentence_of(db, change)


def reversed_entries(db: sqlite3.Connection, change: int, kind: str) -> Iterator[Entry]:
    """A change is always reversed whole, so the entries that stand are the last ones, as many as it began with."""
    query = "SELECT count(*) FROM edits WHERE change = ? AND undoes IS NULL"
    standing = db.execute(query, [change]).fetchone()[0]
    before = last_seq(db) + 1
    query = "SELECT seq, row_id, before, after, part FROM edits WHERE change = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
    while standing:
        batch = db.execute(query, [change, before, min(standing, BATCH)]).fetchall()
        for seq, row_id, was, became, part in batch:
            yield Entry(kind, row_id, became, was, part, seq)
        standing, before = standing - len(batch), batch[-1][0]
