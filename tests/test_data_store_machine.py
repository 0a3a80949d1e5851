"""Any sequence of changes, undos, crashes and restarts leaves what plain Python values would hold."""

import json
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from studio.data.store import STATUSES, Marks, create_dataset, open_dataset
from studio.data.store.bulk import Replacement, replace_all, set_column
from studio.data.store.versions import compare_versions, list_versions, restore_version, rows_at, save_version
from studio.home import open_home

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUE = TEXT | st.none() | st.booleans() | st.integers() | st.lists(TEXT, max_size=2)
PICK = st.integers(min_value=0, max_value=10**6)
PICKS = st.lists(PICK, min_size=1, max_size=4)


class Crash(Exception):
    """The process ends in the middle of a change."""


class Edits(RuleBasedStateMachine):
    """The model: row id -> (live, values, marks), with whole copies of it as undo and redo stacks, and as versions.

    `order` holds all rows that ever were: a deleted one keeps its place, and undo moves none.
    """

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.home = open_home(Path(self.folder.name))
        start = [{"a": "1", "b": None}, {"a": "2", "b": [3]}]
        self.id = create_dataset(self.home, "x", ["a", "b"], start, {}, {})
        self.dataset = open_dataset(self.home, self.id)
        self.model = {number: (True, values, Marks()) for number, values in enumerate(start, 1)}
        self.order = list(self.model)
        self.done, self.undone = [], []
        self.versions = {}

    def teardown(self):
        for version in list_versions(self.dataset):
            rows = [(row.id, row.values, row.marks) for row in rows_at(self.dataset, version.id)]
            assert json.dumps(rows, default=vars) == json.dumps(self.versions[version.id][0], default=vars)
        self.folder.cleanup()

    def rows(self):
        return [(row_id, *self.model[row_id][1:]) for row_id in self.order if self.model.get(row_id, [0])[0]]

    def pick(self, pick):
        live = self.rows()
        return live[pick % len(live)][0]

    def put(self, rows):
        """What these rows become; no change if they are so already."""
        model = self.model | rows
        if json.dumps(model, default=vars) != json.dumps(self.model, default=vars):
            self.done.append(self.model)
            self.model, self.undone = model, []

    def insert(self, row_id, after=None):
        self.order.insert(len(self.order) if after is None else self.order.index(after) + 1, row_id)

    @precondition(lambda self: self.rows())
    @rule(pick=PICK, column=st.sampled_from("ab"), value=VALUE)
    def edit(self, pick, column, value):
        row_id = self.pick(pick)
        live, values, marks = self.model[row_id]
        self.dataset.edit(row_id, {column: value}, self.dataset.row(row_id).version)
        self.put({row_id: (live, values | {column: value}, marks)})

    @rule(value=VALUE)
    def add(self, value):
        row = self.dataset.add({"b": value})
        self.insert(row.id)
        self.put({row.id: (True, {"a": "", "b": value}, Marks())})

    @precondition(lambda self: self.rows())
    @rule(pick=PICK, value=VALUE)
    def add_behind(self, pick, value):
        behind = self.pick(pick)
        row = self.dataset.add({"a": value}, after=behind)
        self.insert(row.id, behind)
        self.put({row.id: (True, {"a": value, "b": ""}, Marks())})

    @precondition(lambda self: self.rows())
    @rule(pick=PICK)
    def duplicate(self, pick):
        behind = self.pick(pick)
        row = self.dataset.duplicate(behind)
        self.insert(row.id, behind)
        self.put({row.id: (True, self.model[behind][1], self.model[behind][2].for_copy())})

    @precondition(lambda self: self.rows())
    @rule(picks=PICKS)
    def delete(self, picks):
        gone = {self.pick(pick) for pick in picks}
        assert self.dataset.delete(gone) == len(gone)
        self.put({row_id: (False, *self.model[row_id][1:]) for row_id in gone})

    @rule(picks=PICKS)
    def restore(self, picks):
        trash = [row_id for row_id, (live, *_) in self.model.items() if not live]
        back = {trash[pick % len(trash)] for pick in picks if trash}
        assert self.dataset.restore({*back, 10**9}) == len(back)
        self.put({row_id: (True, *self.model[row_id][1:]) for row_id in back})

    @precondition(lambda self: self.rows())
    @rule(picks=PICKS, status=st.sampled_from(STATUSES) | st.none(), tag=st.sampled_from("xyz"), adds=st.booleans())
    def mark(self, picks, status, tag, adds):
        ids = {self.pick(pick) for pick in picks}
        self.dataset.mark(ids, status=status, **{"add_tags" if adds else "remove_tags": [tag]})
        marked = {}
        for row_id in ids:
            live, values, marks = self.model[row_id]
            tags = tuple(kept for kept in marks.tags if kept != tag or adds)
            tags += (tag,) if adds and tag not in tags else ()
            marked[row_id] = (live, values, replace(marks, status=status or marks.status, tags=tags))
        self.put(marked)

    @precondition(lambda self: self.rows())
    @rule(edit=PICK, delete=PICK, mark=PICK, value=VALUE, note=TEXT)
    def change_rows(self, edit, delete, mark, value, note):
        edit, delete, mark = self.pick(edit), self.pick(delete), self.pick(mark)
        self.dataset.change_rows({edit: {"a": value}}, [delete], {mark: Marks(note=note)}, "the lot")
        rows = {edit: (True, self.model[edit][1] | {"a": value}, self.model[edit][2])}
        rows[mark] = (True, rows.get(mark, self.model[mark])[1], Marks(note=note))
        rows[delete] = (False, *self.model[delete][1:])
        self.put(rows)

    @precondition(lambda self: self.rows())
    @rule(pick=PICK, value=VALUE)
    def split(self, pick, value):
        row_id = self.pick(pick)
        _, values, marks = self.model[row_id]
        rows = self.dataset.split_row(row_id, [{"a": "first"}, {"a": value}])
        self.insert(rows[1].id, row_id)
        self.put(
            {
                row_id: (True, values | {"a": "first"}, marks),
                rows[1].id: (True, values | {"a": value}, marks.for_copy()),
            }
        )

    @precondition(lambda self: len(self.rows()) > 1)
    @rule(pick=PICK, value=VALUE)
    def merge(self, pick, value):
        first, second = self.pick(pick), self.pick(pick + 1)
        (_, values, one), (_, others, two) = self.model[first], self.model[second]
        self.dataset.merge_rows([first, second], {"b": value})
        notes = dict.fromkeys(note for note in (one.note, two.note) if note)
        marks = replace(one, tags=tuple(dict.fromkeys(one.tags + two.tags)), note="\n".join(notes))
        self.put({first: (True, values | {"b": value}, marks), second: (False, others, two)})

    @rule(text=TEXT)
    def set_column(self, text):
        set_column(self.dataset, None, "b", text)
        self.put({row_id: (True, values | {"b": text}, marks) for row_id, values, marks in self.rows()})

    @rule(put=TEXT)
    def replace_all(self, put):
        replace_all(self.dataset, None, Replacement("1", put, columns=("a",)))

        def changed(value):
            if isinstance(value, list):
                return [changed(item) for item in value]
            return value.replace("1", put) if isinstance(value, str) else value

        self.put({row_id: (True, values | {"a": changed(values["a"])}, marks) for row_id, values, marks in self.rows()})

    @rule()
    def undo(self):
        assert (self.dataset.next_undo() is not None) == (self.dataset.undo() is not None) == bool(self.done)
        if self.done:
            self.undone.append(self.model)
            self.model = self.done.pop()

    @rule()
    def redo(self):
        assert (self.dataset.next_redo() is not None) == (self.dataset.redo() is not None) == bool(self.undone)
        if self.undone:
            self.done.append(self.model)
            self.model = self.undone.pop()

    @rule()
    def save_version(self):
        version = save_version(self.dataset, f"version {len(self.versions)}")
        self.versions[version.id] = (self.rows(), version.content_hash)

    @precondition(lambda self: self.versions)
    @rule(pick=PICK)
    def restore_version(self, pick):
        version_id = list(self.versions)[pick % len(self.versions)]
        rows, digest = self.versions[version_id]
        then = {row_id: (True, values, marks) for row_id, values, marks in rows}
        now = {row_id for row_id, *_ in self.rows()}
        found = compare_versions(self.dataset, version_id)
        assert found.added == len(now - set(then))
        assert found.removed == len(set(then) - now)
        assert found.changed + found.marked == sum(
            json.dumps(self.model[row_id], default=vars) != json.dumps(then[row_id], default=vars)
            for row_id in now & set(then)
        )
        restore_version(self.dataset, version_id)
        self.put(then | {row_id: (False, *self.model[row_id][1:]) for row_id in now - set(then)})
        assert self.dataset.content_hash() == digest

    @precondition(lambda self: self.rows())
    @rule()
    def crash(self):
        with suppress(Crash), self.dataset.write() as db:
            db.execute("UPDATE rows SET live = 0, cells = '[1, 2]', marks = '{\"status\":\"draft\"}'")
            db.execute("UPDATE changes SET state = 'dropped'")
            raise Crash

    @rule()
    def reload(self):
        self.dataset = open_dataset(open_home(self.home.path), self.id)

    @invariant()
    def is_the_model(self):
        rows = [(row.id, row.values, row.marks) for row in self.dataset.page(0, 1000)]
        assert json.dumps(rows, default=vars) == json.dumps(self.rows(), default=vars)
        trash = {found.row.id: (False, found.row.values, found.row.marks) for found in self.dataset.trash(0, 1000)}
        gone = {row_id: kept for row_id, kept in self.model.items() if not kept[0]}
        assert json.dumps(trash, default=vars, sort_keys=True) == json.dumps(gone, default=vars, sort_keys=True)


Edits.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestEdits = Edits.TestCase
