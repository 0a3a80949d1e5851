"""The tables of a dataset's file, and how a file of the first schema becomes one of the present schema.

`rows` is what there is now: cells are a JSON list in the order of the columns, `folded` is the text that a search looks
through, `marks` is JSON as in `marks.py`. `version` is the entry of the log that last changed the cells or the life
of a row, `changed` the last one that touched it in any way. Positions leave gaps, so that a row can be put between two
others; a deleted row keeps its place, unseen (live = 0).
"""

import sqlite3

from studio.errors import DataError

SCHEMA = 2

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE rows (
    id INTEGER PRIMARY KEY, position INTEGER NOT NULL, live INTEGER NOT NULL DEFAULT 1,
    version INTEGER NOT NULL DEFAULT 0, cells TEXT NOT NULL, folded TEXT NOT NULL,
    marks TEXT NOT NULL DEFAULT '{}', changed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE edits (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, change INTEGER NOT NULL, kind TEXT NOT NULL,
    row_id INTEGER, before TEXT, after TEXT, undoes INTEGER, part TEXT NOT NULL DEFAULT 'cells');
CREATE TABLE changes (id INTEGER PRIMARY KEY AUTOINCREMENT, sentence TEXT NOT NULL, state TEXT NOT NULL);
"""
VERSIONS = """
CREATE TABLE versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, note TEXT NOT NULL, at TEXT NOT NULL,
    seq INTEGER NOT NULL, rows INTEGER NOT NULL, content_hash TEXT NOT NULL);
"""
INDEXES = """
CREATE INDEX rows_live ON rows (position) WHERE live = 1;
CREATE INDEX rows_position ON rows (position);
CREATE INDEX edits_row ON edits (row_id);
CREATE INDEX edits_change ON edits (change);
CREATE INDEX changes_state ON changes (state, id);
"""
LATER_INDEXES = """
CREATE INDEX rows_changed ON rows (changed);
CREATE INDEX rows_dead ON rows (version) WHERE live = 0;
"""
# From the first schema to the second.
UPGRADE = f"""
ALTER TABLE rows ADD COLUMN marks TEXT NOT NULL DEFAULT '{{}}';
ALTER TABLE rows ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE edits ADD COLUMN part TEXT NOT NULL DEFAULT 'cells';
UPDATE rows SET changed = version WHERE version > 0;
UPDATE edits SET part = 'mapping' WHERE row_id IS NULL;
{VERSIONS}{LATER_INDEXES}
PRAGMA user_version = {SCHEMA};
"""
# A file of the first schema, read as if it were one of the second; such views hide the tables of the same name.
AS_IF = """
CREATE TEMP VIEW rows AS SELECT *, '{}' AS marks, version AS changed FROM main.rows;
CREATE TEMP VIEW edits AS
    SELECT *, CASE WHEN row_id IS NULL THEN 'mapping' ELSE 'cells' END AS part FROM main.edits;
CREATE TEMP VIEW versions AS
    SELECT 0 AS id, '' AS name, '' AS note, '' AS at, 0 AS seq, 0 AS rows, '' AS content_hash WHERE 0;
"""


def make_tables(db: sqlite3.Connection) -> None:
    db.executescript(f"{TABLES}{VERSIONS}PRAGMA user_version = {SCHEMA};")


def make_indexes(db: sqlite3.Connection) -> None:
    """Apart from the tables, because an index is made faster when the rows are there."""
    db.executescript(INDEXES + LATER_INDEXES)


def schema_of(db: sqlite3.Connection) -> int:
    """1 for the first schema, which did not number itself. DataError for one this program does not know."""
    number = db.execute("PRAGMA user_version").fetchone()[0] or 1
    if number > SCHEMA:
        raise DataError(
            f"The dataset was written by a newer SFT Studio (schema {number}; this one knows up to {SCHEMA}). "
            "Update SFT Studio to open it."
        )
    return number


def read_as_present(db: sqlite3.Connection) -> None:
    """Let this connection read the file as one of the present schema, without changing it."""
    if schema_of(db) < SCHEMA:
        run_each(db, AS_IF)


def upgrade(db: sqlite3.Connection) -> None:
    """Bring the file to the present schema, inside the transaction that is open."""
    if schema_of(db) < SCHEMA:
        run_each(db, UPGRADE)


def run_each(db: sqlite3.Connection, script: str) -> None:
    """Statement by statement: `executescript` would end the open transaction."""
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)
