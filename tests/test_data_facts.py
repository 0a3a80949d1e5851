"""The file of facts: how it is made, kept up, thrown away."""

import sqlite3

import numpy as np
import pytest

from studio.data.store import create_dataset, open_dataset
from studio.data.view import facts, read_facets, read_ids, read_page
from studio.data.view.facts import open_facts
from studio.data.view.facts.file import load_array
from studio.data.view.facts.sorting import make_keys, merge_ranks, rank_column, sort_by_ranks
from studio.data.view.query import Query
from studio.data.view.search import lay_out
from studio.errors import DataError
from studio.home import open_home


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


def make(home, *answers, mapping=None, name="x"):
    rows = [{"a": f"question {number}", "b": answer} for number, answer in enumerate(answers, 1)]
    dataset_id = create_dataset(home, name, ["a", "b"], rows, mapping or {"a": "instruction", "b": "output"}, {})
    return open_dataset(home, dataset_id)


def known(home, dataset, *names):
    """Arrays of facts as lists."""
    with open_facts(home, dataset) as (db, _):
        return [load_array(db, name).tolist() for name in names]


def build(home, dataset, stopped=lambda: False):
    reports = []
    facts.build(home, dataset.id, {}, lambda *progress: reports.append(progress), stopped)
    return reports


def test_lengths_count_characters_and_labels_are_short_answers(home):
    dataset = make(home, "yes", "", None, "y" * 41, " two\nlines", " yes ", "😀é", 7)
    ids, prompts, answers, labels = known(home, dataset, "id", "prompt", "answer", "label")
    assert ids == [1, 2, 3, 4, 5, 6, 7, 8]
    assert prompts == [10] * 8
    assert answers == [3, 0, 0, 41, 10, 5, 2, 1]
    assert labels == [0, -1, -1, -1, -1, 0, 1, 2]
    assert dict(read_facets(home, dataset, Query()).labels) == {"yes": 2, "😀é": 1, "7": 1}


def test_answers_that_hardly_repeat_are_no_labels(home):
    dataset = make(home, *(f"answer {number}" for number in range(101)))
    assert read_facets(home, dataset, Query()).labels == []
    dataset.edit(1, {"b": "answer 2"})
    assert read_facets(home, dataset, Query()).labels == []
    dataset = make(home, *(f"answer {number % 20}" for number in range(101)))
    assert read_facets(home, dataset, Query()).labels[0] == ("answer 0", 6)


def test_rows_that_are_no_example_have_no_lengths(home):
    dataset = make(home, "yes", "no", mapping={"a": "instruction"})
    assert known(home, dataset, "prompt", "answer", "label") == [[-1, -1]] * 3
    assert read_ids(home, dataset, Query(lengths={"answer": (0, None)})) == []
    assert read_facets(home, dataset, Query()).answer_lengths == []
    dataset.set_mapping({"a": "output"})
    assert known(home, dataset, "prompt", "answer", "label") == [[0, 0], [10, 10], [0, 1]]
    dataset.undo()
    assert known(home, dataset, "answer") == [[-1, -1]]


def test_only_what_changed_is_read_again(home, monkeypatch):
    dataset = make(home, "one", "two", "three")
    assert read_ids(home, dataset, Query(search="t")) == [1, 2, 3]
    read = []
    plain = facts.rows.measure
    monkeypatch.setattr(facts.rows, "measure", lambda values, *rest: read.append(values[1]) or plain(values, *rest))
    dataset.edit(2, {"b": "2"})
    dataset.mark([1], status="accepted")
    assert known(home, dataset, "status", "slot", "answer") == [[2, 0, 0], [0, -1, 2], [3, 1, 5]]
    assert read == ["2"]
    dataset.undo()
    dataset.undo()
    assert known(home, dataset, "status", "slot", "answer") == [[0, 0, 0], [0, -1, 2], [3, 3, 5]]
    assert read == ["2", "two"]
    assert read_ids(home, dataset, Query(search="two")) == [2]
    assert read == ["2", "two"]


def test_a_build_reads_everything_and_says_how_far_it_is(home, monkeypatch):
    monkeypatch.setattr(facts, "REPORT_ROWS", 2)
    dataset = make(home, "one", "two", "three")
    dataset.edit(1, {"b": "1"})
    assert build(home, dataset) == [
        ("Reading the rows", 0, 3),
        ("Reading the rows", 2, 3),
        ("Sorting the columns", 0, 2),
        ("Sorting the columns", 1, 2),
    ]
    assert known(home, dataset, "slot", "changed") == [[0, 1, 2], [1, 0, 0]]
    assert read_ids(home, dataset, Query(sort="column:b")) == [1, 3, 2]


def test_a_build_that_is_stopped_changes_nothing(home, monkeypatch):
    monkeypatch.setattr(facts, "REPORT_ROWS", 1)
    dataset = make(home, "one", "two", "three")
    assert read_ids(home, dataset, Query(search="one")) == [1]
    asked = iter([False, True, True, True, True, True, True])
    build(home, dataset, lambda: next(asked))
    assert read_ids(home, dataset, Query(search="one")) == [1]
    build(home, dataset)
    with open_facts(home, dataset) as (db, state):
        assert {one for (one,) in db.execute("SELECT generation FROM texts")} == {state.generation}


def test_two_that_make_everything_at_once_leave_a_whole(home, monkeypatch):
    monkeypatch.setattr("studio.data.view.search.BLOCK_BYTES", 1)
    dataset = make(home, "one", "two", "three")

    def report(stage, done, total):
        if stage == "Sorting the columns" and done == 0:
            dataset.edit(2, {"b": "2"})
            assert read_ids(home, dataset, Query(search="2")) == [2]  # made on the spot meanwhile

    facts.build(home, dataset.id, {}, report, lambda: False)
    assert known(home, dataset, "slot", "answer") == [[0, 1, 2], [3, 1, 5]]
    assert read_ids(home, dataset, Query(search="three")) == [3]
    with open_facts(home, dataset) as (db, state):
        assert db.execute("SELECT DISTINCT generation FROM texts").fetchall() == [(state.generation,)]


def test_many_late_texts_have_the_blocks_made_anew(home, monkeypatch):
    started = []
    monkeypatch.setattr(facts, "INLINE_ROWS", 2)
    monkeypatch.setattr(facts.background, "start", lambda *arguments: started.append(arguments))
    dataset = make(home, "one", "two", "three")
    build(home, dataset)
    for row_id in (1, 2):
        dataset.edit(row_id, {"b": "changed"})
        assert read_page(home, dataset, Query(search="changed"), 0, 5).total == row_id
    assert started == []
    dataset.edit(3, {"b": "changed"})
    page = read_page(home, dataset, Query(search="changed"), 0, 5)
    assert (page.total, page.ready, len(started)) == (3, True, 1)


def test_a_build_that_failed_is_not_begun_again_and_again(home, monkeypatch):
    dataset = make(home, "one", "two", "three")
    monkeypatch.setattr(facts, "INLINE_ROWS", 2)
    begun = []

    def fail(home, dataset_id, kind):
        begun.append(kind)
        failed = facts.background.Progress("failed", error="No.", version=dataset.version)
        facts.background.write_progress(facts.background.find_job(home, dataset_id, kind), failed)

    monkeypatch.setattr(facts.background, "start", fail)
    assert [read_page(home, dataset, Query(), 0, 5).ready for _ in range(3)] == [False] * 3
    assert begun == ["facts"]
    dataset.edit(1, {"b": "1"})
    read_page(home, dataset, Query(), 0, 5)
    assert begun == ["facts", "facts"]


def test_the_cache_may_go_at_any_time(home):
    dataset = make(home, "one", "two")
    for damage in (
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"no database at all" * 1000),
        lambda path: path.write_bytes(b""),
        change_format,
    ):
        assert read_ids(home, dataset, Query(search="two")) == [2]
        for path in home.cache(dataset.id).glob("facts.db*"):
            if path.name == "facts.db":
                damage(path)
        assert read_ids(home, dataset, Query(search="two")) == [2]


def change_format(path):
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 999")


def test_pages_that_are_damaged_inside_are_made_anew(home):
    dataset = make(home, *("long answer " * 500 for _ in range(50)))
    build(home, dataset)
    path = home.cache(dataset.id) / "facts.db"
    data = bytearray(path.read_bytes())
    assert len(data) > 3 * 65536
    data[65536:] = b"\xaa" * (len(data) - 65536)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"damaged\. It is made anew; try again"):
        read_ids(home, dataset, Query(search="answer"))
    assert len(read_ids(home, dataset, Query(search="answer"))) == 50


def test_facts_of_another_dataset_with_this_id_are_not_used(home):
    dataset = make(home, "one", "two")
    dataset.edit(1, {"b": "three"})
    assert read_ids(home, dataset, Query(search="one")) == []
    dataset.path.unlink()
    assert make(home, "three", "one").id == dataset.id
    assert read_ids(home, dataset, Query(search="one")) == [2]


def test_a_dataset_put_back_to_an_older_copy_is_read_anew(home):
    dataset = make(home, "one", "two")
    with dataset.connect() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = dataset.path.read_bytes()
    dataset.edit(1, {"b": "three"})
    assert read_ids(home, dataset, Query(search="three")) == [1]
    for path in home.datasets.glob("x.db*"):
        path.unlink()
    dataset.path.write_bytes(copy)
    assert read_ids(home, dataset, Query(search="one")) == [1]


def test_an_empty_dataset(home):
    dataset = make(home)
    assert (read_ids(home, dataset, Query(sort="column:a")), read_ids(home, dataset, Query(search="x"))) == ([], [])
    row = dataset.add({"a": "x", "b": "yes"})
    assert read_ids(home, dataset, Query(search="x", sort="column:a", labels=("yes",))) == [row.id]


def test_searches_are_remembered_until_the_texts_are_made_anew(home, monkeypatch):
    monkeypatch.setattr("studio.data.view.selection.QUICK_SLOTS", 0)
    monkeypatch.setattr("studio.data.view.selection.KEPT_SEARCHES", 3)
    dataset = make(home, "one", "two", "three")

    def remembered():
        with open_facts(home, dataset) as (db, _):
            return [search for (search,) in db.execute("SELECT search FROM found ORDER BY id")]

    for text in ("one", "two", "o", "e"):
        first = read_ids(home, dataset, Query(search=text))
        assert first == read_ids(home, dataset, Query(search=text)) != []
    assert remembered() == ['[["two"], []]', '[["o"], []]', '[["e"], []]']
    dataset.edit(3, {"b": "another one"})
    assert read_ids(home, dataset, Query(search="o")) == [1, 2, 3]  # question, and the changed row too
    build(home, dataset)
    assert remembered() == []
    assert read_ids(home, dataset, Query(search="one")) == [1, 3]


def test_columns_beyond_the_first_are_sorted_when_somebody_asks(home, monkeypatch):
    monkeypatch.setattr(facts, "SORTED_COLUMNS", 1)
    dataset = make(home, "b", "", "a")
    with open_facts(home, dataset) as (db, _):
        assert load_array(db, "ranks:a") is not None
        assert load_array(db, "ranks:b") is None
    assert read_ids(home, dataset, Query(sort="column:b")) == [3, 1, 2]
    with open_facts(home, dataset) as (db, _):
        assert load_array(db, "ranks:b").tolist() == [1, 2, 0]
    dataset.edit(3, {"b": "c"})
    assert read_ids(home, dataset, Query(sort="column:b")) == [1, 3, 2]


# The order of cells

ORDERED = [
    "-1e3",
    "-2",
    "-0.5",
    "0",
    "1e-9",
    "007",
    "7.5",
    "10",
    "+11",
    "1e300",
    "-",
    "1_000",
    "1e999",
    "inf",
    "z",
    "é",
    "表",
    "",
]


def test_cells_sort_as_people_expect():
    keys = make_keys(text.encode() for text in ORDERED)
    assert np.argsort(keys, kind="stable").tolist() == list(range(len(ORDERED)))
    assert len(set(make_keys([b"7", b"7.0", b"007", b"-0", b"0"]).tolist())) == 2


def test_late_keys_move_the_ranks():
    made = rank_column([b"".join(lay_out([text]) for text in ("d", "b", "d", "10"))], 0)
    assert made.ranks.tolist() == [2, 1, 2, 0]
    late = make_keys([b"c", b"a", b"d", b"e", b"", b"c"])
    ranks, late_ranks, empty = merge_ranks(made.keys, made.ranks, late)
    assert ranks.tolist() == [4, 2, 4, 0]
    assert (late_ranks.tolist(), empty) == ([3, 1, 4, 5, 6, 3], 6)
    ranks, late_ranks, empty = merge_ranks(made.keys[:0], made.ranks[:0], late[:2])
    assert (ranks.tolist(), late_ranks.tolist(), empty) == ([], [1, 0], -1)


def test_ranks_to_places():
    ranks = np.array([2, 0, 2, 1, 3])
    assert sort_by_ranks(ranks, False).tolist() == [1, 3, 0, 2, 4]
    assert sort_by_ranks(ranks, True).tolist() == [4, 0, 2, 3, 1]
    assert sort_by_ranks(ranks, True, last=3).tolist() == [0, 2, 3, 1, 4]
    assert sort_by_ranks(ranks[:0], True).tolist() == []
