"""A dataset as others take it up: a Parquet file per split, and a README.md that says what it is."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.data.export.card import describe_columns, write_card
from studio.data.export.chosen import choose_rows
from studio.data.export.parquet import measure_columns, write_rows
from studio.data.files import shown
from studio.data.splits import SPLITS, assign_splits
from studio.data.store.dataset import Dataset
from studio.errors import DataError
from studio.home import Home

if TYPE_CHECKING:
    from studio.settings import DataSettings

PUBLISHED_SPLITS = {"train": "train", "eval": "validation", "test": "test"}  # as other programs call them
FILES = {split: f"data/{name}.parquet" for split, name in PUBLISHED_SPLITS.items()}
CARD = "README.md"


@dataclass(frozen=True)
class Package:
    """A folder with the card and the data. `left_out`: status -> how many rows of it stay behind."""

    folder: Path
    files: list[str]
    counts: dict[str, int]
    left_out: dict[str, int]


def write_package(home: Home, dataset: Dataset, folder: Path, settings: "DataSettings", licence: str = "") -> Package:
    """Fill an empty folder with all rows that are neither drafts nor discarded, split as a run with these settings.

    Every value keeps its type; columns of mixed types hold JSON text, which the card says. DataError if no row is
    left.
    """
    splits = assign_splits(home, dataset, settings).splits
    statuses = {row.id: row.marks.status for row in dataset.rows()}
    kept = [row_id for row_id, status in statuses.items() if status not in ("draft", "discarded") and row_id in splits]
    if not kept:
        raise DataError(f"The dataset {dataset.id} has no row to publish. Add rows, or take them out of the drafts.")
    (folder / "data").mkdir()
    counts = {}
    with choose_rows(dataset, kept) as chosen:
        shapes = measure_columns(chosen)
        for split in SPLITS:
            if any(splits[row_id] == split for row_id in kept):
                rows = (row for row in chosen if splits[row.id] == split)
                counts[split] = write_rows(rows, shapes, folder / FILES[split])
    files = {PUBLISHED_SPLITS[split]: FILES[split] for split in counts}
    published = {PUBLISHED_SPLITS[split]: count for split, count in counts.items()}
    columns = describe_columns(shapes, "JSON as text, because the values are of several types")
    card = write_card(home, dataset, kept, columns, files, published, licence)
    (folder / CARD).write_text(card, encoding="utf-8", newline="\n")
    left_out = {status: sum(found == status for found in statuses.values()) for status in ("draft", "discarded")}
    return Package(folder, [CARD, *files.values()], published, {key: count for key, count in left_out.items() if count})


def describe_dataset(home: Home, dataset: Dataset, row_ids: Collection[int] | None = None, licence: str = "") -> str:
    """The data card of the rows with these ids (None: all), to stand beside an export of them."""
    with choose_rows(dataset, row_ids) as chosen:
        columns = describe_columns(measure_columns(chosen))
    return write_card(home, dataset, row_ids, columns, {}, {}, licence)


def write_new(target: Path, text: str) -> None:
    """Write a text to a new file; DataError if the name is taken or the folder cannot be written to."""
    try:
        with target.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise DataError(f"{shown(target.name)} exists already and is not overwritten. Choose another name.") from None
    except OSError as error:
        raise DataError(f"{shown(target.name)} could not be written ({error.strerror}). Check the folder.") from error
