"""What a run takes of a dataset: every row is in a split or left out with a reason."""

import json

import pytest

from components.run_view import describe_plan
from studio.cli.progress import describe_rows
from studio.data.store import create_dataset, open_dataset
from studio.data.store.versions import list_versions, restore_version
from studio.errors import DataError
from studio.home import open_home
from studio.models.sources import ModelFiles
from studio.runs.folder import Run
from studio.runs.snapshot import list_left_out, take_snapshot
from studio.runs.start import Plan, write_folder
from studio.settings import Recipe, change

CALL = {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}


def chat(question, answer):
    return {"m": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


@pytest.fixture
def make(home):
    def make(rows):
        return open_dataset(home, create_dataset(home, "x", ["m"], rows, {"m": "messages"}, {}))

    return make


@pytest.fixture
def dataset(make):
    """20 good rows; 21 without an answer, 22 and 23 that cannot be read."""
    rows = [chat(f"Question {n}", f"Answer {n}") for n in range(20)]
    unreadable = [{"m": [{"role": "user", "content": "q"}, CALL]}, {"m": [*chat("q", "a")["m"], CALL]}]
    return make([*rows, chat("q", " "), *unreadable])


def ids(snapshot):
    return {row_id: split for split, rows in snapshot.splits.items() for row_id, _ in rows}


def review(dataset):
    dataset.mark([1, 2], status="discarded")
    dataset.mark([3, 21], status="draft")
    dataset.mark(range(4, 12), status="accepted")
    dataset.mark([12, 13], golden=True)


UNREADABLE = "it cannot be read: a turn calls tools (tool_calls), which cannot be trained on yet"


def test_every_row_is_in_a_split_or_left_out_with_its_reason(home, dataset):
    review(dataset)
    snapshot = take_snapshot(home, dataset, Recipe())
    assert snapshot.left_out == {
        "discarded in the review": [1, 2],
        "still a draft": [3, 21],
        UNREADABLE: [22, 23],
    }
    found = ids(snapshot)
    assert set(found) == set(range(4, 21)) and set(found.values()) == {"train", "eval", "test"}
    assert found[12] == found[13] == "test"
    assert {row_id for row_id, _ in snapshot.splits["test"][:2]} == {12, 13}
    assert snapshot.notes[0] == "2 golden rows of the test never train."


def test_only_accepted_rows_and_golden_ones(home, dataset):
    review(dataset)
    recipe = change(Recipe(), {"data.accepted_only": True})
    snapshot = take_snapshot(home, dataset, recipe)
    assert set(ids(snapshot)) == set(range(4, 14))
    assert snapshot.left_out["not accepted yet, and data.accepted_only is on"] == [*range(14, 21), 22, 23]
    plain = ids(take_snapshot(home, dataset, Recipe()))
    assert {row_id: plain[row_id] for row_id in ids(snapshot)} == ids(snapshot)


def test_a_review_moves_no_row_between_splits(home, dataset):
    before = ids(take_snapshot(home, dataset, Recipe()))
    dataset.mark([row_id for row_id, split in before.items() if split == "train"][:5], status="discarded")
    after = ids(take_snapshot(home, dataset, Recipe()))
    assert len(after) == len(before) - 5 and after.items() < before.items()


def test_the_order_is_of_the_seed(home, dataset):
    orders = [
        [row_id for row_id, _ in take_snapshot(home, dataset, change(Recipe(), {"data.seed": seed})).splits["train"]]
        for seed in (1, 1, 2)
    ]
    assert orders[0] == orders[1] != orders[2] and orders[0] != sorted(orders[0])


def test_nothing_to_train_is_said_with_the_reasons(home, dataset, make):
    dataset.mark(range(1, 24), status="discarded")
    with pytest.raises(DataError) as error:
        take_snapshot(home, dataset, Recipe())
    assert str(error.value) == (
        "The dataset x has no row that could be trained: 23 rows: discarded in the review (id 1, 2, 3, 4, 5, ...)."
    )
    with pytest.raises(DataError, match=r"has no row that could be trained; it is empty\. Add rows"):
        take_snapshot(home, make([]), Recipe())


def test_nothing_but_golden_rows(home, dataset):
    dataset.mark(range(1, 21), golden=True)
    with pytest.raises(DataError, match=r"^All 20 rows of x that could be trained are in the eval and test splits"):
        take_snapshot(home, dataset, Recipe())


def test_reasons_are_listed_with_their_rows():
    assert list_left_out({"a": [4], "b": [1, 2, 3, 5, 6, 7]}) == [
        "6 rows: b (id 1, 2, 3, 5, 6, ...)",
        "1 row: a (id 4)",
    ]


@pytest.fixture
def plan(home, dataset, tmp_path):
    review(dataset)
    files = ModelFiles(tmp_path, "folder", "acme/tiny", "local", None, 1000)
    snapshot = take_snapshot(home, dataset, Recipe())
    return Plan(snapshot, None, files, trained_tokens=50, tokens=100, cut_rows=0, units=12, steps=30)


def test_the_preview_counts_every_row_that_stays_out(plan):
    text = describe_plan(Recipe(), "x", plan)
    rows = {split: len(part) for split, part in plan.snapshot.splits.items()}
    assert f"x: {rows['train']} train, {rows['eval']} eval, {rows['test']} test rows; 6 left out" in text
    for line in (
        "Left out: 2 rows: discarded in the review (id 1, 2).",
        "Left out: 2 rows: still a draft (id 3, 21).",
        f"Left out: 2 rows: {UNREADABLE} (id 22, 23).",
    ):
        assert f'<div class="caution">{line}</div>' in text
    assert '<div class="muted">2 golden rows of the test never train.</div>' in text


def test_the_run_keeps_what_was_left_out(home, dataset, plan):
    run = write_folder(home, Recipe(), dataset, "first", plan)
    described = run.resolved()["dataset"]
    assert described["left_out"] == {reason: len(rows) for reason, rows in plan.snapshot.left_out.items()}
    kept = json.loads((Run(run.path).path / "data" / "left_out.json").read_text(encoding="utf-8"))
    assert kept == plan.snapshot.left_out
    lines = describe_rows(described)
    counts = {split: len(part) for split, part in plan.snapshot.splits.items()}
    assert lines[0] == f"Rows: {counts['train']} train, {counts['eval']} eval, {counts['test']} test"
    assert lines[1:4] == [
        "Left out: 2 rows: discarded in the review",
        "Left out: 2 rows: still a draft",
        f"Left out: 2 rows: {UNREADABLE}",
    ]
    assert lines[4] == "2 golden rows of the test never train."


def test_the_pinned_version_is_what_the_run_learns(home, dataset, plan):
    learned = dataset.content_hash()
    dataset.edit(5, {"m": chat("Question 4", "Edited while the run was planned")["m"]})
    dataset.delete([6])
    dataset.add(chat("A new question", "A new answer"))
    pinned = write_folder(home, Recipe(), dataset, "first", plan).resolved()["dataset"]["pinned"]
    assert (pinned["version"], pinned["content_hash"]) == (plan.snapshot.version, learned)
    [version] = list_versions(dataset)
    assert (version.seq, version.rows) == (plan.snapshot.version, 23)
    restore_version(dataset, version.id)
    assert dataset.content_hash() == learned
