"""Splits hang on row ids alone."""

import pytest

from studio.data.splits import split_of, split_rows
from studio.data.store import Row
from studio.errors import DataError


def rows(*ids):
    return [Row(row_id, {}, 0) for row_id in ids]


def ids(parts):
    return {name: [row.id for row in part] for name, part in parts.items()}


def test_these_rows_are_in_these_splits():
    others = {3: "eval", 5: "eval", 7: "test", 11: "test"}
    for row_id in range(1, 13):
        assert split_of(row_id, 1234, 0.2, 0.2) == others.get(row_id, "train")


def test_fractions_are_met():
    parts = split_rows(rows(*range(1, 20_001)), 1234, 0.1, 0.2)
    assert [len(parts[name]) for name in ("train", "eval", "test")] == pytest.approx([14_000, 2_000, 4_000], rel=0.05)


def test_a_row_stays_in_its_split_and_the_order_when_others_go():
    whole = ids(split_rows(rows(*range(1, 301)), 1, 0.2, 0.1))
    fewer = ids(split_rows(rows(*range(300, 0, -2)), 1, 0.2, 0.1))
    assert fewer == {name: [row_id for row_id in part if row_id % 2 == 0] for name, part in whole.items()}
    assert sorted(row_id for part in whole.values() for row_id in part) == list(range(1, 301))


def test_the_order_is_shuffled_by_the_seed():
    one, other = (ids(split_rows(rows(*range(100)), seed, 0, 0))["train"] for seed in (1, 2))
    assert sorted(one) == sorted(other) == list(range(100))
    assert one != other != list(range(100))


def test_a_larger_test_split_keeps_the_smaller_one():
    small = set(ids(split_rows(rows(*range(500)), 7, 0.1, 0.1))["test"])
    large = set(ids(split_rows(rows(*range(500)), 7, 0.1, 0.3))["test"])
    assert small < large


def test_other_things_can_be_split():
    parts = split_rows([{"id": 3}], 1, 0, 0, id_of=lambda row: row["id"])
    assert parts == {"train": [{"id": 3}], "eval": [], "test": []}


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (-0.1, 0), (0, 1), (float("nan"), 0)])
def test_fractions_that_leave_nothing(fractions):
    with pytest.raises(DataError, match="so that rows to train on remain"):
        split_rows([], 1, *fractions)
