"""Splits: what decides for a row, what stays together, and what an edit can move."""

import sqlite3
from collections import Counter
from dataclasses import replace

import pytest

from studio.data import splits
from studio.data.checks.background import run
from studio.data.checks.results import clusters
from studio.data.splits import (
    assign_splits,
    decide,
    find_leaks,
    load_assignment,
    order_rows,
    save_assignment,
)
from studio.data.splits.units import Candidate, join_rows, place_finder
from studio.data.store import create_dataset, open_dataset
from studio.errors import DataError
from studio.home import open_home
from studio.settings import DataSettings

PLAIN = DataSettings(eval_fraction=0.2, test_fraction=0.2)
ROLES = {"q": "instruction", "a": "output"}


def rows(*ids, **features):
    return [Candidate(row_id, **features) for row_id in ids]


def split(candidates, settings=PLAIN, clusters=None):
    return decide(candidates, clusters or {}, settings).splits


def ids_of(splits, name):
    return {row_id for row_id, found in splits.items() if found == name}


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


@pytest.fixture
def make(home):
    """A dataset of these rows; columns are those of the first."""

    def make(records, roles=ROLES):
        return open_dataset(home, create_dataset(home, "x", list(records[0]), records, roles, {}))

    return make


# By the hash of the row id


def test_these_rows_are_in_these_splits():
    others = {3: "eval", 5: "eval", 12: "eval", 7: "test", 11: "test"}
    assert split(rows(*range(1, 13))) == {row_id: others.get(row_id, "train") for row_id in range(1, 13)}


def test_fractions_are_met():
    assignment = decide(rows(*range(1, 20_001)), {}, DataSettings(eval_fraction=0.1, test_fraction=0.2))
    assert assignment.counts == {"train": 14_000, "eval": 2_000, "test": 4_000}
    assert list(assignment.counts) == ["train", "eval", "test"] and assignment.notes == []


@pytest.mark.parametrize("count", [40, 60, 87, 150])
def test_fractions_are_nearly_met_by_few_rows(count):
    for seed in range(30):
        found = Counter(split(rows(*range(1, count + 1)), DataSettings(seed=seed)).values())
        assert abs(found["test"] - count / 10) <= 2 and abs(found["eval"] - count / 10) <= 2


def test_places_look_random():
    place = place_finder(3)
    places = [place(row_id) for row_id in range(1, 4001)]
    assert all(0 <= value < 1 for value in places) and len(set(places)) == 4000
    assert [sum(int(value * 8) == eighth for value in places) for eighth in range(8)] == pytest.approx(
        [500] * 8, abs=25
    )
    tested = [row_id for row_id, value in enumerate(places) if value < 0.1]
    assert Counter(row_id % 20 for row_id in tested) == pytest.approx(dict.fromkeys(range(20), 20), abs=14)


def test_a_row_stays_in_its_split_when_others_go():
    whole, fewer = split(rows(*range(1, 301))), split(rows(*range(300, 0, -2)))
    assert fewer == {row_id: name for row_id, name in whole.items() if row_id % 2 == 0}
    assert Counter(whole.values()).keys() == {"train", "eval", "test"}


def test_a_larger_test_split_keeps_the_smaller_one():
    small, large = (split(rows(*range(500)), DataSettings(test_fraction=share)) for share in (0.1, 0.3))
    assert ids_of(small, "test") < ids_of(large, "test")


def test_the_order_is_shuffled_by_the_seed_and_golden_rows_come_first():
    one, other = (order_rows(range(100), seed) for seed in (1, 2))
    assert sorted(one) == sorted(other) == list(range(100))
    assert one != other != list(range(100))
    first = order_rows(range(100), 1, {40, 7})
    assert set(first[:2]) == {7, 40} and first[2:] == [row_id for row_id in one if row_id not in (7, 40)]


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.0, 1.0), (-0.1, 0.0), (float("nan"), 0.0)])
def test_fractions_that_leave_nothing(fractions):
    settings = DataSettings().model_copy(update=dict(zip(("eval_fraction", "test_fraction"), fractions, strict=True)))
    with pytest.raises(DataError, match="so that rows to train on remain"):
        decide([], {}, settings)


def test_of_one_row_there_is_something_to_train():
    for seed in range(40):
        assert split(rows(1), DataSettings(seed=seed)) == {1: "train"}


# What belongs together


def test_rows_are_joined_by_group_prompt_and_cluster():
    candidates = [
        Candidate(1, prompt=b"p", group="a"),
        Candidate(2, prompt=b"p"),
        Candidate(3, group="a"),
        Candidate(4),
        Candidate(5, prompt=b"q"),
    ]
    joined = [[row.id for row in rows] for rows in join_rows(candidates, {2: 2, 5: 2}, by_prompt=True)]
    assert sorted(joined) == [[1, 2, 3, 5], [4]]
    apart = [[row.id for row in rows] for rows in join_rows(candidates, {}, by_prompt=False)]
    assert sorted(apart) == [[1, 3], [2], [4], [5]]


def test_equal_prompts_and_clusters_never_straddle():
    same = [Candidate(row_id, prompt=bytes([row_id % 50])) for row_id in range(1, 301)]
    clusters = {row_id: row_id - row_id % 3 for row_id in range(1, 301)}
    for name, (candidates, known) in {"prompts": (same, {}), "clusters": (rows(*range(1, 301)), clusters)}.items():
        found = split(candidates, clusters=known)
        parts = {}
        for row in candidates:
            parts.setdefault(row.prompt if name == "prompts" else clusters[row.id], set()).add(found[row.id])
        assert len(parts) >= 50 and all(len(part) == 1 for part in parts.values())
        assert set(found.values()) == {"train", "eval", "test"}
    alone = split(same, PLAIN.model_copy(update={"keep_duplicates_together": False}), clusters)
    assert alone == split(rows(*range(1, 301)))


def test_a_new_row_joins_its_twin_and_moves_nobody():
    before = split(rows(*range(1, 13)))
    assert before[7] == "test"
    after = split([*rows(*range(1, 13), prompt=b""), Candidate(13)], clusters={7: 7, 13: 7})
    assert after == {**before, 13: "test"}


def test_a_group_is_placed_by_its_value_whatever_rows_it_has():
    def groups(*ids):
        return [Candidate(row_id, group=f"customer {row_id % 40}") for row_id in ids]

    whole, rest = split(groups(*range(400))), split(groups(*range(200, 400)))
    assert rest == {row_id: whole[row_id] for row_id in range(200, 400)}
    assert {len({whole[row_id] for row_id in range(start, 400, 40)}) for start in range(40)} == {1}
    assert set(whole.values()) == {"train", "eval", "test"}


def test_most_of_the_rows_always_train_and_that_is_said():
    candidates = [*rows(*range(1, 61), prompt=b"p"), *rows(*range(61, 101))]
    for seed in range(20):
        assignment = decide(candidates, {}, DataSettings(eval_fraction=0, test_fraction=0.4, seed=seed))
        assert {assignment.splits[row_id] for row_id in range(1, 61)} == {"train"}
        [note] = assignment.notes
        assert note.startswith("Test has ") and note.endswith("share a split, in one case 60 rows.")


def test_a_column_that_is_not_there_cannot_group(home, make):
    with pytest.raises(DataError) as error:
        assign_splits(home, make([{"q": "1", "a": "2"}]), DataSettings(group_by="customer"))
    assert str(error.value) == (
        "The rows cannot be grouped by 'customer', because there is no such column: the columns are 'q', 'a'. "
        "Choose one of them for data.group_by, or leave it empty."
    )


# Stratified


def test_labels_have_equal_shares():
    candidates = [Candidate(row_id, label=("rare", *["often"] * 9)[row_id % 10]) for row_id in range(1, 1001)]
    found = split(candidates, DataSettings(eval_fraction=0.1, test_fraction=0.2, stratify=True))
    counts = Counter((row.label, found[row.id]) for row in candidates)
    assert counts == {
        ("rare", "train"): 70,
        ("rare", "eval"): 10,
        ("rare", "test"): 20,
        ("often", "train"): 630,
        ("often", "eval"): 90,
        ("often", "test"): 180,
    }


def test_stratified_rows_move_only_at_the_borders():
    settings = DataSettings(stratify=True)
    candidates = [Candidate(row_id, label=str(row_id % 3)) for row_id in range(1, 901)]
    before, after = split(candidates, settings), split(candidates[:-9], settings)
    moved = [row_id for row_id in after if after[row_id] != before[row_id]]
    assert len(moved) <= 6


def test_too_many_labels_are_no_labels():
    candidates = [Candidate(row_id, label=str(row_id)) for row_id in range(1, 101)]
    assignment = decide(candidates, {}, PLAIN.model_copy(update={"stratify": True}))
    assert assignment.splits == split(candidates)
    assert assignment.notes == ["data.stratify does nothing here: the answers have more than 50 different values."]


def test_a_label_is_the_folded_answer(home, make):
    records = [{"q": f"question {n}", "a": (" Yes", "yes", "no")[n % 3]} for n in range(60)]
    dataset = make(records)
    found = assign_splits(home, dataset, DataSettings(stratify=True, test_fraction=0.25, eval_fraction=0)).splits
    counts = Counter((records[row_id - 1]["a"].strip().lower(), name) for row_id, name in found.items())
    assert counts == {("yes", "train"): 30, ("yes", "test"): 10, ("no", "train"): 15, ("no", "test"): 5}


# Decided by people


def test_a_column_of_splits_decides_and_what_it_does_not_name_is_drawn():
    candidates = [Candidate(row_id, asked=("testing", "train")[row_id > 60]) for row_id in range(1, 301)]
    assignment = decide(candidates, {}, PLAIN)
    assert ids_of(assignment.splits, "test") == set(range(1, 61))
    assert 30 < assignment.counts["eval"] < 70
    assert assignment.notes == [
        "The dataset's own column decides the split of 300 rows, and of its train rows are drawn what it lacks: "
        "20% for eval."
    ]
    validated = [*candidates, Candidate(301, asked="validation")]
    assignment = decide(validated, {}, PLAIN)
    assert assignment.counts == {"train": 240, "eval": 1, "test": 60}
    assert assignment.notes == ["The dataset's own column decides the split of 301 rows."]


def test_rows_of_unknown_splits_are_drawn_and_counted():
    candidates = [*rows(*range(1, 11), asked="train"), *rows(11, 12, asked="gold"), Candidate(13)]
    assignment = decide(candidates, {}, PLAIN)
    assert assignment.splits[11] == "test"  # as in test_these_rows_are_in_these_splits
    assert assignment.notes[1] == (
        "2 rows had to be drawn, because the column of splits says neither train, eval nor test there: 'gold'."
    )


def test_golden_rows_are_tested_and_take_their_like_along():
    candidates = [
        Candidate(1, golden=True, asked="train"),
        Candidate(2, prompt=b"p", golden=True),
        Candidate(4, prompt=b"p"),
        Candidate(6, prompt=b"p", asked="train"),
        *rows(*range(8, 40), asked="test"),
        *rows(*range(40, 140)),
    ]
    found = split(candidates, PLAIN.model_copy(update={"test_fraction": 0.0}))
    assert [found[row_id] for row_id in (1, 2, 4)] == ["test"] * 3
    assert found[6] == "train"  # its own cell says so, and the leak is shown
    assert ids_of(found, "test") == {1, 2, 4, *range(8, 40)}


def test_the_columns_of_a_dataset_are_read(home, make):
    records = [{"q": f"q{n}", "a": "a", "part": (" Test ", "TRAIN", "dev")[n % 3]} for n in range(9)]
    dataset = make(records, {**ROLES, "part": "split"})
    dataset.mark([2], golden=True)
    found = assign_splits(home, dataset, DataSettings()).splits
    assert found == {
        1: "test",
        2: "test",
        3: "eval",
        4: "test",
        5: "train",
        6: "eval",
        7: "test",
        8: "train",
        9: "eval",
    }


def test_status_and_order_of_the_rows_decide_nothing(home, make):
    dataset = make([{"q": f"q{n}", "a": "a"} for n in range(60)])
    before = assign_splits(home, dataset, PLAIN).splits
    dataset.mark(range(1, 40), status="discarded")
    dataset.edit(50, {"a": "b"})
    assert assign_splits(home, dataset, PLAIN).splits == before == split(rows(*range(1, 61)))


def test_that_near_duplicates_are_not_known_yet_is_said(home, make):
    dataset = make([{"q": "Say it!", "a": "1"}, {"q": "say  it!", "a": "2"}, {"q": "no", "a": "3"}])
    assignment = assign_splits(home, dataset, DataSettings())
    assert assignment.splits[1] == assignment.splits[2]
    assert assignment.notes[-1] == (
        "Only equal prompts are kept together: near duplicates are known once the checks have run."
    )


def test_near_duplicates_stay_together_once_the_checks_have_run(home, make):
    asked = "Please name the {} of the country that lies between France and Spain, in one word{}"
    things = ("capital", "language", "currency", "highest mountain", "head of state", "flag", "anthem")
    records = [{"q": asked.format(thing, end), "a": thing} for thing in things for end in (".", "!", "?")]
    dataset = make(records)
    before = assign_splits(home, dataset, DataSettings(test_fraction=0.3)).splits
    assert any(len({before[3 * n + 1], before[3 * n + 2], before[3 * n + 3]}) > 1 for n in range(len(things)))
    run(home, dataset.id, {}, lambda *_: None, lambda: False)
    assignment = assign_splits(home, dataset, DataSettings(test_fraction=0.3))
    known = clusters(home, dataset.id)
    assert all(known[3 * n + 1] == known[3 * n + 2] == known[3 * n + 3] for n in range(len(things)))
    parts = [{assignment.splits[row_id] for row_id, first in known.items() if first == one} for one in known.values()]
    assert {len(part) for part in parts} == {1} and not any("near dup" in note for note in assignment.notes)
    assert find_leaks(home, dataset, assignment.splits) == [] != find_leaks(home, dataset, before)
    (home.cache(dataset.id) / "checks.db").write_bytes(b"damaged")
    assert assign_splits(home, dataset, DataSettings(test_fraction=0.3)).splits == before


# Leaks, and the table of splits


def test_leaks_are_rows_of_one_prompt_in_several_splits(home, make):
    records = [{"q": text, "a": "a"} for text in ("one", "One ", "two", "three", "three", "", "", "two")]
    dataset = make(records)
    placed = {1: "train", 2: "test", 3: "train", 4: "eval", 5: "eval", 6: "train", 7: "test", 8: "test"}
    dataset.mark([8], status="discarded")
    [leak] = find_leaks(home, dataset, placed)
    assert (leak.rows, leak.exact) == ({1: "train", 2: "test"}, True)
    dataset.mark([8], status="pending")
    assert [list(leak.rows) for leak in find_leaks(home, dataset, placed)] == [[1, 2], [3, 8]]


def test_near_duplicates_leak_too(home, make, monkeypatch):
    dataset = make([{"q": text, "a": "a"} for text in ("What is it?", "What is it", "What is it??", "No.")])
    monkeypatch.setattr("studio.data.splits.read_clusters", lambda home, dataset: {1: 1, 2: 1, 3: 1})
    [leak] = find_leaks(home, dataset, {1: "train", 2: "train", 3: "test", 4: "test"})
    assert (leak.rows, leak.exact) == ({1: "train", 2: "train", 3: "test"}, False)


def read_table(home, dataset):
    with sqlite3.connect(home.cache(dataset.id) / "splits.db") as db:
        return dict(db.execute("SELECT row_id, split FROM splits"))


def test_an_assignment_is_kept_until_something_changes(home, make, monkeypatch):
    made = []
    assign = splits.assign_splits
    monkeypatch.setattr(splits, "assign_splits", lambda *given: made.append(given) or assign(*given))
    dataset = make([{"q": f"q{n}", "a": "a"} for n in range(20)])
    first = load_assignment(home, dataset, PLAIN)
    assert first == assign(home, dataset, PLAIN) and read_table(home, dataset) == first.splits
    assert load_assignment(home, dataset, PLAIN) == first and len(made) == 1
    dataset.mark([1], golden=True)
    assert load_assignment(home, dataset, PLAIN).splits[1] == read_table(home, dataset)[1] == "test"
    other = DataSettings(seed=7)
    assert load_assignment(home, dataset, other) == load_assignment(home, dataset, other) and len(made) == 3
    (home.cache(dataset.id) / "splits.db").write_bytes(b"damaged")
    assert load_assignment(home, dataset, other).counts == assign(home, dataset, other).counts
    assert [path.name for path in home.cache(dataset.id).iterdir()] == ["splits.db"]


def test_an_assignment_can_be_saved(home, make):
    dataset = make([{"q": "q", "a": "a"}])
    assignment = replace(assign_splits(home, dataset, PLAIN), splits={1: "eval", 9: "test"})
    path = save_assignment(home, dataset, assignment)
    assert path == home.path / "cache" / "x" / "splits.db" and read_table(home, dataset) == {1: "eval", 9: "test"}
