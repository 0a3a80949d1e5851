"""Which rows train, which draw the eval loss, which are for the test: decided by each row's id and the seed.

    assignment = assign_splits(home, dataset, recipe.data)
    assignment.splits[12]     # "train", "eval" or "test"

Rows that belong together (an equal or nearly equal prompt, the same value in the column `group_by`) are a unit
and share a split. A unit falls where the hash of its key falls: its group's value, else its lowest row id. So an
edit moves no other row, with these exceptions:

- a row moves with its unit: when it joins one by an edit, or when the row with the unit's lowest id is deleted;
- with `stratify` a unit's place is its rank among the units of its label, so that added or deleted rows may push
  the few rows that stand at the border of two splits over it.

A column of the role "split" decides for its rows; only the held-out splits that it names nowhere are drawn from its
train rows. Golden rows are always in the test, and with them the rows of their unit that no column binds. A unit
of more than half of all rows trains, because nothing might be left to train otherwise.
"""

import json
import os
import re
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.data.files import listed
from studio.data.roles.conversations import cell_text, to_example
from studio.data.splits.units import (
    MOST_LABELS,
    Candidate,
    Unit,
    fold,
    has_labels,
    join_rows,
    make_units,
    prompt_digest,
    unit_interval,
)
from studio.data.store.dataset import Dataset
from studio.data.store.tables import Row
from studio.errors import DataError
from studio.home import Home
from studio.templates.example import Example

if TYPE_CHECKING:
    from studio.settings import DataSettings

SPLITS = ("train", "eval", "test")
LARGEST_SHARE = 0.5
NOTED_DEVIATION = 0.05


@dataclass(frozen=True)
class Assignment:
    """The split of every row by its id, how many rows each split has, and what is not as one might expect."""

    splits: dict[int, str]
    counts: dict[str, int]
    notes: list[str]


@dataclass(frozen=True)
class Leak:
    """Rows of one prompt that stand in several splits: row id -> split."""

    rows: dict[int, str]
    exact: bool
    """Whether a prompt of one split stands in another with the same words; else the prompts are nearly equal"""


def assign_splits(home: Home, dataset: Dataset, settings: "DataSettings") -> Assignment:
    """The split of every row, whatever its status. DataError for fractions or a column that cannot be."""
    read, mapping = candidate_reader(dataset, settings), dataset.mapping
    candidates = [read(row, read_example(row, mapping)[0]) for row in dataset.rows()]
    return decide(candidates, read_clusters(home, dataset), settings)


def candidate_reader(dataset: Dataset, settings: "DataSettings") -> Callable[[Row, Example | None], Candidate]:
    """A function that takes a row and its example (None: it cannot be read) and returns what matters of them."""
    asking = [column for column, role in dataset.mapping.items() if role == "split"]
    grouping = settings.group_by
    if grouping and grouping not in dataset.columns:
        raise DataError(
            f"The rows cannot be grouped by {listed([grouping])}, because there is no such column: the columns are "
            f"{listed(dataset.columns)}. Choose one of them for data.group_by, or leave it empty."
        )

    def read(row: Row, example: Example | None) -> Candidate:
        return Candidate(
            id=row.id,
            prompt=prompt_digest(example) if example else b"",
            label=fold(example.output) if example and settings.stratify else "",
            group=cell_text(row.values[grouping]) if grouping else "",
            asked=next((text for text in (fold(row.values[column]) for column in asking) if text), ""),
            golden=row.marks.golden,
        )

    return read


def read_example(row: Row, mapping: Mapping[str, str]) -> tuple[Example | None, str]:
    """A row as an example; else None, and why it cannot be read as one: the same words for each row of a kind."""
    try:
        return to_example(row.values, mapping), ""
    except DataError as error:
        reason = re.sub(r"\b[Tt]urn [0-9]+", "a turn", str(error)).rstrip(".")
        return None, f"it cannot be read: {reason}"


def read_clusters(home: Home, dataset: Dataset) -> dict[int, int] | None:
    """Row id -> the row that stands for its cluster of near duplicates; None as long as they were not looked for."""
    if not (home.cache(dataset.id) / "checks.db").is_file():
        return None
    from studio.data.checks.results import clusters

    try:
        return clusters(home, dataset.id)
    except sqlite3.Error:  # damaged, or of another version: the checks make it anew
        return None


def decide(candidates: Sequence[Candidate], clusters: Mapping[int, int] | None, settings: "DataSettings") -> Assignment:
    """The split of every candidate; `clusters` as from `read_clusters`."""
    check_fractions(settings.eval_fraction, settings.test_fraction)
    stratified = settings.stratify and has_labels(candidates)
    together = settings.keep_duplicates_together
    units = make_units(candidates, (together and clusters) or {}, together, stratified, settings.seed)
    named = {row.bound for row in candidates}
    splits: dict[int, str] = {}
    for unit in units:
        drawn = unit.held or draw(unit, named, settings, len(candidates))
        splits.update((row.id, split_in_unit(row, drawn, named)) for row in unit.rows)
    counted = Counter(splits.values())
    counts = {split: counted[split] for split in SPLITS}
    notes = [*note_bound(candidates, named, settings), *note_units(units, counts, settings)]
    if settings.stratify and not stratified:
        notes.append(f"data.stratify does nothing here: the answers have more than {MOST_LABELS} different values.")
    if together and clusters is None and candidates:
        notes.append("Only equal prompts are kept together: near duplicates are known once the checks have run.")
    return Assignment(splits, counts, notes)


def draw(unit: Unit, named: set[str], settings: "DataSettings", total: int) -> str:
    """The split that a unit's place gives it; where a cell says train, only splits that no cell names are drawn."""
    if len(unit.rows) > LARGEST_SHARE * total:
        return "train"
    bound = any(row.bound == "train" for row in unit.rows)
    test = 0.0 if bound and "test" in named else settings.test_fraction
    eval = 0.0 if bound and "eval" in named else settings.eval_fraction
    return split_at(unit.place, eval, test)


def split_at(place: float, eval_fraction: float, test_fraction: float) -> str:
    """The lowest `test_fraction` of the unit interval is the test, then comes eval, and the rest trains."""
    if place < test_fraction:
        return "test"
    return "eval" if place < test_fraction + eval_fraction else "train"


def split_in_unit(row: Candidate, drawn: str, named: set[str]) -> str:
    """Golden goes before the row's own cell, the cell before its unit."""
    if row.golden:
        return "test"
    return row.bound if row.bound and (row.bound != "train" or drawn in named) else drawn


def note_bound(candidates: Sequence[Candidate], named: set[str], settings: "DataSettings") -> Iterator[str]:
    """What the column of splits decided."""
    bound = sum(bool(row.bound) for row in candidates)
    if bound:
        shares = {"eval": settings.eval_fraction, "test": settings.test_fraction}
        drawn = [f"{share:.0%} for {split}" for split, share in shares.items() if share and split not in named]
        more = f", and of its train rows are drawn what it lacks: {', '.join(drawn)}" if drawn else ""
        yield f"The dataset's own column decides the split of {count_rows(bound)}{more}."
    unknown = Counter(row.asked for row in candidates if row.asked and not row.bound)
    if unknown:
        yield (
            f"{count_rows(unknown.total())} had to be drawn, because the column of splits says neither train, eval nor "
            f"test there: {listed(sorted(unknown), 3)}."
        )


def note_units(units: list[Unit], counts: dict[str, int], settings: "DataSettings") -> Iterator[str]:
    """Shares that are not as asked, because rows stay together."""
    total = sum(counts.values())
    largest = max((len(unit.rows) for unit in units), default=0)
    if largest < 2 or largest <= NOTED_DEVIATION * total:
        return
    shares = {"eval": settings.eval_fraction, "test": settings.test_fraction}
    off = [split for split, share in shares.items() if abs(counts[split] / total - share) > NOTED_DEVIATION]
    if off:
        found = " and ".join(f"{split} has {counts[split] / total:.0%} of the rows" for split in off)
        yield f"{found[0].upper()}{found[1:]}: rows that belong together share a split, in one case {largest:,} rows."


def count_rows(count: int, noun: str = "row") -> str:
    """ "1 row", "2 rows" """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def order_rows(ids: Iterable[int], seed: int, first: Collection[int] = ()) -> list[int]:
    """Row ids in a shuffled order that the seed and the ids alone decide; those of `first` before all others.

    Golden rows come first, because a test may be cut to so many rows.
    """
    return sorted(ids, key=lambda row_id: (row_id not in first, unit_interval("order", seed, row_id), row_id))


def check_fractions(eval_fraction: float, test_fraction: float) -> None:
    """DataError for shares that leave nothing to train on."""
    if not (eval_fraction >= 0 and test_fraction >= 0 and eval_fraction + test_fraction < 1):
        raise DataError(
            f"The data cannot be split with {eval_fraction:g} for evaluation and {test_fraction:g} for the test: "
            "both must be at least 0 and together less than 1, so that rows to train on remain."
        )


# Leaks


def find_leaks(home: Home, dataset: Dataset, splits: Mapping[int, str]) -> list[Leak]:
    """Rows with equal or nearly equal prompts that stand in more than one split, the largest groups first.

    Drafts and discarded rows are passed over: they are in no run.
    """
    mapping, candidates = dataset.mapping, []
    for row in dataset.rows():
        if row.id in splits and row.marks.status not in ("draft", "discarded"):
            example, _ = read_example(row, mapping)
            candidates.append(Candidate(row.id, prompt_digest(example) if example else b""))
    leaks = []
    for rows in join_rows(candidates, read_clusters(home, dataset) or {}, by_prompt=True):
        found = {row.id: splits[row.id] for row in rows}
        if len(set(found.values())) > 1:
            spread = {(row.prompt, splits[row.id]) for row in rows if row.prompt}
            leaks.append(Leak(found, exact=len({prompt for prompt, _ in spread}) < len(spread)))
    return sorted(leaks, key=lambda leak: (-len(leak.rows), min(leak.rows)))


# The table of splits in the cache, by which rows are filtered


def load_assignment(home: Home, dataset: Dataset, settings: "DataSettings") -> Assignment:
    """As `assign_splits`, from the cache if neither rows, settings nor checks changed; else made and saved there."""
    basis = describe_basis(home, dataset, settings)
    kept = read_assignment(home.cache(dataset.id) / "splits.db", basis)
    if kept is None:
        kept = assign_splits(home, dataset, settings)
        save_assignment(home, dataset, kept, basis)
    return kept


def describe_basis(home: Home, dataset: Dataset, settings: "DataSettings") -> str:
    """All that an assignment depends on, as a text to compare."""
    checks = home.cache(dataset.id) / "checks.db"
    checked = checks.stat().st_mtime_ns if checks.is_file() else None
    return json.dumps([dataset.version, settings.model_dump(), checked])


def read_assignment(path: Path, basis: str) -> Assignment | None:
    """The assignment that was saved with this basis; None if there is none."""
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(path)) as db:
            meta = dict(db.execute("SELECT key, value FROM meta"))
            if meta["basis"] != basis:
                return None
            splits = dict(db.execute("SELECT row_id, split FROM splits ORDER BY row_id"))
            return Assignment(splits, json.loads(meta["counts"]), json.loads(meta["notes"]))
    except (sqlite3.Error, KeyError, ValueError):  # damaged, or of another version: it is made again
        return None


def save_assignment(home: Home, dataset: Dataset, assignment: Assignment, basis: str = "") -> Path:
    """Write the table splits(row_id, split) into the cache, whole and at once; returns its file."""
    path = home.cache(dataset.id) / "splits.db"
    draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
    meta = {"basis": basis, "counts": json.dumps(assignment.counts), "notes": json.dumps(assignment.notes)}
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as db:
            db.executescript(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);"
                "CREATE TABLE splits (row_id INTEGER PRIMARY KEY, split TEXT NOT NULL);"
            )
            db.execute("BEGIN")
            db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            db.executemany("INSERT INTO splits VALUES (?, ?)", assignment.splits.items())
            db.execute("COMMIT")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return path
