"""What was found out about each row by itself, kept by the content of the row, so that it is found out once.

The file lies in the dataset's cache folder; it is emptied when the roles, the checks or what is common change.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from functools import cache
from hashlib import blake2b
from pathlib import Path

from studio.data.checks.examine import Examined
from studio.errors import DataError

TABLES = """
CREATE TABLE IF NOT EXISTS basis (kind TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS examined (
    content BLOB PRIMARY KEY, facts TEXT NOT NULL, sketch BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counted (content BLOB PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID;
"""
KINDS = ("examined", "counted")  # what a row by itself shows; its length in tokens


class Records:
    """The open file; one process at a time. DataError if it cannot be read or written."""

    def __init__(self, db: sqlite3.Connection):
        self.db = db

    def require(self, kind: str, basis: str) -> None:
        """Forget everything of this kind unless it was found out on the same basis."""
        if self.read_basis(kind) != basis:
            self.ask(f"DELETE FROM {kind}")  # one of KINDS
            self.ask("INSERT OR REPLACE INTO basis VALUES (?, ?)", kind, basis)

    def read_basis(self, kind: str) -> str:
        found = self.ask("SELECT value FROM basis WHERE kind = ?", kind).fetchone()
        return found[0] if found else ""

    def has(self, kind: str, content: bytes) -> bool:
        return self.ask(f"SELECT 1 FROM {kind} WHERE content = ?", content).fetchone() is not None

    def save_examined(self, found: Iterable[tuple[bytes, Examined]]) -> None:
        lines = [(content, dump_examined(seen), seen.sketch) for content, seen in found]
        self.save("INSERT OR REPLACE INTO examined VALUES (?, ?, ?)", lines)

    def load_examined(self, content: bytes) -> Examined:
        return load_examined(*self.ask("SELECT facts, sketch FROM examined WHERE content = ?", content).fetchone())

    def save_counted(self, found: Iterable[tuple[bytes, Sequence]]) -> None:
        lines = [(content, json.dumps(facts)) for content, facts in found]
        self.save("INSERT OR REPLACE INTO counted VALUES (?, ?)", lines)

    def load_counted(self, content: bytes) -> list:
        return json.loads(self.ask("SELECT facts FROM counted WHERE content = ?", content).fetchone()[0])

    def keep_only(self, contents: Iterable[bytes]) -> None:
        """Forget what no row has any more."""
        self.ask("CREATE TEMP TABLE kept (content BLOB PRIMARY KEY) WITHOUT ROWID")
        self.save("INSERT OR IGNORE INTO kept VALUES (?)", ((content,) for content in contents))
        for kind in KINDS:
            self.ask(f"DELETE FROM {kind} WHERE content NOT IN (SELECT content FROM kept)")
        self.ask("DROP TABLE kept")

    def ask(self, query: str, *terms: object) -> sqlite3.Cursor:
        with told_as_ours():
            return self.db.execute(query, terms)

    def save(self, query: str, lines: Iterable[tuple]) -> None:
        """Write and keep: a run that is ended goes on from here."""
        with told_as_ours():
            self.db.executemany(query, lines)
            self.db.commit()


@contextmanager
def told_as_ours() -> Iterator[None]:
    """An error of this file as one, lest it be taken for one of the dataset's."""
    try:
        yield
    except sqlite3.Error as error:
        raise DataError(
            f"What the checks know about the rows cannot be read or written ({error}). Free some disk space if it is "
            "full, and run the checks again."
        ) from error


@contextmanager
def open_records(path: Path) -> Iterator[Records]:
    """The file, made if missing, made anew if it is damaged."""
    with told_as_ours():
        try:
            db = connect(path)
        except sqlite3.DatabaseError:
            path.unlink()
            db = connect(path)
    try:
        yield Records(db)
    finally:
        with suppress(sqlite3.Error):  # what was found out before an error is worth keeping
            db.commit()
        db.close()


def connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    try:
        db.execute("PRAGMA synchronous = OFF")  # it can be worked out again
        db.executescript(TABLES)
    except sqlite3.Error:
        db.close()
        raise
    return db


def dump_examined(seen: Examined) -> str:
    """All but the sketch as JSON."""
    return json.dumps(astuple(seen)[:-1], ensure_ascii=False, separators=(",", ":"))


def load_examined(facts: str, sketch: bytes) -> Examined:
    """The inverse of `dump_examined`."""
    faults, *rest = json.loads(facts)
    return Examined(tuple((name, detail) for name, detail in faults), *rest, sketch)


def content_of(cells: str) -> bytes:
    """16 bytes that stand for a row's cells as stored."""
    return blake2b(cells.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@cache
def rules_digest() -> str:
    """What the checks themselves are: other code may see other things in the same row."""
    digest = blake2b(digest_size=16)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
