"""All checks on a dataset, in a process of their own: `run`, started by studio/data/background.py as "checks".

What each row shows by itself is kept by its content (records.py), so that a second run after few edits looks only at
those. Discarded rows count as if they were not there. The results are written as a whole into `checks.db` in the cache
folder:

    findings(name, row_id, group_id, detail, proposed)
    clusters(row_id, representative)      rows with the same or nearly the same prompt
    languages(row_id, prompt, answer)     ISO 639-1, or "" where it cannot be told
    tokens(row_id, prompt, answer, total) if a tokenizer was given (tokens.py)
    meta(key, value)                      at, seq (the dataset's version), roles, options
"""

import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import astuple, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from studio.data.checks.crew import Setup, examine_all
from studio.data.checks.records import Records, content_of, open_records, rules_digest, told_as_ours
from studio.data.checks.rows import read_parts
from studio.data.checks.sketches import MOST_SAMPLES, Parts, find_common
from studio.data.checks.survey import Finding, Outcome, Survey, conclude
from studio.data.checks.tokens import CHUNK, Counted, TokenCounter, find_long, make_counter
from studio.data.roles import Roles
from studio.data.roles.conversations import check_mapping, to_example
from studio.data.store import open_dataset
from studio.data.store.marks import unpack_marks
from studio.data.store.tables import columns_of, unpack
from studio.errors import DataError
from studio.home import Home
from studio.templates.rendering import Renderer

if TYPE_CHECKING:
    import numpy as np

RESULTS, RECORDS = "checks.db", "checks.records.db"
TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE findings (name TEXT NOT NULL, row_id INTEGER NOT NULL, group_id INTEGER, detail TEXT NOT NULL,
    proposed TEXT NOT NULL);
CREATE TABLE clusters (row_id INTEGER PRIMARY KEY, representative INTEGER NOT NULL);
CREATE TABLE languages (row_id INTEGER PRIMARY KEY, prompt TEXT NOT NULL, answer TEXT NOT NULL);
CREATE TABLE tokens (row_id INTEGER PRIMARY KEY, prompt INTEGER NOT NULL, answer INTEGER NOT NULL,
    total INTEGER NOT NULL);
"""
INDEXES = """
CREATE INDEX findings_name ON findings (name, group_id, row_id);
CREATE INDEX findings_row ON findings (row_id, name);
"""
WORK = 250
PROCESSES = 2
WORTH_HELPERS = 1500
# As long as the dataset has about as many rows, what is common in it is taken to be what it was.
SAME_SIZE = (0.8, 1.25)

Report = Callable[[str, int, int], None]
Stopped = Callable[[], bool]


@dataclass(frozen=True)
class Snapshot:
    """A dataset as it was when the run began, whatever is edited meanwhile: one read transaction."""

    db: sqlite3.Connection
    columns: list[str]
    mapping: Roles
    count: int
    seq: int

    def discarded(self) -> set[int]:
        """Rows that nobody wants any more: nothing is found in them, and no other row is compared with them."""
        query = "SELECT id, marks FROM rows WHERE live = 1 AND instr(marks, 'discarded') > 0"
        return {row_id for row_id, marks in self.db.execute(query) if unpack_marks(marks).status == "discarded"}

    def rows(self) -> Iterator[tuple[int, bytes, str]]:
        """(row id, content, cells) of every row, in their order."""
        for row_id, cells in self.db.execute("SELECT id, cells FROM rows WHERE live = 1 ORDER BY position"):
            yield row_id, content_of(cells), cells

    def parts_of(self, row_id: int) -> Parts:
        """The texts of one row, for a comparison."""
        cells = self.db.execute("SELECT cells FROM rows WHERE id = ?", [row_id]).fetchone()[0]
        return read_parts(unpack(cells, self.columns), self.mapping)


def run(home: Home, dataset_id: str, options: Mapping, report: Report, stopped: Stopped) -> None:
    """Run all checks and write their results; if stopped, the former results stay.

    DataError if no column is the answer; ModelError, TemplateError or SettingsError if the tokenizer or the template
    that `options` name (see tokens.py) cannot be used.
    """
    dataset, folder = open_dataset(home, dataset_id), home.cache(dataset_id)
    mapping = dataset.mapping
    check_mapping(dataset.columns, mapping)
    with dataset.connect() as db, open_records(folder / RECORDS) as records, Renderer() as renderer:
        counter = make_counter(options, renderer)
        db.execute("BEGIN")
        seq = db.execute("SELECT coalesce(max(seq), 0) FROM edits").fetchone()[0]
        count = db.execute("SELECT count(*) FROM rows WHERE live = 1").fetchone()[0]
        taken = Snapshot(db, columns_of(db), mapping, count, seq)
        common = prepare_records(taken, records)
        if not examine_rows(taken, records, common, report, stopped):
            return
        survey = read_survey(taken, records, report)
        report("Comparing rows", 0, 0)
        outcome = conclude(survey, common, taken.parts_of, stopped)
        counted = count_tokens(taken, records, counter, report, stopped) if counter else []
        if stopped():
            return
        report("Writing the results", 0, 0)
        discarded = taken.discarded()
        found = add_long(outcome, [pair for pair in counted if pair[0] not in discarded], counter)
        meta = {"at": dataset.clock(), "seq": seq, "roles": mapping.to_json(), "options": dict(options)}
        with told_as_ours():
            write_results(folder / RESULTS, meta, survey, found, outcome.clusters, counted)
        records.keep_only(content for _, content, _ in taken.rows())


def prepare_records(taken: Snapshot, records: Records) -> "np.ndarray":
    """What is common to many rows; the records are emptied if they were made on another basis."""
    import numpy as np

    roles, known = json.dumps(taken.mapping.to_json()), records.read_basis("examined")
    basis = json.loads(known) if known else {}
    same = (basis.get("rules"), basis.get("roles"), basis.get("columns")) == (rules_digest(), roles, taken.columns)
    if same and SAME_SIZE[0] * basis["rows"] <= taken.count <= SAME_SIZE[1] * basis["rows"]:
        return np.array(basis["common"], np.uint32)
    common = find_common(sample_parts(taken))
    basis = {"rules": rules_digest(), "roles": roles, "columns": taken.columns}
    records.require("examined", json.dumps({**basis, "rows": taken.count, "common": common.tolist()}))
    return common


def sample_parts(taken: Snapshot) -> Iterator[Parts]:
    """Rows from all over the dataset."""
    step = max(1, taken.count // MOST_SAMPLES)
    for _, _, cells in islice(taken.rows(), 0, None, step):
        parts = read_parts(unpack(cells, taken.columns), taken.mapping)
        if parts:
            yield parts


def examine_rows(taken: Snapshot, records: Records, common: "np.ndarray", report: Report, stopped: Stopped) -> bool:
    """Look at every row that is not known yet; False if it was stopped, with what is done so far kept."""
    report("Finding out what is new", 0, taken.count)
    new = {content: row_id for row_id, content, _ in taken.rows() if not records.has("examined", content)}
    setup = Setup(taken.columns, taken.mapping.to_json(), common.tobytes())
    helpers = min(PROCESSES, os.cpu_count() or 1) if len(new) >= WORTH_HELPERS else 1
    done = 0
    for result in examine_all(batch_cells(taken, new), setup, helpers):
        records.save_examined(result)
        done += len(result)
        report("Looking at each row", done, len(new))
        if stopped():
            return False
    return True


def batch_cells(taken: Snapshot, new: Mapping[bytes, int]) -> Iterator[list[tuple[bytes, str]]]:
    """(content, cells) of the new rows, WORK at a time."""
    pairs = ((content, cells) for row_id, content, cells in taken.rows() if new.get(content) == row_id)
    while batch := list(islice(pairs, WORK)):
        yield batch


def read_survey(taken: Snapshot, records: Records, report: Report) -> Survey:
    survey, discarded = Survey(), taken.discarded()
    for number, (row_id, content, _) in enumerate(taken.rows()):
        survey.add(row_id, records.load_examined(content), row_id in discarded)
        if number % 1000 == 0:
            report("Putting the rows together", number, taken.count)
    return survey


def count_tokens(
    taken: Snapshot, records: Records, counter: TokenCounter, report: Report, stopped: Stopped
) -> list[tuple[int, Counted]]:
    """Every readable row in tokens, in their order; those known already are not counted again."""
    records.require("counted", json.dumps([rules_digest(), counter.basis, taken.mapping.to_json(), taken.columns]))
    pairs = ((content, cells) for _, content, cells in taken.rows() if not records.has("counted", content))
    done = 0
    while batch := list(islice(pairs, CHUNK)):
        if stopped():
            return []
        examples = {}
        for content, cells in batch:
            try:
                examples[content] = to_example(unpack(cells, taken.columns), taken.mapping)
            except DataError:
                records.save_counted([(content, ())])
        counted = counter.count(list(examples.values()))
        records.save_counted((content, astuple(seen)) for content, seen in zip(examples, counted, strict=True))
        done += len(batch)
        report("Counting tokens", done, taken.count)
    found = ((row_id, records.load_counted(content)) for row_id, content, _ in taken.rows())
    return [(row_id, Counted(*facts)) for row_id, facts in found if facts]


def add_long(outcome: Outcome, counted: list[tuple[int, Counted]], counter: TokenCounter | None) -> list[Finding]:
    """The findings with those about tokens, of which a row has one for each check."""
    known = {(finding.name, finding.row_id) for finding in outcome.findings}
    more = find_long(counted, counter.max_length) if counter else []
    return [*outcome.findings, *(finding for finding in more if (finding.name, finding.row_id) not in known)]


def write_results(
    path: Path,
    meta: Mapping,
    survey: Survey,
    findings: Iterable[Finding],
    clusters: Mapping[int, int],
    counted: Iterable[tuple[int, Counted]],
) -> None:
    """A new file in the place of the old one: a reader has one or the other, whole."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with closing(sqlite3.connect(aside, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("PRAGMA synchronous = OFF")
            db.executescript(TABLES)
            db.execute("BEGIN")
            db.executemany("INSERT INTO meta VALUES (?, ?)", [(key, json.dumps(value)) for key, value in meta.items()])
            lines = ((found.name, found.row_id, found.group, found.detail, found.proposed) for found in findings)
            db.executemany("INSERT INTO findings VALUES (?, ?, ?, ?, ?)", lines)
            db.executemany("INSERT INTO clusters VALUES (?, ?)", clusters.items())
            db.executemany("INSERT INTO languages VALUES (?, ?, ?)", survey.spoken)
            tokens = ((row_id, row.prompt, row.total - row.prompt, row.total) for row_id, row in counted if row.total)
            db.executemany("INSERT INTO tokens VALUES (?, ?, ?, ?)", tokens)
            db.execute("COMMIT")
            db.executescript(INDEXES)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
