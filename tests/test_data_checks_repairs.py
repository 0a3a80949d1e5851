"""Repairs: what is proposed for each check, that nothing happens unasked, and that one undo takes all of it back."""

import pytest

from studio.data.checks import repairs
from studio.data.checks.background import run
from studio.data.checks.repairs import Proposal, propose, propose_choice, propose_merge
from studio.data.checks.results import read_findings, read_summary
from studio.data.roles.conversations import to_example
from studio.data.store import create_dataset, open_dataset
from studio.errors import DataError
from studio.home import open_home

ALPACA = {"instruction": "instruction", "input": "input", "output": "output"}
LONG = "The harbour was built of grey stone by fishermen who had come over the sea in the hard winter of that year"


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


@pytest.fixture
def make(home):
    """A function that makes a checked dataset of Alpaca rows, or of rows with other roles."""

    def make(*rows, mapping=ALPACA):
        rows = [row if isinstance(row, dict) else dict(zip(mapping, row, strict=True)) for row in rows]
        dataset = open_dataset(home, create_dataset(home, "d", list(mapping), rows, mapping, {}))
        recheck(home, dataset)
        return dataset

    return make


def recheck(home, dataset):
    run(home, dataset.id, {}, lambda *told: None, lambda: False)


def counts(home, dataset):
    return {check.name: check.count for check in read_summary(home, dataset).checks if check.count}


def values(dataset):
    return {row.id: tuple(row.values.values()) for row in dataset.rows()}


def test_nothing_changes_until_it_is_applied_and_one_undo_takes_it_back(home, make):
    dataset = make(("q1", "No input", "a1"), ("q2", "n/a", "a2"), ("q3", "5", "a3"))
    before = values(dataset)
    proposals = propose(home, dataset, "placeholder_input")
    why = "it says 'No input'"
    assert proposals[0] == Proposal(1, "edit", "input", "No input", "", why)
    assert [proposal.row_id for proposal in proposals] == [1, 2]
    assert values(dataset) == before and dataset.next_undo() is None
    assert repairs.apply(dataset, proposals, "placeholder_input") == 2
    assert values(dataset) == {1: ("q1", "", "a1"), 2: ("q2", "", "a2"), 3: ("q3", "5", "a3")}
    assert counts(home, dataset) == {}
    assert dataset.undo() == "Undid the repair of 2 rows (Placeholders as input)."
    assert values(dataset) == before


def test_only_the_rows_asked_for(home, make):
    dataset = make(("q1", "", ""), ("q2", "", ""))
    assert propose(home, dataset, "empty_answer", [2, 99]) == [Proposal(2, "delete", why="the answer is empty")]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("personal_data", "Write to ann@example.com.", "Write to [EMAIL]."),
        ("secrets", "The key is AKIAIOSFODNN7EXAMPLE", "The key is [SECRET]"),
        ("encoding", "schÃ¶n &amp; gut", "schön & gut"),
        ("boilerplate", "Certainly! the sea.", "The sea."),
        ("structure", "```\ncode", "```\ncode\n```"),
        ("special_tokens", "Blue<|im_end|>", "Blue"),
    ],
)
def test_texts_are_mended(home, make, name, before, after):
    dataset = make(("What is it?", "", before), ("And that?", "", "A boat"))
    [proposal] = propose(home, dataset, name)
    assert (proposal.row_id, proposal.action, proposal.column) == (1, "edit", "output")
    assert (proposal.before, proposal.after) == (before, after)
    repairs.apply(dataset, [proposal], name)
    recheck(home, dataset)
    assert name not in counts(home, dataset)


@pytest.mark.parametrize("name", ["unreadable", "empty_answer", "empty_prompt", "placeholder_output"])
def test_rows_without_a_side_are_deleted(home, make, name):
    turns = {
        "unreadable": [{"role": "narrator", "content": "x"}],
        "empty_answer": [{"role": "user", "content": "x"}],
        "empty_prompt": [{"role": "assistant", "content": "x"}],
        "placeholder_output": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "N/A"}],
    }
    dataset = make({"messages": turns[name]}, mapping={"messages": "messages"})
    assert [(proposal.row_id, proposal.action) for proposal in propose(home, dataset, name)] == [(1, "delete")]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("boilerplate", "I'm sorry, but I cannot do that."),
        ("structure", "<think>hm"),
        ("encoding", "caf\ufffd"),
        ("language_mismatch", "Die Brücke wurde im Winter von den Fischern aus grauem Stein gebaut."),
    ],
)
def test_what_only_a_person_can_mend_is_set_aside(home, make, name, answer):
    others = [
        (f"{LONG}, they say. Who built it, number {number}?", "", f"The {number} fishermen") for number in range(6)
    ]
    dataset = make((f"{LONG}. Why?", "", answer), *others)
    [proposal] = propose(home, dataset, name)
    assert (proposal.row_id, proposal.action, proposal.before, proposal.after) == (1, "mark", "pending", "draft")
    assert repairs.apply(dataset, [proposal]) == 1
    assert dataset.row(1).marks.status == "draft"
    assert propose(home, dataset, name) == []


def test_an_answer_that_repeats_the_prompt_is_deleted(home, make):
    dataset = make(("Say this", "", "Say this"))
    assert [proposal.action for proposal in propose(home, dataset, "structure")] == ["delete"]


def test_the_turns_of_a_conversation_are_mended_and_its_speakers_kept(home, make):
    turns = [
        {"from": "human", "value": "I am ann@example.com"},
        {"from": "gpt", "value": "Certainly! hello."},
    ]
    dataset = make({"conversations": turns}, mapping={"conversations": "messages"})
    repairs.apply(dataset, propose(home, dataset, "personal_data"))
    recheck(home, dataset)
    repairs.apply(dataset, propose(home, dataset, "boilerplate"))
    assert dataset.row(1).values["conversations"] == [
        {"from": "human", "value": "I am [EMAIL]"},
        {"from": "gpt", "value": "Hello."},
    ]
    assert to_example(dataset.row(1).values, dataset.mapping).output == "Hello."


def test_one_of_several_copies_stays(home, make):
    dataset = make(("q", "", "a"), ("q", "", "a"), ("Q", "", "a"), ("r", "", "b"))
    repairs.apply(dataset, propose(home, dataset, "duplicate_rows"))
    assert sorted(values(dataset)) == [1, 4]


def test_a_golden_or_accepted_copy_is_the_one_that_stays(home, make):
    dataset = make((LONG, "", "a"), (LONG + "!", "", "a"), (LONG + "?", "", "a"), ("q", "", "b"), ("q", "", "b"))
    dataset.mark([3], golden=True)
    dataset.mark([5], status="accepted")
    assert [proposal.row_id for proposal in propose(home, dataset, "near_duplicates")] == [1, 2]
    assert [proposal.row_id for proposal in propose(home, dataset, "duplicate_rows")] == [4]
    dataset.mark([1], golden=True)
    assert [proposal.row_id for proposal in propose(home, dataset, "near_duplicates")] == [2]


def test_labels_are_written_in_the_usual_way(home, make):
    rows = [(f"{LONG[:number]} {number}", "", "good" if number % 2 else "bad") for number in range(20, 60)]
    dataset = make(*rows, ("Something else", "", "Good."), ("Another thing", "", "so-so"))
    [proposal] = propose(home, dataset, "label_balance")
    assert (proposal.row_id, proposal.column, proposal.after) == (41, "output", "good")


def test_leaked_rows_go_to_the_split_that_is_held_out(home, make):
    mapping = {"q": "instruction", "a": "output", "part": "split"}
    dataset = make(("one?", "x", "train"), ("One?", "x", "Test"), ("two?", "y", "train"), mapping=mapping)
    [proposal] = propose(home, dataset, "leakage")
    assert proposal == Proposal(
        1, "edit", "part", "train", "Test", "it stands in train, and the same or nearly the same in test"
    )
    repairs.apply(dataset, [proposal])
    recheck(home, dataset)
    assert "leakage" not in counts(home, dataset)


def test_contradictions_are_for_a_person_to_choose(home, make):
    dataset = make(("q", "", "left"), ("q", "", "right"), ("r", "", "b"))
    assert propose(home, dataset, "conflicting_answers") == propose(home, dataset, "duplicate_prompts") == []
    assert not next(
        check for check in read_summary(home, dataset).checks if check.name == "conflicting_answers"
    ).repairable
    repairs.apply(dataset, propose_choice(dataset, 2, [1]), "conflicting_answers")
    assert sorted(values(dataset)) == [2, 3]
    assert "conflicting_answers" not in counts(home, dataset)
    dataset.undo()
    repairs.apply(dataset, propose_merge(dataset, [1, 2]))
    assert values(dataset) == {1: ("q", "", "left\n\nright"), 3: ("r", "", "b")}
    dataset.undo()
    dataset.mark([1], add_tags=["old"])
    dataset.mark([2], add_tags=["new"], note="seen")
    repairs.apply(dataset, propose_merge(dataset, [2, 1], "both"))
    assert (dataset.row(2).marks.tags, dataset.row(2).marks.note) == (("new", "old"), "seen")
    assert values(dataset) == {2: ("q", "", "both"), 3: ("r", "", "b")}


def test_what_cannot_be_merged_says_why(make):
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    dataset = make({"messages": turns}, {"messages": turns}, mapping={"messages": "messages"})
    with pytest.raises(DataError, match="Keep one of them instead"):
        propose_merge(dataset, [1, 2])
    with pytest.raises(DataError, match="Row 9 is not in this dataset"):
        propose_choice(dataset, 9, [1])


def test_a_row_that_changed_since_is_passed_over(home, make):
    dataset = make(("q1", "No input", "a"), ("q2", "No input", "b"), ("q3", "No input", "c"))
    proposals = propose(home, dataset, "placeholder_input")
    dataset.edit(1, {"input": "5"})
    dataset.delete([2])
    assert repairs.apply(dataset, proposals) == 1
    assert values(dataset) == {1: ("q1", "5", "a"), 3: ("q3", "", "c")}
    assert dataset.next_undo() == "the repair of 1 row"


def test_a_row_that_was_filled_in_since_is_not_deleted(home, make):
    dataset = make(("q1", "", ""), ("q2", "", ""))
    proposals = propose(home, dataset, "empty_answer")
    dataset.edit(1, {"output": "It is there now."})
    dataset.mark([2], note="seen")
    assert repairs.apply(dataset, proposals) == 1
    assert values(dataset) == {1: ("q1", "", "It is there now.")}


def test_copies_that_went_in_this_moment_leave_nothing_to_thin_out(home, make):
    dataset = make(("q", "", "a"), ("q", "", "a"))
    found = read_findings(home, dataset, "duplicate_rows")
    dataset.delete([1])
    assert list(repairs.thin_out(dataset, found)) == []
    dataset.delete([2])
    assert list(repairs.thin_out(dataset, found)) == []


def test_an_unknown_check_is_refused(home, make):
    with pytest.raises(DataError, match="There is no check"):
        propose(home, make(("q", "", "a")), "magic")
