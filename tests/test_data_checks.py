"""Quality checks: each names exactly the rows it should."""

import pytest

from studio.data.checks import CHECKS, check_rows
from studio.data.store import Row
from studio.errors import DataError

ALPACA = {"instruction": "instruction", "input": "input", "output": "output", "id": "ignore"}


def check(*triples):
    rows = [
        Row(number, {"id": number, "instruction": first, "input": second, "output": third}, 0)
        for number, (first, second, third) in enumerate(triples, 1)
    ]
    found = check_rows(iter(rows), ALPACA)
    assert list(found) == list(CHECKS)
    return {name: ids for name, ids in found.items() if ids}


def test_clean_rows_pass():
    assert check(("Add", "1, 2", "3"), ("Add", "1, 3", "4")) == {}


def test_empty_cells():
    found = check(("q", "", ""), ("q2", None, " \n"), ("", "", "a"), ("", "only input", "a"))
    assert found == {"empty_answer": [1, 2], "empty_prompt": [3]}


@pytest.mark.parametrize(
    "text",
    ["No input", "noinput", "N/A", "Not applicable", "none", "NULL", "nan", "undefined", " No  Input. ", "ｎｕｌｌ"],
)
def test_placeholder_inputs(text):
    assert check(("q", text, "a")) == {"placeholder_input": [1]}


def test_placeholder_answers():
    found = check(("q", "", "undefined"), ("r", "", "N/A"), ("s", "", "No input"), ("t", "", "Null."))
    assert found == {"placeholder_output": [1, 2, 4]}


def test_placeholders_are_whole_cells_only():
    assert check(("Explain null", "no input was given", "undefined behaviour"), ("None", "0", "No")) == {}


def test_duplicates_ignore_case_spaces_width_and_other_columns():
    found = check(("Add  this", "x", "Three"), ("add this", "x", "three\n"), ("ＡＤＤ this", "x", "three"))
    assert found == {"duplicate_rows": [2, 3]}


def test_conflicts_stand_together():
    found = check(("a", "", "1"), ("b", "", "1"), ("A", "", "2"), ("b", "", "1"), ("a", "", "1"), ("c", "", "1"))
    assert found == {"duplicate_rows": [4, 5], "conflicting_answers": [1, 5, 3]}


def test_the_input_is_part_of_the_prompt():
    assert check(("Add", "1", "2"), ("Add", "2", "3")) == {}


def test_conversations_are_checked_too():
    def row(number, *contents):
        roles = ("user", "assistant")
        turns = [{"role": roles[index % 2], "content": text} for index, text in enumerate(contents)]
        return Row(number, {"messages": turns}, 0)

    broken = Row(9, {"messages": [{"role": "narrator", "content": "x"}]}, 0)
    found = check_rows(
        [row(1, "q", "a"), row(2, "Q", "a"), row(3, "q", "b"), row(4, "q"), row(5, "", "a"), broken],
        {"messages": "messages"},
    )
    assert {name: ids for name, ids in found.items() if ids} == {
        "unreadable": [9],
        "empty_answer": [4],
        "empty_prompt": [5],
        "duplicate_rows": [2],
        "conflicting_answers": [1, 2, 3, 4],
    }


def test_without_an_answer_there_is_nothing_to_check():
    with pytest.raises(DataError, match="No column holds the answer"):
        check_rows([], {"a": "instruction"})
