"""The rows of a run: which train, which are held out, and which stay out, each with the reason."""

from dataclasses import dataclass, field

from studio.data.roles.conversations import check_mapping, why_untrainable
from studio.data.splits import SPLITS, candidate_reader, count_rows, decide, order_rows, read_clusters, read_example
from studio.data.store import Dataset, Row
from studio.data.store.edit_log import last_seq
from studio.data.store.tables import read_rows
from studio.errors import DataError
from studio.home import Home
from studio.settings import DataSettings, Recipe
from studio.templates.encoding import with_system
from studio.templates.example import Example


@dataclass(frozen=True)
class Snapshot:
    """The rows of a run: (row id, example) per split, and why others stay out: reason -> row ids."""

    splits: dict[str, list[tuple[int, Example]]]
    left_out: dict[str, list[int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What is not as one might expect of the splits, each a sentence"""
    version: int = 0
    """The dataset's as it was read"""


def take_snapshot(home: Home, dataset: Dataset, recipe: Recipe) -> Snapshot:
    """The dataset's rows as examples, split as `studio.data.splits` says; every row that stays out, with the reason.

    Splits hang on all rows, so that a review moves none of them from one split to another.
    """
    data, mapping = recipe.data, dataset.mapping
    check_mapping(dataset.columns, mapping)
    read = candidate_reader(dataset, data)
    candidates, examples, left_out = [], {}, {}
    with dataset.connect() as db:
        db.execute("BEGIN")  # the rows as they are at this version, while others may go on writing
        version = last_seq(db)
        for row in read_rows(db, "WHERE live = 1 ORDER BY position"):
            example, unreadable = read_example(row, mapping)
            candidates.append(read(row, example))
            reason = why_set_aside(row, data) or unreadable or why_untrainable(example)
            if reason:
                left_out.setdefault(reason, []).append(row.id)
            else:
                examples[row.id] = with_system(example, recipe.template.system)
    if not examples:
        raise DataError(
            f"The dataset {dataset.id} has no row that could be trained"
            + (f": {describe_left_out(left_out)}." if left_out else "; it is empty. Add rows in the Data tab.")
        )
    assignment = decide(candidates, read_clusters(home, dataset), data)
    golden = {row.id for row in candidates if row.golden}
    splits: dict[str, list[tuple[int, Example]]] = {split: [] for split in SPLITS}
    for row_id in order_rows(examples, data.seed, golden):
        splits[assignment.splits[row_id]].append((row_id, examples[row_id]))
    if not splits["train"]:
        raise DataError(
            f"All {len(examples)} rows of {dataset.id} that could be trained are in the eval and test splits. "
            "Add rows, lower data.eval_fraction and data.test_fraction, or, if a column of the dataset or golden marks "
            "put them there, change those."
        )
    tested = len(golden & set(examples))
    notes = [f"{count_rows(tested, 'golden row')} of the test never train{'s' * (tested == 1)}."] if tested else []
    return Snapshot(splits, left_out, [*notes, *assignment.notes], version)


def why_set_aside(row: Row, data: DataSettings) -> str | None:
    """Why the review keeps a row out of the run; None if it does not. Golden rows are tested, accepted or not."""
    if row.marks.status == "discarded":
        return "discarded in the review"
    if row.marks.status == "draft":
        return "still a draft"
    if data.accepted_only and row.marks.status != "accepted" and not row.marks.golden:
        return "not accepted yet, and data.accepted_only is on"
    return None


def describe_left_out(left_out: dict[str, list[int]]) -> str:
    """'2 rows: the answer is empty (id 4, 9)'."""
    return "; ".join(list_left_out(left_out))


def list_left_out(left_out: dict[str, list[int]]) -> list[str]:
    """A text per reason, with the number of its rows and the first ids; most rows first."""
    reasons = sorted(left_out.items(), key=lambda item: -len(item[1]))
    return [
        f"{count_rows(len(ids))}: {reason} (id {', '.join(map(str, ids[:5]))}{', ...' * (len(ids) > 5)})"
        for reason, ids in reasons
    ]
