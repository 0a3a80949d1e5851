"""Marks of rows: what they are, how they are given and taken back, and that they conflict with no edit of the text."""

import pytest

from studio.data.store import STATUSES, EditConflict, Marks, create_dataset, open_dataset
from studio.data.store.marks import Marking, pack_marks, unpack_marks
from studio.errors import DataError
from studio.home import open_home
from tests.stores import make, state


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


def marks(dataset):
    return {row.id: row.marks for row in dataset.rows()}


def test_rows_begin_unmarked(home):
    dataset = make(home, "a")
    assert STATUSES == ("pending", "draft", "accepted", "discarded")
    assert dataset.row(1).marks == Marks() == Marks(status="pending", tags=(), note="", golden=False)


def test_marks_are_given_to_many_rows_as_one_change(home):
    dataset = make(home, "a", "b", "c")
    assert (
        dataset.mark([3, 1, 1, 99], status="accepted", add_tags=["good", " short "], note="see above", golden=True) == 2
    )
    full = Marks("accepted", ("good", "short"), "see above", True)
    assert marks(dataset) == {1: full, 2: Marks(), 3: full}
    assert dataset.mark([1, 2, 3], add_tags=["new", "good"], remove_tags=["short"]) == 3
    assert marks(dataset)[1] == Marks("accepted", ("good", "new"), "see above", True)
    assert marks(dataset)[2] == Marks(tags=("new", "good"))
    assert dataset.mark([1], status="accepted", golden=True, note="see above") == 0
    assert dataset.mark([1], status="pending", remove_tags=["good", "new"], note="", golden=False) == 1
    assert marks(dataset)[1] == Marks()
    assert [dataset.undo() for _ in range(4)] == [
        "Undid the marks of row 1.",
        "Undid the tags of 3 rows.",
        "Undid the marks of 2 rows.",
        None,
    ]
    assert set(marks(dataset).values()) == {Marks()}
    assert [dataset.redo() for _ in range(3)][-1] == "Redid the marks of row 1."
    assert open_dataset(home, dataset.id).row(3).marks == Marks("accepted", ("good", "new"), "see above", True)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"status": "draft"}, "the status 'draft' of row 1"),
        ({"add_tags": ["x"]}, "the tags of row 1"),
        ({"note": "x"}, "the note of row 1"),
        ({"golden": True}, "the golden mark of row 1"),
        ({"golden": True, "note": "x"}, "the marks of row 1"),
    ],
)
def test_undo_says_which_mark(home, asked, said):
    dataset = make(home, "a")
    dataset.mark([1], **asked)
    assert (dataset.next_undo(), dataset.next_redo()) == (said, None)
    assert dataset.undo() == f"Undid {said}."
    assert (dataset.next_undo(), dataset.next_redo()) == (None, said)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"status": "done"}, r"There is no status 'done'. The statuses are pending, draft, accepted, discarded\."),
        ({"add_tags": [" "]}, "'' cannot be a tag: use 1 to 60 visible characters on one line"),
        ({"add_tags": ["x" * 61]}, "cannot be a tag"),
        ({"add_tags": ["a\nb"]}, "cannot be a tag"),
        ({"add_tags": ["a\ud800"]}, "cannot be a tag"),
        ({"add_tags": "abc"}, "Tags must be a list of texts"),
        ({"note": "\ud800"}, "half of a character"),
        ({"note": 7}, "a note must be text"),
        ({"golden": 1}, "golden must be true or false"),
    ],
)
def test_marks_that_cannot_be(home, asked, message):
    dataset = make(home, "a")
    with pytest.raises(DataError, match=message):
        dataset.mark([1], **asked)
    assert (dataset.version, dataset.row(1).marks) == (0, Marks())


def test_marks_are_stored_by_what_differs():
    assert pack_marks(Marks()) == "{}"
    assert pack_marks(Marks("draft", ("ä",), "n", True)) == '{"status":"draft","tags":["ä"],"note":"n","golden":true}'
    for kept in (Marks(), Marks(golden=True), Marks("draft", ("ä", "b"), "n\n", True)):
        assert unpack_marks(pack_marks(kept)) == kept
    assert Marking().change(Marks("draft", ("a",))) == Marks("draft", ("a",))


def test_a_mark_and_an_edit_do_not_conflict(home):
    dataset = make(home, "a")
    opened = dataset.row(1)
    dataset.mark([1], status="accepted")
    assert dataset.row(1).version == opened.version == 0
    edited = dataset.edit(1, {"output": "b"}, opened.version)
    assert (edited.version, edited.marks.status) == (2, "accepted")
    assert dataset.undo() == "Undid the edit of row 1."
    assert dataset.row(1).marks.status == "accepted"


def test_changed_grows_with_whatever_touches_a_row(home):
    dataset = make(home, "a", "b")

    def changed():
        with dataset.connect() as db:
            return dict(db.execute("SELECT id, changed FROM rows"))

    assert changed() == {1: 0, 2: 0}
    dataset.mark([1], golden=True)
    dataset.edit(2, {"output": "x"})
    assert changed() == {1: 1, 2: 2}
    dataset.delete([1])
    assert changed() == {1: 3, 2: 2}
    dataset.undo()
    assert changed() == {1: 4, 2: 2}
    dataset.set_mapping({"output": "output"})
    assert (changed(), dataset.version) == ({1: 4, 2: 2}, 5)


def test_marks_are_no_content(home):
    dataset = make(home, "a")
    before = dataset.content_hash()
    dataset.mark([1], status="discarded", note="x")
    assert dataset.content_hash() == before


def test_a_copy_takes_over_all_but_the_approval_and_the_note(home):
    dataset = make(home, "a", "b")
    dataset.mark([1], status="accepted", add_tags=["x"], note="mine", golden=True)
    dataset.mark([2], status="discarded")
    assert dataset.duplicate(1).marks == Marks("pending", ("x",), "", True)
    assert dataset.duplicate(2).marks == Marks("discarded")
    assert dataset.undo() == "Undid the copy of row 2."
    assert dataset.undo() == "Undid the copy of row 1."
    assert dataset.redo() == "Redid the copy of row 1."
    assert dataset.row(3).marks == Marks("pending", ("x",), "", True)


def test_splitting_is_one_change(home):
    dataset = make(home, "a", "b and c", "d")
    dataset.mark([2], status="accepted", add_tags=["x"], note="n")
    before = state(dataset)
    rows = dataset.split_row(2, [{"output": "b"}, {"output": "c", "input": "i"}, {"output": "e"}])
    assert [(row.id, row.values["output"], row.marks) for row in rows] == [
        (2, "b", Marks("accepted", ("x",), "n")),
        (4, "c", Marks(tags=("x",))),
        (5, "e", Marks(tags=("x",))),
    ]
    assert rows[1].values == {"instruction": "Question 2", "input": "i", "output": "c"}
    assert [row.id for row in dataset.rows()] == [1, 2, 4, 5, 3]
    after = state(dataset)
    assert dataset.undo() == "Undid the split of row 2 into 3 rows."
    assert state(dataset) == before
    dataset.redo()
    assert state(dataset) == after
    with pytest.raises(DataError, match="Row 2 cannot be split into 1: give at least two parts"):
        dataset.split_row(2, [{"output": "b"}])
    with pytest.raises(DataError, match="There is no column 'x'"):
        dataset.split_row(2, [{}, {"x": "b"}])
    with pytest.raises(EditConflict):
        dataset.split_row(2, [{"output": "b"}, {"output": "c"}], version=0)
    assert state(dataset) == after


def test_merging_keeps_the_marks_and_is_one_change(home):
    dataset = make(home, "a", "b", "c")
    dataset.mark([3], status="draft", add_tags=["x"], note="first")
    dataset.mark([1], status="accepted", add_tags=["y", "x"], note="second", golden=True)
    before = state(dataset)
    row = dataset.merge_rows([3, 1], {"output": "c\n\na"})
    assert (row.id, row.values["output"]) == (3, "c\n\na")
    assert row.marks == Marks("draft", ("x", "y"), "first\nsecond", True)
    assert [row.id for row in dataset.rows()] == [2, 3]
    assert [found.row.id for found in dataset.trash(0, 10)] == [1]
    assert dataset.undo() == "Undid the merging of 2 rows into row 3."
    assert state(dataset) == before
    for ids, message in (([1], "at least two different rows"), ([1, 1], "at least two"), ([1, 99], "Row 99 is not")):
        with pytest.raises(DataError, match=message):
            dataset.merge_rows(ids, {})


def test_many_rows_change_as_one(home):
    dataset = make(home, "a", "b", "c", "d")
    before = state(dataset)
    dataset.delete([4])
    edits = {1: {"output": "A"}, 2: {"output": "b"}, 3: {"output": "gone"}, 4: {"output": "gone"}, 9: {}}
    assert dataset.change_rows(edits, [3, 4], {1: Marks("draft"), 2: Marks(tags=(" t ",))}, "the repair of 3 rows") == 3
    assert [(row.id, row.values["output"], row.marks) for row in dataset.rows()] == [
        (1, "A", Marks("draft")),
        (2, "b", Marks(tags=("t",))),
    ]
    assert dataset.next_undo() == "the repair of 3 rows"
    assert dataset.undo() == "Undid the repair of 3 rows."
    dataset.undo()
    assert state(dataset) == before
    assert dataset.edit_many({1: {"output": "x"}, 2: {"output": "b"}}, "the mending") == 1
    assert dataset.redo() is None
    version = dataset.version
    assert dataset.edit_many({1: {"output": "x"}}, "nothing") == 0
    for edits, kept in (
        ({1: {"y": 1}}, {}),
        ({}, {1: Marks("x")}),
        ({1: {"output": "z"}, 2: {"output": "\ud800"}}, {}),
    ):
        with pytest.raises(DataError):
            dataset.change_rows(edits, [], kept, "wrong")
    assert (dataset.version, dataset.next_undo()) == (version, "the mending")


def test_nothing_changed_is_no_change(home):
    dataset = make(home, "a", "b")
    dataset.edit(1, {"output": "x"})
    dataset.undo()
    assert (dataset.delete([9]), dataset.mark([1]), dataset.restore([1]), dataset.edit_many({}, "x")) == (0, 0, 0, 0)
    assert dataset.next_redo() == "the edit of row 1"


def test_rows_are_found_by_id_in_the_order_asked(home):
    dataset = make(home, *"abcd")
    dataset.delete([2])
    assert [row.id for row in dataset.rows_by_id([4, 2, 1, 77])] == [4, 1]
    assert dataset.rows_by_id([]) == []


def test_thousands_of_rows_are_one_change(home):
    count = 2500  # more than two batches
    rows = [{"v": str(number)} for number in range(count)]
    dataset = open_dataset(home, create_dataset(home, "many", ["v"], rows, {}, {}))
    before = state(dataset)
    assert dataset.mark(range(1, count + 1), status="accepted") == count
    assert dataset.delete(range(2, count + 1, 2)) == count // 2
    middle = state(dataset)
    assert len(middle[0]) == len(middle[1]) == count // 2
    assert dataset.undo() == "Undid the deletion of 1250 rows."
    assert dataset.undo() == "Undid the status 'accepted' of 2500 rows."
    assert state(dataset) == before
    assert dataset.redo() and dataset.redo()
    assert state(dataset) == middle
    assert dataset.undo() and dataset.undo() and dataset.undo() is None
    assert state(dataset) == before
