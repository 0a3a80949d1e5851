"""Rows merged into one, and one row cut into several."""

import pytest

from studio.data.store.joining import cut_row, join_rows
from studio.data.store.tables import Row
from studio.errors import DataError


def rows(*values: dict) -> list[Row]:
    return [Row(number, each, 0) for number, each in enumerate(values, 1)]


def test_texts_join_below_each_other_once_each():
    joined = join_rows(rows({"q": "Why?", "a": "One."}, {"q": "Why?", "a": "Two."}, {"q": "", "a": None}))
    assert joined == {"q": "Why?", "a": "One.\n\nTwo."}


def test_conversations_join_end_to_end():
    hello, bye = {"role": "user", "content": "Hello"}, {"role": "user", "content": "Bye"}
    assert join_rows(rows({"m": [hello], "n": 7}, {"m": [bye], "n": 8})) == {"m": [hello, bye], "n": 7}


def test_what_is_empty_everywhere_stays_as_it_is():
    assert join_rows(rows({"a": None}, {"a": ""})) == {"a": None}


def test_one_row_cannot_be_merged():
    with pytest.raises(DataError, match="at least two rows"):
        join_rows(rows({"a": "x"}))


def test_a_row_falls_apart_where_the_separator_stands():
    parts = cut_row({"q": "A? --- B?", "a": "a\n---\nb", "topic": "letters", "n": 3}, "---")
    assert parts == [
        {"q": "A?", "a": "a", "topic": "letters", "n": 3},
        {"q": "B?", "a": "b", "topic": "letters", "n": 3},
    ]


@pytest.mark.parametrize(
    ("values", "separator", "message"),
    [
        ({"a": "x"}, "", "nothing to split at"),
        ({"a": "x", "b": None}, "---", "No text of the row holds '---'"),
        ({"a": "1---2", "b": "1---2---3"}, "---", "'a' into 2, 'b' into 3"),
        ({"a": "," * 200}, ",", "into 201 parts; at most 100"),
    ],
)
def test_what_cannot_be_split_is_refused(values, separator, message):
    with pytest.raises(DataError, match=message):
        cut_row(values, separator)
