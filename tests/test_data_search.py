"""Search terms, and the texts of rows in blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.data.view import search
from studio.data.view.search import Block, Search, find_in_block, lay_out, make_blocks, split_terms


def blocks_of(rows):
    return [Block(data, np.frombuffer(ends, np.uint32).astype(np.int64)) for data, ends in make_blocks(rows)]


def find(rows, wanted):
    """Numbers of the rows that are found, over all blocks."""
    found, first = [], 0
    for block in blocks_of(lay_out(row) for row in rows):
        found += [first + int(number) for number in find_in_block(block, wanted)]
        first += len(block.last)
    assert first == len(rows)
    return found


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ("", ()),
        ("  \t ", ()),
        ("Refund LATE", ("refund", "late")),
        ('"late refund" order', ("late refund", "order")),
        ("same Same", ("same",)),
        ("数据\u3000集", ("数据", "集")),
        ("STRASSE Straße", ("strasse",)),
        ('say "hi"', ("say", "hi")),
        ('5" pipe', ('5"', "pipe")),
        ('"unclosed phrase', ('"unclosed', "phrase")),
        ('""', ('""',)),
        ('" "', ()),
        ("50% a_b\\n", ("50%", "a_b\\n")),
    ],
)
def test_what_is_typed_becomes_terms(typed, terms):
    assert split_terms(typed) == terms


ROWS = [
    ["Where is my parcel?", "", "It is late."],
    ["数据集在哪里", None, "The data set: 数 据"],
    ["STRASSE", "Straße", "x" * 300],
    ["one", "two", 'a "quoted" word\nand a line'],
    ["0", 7, {"key": ["deep"]}],
    ["nul\x00byte", "tab\tand\x1fseparator", "😀"],
]


@pytest.mark.parametrize(
    ("terms", "numbers"),
    [
        (("is",), [0]),
        (("数",), [1]),
        (("数据",), [1]),
        (("据集", "data"), [1]),
        (("strasse",), [2]),
        (("x" * 300,), [2]),
        (("x" * 301,), []),
        (("a",), [0, 1, 2, 3, 5]),
        (("e", "o"), [3, 5]),
        (("word\nand",), [3]),
        (('"quoted"',), [3]),
        (("onetwo",), []),
        (("7",), [4]),
        (("deep",), [4]),
        (("nul\x00byte", "\x1f"), [5]),
        (("😀",), [5]),
        (("none",), []),
        (("null",), []),
    ],
)
def test_any_substring_is_found(terms, numbers):
    assert find(ROWS, Search(terms)) == numbers


def test_a_column_is_searched_alone():
    assert find(ROWS, Search(cells=((0, "strasse"),))) == [2]
    assert find(ROWS, Search(cells=((2, "is"),))) == [0]
    assert find(ROWS, Search(cells=((1, "is"),))) == []
    assert find(ROWS, Search(("parcel",), ((2, "is"), (0, "where")))) == [0]
    assert find(ROWS, Search(cells=((9, "is"),))) == []
    assert not Search()


def test_rows_never_run_into_each_other(monkeypatch):
    rows = [["ab"], ["cd"], [""], ["ef"]]
    for size in (1, 4, 2**20):
        monkeypatch.setattr(search, "BLOCK_BYTES", size)
        assert find(rows, Search(("bc",))) == []
        assert find(rows, Search(("cd",))) == [1]
        assert find(rows, Search(("abcdef" * 9,))) == []
    assert len(blocks_of([lay_out(row) for row in rows])) == 1


letters = st.text(alphabet="aab\n数据é", max_size=8)
row_lists = st.lists(st.lists(letters, min_size=2, max_size=2), min_size=1, max_size=60)


@settings(max_examples=200, deadline=None)
@given(row_lists, st.lists(letters.filter(bool), min_size=1, max_size=3), st.integers(0, 60), st.integers(1, 20))
def test_found_is_what_holds_it(rows, terms, size, share):
    """Against Python's own `in`, for blocks of any size, and whether rows are compared at once or one by one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "BLOCK_BYTES", size)
        patch.setattr(search, "FEW_SHARE", share)
        expected = [n for n, row in enumerate(rows) if all(any(term in cell for cell in row) for term in terms)]
        assert find(rows, Search(tuple(terms))) == expected
        expected = [n for n, row in enumerate(rows) if terms[0] in row[1]]
        assert find(rows, Search(cells=((1, terms[0]),))) == expected
