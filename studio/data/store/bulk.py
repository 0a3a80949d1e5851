"""Changes of many rows at once: find and replace with a preview of every change, and one text for a column."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from studio.data.files import shown
from studio.data.roles.conversations import cell_text
from studio.data.store import changes, edit_log
from studio.data.store.dataset import Dataset
from studio.data.store.edit_log import Entry
from studio.data.store.replacing import Replacement, Replacer
from studio.data.store.tables import Stored, live_rows

__all__ = ["CellChange", "Replacement", "ReplacementPreview", "preview_replacement", "replace_all", "set_column"]


@dataclass(frozen=True)
class CellChange:
    """One cell before and after, as texts (lists and objects as JSON)."""

    row_id: int
    column: str
    before: str
    after: str


@dataclass(frozen=True)
class ReplacementPreview:
    """How many rows and cells a replacement would change, and the first of those cells."""

    rows: int
    cells: int
    samples: list[CellChange]


def preview_replacement(
    dataset: Dataset, row_ids: Iterable[int] | None, replacement: Replacement, limit: int = 50
) -> ReplacementPreview:
    """What `replace_all` would do to these rows (None: all); counts all and shows up to `limit` cells, by row id.

    DataError if the replacement cannot be done.
    """
    rows = cells = 0
    samples: list[CellChange] = []
    with dataset.connect() as db:
        columns = dataset.columns
        with Replacer(replacement, columns) as replacer:
            for row, after, changed in replacer.change_rows(live_rows(db, row_ids)):
                rows, cells = rows + 1, cells + changed
                if len(samples) < limit:
                    samples += changed_cells(row, after, columns)
    return ReplacementPreview(rows, cells, samples[:limit])


def changed_cells(row: Stored, after: str, columns: list[str]) -> Iterator[CellChange]:
    for column, was, becomes in zip(columns, json.loads(row.cells), json.loads(after), strict=True):
        if was != becomes:
            yield CellChange(row.id, column, cell_text(was), cell_text(becomes))


def replace_all(dataset: Dataset, row_ids: Iterable[int] | None, replacement: Replacement) -> int:
    """Replace in these rows (None: all) as one undoable change; returns how many rows it changed.

    Texts in cells and inside the turns of conversations are replaced, never names of roles and never numbers.
    DataError, and nothing is changed, if the replacement cannot be done.
    """
    with dataset.write() as db, Replacer(replacement, dataset.columns) as replacer:
        found = replacer.change_rows(live_rows(db, row_ids))
        entries = (Entry("replace", row.id, row.cells, after) for row, after, _ in found)
        return edit_log.make_change(db, dataset.clock(), lambda rows: f"{replacement} in {rows}", entries)


def set_column(dataset: Dataset, row_ids: Iterable[int] | None, column: str, text: str) -> int:
    """Give a column one text in these rows (None: all) as one undoable change; returns how many rows it changed."""
    with dataset.write() as db:
        entries = changes.edit_cells(db, "set", row_ids, {column: text})
        return edit_log.make_change(db, dataset.clock(), lambda rows: f"the new {shown(column)} of {rows}", entries)
