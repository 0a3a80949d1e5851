"""Any sequence of edits, undos and restarts leaves what a plain list would hold."""

import json
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from studio.data.store import create_dataset, open_dataset
from studio.home import open_home

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUE = TEXT | st.none() | st.booleans() | st.integers() | st.lists(TEXT, max_size=2)
PICK = st.integers(min_value=0, max_value=10**6)


class Edits(RuleBasedStateMachine):
    """The model is a list of (id, values), with whole copies of it as undo and redo stacks."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.home = open_home(Path(self.folder.name))
        start = [{"a": "1", "b": None}, {"a": "2", "b": [3]}]
        self.id = create_dataset(self.home, "x", ["a", "b"], start, {}, {})
        self.dataset = open_dataset(self.home, self.id)
        self.model = [(number, values) for number, values in enumerate(start, 1)]
        self.done, self.undone = [], []

    def teardown(self):
        self.folder.cleanup()

    def change(self, model):
        self.done.append(self.model)
        self.model, self.undone = model, []

    def index(self, pick):
        return pick % len(self.model)

    @precondition(lambda self: self.model)
    @rule(pick=PICK, column=st.sampled_from("ab"), value=VALUE)
    def edit(self, pick, column, value):
        index = self.index(pick)
        row_id, values = self.model[index]
        after = values | {column: value}
        self.dataset.edit(row_id, {column: value}, self.dataset.row(row_id).version)
        if json.dumps(after) != json.dumps(values):
            self.change([*self.model[:index], (row_id, after), *self.model[index + 1 :]])

    @rule(value=VALUE)
    def add(self, value):
        row = self.dataset.add({"b": value})
        self.change([*self.model, (row.id, {"a": "", "b": value})])

    @precondition(lambda self: self.model)
    @rule(pick=PICK, value=VALUE)
    def add_behind(self, pick, value):
        index = self.index(pick)
        row = self.dataset.add({"a": value}, after=self.model[index][0])
        self.change([*self.model[: index + 1], (row.id, {"a": value, "b": ""}), *self.model[index + 1 :]])

    @precondition(lambda self: self.model)
    @rule(pick=PICK)
    def duplicate(self, pick):
        index = self.index(pick)
        row_id, values = self.model[index]
        row = self.dataset.duplicate(row_id)
        self.change([*self.model[: index + 1], (row.id, values), *self.model[index + 1 :]])

    @precondition(lambda self: self.model)
    @rule(picks=st.lists(PICK, min_size=1, max_size=3))
    def delete(self, picks):
        gone = {self.model[self.index(pick)][0] for pick in picks}
        assert self.dataset.delete(gone) == len(gone)
        self.change([row for row in self.model if row[0] not in gone])

    @rule()
    def undo(self):
        assert (self.dataset.undo() is not None) == bool(self.done)
        if self.done:
            self.undone.append(self.model)
            self.model = self.done.pop()

    @rule()
    def redo(self):
        assert (self.dataset.redo() is not None) == bool(self.undone)
        if self.undone:
            self.done.append(self.model)
            self.model = self.undone.pop()

    @rule()
    def reload(self):
        self.dataset = open_dataset(open_home(self.home.path), self.id)

    @invariant()
    def is_the_model(self):
        rows = self.dataset.page(0, 1000)
        assert json.dumps([(row.id, row.values) for row in rows]) == json.dumps(self.model)


Edits.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestEdits = Edits.TestCase
