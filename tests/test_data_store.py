"""A dataset on disk: rows, pages, changes, undo, conflicts."""

import json
import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from studio.data.store import EditConflict, create_dataset, list_datasets, open_dataset
from studio.errors import DataError
from studio.home import open_home
from tests.stores import COLUMNS, MAPPING, clock, make, outputs


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


def test_a_dataset_is_one_file_with_its_facts(home):
    dataset = make(home, "a", "b", name="Bücher & 📚")
    assert dataset.id == "bucher"
    assert (dataset.name, dataset.columns, dataset.mapping) == ("Bücher & 📚", COLUMNS, MAPPING)
    assert (dataset.source, dataset.version) == ({"file": "x.json"}, 0)
    info = dataset.info()
    assert (info.id, info.name, info.rows, info.modified) == ("bucher", "Bücher & 📚", 2, clock())
    assert [path.name for path in home.datasets.iterdir()] == ["bucher.db"]
    assert list_datasets(home) == [info]


def test_ids_never_collide_or_leave_the_folder(home):
    names = ["tickets", "tickets", "../../etc/passwd", "表", "", "CON\n\x00", "x" * 300, "-rf"]
    ids = [make(home, "a", name=name).id for name in names]
    assert ids[:4] == ["tickets", "tickets-2", "etc-passwd", "dataset"]
    assert len(set(ids)) == len(ids) == len(list_datasets(home))
    assert {path.parent for path in home.path.rglob("*.db")} == {home.datasets}


def test_many_threads_make_as_many_datasets(home):
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: make(home, "a").id, range(16)))
    assert len(set(ids)) == 16


def test_a_dataset_that_cannot_be_made_leaves_nothing(home):
    def rows():
        yield {"a": "fine"}
        yield {"a": "\ud800"}

    with pytest.raises(DataError, match="half of a character"):
        create_dataset(home, "x", ["a"], rows(), {}, {})
    with pytest.raises(DataError, match=r"There is no column 'b'. The columns are 'a'."):
        create_dataset(home, "x", ["a"], [{"b": "1"}], {}, {})
    with pytest.raises(DataError, match="at least one column"):
        create_dataset(home, "x", [], [], {}, {})
    with pytest.raises(DataError, match="several columns are named 'a'"):
        create_dataset(home, "x", ["a", "a"], [], {}, {})
    assert list(home.datasets.iterdir()) == []


def test_a_dataset_there_is_not(home):
    with pytest.raises(DataError, match="There are none yet: import a file or choose an example"):
        open_dataset(home, "x")
    dataset = make(home, "a")
    for wrong in ("x", "../tickets", "", "tickets.db"):
        with pytest.raises(DataError, match=r"There are 'tickets'\."):
            open_dataset(home, wrong)
    dataset.path.unlink()
    with pytest.raises(DataError, match="'tickets' is no longer there"):
        dataset.count()
    assert list(home.datasets.iterdir()) == []


def test_a_damaged_file_is_listed_and_named(home):
    (home.datasets / "broken.db").write_bytes(b"not a database at all" * 100)
    assert [info.name for info in list_datasets(home)] == ["broken (damaged)"]
    with pytest.raises(DataError, match=r"'broken' cannot be read or written .* restore it from a copy"):
        open_dataset(home, "broken").page(0, 10)


def test_pages_keep_their_order(home):
    dataset = make(home, *map(str, range(120)))
    pages = [[row.id for row in dataset.page(offset, 50)] for offset in (0, 50, 100, 150)]
    assert [len(page) for page in pages] == [50, 50, 20, 0]
    assert [row_id for page in pages for row_id in page] == list(range(1, 121))
    assert dataset.offset_of(51) == 50
    assert [row.id for row in dataset.page(-5, 1)] == [1]


def test_search_takes_the_text_as_it_is(home):
    dataset = make(home, "50% off", "500 off", "a_b", "axb", 'say "hi"', "Straße", "two\nlines", "数据集", "output")
    found = {
        term: [row.id for row in dataset.page(0, 10, term)]
        for term in ("50%", "a_b", '"hi"', "STRASSE", "lines", "\nl", "数据", "\\n", "output", "question", "null")
    }
    assert found == {
        "50%": [1],
        "a_b": [3],
        '"hi"': [5],
        "STRASSE": [6],
        "lines": [7],
        "\nl": [7],
        "数据": [8],
        "\\n": [],
        "output": [9],
        "question": list(range(1, 10)),
        "null": [],
    }
    assert dataset.count("off") == 2
    assert dataset.offset_of(7, "lines") == 0


def test_an_edit_touches_the_cells_it_names(home):
    dataset = make(home, "a", "b")
    row = dataset.edit(2, {"output": "c"}, version=0)
    assert row.values == {"instruction": "Question 2", "input": None, "output": "c"}
    assert (row.version, dataset.version, dataset.row(2)) == (1, 1, row)
    assert dataset.edit(2, {"output": "c"}) == row
    assert dataset.version == 1
    with pytest.raises(DataError, match="There is no column 'answer'"):
        dataset.edit(2, {"answer": "x"})
    with pytest.raises(DataError, match="Row 9 is not in this dataset"):
        dataset.edit(9, {"output": "x"})
    for wrong in (float("nan"), object(), {1, 2}):
        with pytest.raises(DataError, match="A cell must hold text, a number"):
            dataset.edit(2, {"output": wrong})
    assert dataset.version == 1


def test_values_survive_exactly(home):
    values = ["007", "1e5", "NA", "None", "", " x ", "a\u2028\x00\r\n\t", "<b>{{x}}</b>", "e\u0301", "é", "😀"]
    values += [None, True, 1, 1.0, 10**30, -0.0, [], {}, [1, [None]], {"z": 1, "a": {"b": []}}, "x" * 5_000_000]
    dataset = open_dataset(home, create_dataset(home, "x", ["v"], [{"v": value} for value in values], {}, {}))
    for value in values:
        dataset.add({"v": value})
    stored = [row.values["v"] for row in dataset.rows()]
    assert [json.dumps(value) for value in stored] == [json.dumps(value) for value in values * 2]


def test_one_becoming_true_is_an_edit(home):
    dataset = make(home, 1)
    assert dataset.edit(1, {"output": True}).values["output"] is True
    assert dataset.version == 1


def test_two_people_on_one_row(home):
    dataset = make(home, "a")
    seen = dataset.row(1)
    theirs = dataset.edit(1, {"output": "theirs"}, seen.version)
    with pytest.raises(EditConflict) as error:
        dataset.edit(1, {"output": "mine"}, seen.version)
    assert error.value.mine == {"output": "mine"}
    assert error.value.theirs == theirs
    assert outputs(dataset) == ["theirs"]
    assert dataset.edit(1, {"output": "theirs"}, seen.version) == theirs
    assert dataset.edit(1, {"output": "mine"}, theirs.version).values["output"] == "mine"


def test_start_empty_and_type(home):
    dataset = open_dataset(home, create_dataset(home, "mine", COLUMNS, [], MAPPING, {}))
    assert (dataset.count(), dataset.page(0, 10), list(dataset.rows()), dataset.undo()) == (0, [], [], None)
    dataset.add({"instruction": "q", "output": "a"})
    assert dataset.page(0, 10)[0].values == {"instruction": "q", "input": "", "output": "a"}


def test_a_copy_stands_right_behind_its_original(home):
    dataset = make(home, "a", "b", "c")
    copy = dataset.duplicate(2)
    assert outputs(dataset) == ["a", "b", "b", "c"]
    assert [row.id for row in dataset.rows()] == [1, 2, copy.id, 3]
    dataset.add({"output": "d"}, after=3)
    dataset.add({"output": "first"}, after=1)
    assert outputs(dataset) == ["a", "first", "b", "b", "c", "d"]


def test_there_is_always_room_behind_a_row(home):
    dataset = make(home, *map(str, range(20)))
    for number in range(40):
        dataset.add({"output": f"new {number}"}, after=1)
    assert outputs(dataset) == ["0", *(f"new {n}" for n in reversed(range(40))), *map(str, range(1, 20))]


def test_deleting_is_by_id_and_one_change(home):
    dataset = make(home, "a", "b", "c", "d")
    assert dataset.delete([2, 4, 4, 99]) == 2
    assert outputs(dataset) == ["a", "c"]
    assert dataset.delete([2]) == 0
    with pytest.raises(DataError, match="Row 2 is not in this dataset"):
        dataset.duplicate(2)
    assert dataset.undo() == "Undid the deletion of 2 rows."
    assert outputs(dataset) == ["a", "b", "c", "d"]


def test_undo_and_redo_say_what_they_did_and_survive_a_restart(home):
    dataset = make(home, "a", "b")
    before = dataset.content_hash()
    dataset.edit(1, {"output": "x"})
    dataset.duplicate(1)
    dataset.add({"output": "n"})
    dataset.delete([2])
    after = dataset.content_hash()
    again = open_dataset(home, dataset.id)
    assert [again.undo() for _ in range(5)] == [
        "Undid the deletion of row 2.",
        "Undid the new row 4.",
        "Undid the copy of row 1.",
        "Undid the edit of row 1.",
        None,
    ]
    assert dataset.content_hash() == before != after
    assert [dataset.redo() for _ in range(5)][:2] == ["Redid the edit of row 1.", "Redid the copy of row 1."]
    assert dataset.content_hash() == after
    assert dataset.undo() == "Undid the deletion of row 2."
    dataset.edit(2, {"output": "y"})
    assert dataset.redo() is None
    assert dataset.undo() == "Undid the edit of row 2."
    assert dataset.undo() == "Undid the new row 4."


def test_the_log_only_grows_and_tells_a_rows_story(home):
    dataset = make(home, "a")
    dataset.edit(1, {"output": "b"})
    dataset.undo()
    dataset.redo()
    story = dataset.history(1)
    assert [(edit.seq, edit.kind, edit.undoes) for edit in story] == [
        (1, "edit", None),
        (2, "undo", 1),
        (3, "redo", 2),
    ]
    assert [(edit.before["output"], edit.after["output"]) for edit in story] == [
        ("a", "b"),
        ("b", "a"),
        ("a", "b"),
    ]
    assert {edit.at for edit in story} == {clock()}
    dataset.delete([1])
    assert dataset.history(1)[-1].after is None


def test_roles_can_be_changed_and_undone(home):
    dataset = make(home, "a")
    dataset.set_mapping({"instruction": "instruction", "output": "output"})
    assert dataset.mapping == {"instruction": "instruction", "input": "ignore", "output": "output"}
    assert dataset.version == 1
    assert dataset.undo() == "Undid the new roles of the columns."
    assert dataset.mapping == MAPPING
    with pytest.raises(DataError, match="There is no column 'x'"):
        dataset.set_mapping({"x": "output"})


def test_a_reader_keeps_its_view_while_others_write(home):
    dataset = make(home, *"abcdef")
    rows = dataset.rows()
    first = next(rows)
    dataset.delete([2, 3])
    dataset.edit(6, {"output": "changed"})
    assert [first.values["output"], *(row.values["output"] for row in rows)] == list("abcdef")
    assert outputs(dataset) == ["a", "d", "e", "changed"]


def test_many_threads_lose_no_edit(home):
    dataset = make(home, "a")
    threads = [
        threading.Thread(target=lambda n=n: [dataset.add({"output": f"{n}-{i}"}) for i in range(10)]) for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dataset.count() == 61 == dataset.version + 1
    assert len(set(outputs(dataset))) == 61


def test_a_locked_dataset_says_so(home, monkeypatch):
    dataset = make(home, "a")
    monkeypatch.setattr("studio.data.store.tables.BUSY_SECONDS", 0.05)
    with sqlite3.connect(dataset.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DataError, match="Another process is writing to it; try again in a moment"):
            dataset.edit(1, {"output": "b"})
    other.close()
    assert outputs(dataset) == ["a"]


def test_drafts_of_killed_imports_are_removed(home):
    old, young = home.datasets / ".new-old.tmp", home.datasets / ".new-young.tmp"
    old.write_text("")
    young.write_text("")
    os.utime(old, (1, 1))
    make(home, "a")
    assert sorted(path.name for path in home.datasets.iterdir()) == [".new-young.tmp", "tickets.db"]
    assert [info.id for info in list_datasets(home)] == ["tickets"]
