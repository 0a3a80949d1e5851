"""The story of a row, from the log: every entry about it, and in words why it is as it is."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from studio.data.files import shown
from studio.data.roles.conversations import cell_text
from studio.data.store.edit_log import CELLS, MARKS
from studio.data.store.marks import UNMARKED, Marks, unpack_marks
from studio.data.store.tables import Values, columns_of, unpack


@dataclass(frozen=True)
class Edit:
    """One entry about a row, with all of the row before and after it (None where it was not there).

    `kind`: edit, add, duplicate, delete, mark, split, merge, restore, replace, set, version, rebirth, undo or redo;
    `part`: cells or marks; `undoes`: the entry it reverses; `sentence`: what the change was ("the edit of row 5").
    """

    seq: int
    at: str
    kind: str
    before: Values | None
    after: Values | None
    undoes: int | None
    part: str = CELLS
    marks_before: Marks = UNMARKED
    marks_after: Marks = UNMARKED
    sentence: str = ""


@dataclass(frozen=True)
class HistoryLine:
    """One thing that was changed. `what`: the column, "status", "tags", "note", "golden", or "" for the whole row.

    `before` and `after` are texts as they are shown: "" for nothing, "no row" where the row itself was not there.
    """

    at: str
    sentence: str
    before: str
    after: str
    what: str = ""


def read_history(db: sqlite3.Connection, row_id: int) -> list[Edit]:
    """Every entry of the log about a row, oldest first."""
    query = (
        "SELECT seq, at, kind, edits.before, edits.after, undoes, part, sentence FROM edits "
        "JOIN changes ON changes.id = edits.change WHERE row_id = ? ORDER BY seq"
    )
    entries = db.execute(query, [row_id]).fetchall()
    if not entries:
        return []
    columns = columns_of(db)
    cells, marks = db.execute("SELECT cells, marks FROM rows WHERE id = ?", [row_id]).fetchone()
    # As the row was before the log: what the first entry about a part says, else what it is now.
    cells = next((before for *_, before, _, _, part, _ in entries if part == CELLS), cells)
    marks = next((before for *_, before, _, _, part, _ in entries if part == MARKS), marks)
    story = []
    for seq, at, kind, _, after, undoes, part, sentence in entries:
        was = cells, marks
        cells, marks = (after, marks) if part == CELLS else (cells, after)
        values = [text and unpack(text, columns) for text in (was[0], cells)]
        kept = [unpack_marks(text) for text in (was[1], marks)]
        story.append(Edit(seq, at, kind, *values, undoes, part, *kept, sentence))
    return story


def describe_history(db: sqlite3.Connection, row_id: int) -> list[HistoryLine]:
    """Why a row is as it is: where it came from, then a line for everything that was changed, oldest first."""
    story = read_history(db, row_id)
    lines = [] if story and story[0].before is None else [describe_origin(db)]
    for edit in story:
        lines += describe_edit(edit)
    return lines


def describe_origin(db: sqlite3.Connection) -> HistoryLine:
    meta = {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM meta")}
    name = next((meta["source"][key] for key in ("file", "example", "hub") if key in meta["source"]), None)
    return HistoryLine(meta["created"], f"Imported from {shown(str(name))}" if name else "Imported", "", "")


def describe_edit(edit: Edit) -> Iterator[HistoryLine]:
    verb = {"undo": "Undid ", "redo": "Redid "}.get(edit.kind, "")
    sentence = verb + edit.sentence if verb else edit.sentence[:1].upper() + edit.sentence[1:]
    if edit.before is None or edit.after is None:
        yield HistoryLine(edit.at, sentence, *("no row" if side is None else "" for side in (edit.before, edit.after)))
        return
    sides = (edit.before, edit.after)
    if edit.part == MARKS:
        sides = (show_marks(edit.marks_before), show_marks(edit.marks_after))
    for what, before in sides[0].items():
        if (was := cell_text(before)) != (became := cell_text(sides[1][what])):
            yield HistoryLine(edit.at, sentence, was, became, what)


def show_marks(marks: Marks) -> Mapping[str, str]:
    texts = {field.name: getattr(marks, field.name) for field in fields(marks)}
    return texts | {"tags": ", ".join(marks.tags), "golden": "yes" if marks.golden else ""}
