"""Texts of the Data tab's fields: how they become cells, and what is saved of them."""

import json

import pytest

from components.data import cells
from studio.data.store import create_dataset, open_dataset
from studio.data.store.dataset import EditConflict
from studio.errors import DataError
from studio.home import open_home


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


def make(home, count: int = 10):
    rows = [{"instruction": f"question {number}", "output": f"answer {number}"} for number in range(1, count + 1)]
    roles = {"instruction": "instruction", "output": "output"}
    return open_dataset(home, create_dataset(home, "Rows", list(roles), rows, roles, {}))


@pytest.mark.parametrize("value", ["007", "", None, 7, 1.5, True, {"a": [1]}, [{"role": "user", "content": "ü\n"}]])
def test_a_cell_that_was_not_touched_stays_the_same(value):
    assert cells.read_cell(cells.show_cell(value), value, "c") is value
    assert cells.read_cell(cells.show_cell(value).replace("\n", "\r\n"), value, "c") is value


def test_text_stays_text_and_json_stays_json():
    assert cells.read_cell("1e5", "007", "c") == "1e5"
    assert cells.read_cell("null", None, "c") == "null"
    assert cells.read_cell("[1, 2]", [1], "c") == [1, 2]
    assert cells.read_cell("a\nb", "a\r\nb", "c") == "a\r\nb"


def test_a_list_may_be_typed_where_the_role_has_lists():
    turns = '[{"role": "user", "content": "Hi"}]'
    assert cells.read_cell(turns, None, "c", "messages") == json.loads(turns)
    assert cells.read_cell(turns, '[{"role": "us', "c", "messages") == json.loads(turns)  # saved half-typed
    assert cells.read_cell("### Human: Hi", None, "c", "messages") == "### Human: Hi"
    assert cells.read_cell("7", None, "c", "tokens") == "7"
    assert cells.read_cell('["a"]', '["b"]', "c", "tokens") == '["a"]'  # a column of texts that hold JSON
    assert cells.read_cell(turns, None, "c", "output") == turns


@pytest.mark.parametrize("text", ["[1, ", "", "NaN", "[" * 100_000, "9" * 5000])
def test_broken_json_is_refused(text):
    with pytest.raises(DataError, match="Column 'turns' holds JSON"):
        cells.read_cell(text, [1], "turns")


@pytest.mark.parametrize("text", ["rows", "rows:1", "../x:1:1", "rows:x:1", "rows:-1:1", f"rows:{2**63}:1", "a:b:c:d"])
def test_a_form_that_names_no_row_is_refused(text):
    with pytest.raises(DataError):
        cells.read_opened(text)


def test_a_form_knows_its_row():
    opened = cells.Opened("my-rows", 7, 3)
    assert cells.read_opened(str(opened)) == opened
    assert cells.read_opened("") is None


def test_a_form_saves_only_what_was_changed(home):
    dataset = make(home)
    opened = cells.Opened(dataset.id, 4, 0)
    assert cells.save_texts(dataset, opened, ["question 4", "answer 4"], 0) is None
    saved = cells.save_texts(dataset, opened, ["question 4", "better"], 0)
    assert saved.values == {"instruction": "question 4", "output": "better"}
    assert cells.save_texts(dataset, opened, ["question 4", "best"], saved.version).values["output"] == "best"


def test_a_form_never_overwrites_what_somebody_else_saved(home):
    dataset = make(home)
    theirs = dataset.edit(4, {"instruction": "their question"})
    opened = cells.Opened(dataset.id, 4, 0)
    assert cells.save_texts(dataset, opened, ["question 4", "answer 4"], 0) is None
    with pytest.raises(EditConflict):
        cells.save_texts(dataset, opened, ["question 4", "mine"], 0)
    kept = cells.save_texts(dataset, opened, ["question 4", "mine"], 0, force=True)
    assert kept.values == {"instruction": "their question", "output": "mine"}
    assert kept.version > theirs.version


def test_the_same_change_made_twice_is_no_conflict_and_no_new_edit(home):
    dataset = make(home)
    dataset.edit(4, {"output": "same"})
    assert cells.save_texts(dataset, cells.Opened(dataset.id, 4, 0), ["question 4", "same"], 0) is None
