"""Named versions: their rows come from the log, whatever happened since; comparing; the way back."""

import pytest

from studio.data.store import Marks, create_dataset, open_dataset
from studio.data.store.bulk import Replacement, replace_all
from studio.data.store.versions import (
    RowDiff,
    Version,
    compare_versions,
    list_versions,
    restore_version,
    rows_at,
    save_version,
)
from studio.errors import DataError
from studio.home import open_home
from tests.stores import clock, make, outputs, state


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


def counts(comparison):
    return comparison.added, comparison.removed, comparison.changed, comparison.marked


def test_a_version_is_a_place_in_the_log(home):
    dataset = make(home, "a", "b")
    first = save_version(dataset, "  as it\tcame ", "untouched")
    assert first == Version(1, "as it came", "untouched", clock(), 0, 2, dataset.content_hash())
    dataset.edit(1, {"output": "x"})
    dataset.delete([2])
    second = save_version(dataset, "清理后")
    assert (second.seq, second.rows, second.note) == (2, 1, "")
    assert second.content_hash == dataset.content_hash() != first.content_hash
    assert list_versions(open_dataset(home, dataset.id)) == [second, first]
    assert dataset.version == 2
    assert dataset.next_undo() == "the deletion of row 2"


def test_names_of_versions(home):
    dataset = make(home, "a")
    save_version(dataset, "one")
    with pytest.raises(DataError, match=r"There is a version 'one' already. Versions are never replaced"):
        save_version(dataset, " one ")
    for wrong in ("", " \n", "a\x00b", "\ud800"):
        with pytest.raises(DataError, match="A version needs a name that can be seen"):
            save_version(dataset, wrong)
    with pytest.raises(DataError, match="half of a character"):
        save_version(dataset, "two", "\ud800")
    for act in (restore_version, compare_versions, lambda *asked: list(rows_at(*asked))):
        with pytest.raises(DataError, match=r"There is no version 7 of this dataset. There are 'one'."):
            act(dataset, 7)
    with pytest.raises(DataError, match="There are none yet"):
        restore_version(make(home, "a"), 1)
    assert [version.name for version in list_versions(dataset)] == ["one"]


def test_the_rows_of_a_version_are_as_they_were(home):
    dataset = make(home, "a", "b", "c")
    dataset.edit(2, {"output": "B"})
    dataset.mark([2], add_tags=["x"])
    dataset.delete([3])
    before = list(dataset.rows())
    version = save_version(dataset, "v")
    dataset.edit(2, {"output": "later"})
    dataset.mark([1, 2], status="discarded", remove_tags=["x"])
    dataset.restore([3])
    dataset.delete([1])
    dataset.add({"output": "new"}, after=2)
    assert outputs(dataset) == ["later", "new", "c"]
    assert list(rows_at(dataset, version.id)) == before
    while dataset.undo():
        assert list(rows_at(dataset, version.id)) == before
    assert outputs(dataset) == ["a", "b", "c"]


def test_two_versions_side_by_side(home):
    dataset = make(home, *"abcdef")
    dataset.edit(6, {"output": "F"})
    old = save_version(dataset, "old")
    dataset.edit(1, {"output": "A"})
    dataset.edit(2, {"output": "B"})
    dataset.edit(2, {"output": "b"})  # as it was
    dataset.delete([3])
    dataset.mark([4, 1], status="accepted")
    new = dataset.add({"output": "new"}, after=4)
    short = dataset.add({"output": "short"})
    dataset.delete([short.id])
    young = save_version(dataset, "young")
    dataset.edit(5, {"output": "E"})
    there, back = compare_versions(dataset, old.id, young.id), compare_versions(dataset, young.id, old.id)
    assert counts(there) == (1, 1, 1, 1)
    assert [(diff.row_id, diff.kind) for diff in there.page] == [
        (1, "changed"),
        (3, "removed"),
        (4, "marked"),
        (new.id, "added"),
    ]
    assert [(diff.before and diff.before.values["output"]) for diff in there.page] == ["a", "c", "d", None]
    assert [(diff.after and diff.after.values["output"]) for diff in there.page] == ["A", None, "d", "new"]
    assert [(diff.after.marks.status) for diff in there.page if diff.after] == ["accepted", "accepted", "pending"]
    assert counts(back) == (1, 1, 1, 1)
    mirrored = {"added": "removed", "removed": "added"}
    assert back.page == [
        RowDiff(diff.row_id, mirrored.get(diff.kind, diff.kind), diff.after, diff.before) for diff in there.page
    ]
    now = compare_versions(dataset, old.id)
    assert counts(now) == (1, 1, 2, 1)
    assert [diff.row_id for diff in now.page] == [1, 3, 4, new.id, 5]
    assert [diff.row_id for diff in compare_versions(dataset, old.id, offset=1, limit=2).page] == [3, 4]
    only = compare_versions(dataset, old.id, kinds=["changed", "added"])
    assert [diff.row_id for diff in only.page] == [1, new.id, 5]
    assert counts(only) == counts(now)
    same = compare_versions(dataset, old.id, old.id)
    assert (counts(same), same.page) == ((0, 0, 0, 0), [])


def test_a_version_comes_back_whole_and_can_be_undone(home):
    dataset = make(home, *"abcd")
    dataset.mark([1], note="n")
    dataset.delete([4])
    version = save_version(dataset, "v")
    then = list(dataset.rows()), dict(dataset.mapping)
    dataset.edit(1, {"output": "A"})
    dataset.mark([1, 2], note="other")
    dataset.delete([2])
    dataset.restore([4])
    dataset.add({"output": "new"})
    dataset.set_mapping({"output": "output"})
    later = state(dataset)
    assert restore_version(dataset, version.id) == 4
    assert [(row.id, row.values, row.marks) for row in dataset.rows()] == [
        (row.id, row.values, row.marks) for row in then[0]
    ]
    assert dict(dataset.mapping) == then[1]
    assert dataset.content_hash() == version.content_hash
    assert counts(compare_versions(dataset, version.id)) == (0, 0, 0, 0)
    assert [found.row.values["output"] for found in dataset.trash(0, 9)] == ["new", "d"]
    assert restore_version(dataset, version.id) == 0
    assert dataset.undo() == "Undid the return to version 'v'."
    assert state(dataset) == later
    assert dataset.redo() == "Redid the return to version 'v'."
    assert dataset.content_hash() == version.content_hash


def test_undoing_the_way_back_leaves_the_trash_as_it_was(home):
    dataset = make(home, "a", "b")
    version = save_version(dataset, "v")
    dataset.edit(1, {"output": "worked on"})
    dataset.mark([1], note="n")
    dataset.delete([1, 2])
    before = state(dataset)
    assert restore_version(dataset, version.id) == 2
    assert outputs(dataset) == ["a", "b"]
    dataset.undo()
    assert state(dataset) == before
    assert list(before[1]) == [2, 1]
    dataset.redo()
    assert (outputs(dataset), dataset.trash_count()) == (["a", "b"], 0)
    dataset.undo()
    dataset.restore([1])
    assert outputs(dataset) == ["worked on"]


def test_a_row_whose_addition_was_undone_comes_back(home):
    dataset = make(home, "a")
    new = dataset.add({"output": "new"})
    version = save_version(dataset, "v")
    dataset.undo()
    assert (outputs(dataset), dataset.trash_count()) == (["a"], 0)
    assert restore_version(dataset, version.id) == 1
    assert outputs(dataset) == ["a", "new"]
    dataset.undo()
    assert (outputs(dataset), dataset.trash_count()) == (["a"], 0)
    dataset.redo()
    dataset.delete([new.id])
    assert [found.row.id for found in dataset.trash(0, 9)] == [new.id]


def test_only_the_roles_differ(home):
    dataset = make(home, "a")
    version = save_version(dataset, "v")
    before = dict(dataset.mapping)
    dataset.set_mapping({"output": "output"})
    assert restore_version(dataset, version.id) == 0
    assert dict(dataset.mapping) == before
    assert dataset.next_undo() == "the return to version 'v'"


def test_thousands_of_rows_come_back(home):
    count = 2300  # more than two batches
    rows = [{"v": f"row {number}"} for number in range(count)]
    dataset = open_dataset(home, create_dataset(home, "many", ["v"], rows, {}, {}))
    version = save_version(dataset, "v")
    assert replace_all(dataset, None, Replacement("row", "line")) == count
    dataset.mark(range(1, 1501), status="accepted")
    dataset.delete(range(1, 101))
    assert counts(compare_versions(dataset, version.id)) == (0, 100, 2200, 0)
    page = compare_versions(dataset, version.id, offset=100, limit=1).page[0]
    assert (page.before.values, page.after.values, page.after.marks) == (
        {"v": "row 100"},
        {"v": "line 100"},
        Marks("accepted"),
    )
    assert restore_version(dataset, version.id) == count
    assert dataset.content_hash() == version.content_hash
    assert {row.marks for row in dataset.rows()} == {Marks()}
    assert counts(compare_versions(dataset, version.id)) == (0, 0, 0, 0)
    dataset.undo()
    assert dataset.count() == count - 100
