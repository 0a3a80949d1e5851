"""Cells as text that can be edited: shown exactly, read back without changing what was not touched."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studio.data.files import shown
from studio.data.roles.conversations import cell_text
from studio.data.store.dataset import Dataset
from studio.data.store.tables import Row
from studio.errors import DataError
from studio.home import ID_PATTERN

LARGEST_ID = 2**63 - 1
LISTS = frozenset({"messages", "choices", "tokens", "tags", "translation"})
"""Roles whose cells are lists or objects, where they are no text"""


@dataclass(frozen=True)
class Opened:
    """The row in a form, as it was when the form was filled. It travels with the texts, so that they cannot meet."""

    dataset: str
    row: int
    version: int

    def __str__(self) -> str:
        return f"{self.dataset}:{self.row}:{self.version}"


def read_opened(text: object) -> Opened | None:
    """What `str(Opened)` wrote; None for an empty form. DataError for anything else."""
    if not text:
        return None
    parts = str(text).split(":")
    if len(parts) != 3 or not ID_PATTERN.fullmatch(parts[0]):
        raise DataError("The form does not say which row it belongs to. Select the row again.")
    return Opened(parts[0], read_number(parts[1]), read_number(parts[2]))


def read_number(value: object) -> int:
    """A row id, version or offset from the page; DataError for what cannot be one."""
    try:
        number = int(str(value)[:20])
    except ValueError:
        raise DataError(f"{str(value)[:40]!r} is not the number of a row. Reload the page.") from None
    if not 0 <= number <= LARGEST_ID:
        raise DataError(f"There is no row {number}. Reload the page.")
    return number


def show_cell(value: object) -> str:
    """A cell as the form shows it: text as it is, nothing as "", all else as JSON on several lines."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, indent=2)
    return cell_text(value)


def read_cell(text: str, before: object, column: str, role: str = "") -> object:
    """The value that a text means in the place of `before`; `before` itself if the text still shows it.

    Text stays text ("007" is no number), but for a list that is typed into a cell without one, in a column whose role
    has lists. What was JSON must be JSON again, else DataError.
    """
    if as_in_form(text) in (as_in_form(show_cell(before)), as_in_form(cell_text(before))):
        return before
    if before is None or isinstance(before, str):
        return read_list(text) if role in LISTS and isinstance(read_list(before or ""), str) else text
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno}: {error.msg})" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(
            f"Column {shown(column)} holds JSON, and what you typed is not valid JSON yet{place}. "
            "It is not saved; mend it, and it will be."
        ) from None


def read_list(text: str) -> object:
    """A JSON list or object as such, any other text as it is."""
    try:
        value = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, list | dict) else text


def as_in_form(text: str) -> str:
    """A text area turns every kind of line break into one; that alone is no edit."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def values_at(dataset: Dataset, row: Row, version: int) -> Mapping[str, object]:
    """A row's values when it had that version; the present ones where the log does not know it."""
    if row.version == version:
        return row.values
    history = dataset.history(row.id)
    if version == 0 and history and history[0].before:
        return history[0].before
    for edit in history:
        if edit.seq == version and edit.after:
            return edit.after
    return row.values


def read_texts(texts: Sequence[str], before: Mapping[str, object], roles: Mapping[str, str]) -> dict[str, object]:
    """The values that the texts of a form mean, for the columns that the user changed. `roles`: of the columns."""
    pairs = zip(before.items(), texts, strict=False)  # a form shows the first columns only
    read = {
        column: (read_cell(text or "", value, column, roles.get(column, "")), value) for (column, value), text in pairs
    }
    return {column: new for column, (new, old) in read.items() if new is not old}


def save_texts(dataset: Dataset, opened: Opened, texts: Sequence[str], version: int, force: bool = False) -> Row | None:
    """Save what was changed in a form since the row had `version`; None if that was nothing.

    EditConflict if the row has another version by now, unless `force`.
    """
    row = dataset.row(opened.row)
    changed = read_texts(texts, values_at(dataset, row, version), dataset.mapping)
    after = dataset.edit(row.id, changed, None if force else version) if changed else row
    return None if after.version == row.version else after
