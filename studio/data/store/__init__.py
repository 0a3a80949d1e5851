"""The datasets of a HOME: made all or not at all, opened, listed."""

import secrets
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path

from studio.data.files import listed, place_new, shown
from studio.data.store import schema, tables
from studio.data.store.dataset import Dataset, DatasetInfo, EditConflict, Trashed, complete_mapping
from studio.data.store.dataset_file import Clock, utc_now
from studio.data.store.history import Edit, HistoryLine
from studio.data.store.marks import STATUSES, Marks
from studio.data.store.tables import Row, dump, pack
from studio.errors import DataError
from studio.home import ID_PATTERN, Home, make_id

__all__ = [
    "STATUSES",
    "Dataset",
    "DatasetInfo",
    "Edit",
    "EditConflict",
    "HistoryLine",
    "Marks",
    "Row",
    "Trashed",
    "create_dataset",
    "list_datasets",
    "open_dataset",
]

LONGEST_NAME = 200
STALE_SECONDS = 3600


def create_dataset(
    home: Home,
    display_name: str,
    columns: list[str],
    rows: Iterable[Mapping[str, object]],
    mapping: Mapping[str, str],
    source: dict,
    clock: Clock = utc_now,
) -> str:
    """Make a dataset of these rows and return its id: all of it, or nothing if a row cannot be stored.

    The id looks like the name, or like `source["example"]`: recipes name shipped examples so.
    """
    check_columns(columns)
    name = clean_name(display_name)
    meta = {
        "name": name,
        "columns": columns,
        "mapping": complete_mapping(mapping, columns),
        "source": source,
        "created": clock(),
    }
    remove_stale(home)
    draft = home.datasets / f".new-{secrets.token_hex(8)}.tmp"
    try:
        fill_file(draft, meta, rows)
        while True:
            dataset_id = make_id(source.get("example", name), {path.stem for path in home.datasets.glob("*.db")})
            home.forget(dataset_id)
            try:
                place_new(draft, home.dataset(dataset_id))
            except FileExistsError:
                continue  # another import took the id in this moment
            return dataset_id
    except (sqlite3.Error, OSError) as error:
        fix = tables.mend(error) if isinstance(error, sqlite3.Error) else "Check the disk and try again."
        raise DataError(f"The dataset {shown(name)} could not be written ({error}). {fix}") from error
    finally:
        for path in home.datasets.glob(f"{draft.name}*"):
            path.unlink(missing_ok=True)


def fill_file(path: Path, meta: dict, rows: Iterable[Mapping[str, object]]) -> None:
    """Write a whole new file; it is thrown away if that fails, so no journal is kept meanwhile."""
    columns = meta["columns"]
    packed = (pack(row, columns) for row in rows)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        schema.make_tables(db)
        db.execute("BEGIN")
        db.executemany("INSERT INTO meta VALUES (?, ?)", [(key, dump(value)) for key, value in meta.items()])
        db.executemany(
            "INSERT INTO rows (id, position, cells, folded) VALUES (?, ?, ?, ?)",
            ((number, number * tables.GAP, cells, tables.fold(cells)) for number, cells in enumerate(packed, 1)),
        )
        db.execute("COMMIT")
        schema.make_indexes(db)
        db.execute("PRAGMA journal_mode = WAL")


def check_columns(columns: list[str]) -> None:
    if not columns:
        raise DataError("A dataset needs at least one column, for example instruction, input and output.")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice or "" in columns:
        what = f"several columns are named {listed(twice)}" if twice else "a column has no name"
        raise DataError(f"The dataset cannot be made: {what}. Give every column a name of its own.")


def clean_name(display: str) -> str:
    """A name that can be shown and stored: any Unicode, no control characters, at most 200 characters."""
    text = display.encode("utf-8", "replace").decode()
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text[:LONGEST_NAME] or "dataset"


def remove_stale(home: Home) -> None:
    """Drafts of imports that were killed."""
    for path in home.datasets.glob(".new-*.tmp*"):
        with suppress(FileNotFoundError):  # another import finished and took its draft away
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()


def open_dataset(home: Home, dataset_id: str, clock: Clock = utc_now) -> Dataset:
    """The dataset with an id; DataError, naming those there are, if there is none."""
    if not ID_PATTERN.fullmatch(dataset_id) or not home.dataset(dataset_id).is_file():
        ids = sorted(path.stem for path in home.datasets.glob("*.db"))
        there = f"There are {listed(ids)}." if ids else "There are none yet: import a file or choose an example."
        raise DataError(f"There is no dataset {shown(dataset_id)}. {there}")
    return Dataset(home.dataset(dataset_id), clock)


def list_datasets(home: Home) -> list[DatasetInfo]:
    """All datasets, the last changed first; a damaged one is listed by its id, without rows."""
    found = []
    for path in home.datasets.glob("*.db"):
        try:
            found.append(Dataset(path).info())
        except DataError:
            found.append(DatasetInfo(path.stem, f"{path.stem} (damaged)", 0, ""))
    return sorted(found, key=lambda info: (info.modified, info.id), reverse=True)
