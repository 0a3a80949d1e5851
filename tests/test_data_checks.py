"""Quality checks on rows at hand: each names exactly the rows it should, and clean rows pass."""

import json

import pytest

from studio.data.checks import CATALOGUE, CHECKS, check_rows, find_check
from studio.data.checks.catalogue import SEVERITIES
from studio.data.checks.rows import survey_rows
from studio.data.importing import PRESETS, read_example
from studio.data.store import Row
from studio.errors import DataError

ALPACA = {"instruction": "instruction", "input": "input", "output": "output", "id": "ignore"}


def rows_of(*triples):
    return [
        Row(number, {"id": number, "instruction": first, "input": second, "output": third}, 0)
        for number, (first, second, third) in enumerate(triples, 1)
    ]


def check(*triples):
    found = check_rows(iter(rows_of(*triples)), ALPACA)
    assert list(found) == [name for name in CHECKS if name != "too_long"]
    return {name: ids for name, ids in found.items() if ids}


def details(*triples):
    return {finding.row_id: finding.detail for finding in survey_rows(rows_of(*triples), ALPACA).findings}


def test_every_check_says_why_and_what_could_be_done():
    assert len(CHECKS) == len(set(CHECKS)) == 20
    for kept in CATALOGUE:
        assert kept.title and kept.why.endswith(".") and kept.repair
        assert kept.severity in SEVERITIES
    with pytest.raises(DataError, match=r"There is no check 'magic'. There are unreadable, empty_answer"):
        find_check("magic")


def test_clean_rows_pass():
    assert check(("Add", "1, 2", "3"), ("Add", "1, 3", "4")) == {}


@pytest.mark.parametrize("name", ["complaints", "science-tutor", "sentiment"])
def test_shipped_examples_are_clean(name):
    path = PRESETS / "examples" / f"{name}.jsonl"
    rows = [Row(number, json.loads(line), 0) for number, line in enumerate(path.read_text().splitlines(), 1)]
    assert len(rows) > 50
    found = check_rows(rows, read_example(path.with_suffix(".yaml")).columns)
    assert {kept for kept, ids in found.items() if ids} <= {"outlying_length"}


def test_the_dirty_example_is_seen_through():
    """Every planted fault is found, and nothing in a clean row but that another one repeats or contradicts it."""
    path = PRESETS / "examples" / "dirty.jsonl"
    rows = [Row(number, json.loads(line), 0) for number, line in enumerate(path.read_text().splitlines(), 1)]
    found = check_rows(rows, read_example(path.with_suffix(".yaml")).columns)
    planted = {row.id: row.values["planted"] for row in rows}
    faults = {row_id: name for row_id, name in planted.items() if name not in ("clean", "too_long")}
    assert len(set(faults.values())) == len(CHECKS) - 2  # any cell of these columns can be read
    assert {row_id: name for row_id, name in faults.items() if row_id not in found[name]} == {}
    clean = {row_id for row_id, name in planted.items() if name == "clean"}
    assert {name for name, ids in found.items() if clean & set(ids)} <= {"conflicting_answers"}


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
    assert found == {"duplicate_rows": [4, 5], "duplicate_prompts": [3], "conflicting_answers": [1, 5, 3]}


def test_rows_that_ask_nothing_do_not_contradict_each_other():
    assert check(("", "", "1"), (" ", "", "2"), ("", "", "1")) == {"empty_prompt": [1, 2, 3], "duplicate_rows": [3]}


def test_the_input_is_part_of_the_prompt():
    assert check(("Add", "1", "2"), ("Add", "2", "3")) == {}


def test_conversations_are_checked_too():
    def row(number, *contents):
        roles = ("user", "assistant")
        turns = [{"role": roles[index % 2], "content": text} for index, text in enumerate(contents)]
        return Row(number, {"messages": turns}, 0)

    broken = Row(9, {"messages": [{"role": "narrator", "content": "x"}]}, 0)
    found = check_rows(
        [
            row(1, "q", "a"),
            row(2, "Q", "a"),
            row(3, "q", "b"),
            row(4, "q"),
            row(5, "", "a"),
            row(6, "r", "undefined"),
            row(7, "mail ann@example.com", "ok", "thanks", "</s> bye <|im_end|>"),
            row(8),
            broken,
        ],
        {"messages": "messages"},
    )
    assert {name: ids for name, ids in found.items() if ids} == {
        "unreadable": [8, 9],
        "empty_answer": [4],
        "empty_prompt": [5],
        "placeholder_output": [6],
        "duplicate_rows": [2],
        "duplicate_prompts": [3, 4],
        "conflicting_answers": [1, 2, 3, 4],
        "personal_data": [7],
        "special_tokens": [7],
    }


def test_without_an_answer_there_is_nothing_to_check():
    with pytest.raises(DataError, match="No column holds the answer"):
        check_rows([], {"a": "instruction"})


# Labels and lengths


def test_labels_that_are_rare_or_written_otherwise():
    rows = [(f"text {number}", "", "positive" if number % 2 else "negative") for number in range(40)]
    rows += [("one more", "", "Positive."), ("and one", "", "neutral")]
    found = survey_rows(rows_of(*rows), ALPACA).findings
    assert [(finding.row_id, finding.name, finding.proposed) for finding in found] == [
        (41, "label_balance", "positive"),
        (42, "label_balance", ""),
    ]
    assert found[0].detail == "'Positive.' is mostly written 'positive'"
    assert found[1].detail == "only 1 row with the answer 'neutral', against 21 with 'positive'"


def test_answers_that_do_not_repeat_are_no_labels():
    assert check(*[(f"q{number}", "", f"answer {number} {'x' * number}") for number in range(60)]) == {}


def test_rows_of_one_instruction_have_labels_of_their_own():
    asked = "Is it a thing? yes or no"
    words = ("river", "stone", "cloud", "paper", "window", "garden", "letter", "engine", "silver", "candle")
    rows = [(asked, word, "yes" if place % 2 else "no") for place, word in enumerate(words)]
    rows += [(f"Explain the {word} in a sentence", "", f"The {word} is well known to all.") for word in words]
    assert check(*rows, (asked, "lantern", "YES")) == {"label_balance": [21]}


def test_unusual_lengths():
    words = ["red", "green", "blue", "white", "black", "brown", "grey", "pink", "gold", "silver"]
    rows = [
        (f"Describe {one} with {two}", "", f"A {one} thing that is a little {two}") for one in words for two in words
    ]
    long = " ".join(f"{number}" for number in range(400))
    found = details(*rows, ("Describe it all", "", long))
    assert found[101] == (f"the answer has {len(long):,} characters; half of them have 35 or less")


# Splits


def test_a_prompt_in_two_splits_is_found():
    mapping = {"q": "instruction", "a": "output", "part": "split"}
    parts = ["train", "test", "validation", "train", "", "dev"]
    prompts = ["one?", "ONE?", "two?", "two?", "one?", "three?"]
    rows = [
        Row(number, {"q": prompt, "a": "x", "part": part}, 0)
        for number, (prompt, part) in enumerate(zip(prompts, parts, strict=True), 1)
    ]
    found = {finding.row_id: finding for finding in survey_rows(rows, mapping).findings if finding.name == "leakage"}
    assert {row_id: finding.group for row_id, finding in found.items()} == {1: 1, 2: 1, 3: 3, 4: 3}
    assert found[3].detail == "it stands in eval, and the same or nearly the same in train"
