"""Rows of a dataset to facts: all of them one after the other, or those that were changed since."""

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from studio.data.roles.conversations import to_example
from studio.data.store.marks import STATUSES, unpack_marks
from studio.data.store.tables import batches
from studio.data.view.facts.file import ROW_ARRAYS, TAG_ARRAYS, State, load_array, save_array
from studio.data.view.search import lay_out
from studio.errors import DataError

if TYPE_CHECKING:
    import numpy as np

LONGEST_LABEL = 40
FEW_LABELS = 100
MOST_LABELS = 10_000
LABEL_SHARE = 0.2
NONE = -1
CODES = {"?": "b", "u1": "B", "i4": "i", "i8": "q"}


@dataclass(frozen=True)
class Source:
    """The dataset as one transaction sees it. `identity` and `mapping_digest` tell it from others."""

    db: sqlite3.Connection
    identity: str
    mapping_digest: str
    columns: list[str]
    mapping: Mapping[str, str]
    seq: int

    def count_to(self, most: int | None) -> int:
        """How many rows there are, deleted ones included; not more than `most` are counted."""
        query = "SELECT count(*) FROM (SELECT 1 FROM rows LIMIT ?)"
        return self.db.execute(query, [-1 if most is None else most]).fetchone()[0]


@dataclass(frozen=True)
class MarkCodes:
    """Marks as numbers. `tags`: the tags themselves."""

    status: int
    golden: bool
    tags: tuple[str, ...]


class MarkReader:
    """Marks as stored to codes; equal ones are parsed once."""

    def __init__(self):
        self.known: dict[str, MarkCodes] = {}

    def read(self, text: str) -> MarkCodes:
        found = self.known.get(text)
        if found is None:
            marks = unpack_marks(text)
            found = self.known[text] = MarkCodes(STATUSES.index(marks.status), marks.golden, marks.tags)
        return found


def measure(values: Sequence, columns: Sequence[str], mapping: Mapping[str, str]) -> tuple[int, int, str | None]:
    """(characters of the prompt, of the answer, the answer if it may be a label); -1 if the row cannot be read."""
    try:
        example = to_example(dict(zip_longest(columns, values)), mapping)
    except DataError:
        return NONE, NONE, None
    answer = example.output
    label = answer.strip() if len(answer) <= LONGEST_LABEL and "\n" not in answer else ""
    return sum(len(turn["content"]) for turn in example.prompt_turns), len(answer), label or None


class Names:
    """Names and their codes, in the order in which they came."""

    def __init__(self, names: Iterable[str] = ()):
        self.codes = {name: code for code, name in enumerate(names)}

    def code(self, name: str) -> int:
        return self.codes.setdefault(name, len(self.codes))

    def listed(self) -> list[str]:
        return list(self.codes)


class Gathering:
    """All rows of a source: their texts come out of `read`, one after the other, the other facts out of `finish`."""

    def __init__(self, source: Source):
        self.source = source
        self.arrays = {name: array(CODES[dtype]) for name, dtype in {**ROW_ARRAYS, **TAG_ARRAYS}.items()}
        self.labels, self.tags, self.marks = Names(), Names(), MarkReader()
        self.slots = 0

    def read(self) -> Iterator[bytes]:
        """The text of each row for the search, in the dataset's order."""
        query = "SELECT id, live, version, changed, marks, cells FROM rows ORDER BY position"
        for *facts, marks, cells in self.source.db.execute(query):
            values = json.loads(cells)
            self.add(facts, self.marks.read(marks), values)
            yield lay_out(values)
            self.slots += 1

    def add(self, facts: Sequence[int], marks: MarkCodes, values: Sequence) -> None:
        row_id, live, version, changed = facts
        prompt, answer, label = measure(values, self.source.columns, self.source.mapping)
        code = NONE if label is None else self.labels.code(label)
        line = (row_id, live, marks.status, marks.golden, version, changed, prompt, answer, code, self.slots)
        for name, value in zip(ROW_ARRAYS, line, strict=True):
            self.arrays[name].append(value)
        for tag in marks.tags:
            self.arrays["tag_row"].append(row_id)
            self.arrays["tag_code"].append(self.tags.code(tag))

    def finish(self, state: State) -> dict[str, "np.ndarray"]:
        """The arrays; names and counts go into the state."""
        import numpy as np

        types = {**ROW_ARRAYS, **TAG_ARRAYS}
        arrays = {name: np.frombuffer(values, types[name]) for name, values in self.arrays.items()}
        labelled = int((arrays["label"] >= 0).sum())
        state.labelled = len(self.labels.codes) <= max(FEW_LABELS, min(MOST_LABELS, LABEL_SHARE * labelled))
        if not state.labelled:  # answers that hardly repeat are no labels
            arrays["label"] = np.full(len(arrays["label"]), NONE, np.int32)
        state.label_names = self.labels.listed() if state.labelled else []
        state.tag_names, state.slots = self.tags.listed(), self.slots
        return arrays


class Columns(dict):
    """The arrays of a file, read when they are asked for, to be written to; what differs then is saved."""

    def __init__(self, db: sqlite3.Connection):
        super().__init__()
        self.db = db
        self.before: dict[str, np.ndarray] = {}

    def __missing__(self, name: str) -> "np.ndarray":
        self.before[name] = load_array(self.db, name)
        self[name] = self.before[name].copy()
        return self[name]

    def save(self) -> None:
        import numpy as np

        for name, values in self.items():
            if not np.array_equal(values, self.before[name]):
                save_array(self.db, name, values)


def places_of(ids: "np.ndarray", wanted: "np.ndarray") -> "np.ndarray":
    """int64: where each wanted id stands among the ids, -1 for one that does not."""
    import numpy as np

    if not len(ids):
        return np.full(len(wanted), NONE, np.int64)
    order = None if bool((np.diff(ids) > 0).all()) else np.argsort(ids)
    places = np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)
    if order is not None:
        places = order[places]
    return np.where(ids[places] == wanted, places, NONE)


def catch_up(db: sqlite3.Connection, state: State, source: Source, most: int) -> None:
    """Bring in what changed since `state.seq`; texts only if at most `most` rows have new ones, else `state.behind`."""
    query = "SELECT id, live, version, changed, marks FROM rows WHERE changed > ?"
    changed = source.db.execute(query, [state.seq]).fetchall()
    if changed:
        columns = Columns(db)
        new_texts = [row_id for row_id, live, version, _, _ in changed if live and version > state.seq]
        state.behind = state.behind or len(new_texts) > most
        if not state.behind:
            add_texts(columns, state, source, new_texts)
        set_marks(columns, state, changed)
        columns.save()
    state.seq = source.seq


def set_marks(columns: Columns, state: State, changed: list[tuple]) -> None:
    """Marks and life of the rows that are known."""
    import numpy as np

    reader = MarkReader()
    marks = [reader.read(text) for *_, text in changed]
    row_ids = np.array([row[0] for row in changed], np.int64)
    places = places_of(columns["id"], row_ids)
    known = places >= 0
    places = places[known]
    columns["live"][places] = np.array([row[1] for row in changed], bool)[known]
    columns["version"][places] = np.array([row[2] for row in changed], np.int64)[known]
    columns["changed"][places] = np.array([row[3] for row in changed], np.int64)[known]
    columns["status"][places] = np.array([one.status for one in marks], np.uint8)[known]
    columns["golden"][places] = np.array([one.golden for one in marks], bool)[known]
    names = Names(state.tag_names)
    pairs = [(row[0], names.code(tag)) for row, one in zip(changed, marks, strict=True) for tag in one.tags]
    others = ~np.isin(columns["tag_row"], row_ids)
    if pairs or not others.all():
        rows, codes = np.array(pairs, np.int64).reshape(-1, 2).T
        columns["tag_row"] = np.concatenate([columns["tag_row"][others], rows])
        columns["tag_code"] = np.concatenate([columns["tag_code"][others], codes.astype(np.int32)])
        state.tag_names = names.listed()


def add_texts(columns: Columns, state: State, source: Source, row_ids: list[int]) -> None:
    """Text, lengths and label of some live rows, new rows included."""
    import numpy as np

    if not row_ids:
        return
    insert_new(columns, source, row_ids)
    query = "SELECT id, cells FROM rows WHERE id IN (SELECT value FROM json_each(?))"
    labels, found = Names(state.label_names), []
    for batch in batches(row_ids):
        for row_id, cells in source.db.execute(query, [json.dumps(batch)]):
            values = json.loads(cells)
            prompt, answer, label = measure(values, source.columns, source.mapping)
            code = labels.code(label) if label is not None and state.labelled else NONE
            found.append((row_id, prompt, answer, code))
            columns.db.execute("INSERT OR REPLACE INTO late (row_id, text) VALUES (?, ?)", [row_id, lay_out(values)])
    state.label_names = labels.listed()
    rows, prompts, answers, codes = np.array(found, np.int64).T
    places = places_of(columns["id"], rows)
    columns["prompt"][places] = prompts
    columns["answer"][places] = answers
    columns["label"][places] = codes
    columns["slot"][places] = NONE


def insert_new(columns: Columns, source: Source, row_ids: list[int]) -> None:
    """Make room for rows that are not known yet, each behind the row that it follows in the dataset."""
    import numpy as np

    ids = columns["id"]
    row_ids = np.array(row_ids, np.int64)
    new = row_ids[places_of(ids, row_ids) < 0]
    if not len(new):
        return
    followed, ordered = find_places(source, set(ids.tolist()), new.tolist())
    places = np.where(followed < 0, 0, places_of(ids, followed) + 1)
    for name in ROW_ARRAYS:
        columns[name] = np.insert(columns[name], places, ordered if name == "id" else 0)


def find_places(source: Source, known: set[int], new: list[int]) -> tuple["np.ndarray", "np.ndarray"]:
    """(for each new row the id of the last known row before it, -1 if it is the first; the new rows), in order."""
    import numpy as np

    query = "SELECT position, id FROM rows WHERE id IN (SELECT value FROM json_each(?)) ORDER BY position"
    placed = source.db.execute(query, [json.dumps(new)]).fetchall()
    query = "SELECT id FROM rows WHERE position < ? AND position > ? ORDER BY position DESC"
    followed, last, before = [], NONE, -(2**62)
    for position, _ in placed:
        between = (row_id for (row_id,) in source.db.execute(query, [position, before]))
        last = next((row_id for row_id in between if row_id in known), last)
        followed.append(last)
        before = position
    return np.array(followed, np.int64), np.array([row_id for _, row_id in placed], np.int64)
