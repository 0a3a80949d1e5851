"""What the last run of the checks found, as far as the rows are still what they were.

What was found about a row holds until its cells change: a row that was repaired, edited, deleted or discarded since is
in no list and no count, and is stale until the checks run again. Of rows that belong together two or more must be left.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from studio.data.checks.catalogue import CATALOGUE, SEVERITIES, Check, find_check
from studio.data.checks.survey import Finding
from studio.data.store.dataset import Dataset
from studio.data.store.edit_log import MARKS
from studio.errors import DataError
from studio.home import Home

RESULTS = "checks.db"
IN_COMPANY = ("conflicting_answers", "near_duplicates", "leakage")
# Copies stand without the row that they are copies of: if that changed, they may be none.
COPIES = ("duplicate_rows", "duplicate_prompts")
WITHOUT_A_CHOICE = ("conflicting_answers", "duplicate_prompts")
# As marks are stored (store/marks.py).
DISCARDED = """(instr({}, '"status":"discarded"') > 0)"""
STALE = "CREATE TEMP TABLE stale (row_id INTEGER PRIMARY KEY, gone INTEGER NOT NULL)"
FRESH = f"""
CREATE TEMP VIEW fresh AS SELECT * FROM findings WHERE row_id NOT IN (SELECT row_id FROM stale)
    AND (name NOT IN {COPIES} OR group_id NOT IN (SELECT row_id FROM stale))
"""
STANDING = f"""
CREATE TEMP VIEW standing AS SELECT * FROM fresh WHERE name NOT IN {IN_COMPANY} OR (name, group_id) IN (
    SELECT name, group_id FROM fresh WHERE name IN {IN_COMPANY} GROUP BY name, group_id HAVING count(*) > 1)
"""
# Rows that the last run did not see as they are: their cells or life changed, new and deleted ones too, or the review
# discarded them or took them back. `gone`: they need no new look.
CHANGED = f"""
SELECT id, live = 0 OR {DISCARDED.format("marks")} FROM rows WHERE changed > :seq AND (version > :seq OR id IN (
    SELECT row_id FROM edits WHERE seq > :seq AND part = '{MARKS}'
    AND {DISCARDED.format("before")} <> {DISCARDED.format("after")} GROUP BY row_id HAVING count(*) % 2 = 1))
"""


@dataclass(frozen=True)
class CheckCount(Check):
    """A check with the number of rows that it found. `repairable`: repairs can be proposed without asking."""

    count: int = 0
    repairable: bool = False
    looked: bool = True
    """False for a check that did not run, as lengths in tokens without a tokenizer"""


@dataclass(frozen=True)
class Summary:
    """The last run: `state` is "none", "current", or "outdated" when rows or roles changed since.

    `at`: ISO time; `stale_rows`: rows that were added or changed since; `checks`: worst first, then by count.
    """

    state: str
    at: str
    stale_rows: int
    checks: list[CheckCount]


def read_summary(home: Home, dataset: Dataset) -> Summary:
    """What each check found; all counts are 0 before the first run."""
    with open_results(home, dataset) as db:
        if db is None:
            return Summary("none", "", 0, arrange({}, False))
        meta = read_meta(db)
        counts = dict(db.execute("SELECT name, count(*) FROM standing GROUP BY name"))
        stale, gone = db.execute("SELECT count(*), coalesce(sum(gone), 0) FROM stale").fetchone()
        same = meta["roles"] == dataset.mapping.to_json()
    outdated = bool(stale or not same)
    checks = arrange(counts, bool(meta["options"].get("model")))
    return Summary("outdated" if outdated else "current", meta["at"], stale - gone, checks)


def arrange(counts: dict[str, int], tokens: bool) -> list[CheckCount]:
    """The checks, worst first."""
    found = [
        CheckCount(
            **check.__dict__,
            count=counts.get(check.name, 0),
            repairable=check.name not in WITHOUT_A_CHOICE,
            looked=tokens or check.name != "too_long",
        )
        for check in CATALOGUE
    ]
    return sorted(found, key=lambda check: (not check.count, SEVERITIES.index(check.severity), -check.count))


def read_findings(home: Home, dataset: Dataset, name: str, offset: int = 0, limit: int = 50) -> list[Finding]:
    """A page of what one check found; rows that belong together follow each other. DataError for an unknown check."""
    find_check(name)
    query = (
        "SELECT row_id, group_id, detail, name, proposed FROM standing WHERE name = ? "
        "ORDER BY coalesce(group_id, row_id), row_id LIMIT ? OFFSET ?"
    )
    with open_results(home, dataset) as db:
        found = db.execute(query, [name, limit, max(0, offset)]) if db else ()
        return [Finding(*line) for line in found]


def findings_of(home: Home, dataset: Dataset, row_id: int) -> list[Finding]:
    """What the checks found about one row."""
    query = "SELECT row_id, group_id, detail, name, proposed FROM standing WHERE row_id = ? ORDER BY name"
    with open_results(home, dataset) as db:
        found = db.execute(query, [row_id]) if db else ()
        return [Finding(*line) for line in found]


def find_checks_of(home: Home, dataset: Dataset, row_ids: Sequence[int]) -> dict[int, list[str]]:
    """Row id -> names of the checks that found it, for those of the rows in which something was found."""
    query = "SELECT DISTINCT row_id, name FROM standing WHERE row_id IN (SELECT value FROM json_each(?)) ORDER BY name"
    names: dict[int, list[str]] = {}
    with open_results(home, dataset) as db:
        for row_id, name in db.execute(query, [json.dumps(list(row_ids))]) if db else ():
            names.setdefault(row_id, []).append(name)
    return names


def clusters(home: Home, dataset_id: str) -> dict[int, int]:
    """Row id -> the lowest row id of those with the same or nearly the same prompt; rows that stand alone are missing.

    As of the last run; empty before the first one.
    """
    path = home.cache(dataset_id) / RESULTS
    if not path.is_file():
        return {}
    with closing(connect(path)) as db:
        return dict(db.execute("SELECT row_id, representative FROM clusters"))


@contextmanager
def open_results(home: Home, dataset: Dataset) -> Iterator[sqlite3.Connection | None]:
    """The results with a view `standing` on what still holds; None before the first run.

    None as well if they are of a later state than the dataset has: it was put back to an older copy.
    """
    path = home.cache(dataset.id) / RESULTS
    if not path.is_file():
        yield None
        return
    with closing(connect(path)) as db:
        try:
            seq = read_meta(db)["seq"]
            if seq > dataset.version:
                yield None
                return
            db.execute(STALE)
            db.executemany("INSERT INTO stale VALUES (?, ?)", changed_since(dataset, seq))
            db.execute(FRESH)
            db.execute(STANDING)
            yield db
        except sqlite3.DatabaseError as error:
            raise DataError(f"The results of the checks cannot be read ({error}). Run the checks again.") from error


def connect(path) -> sqlite3.Connection:
    return sqlite3.connect(path.as_uri() + "?mode=ro", uri=True, isolation_level=None)


def read_meta(db: sqlite3.Connection) -> dict:
    return {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM meta")}


def changed_since(dataset: Dataset, seq: int) -> list[tuple[int, int]]:
    """(row id, whether it is gone) of the rows that are not what they were at that entry of the log."""
    with dataset.connect() as db:
        return db.execute(CHANGED, {"seq": seq}).fetchall()
