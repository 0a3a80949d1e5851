"""The trash, the story of a row, and files of the first schema."""

import shutil
import sqlite3

import pytest

from studio.data.store import HistoryLine, Marks, list_datasets, open_dataset, schema
from studio.data.store.versions import list_versions, save_version
from studio.errors import DataError
from studio.home import open_home
from tests.stores import clock, make, outputs


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


def trashed(dataset):
    return [found.row.id for found in dataset.trash(0, 100)]


def test_the_trash_holds_what_was_deleted_last_first(home):
    dataset = make(home, *"abcde")
    dataset.mark([3], add_tags=["x"])
    dataset.delete([3])
    dataset.delete([1, 5])
    assert (trashed(dataset), dataset.trash_count()) == ([5, 1, 3], 3)
    assert [found.row.id for found in dataset.trash(1, 1)] == [1]
    last = dataset.trash(2, 10)[0]
    assert (last.at, last.row.values["output"], last.row.marks) == (clock(), "c", Marks(tags=("x",)))
    assert dataset.restore([3, 5, 2, 99]) == 2
    assert (trashed(dataset), outputs(dataset)) == ([1], ["b", "c", "d", "e"])
    assert dataset.row(3).marks == Marks(tags=("x",))
    assert dataset.undo() == "Undid the return of 2 rows from the trash."
    assert (sorted(trashed(dataset)), dataset.trash_count()) == ([1, 3, 5], 3)
    assert dataset.redo() == "Redid the return of 2 rows from the trash."
    assert trashed(dataset) == [1]
    assert dataset.restore([1]) == 1
    assert (dataset.next_undo(), dataset.trash_count()) == ("the return of row 1 from the trash", 0)


def test_an_addition_that_was_undone_is_not_in_the_trash(home):
    dataset = make(home, "a")
    new, copy = dataset.add({"output": "new"}), dataset.duplicate(1)
    parts = dataset.split_row(1, [{"output": "1"}, {"output": "2"}])
    for _ in range(3):
        dataset.undo()
    assert (trashed(dataset), dataset.restore([new.id, copy.id, parts[1].id])) == ([], 0)
    assert dataset.redo() == f"Redid the new row {new.id}."
    dataset.delete([new.id])
    assert trashed(dataset) == [new.id]
    dataset.restore([new.id])
    dataset.undo()
    assert trashed(dataset) == [new.id]
    dataset.undo()
    assert (trashed(dataset), outputs(dataset)) == ([], ["a", "new"])


def test_every_entry_tells_the_whole_row(home):
    dataset = make(home, "a")
    dataset.mark([1], status="accepted")
    dataset.edit(1, {"output": "b"})
    dataset.delete([1])
    dataset.restore([1])
    dataset.undo()
    story = dataset.history(1)
    assert [(edit.seq, edit.kind, edit.part, edit.undoes) for edit in story] == [
        (1, "mark", "marks", None),
        (2, "edit", "cells", None),
        (3, "delete", "cells", None),
        (4, "restore", "cells", None),
        (5, "undo", "cells", 4),
    ]
    assert [edit.before and edit.before["output"] for edit in story] == ["a", "a", "b", None, "b"]
    assert [edit.after and edit.after["output"] for edit in story] == ["a", "b", None, "b", None]
    assert [edit.marks_before.status for edit in story] == ["pending", *["accepted"] * 4]
    assert {edit.marks_after.status for edit in story} == {"accepted"}
    assert dataset.history(99) == []


def test_why_a_row_is_as_it_is(home):
    dataset = make(home, "a", "b")
    dataset.edit(1, {"output": "c", "input": "i"})
    dataset.mark([1, 2], status="draft", add_tags=["x", "y"], golden=True)
    dataset.undo()
    dataset.delete([1])
    dataset.restore([1])
    lines = dataset.describe_history(1)
    assert {line.at for line in lines} == {clock()}
    assert [(line.sentence, line.what, line.before, line.after) for line in lines] == [
        ("Imported from 'x.json'", "", "", ""),
        ("The edit of row 1", "input", "", "i"),
        ("The edit of row 1", "output", "a", "c"),
        ("The marks of 2 rows", "status", "pending", "draft"),
        ("The marks of 2 rows", "tags", "", "x, y"),
        ("The marks of 2 rows", "golden", "", "yes"),
        ("Undid the marks of 2 rows", "status", "draft", "pending"),
        ("Undid the marks of 2 rows", "tags", "x, y", ""),
        ("Undid the marks of 2 rows", "golden", "yes", ""),
        ("The deletion of row 1", "", "", "no row"),
        ("The return of row 1 from the trash", "", "no row", ""),
    ]
    assert dataset.describe_history(2)[0] == HistoryLine(clock(), "Imported from 'x.json'", "", "")


def test_a_new_rows_story_begins_with_how_it_came(home):
    dataset = make(home, "a")
    for row, sentence in (
        (dataset.add({}), "The new row 2"),
        (dataset.duplicate(1), "The copy of row 1"),
        (dataset.split_row(1, [{"output": "x"}, {"output": "y"}])[1], "The split of row 1 into 2 rows"),
    ):
        assert [line.sentence for line in dataset.describe_history(row.id)] == [sentence]


FIRST_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE rows (
    id INTEGER PRIMARY KEY, position INTEGER NOT NULL, live INTEGER NOT NULL DEFAULT 1,
    version INTEGER NOT NULL DEFAULT 0, cells TEXT NOT NULL, folded TEXT NOT NULL);
CREATE TABLE edits (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, change INTEGER NOT NULL, kind TEXT NOT NULL,
    row_id INTEGER, before TEXT, after TEXT, undoes INTEGER);
CREATE TABLE changes (id INTEGER PRIMARY KEY AUTOINCREMENT, sentence TEXT NOT NULL, state TEXT NOT NULL);
CREATE INDEX rows_live ON rows (position) WHERE live = 1;
CREATE INDEX rows_position ON rows (position);
CREATE INDEX edits_row ON edits (row_id);
CREATE INDEX edits_change ON edits (change);
CREATE INDEX changes_state ON changes (state, id);
INSERT INTO meta VALUES ('name', '"old"'), ('columns', '["output"]'), ('mapping', '{"output":"output"}'),
    ('source', '{}'), ('created', '"2025"');
INSERT INTO rows VALUES (1, 10, 1, 1, '["b"]', 'b'), (2, 20, 0, 2, '["x"]', 'x'), (3, 30, 1, 0, '["c"]', 'c');
INSERT INTO edits VALUES (1, '2025', 1, 'edit', 1, '["a"]', '["b"]', NULL),
    (2, '2025', 2, 'delete', 2, '["x"]', NULL, NULL),
    (3, '2025', 3, 'mapping', NULL, '{"output":"ignore"}', '{"output":"output"}', NULL);
INSERT INTO changes VALUES (1, 'the edit of row 1', 'done'), (2, 'the deletion of row 2', 'done'),
    (3, 'the new roles of the columns', 'done');
"""


def old_file(home):
    with sqlite3.connect(home.dataset("old")) as db:
        db.executescript("PRAGMA journal_mode = WAL;" + FIRST_SCHEMA)
    db.close()
    return open_dataset(home, "old", clock)


def schema_of(dataset):
    with sqlite3.connect(dataset.path) as db:
        found = db.execute("PRAGMA user_version").fetchone()[0]
    db.close()
    return found


def read_all(dataset):
    """Every kind of reading, as far as both schemas know it."""
    assert outputs(dataset) == ["b", "c"]
    assert [row.marks for row in dataset.page(0, 10, "c")] == [Marks()]
    assert (dataset.row(1).version, dataset.offset_of(3), dataset.count()) == (1, 1, 2)
    assert (trashed(dataset), dataset.trash_count()) == ([2], 1)
    assert [line.sentence for line in dataset.describe_history(1)] == ["Imported", "The edit of row 1"]
    assert dataset.next_undo() == "the new roles of the columns"
    assert list_versions(dataset) == []
    assert [info.rows for info in list_datasets(open_home(dataset.path.parents[1]))] == [2]
    with dataset.connect() as db:
        assert db.execute("SELECT id, changed FROM rows ORDER BY id").fetchall() == [(1, 1), (2, 2), (3, 0)]
        assert db.execute("SELECT part FROM edits ORDER BY seq").fetchall() == [("cells",), ("cells",), ("mapping",)]


def test_a_file_of_the_first_schema_is_read_as_it_is(home):
    dataset = old_file(home)
    read_all(dataset)
    assert schema_of(dataset) == 0


def test_a_file_of_the_first_schema_is_upgraded_by_the_first_change(home):
    dataset = old_file(home)
    hashed = dataset.content_hash()
    with pytest.raises(DataError):
        dataset.edit(1, {"nothing": "x"})
    assert schema_of(dataset) == 0
    assert dataset.mark([9], status="draft") == 0
    assert schema_of(dataset) == schema.SCHEMA == 2
    read_all(dataset)
    assert dataset.content_hash() == hashed
    assert dataset.mark([1], status="draft") == 1
    assert [dataset.undo() for _ in range(5)] == [
        "Undid the status 'draft' of row 1.",
        "Undid the new roles of the columns.",
        "Undid the deletion of row 2.",
        "Undid the edit of row 1.",
        None,
    ]
    assert (outputs(dataset), dict(dataset.mapping)) == (["a", "x", "c"], {"output": "ignore"})
    assert save_version(dataset, "v").rows == 3


def test_an_upgraded_file_is_like_a_new_one(home):
    dataset, new = old_file(home), make(home, "a")
    dataset.mark([1], golden=True)
    query = "SELECT name, type FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    columns = "SELECT m.name, c.name, c.type, c.dflt_value FROM sqlite_master m, pragma_table_info(m.name) c "
    columns += "WHERE m.type = 'table' ORDER BY m.name, c.cid"
    for asked in (query, columns):
        with dataset.connect() as one, new.connect() as other:
            found = one.execute(asked).fetchall()
            assert found == other.execute(asked).fetchall()
            assert len(found) > 10


def test_a_file_of_a_later_schema_is_refused(home):
    dataset = make(home, "a")
    with sqlite3.connect(dataset.path) as db:
        db.execute("PRAGMA user_version = 3")
    db.close()
    for act in (dataset.count, lambda: dataset.edit(1, {"output": "b"})):
        with pytest.raises(DataError, match=r"newer SFT Studio \(schema 3; this one knows up to 2\). Update"):
            act()


def test_a_copied_file_tells_the_same_story(home):
    dataset = make(home, "a")
    dataset.mark([1], note="kept")
    shutil.copy(dataset.path, home.dataset("copy"))
    assert open_dataset(home, "copy").history(1) == dataset.history(1)
