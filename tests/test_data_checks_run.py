"""The checks on a dataset: what a run writes, what holds after an edit, what a second run looks at again."""

import sqlite3
import time
from contextlib import closing

import pytest

from studio.data import background as background_work
from studio.data.checks import CHECKS, background, check_rows, crew, records
from studio.data.checks.background import run
from studio.data.checks.results import clusters, find_checks_of, findings_of, read_findings, read_summary
from studio.data.checks.sketches import take_parts
from studio.data.store import create_dataset, open_dataset
from studio.data.view import Query, read_facets
from studio.errors import DataError, ModelError
from studio.home import open_home
from tests.tiny import make_tiny_tokenizer

ALPACA = {"instruction": "instruction", "input": "input", "output": "output"}
ROWS = [
    ("Add the numbers", "1, 2", "3"),
    ("What is red?", "No input", "A colour"),
    ("What is red?", "", "A colour"),
    ("Name a fruit", "", "Apple"),
    ("name a fruit", "", "Pear"),
    ("Write to ann@example.com", "", "Done"),
    ("Add the numbers", "1, 2", "3"),
    ("How deep is the sea near the old harbour?", "", ""),
    ("How deep is the sea near the old harbour??", "", "Very"),
]


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


@pytest.fixture
def dataset(home):
    rows = [dict(zip(ALPACA, row, strict=True)) for row in ROWS]
    return open_dataset(home, create_dataset(home, "sea", list(ALPACA), rows, ALPACA, {}))


def check(home, dataset, options=None, stopped=lambda: False):
    """Run and return the stages it told of."""
    stages = []
    run(home, dataset.id, options or {}, lambda stage, done, total: stages.append(stage), stopped)
    return list(dict.fromkeys(stages))


def counts(home, dataset):
    return {check.name: check.count for check in read_summary(home, dataset).checks if check.count}


FOUND = {
    "empty_answer": 1,
    "personal_data": 1,
    "conflicting_answers": 2,
    "near_duplicates": 2,
    "placeholder_input": 1,
    "duplicate_rows": 1,
    "duplicate_prompts": 1,
}


def test_before_the_first_run_nothing_is_known(home, dataset):
    summary = read_summary(home, dataset)
    assert (summary.state, summary.at, summary.stale_rows) == ("none", "", 0)
    assert sorted(check.name for check in summary.checks) == sorted(CHECKS)
    assert clusters(home, dataset.id) == {}
    assert read_findings(home, dataset, "leakage") == findings_of(home, dataset, 1) == []


def test_a_run_finds_what_each_check_should(home, dataset):
    assert check(home, dataset)[-1] == "Writing the results"
    summary = read_summary(home, dataset)
    assert (summary.state, summary.stale_rows) == ("current", 0)
    assert counts(home, dataset) == FOUND
    assert [check.name for check in summary.checks][:2] == ["empty_answer", "personal_data"]  # worst first
    unasked = next(check for check in summary.checks if check.name == "too_long")
    assert (unasked.looked, unasked.count) == (False, 0)
    near = read_findings(home, dataset, "near_duplicates")
    assert [(finding.row_id, finding.group) for finding in near] == [(8, 8), (9, 8)]
    assert near[1].detail == "94 % like row 8"
    assert [finding.row_id for finding in read_findings(home, dataset, "conflicting_answers", 1, 5)] == [5]
    assert clusters(home, dataset.id) == {1: 1, 7: 1, 4: 4, 5: 4, 8: 8, 9: 8}
    assert [finding.name for finding in findings_of(home, dataset, 6)] == ["personal_data"]
    assert find_checks_of(home, dataset, [6, 1, 8]) == {6: ["personal_data"], 8: ["empty_answer", "near_duplicates"]}
    with pytest.raises(DataError, match="There is no check"):
        read_findings(home, dataset, "magic")


def test_languages_are_kept_for_every_row(home, dataset):
    check(home, dataset)
    with closing(sqlite3.connect(home.cache(dataset.id) / "checks.db")) as db:
        languages = dict(db.execute("SELECT row_id, prompt FROM languages").fetchall())
        assert db.execute("SELECT count(*) FROM tokens").fetchone() == (0,)
    assert set(languages) == set(range(1, 10))
    assert languages[8] == "en" and languages[4] == ""


def test_what_was_found_holds_until_the_row_changes(home, dataset):
    check(home, dataset)
    dataset.edit(2, {"input": ""})
    dataset.mark([6], status="accepted")
    summary = read_summary(home, dataset)
    assert (summary.state, summary.stale_rows) == ("outdated", 1)
    assert counts(home, dataset) == {name: count for name, count in FOUND.items() if name != "placeholder_input"}
    dataset.delete([5])  # nobody is left to contradict row 4
    dataset.delete([1])  # row 7 is no copy any more
    left = counts(home, dataset)
    assert left == {"empty_answer": 1, "personal_data": 1, "near_duplicates": 2}
    assert read_summary(home, dataset).stale_rows == 1  # deleted rows need no new look
    check(home, dataset)
    assert read_summary(home, dataset).state == "current"
    assert counts(home, dataset) == {**left, "duplicate_rows": 1}


def test_discarded_rows_count_as_if_they_were_not_there(home, dataset):
    dataset.mark([1, 2, 5, 9], status="discarded")
    dataset.mark([6], status="draft")
    check(home, dataset)
    assert counts(home, dataset) == {"empty_answer": 1, "personal_data": 1}
    assert clusters(home, dataset.id) == {}
    with closing(sqlite3.connect(home.cache(dataset.id) / "checks.db")) as db:
        assert db.execute("SELECT count(*) FROM languages").fetchone() == (len(ROWS),)
    found = check_rows(dataset.rows(), dataset.mapping)
    assert {name: ids for name, ids in found.items() if ids} == {"empty_answer": [8], "personal_data": [6]}


def test_a_review_after_the_run_counts(home, dataset):
    dataset.mark([9], status="discarded")
    check(home, dataset)
    assert counts(home, dataset) == {name: count for name, count in FOUND.items() if name != "near_duplicates"}
    dataset.mark([1, 5], status="discarded")  # the row that 7 is a copy of, and what contradicts row 4
    dataset.mark([9], note="it stays discarded")
    left = {"empty_answer": 1, "personal_data": 1, "placeholder_input": 1}
    assert counts(home, dataset) == left
    assert dict(read_facets(home, dataset, Query()).checks) == left
    summary = read_summary(home, dataset)
    assert (summary.state, summary.stale_rows) == ("outdated", 0)
    dataset.undo(), dataset.undo()
    assert read_summary(home, dataset).state == "current"
    dataset.mark([9], status="pending")  # nobody compared it with the others yet
    summary = read_summary(home, dataset)
    assert (summary.state, summary.stale_rows) == ("outdated", 1)


def test_results_of_a_later_state_than_the_dataset_has_are_not_used(home, dataset):
    with dataset.connect() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = dataset.path.read_bytes()
    dataset.edit(4, {"output": ""})
    check(home, dataset)
    assert counts(home, dataset)["empty_answer"] == 2
    for path in home.datasets.glob("sea.db*"):
        path.unlink()
    dataset.path.write_bytes(copy)
    assert read_summary(home, dataset).state == "none"
    assert read_facets(home, dataset, Query()).checks == []


def test_a_new_dataset_with_the_id_of_one_that_is_gone_begins_anew(home, dataset):
    check(home, dataset)
    dataset.path.unlink()
    again = create_dataset(home, "sea", ["output"], [{"output": "other"}], {"output": "output"}, {})
    assert again == dataset.id
    assert read_summary(home, open_dataset(home, again)).state == "none"
    assert list(home.cache(again).iterdir()) == []


def test_other_roles_make_the_results_outdated(home, dataset):
    check(home, dataset)
    dataset.set_mapping({**ALPACA, "input": "ignore"})
    assert read_summary(home, dataset).state == "outdated"
    check(home, dataset)
    assert "placeholder_input" not in counts(home, dataset)


def test_a_second_run_looks_at_new_rows_only(home, dataset, monkeypatch):
    seen = []
    examine = crew.examine
    monkeypatch.setattr(crew, "examine", lambda *row: seen.append(row[0]["output"]) or examine(*row))
    check(home, dataset)
    assert len(seen) == len(ROWS) - 1  # a copy is known when it comes again
    dataset.edit(4, {"output": "Plum"})
    seen.clear()
    check(home, dataset)
    assert seen == ["Plum"]
    dataset.undo()
    seen.clear()
    check(home, dataset)
    assert seen == ["Apple"]  # what no row held any more was forgotten
    monkeypatch.setattr(background, "rules_digest", lambda: "other checks")
    seen.clear()
    check(home, dataset)
    assert len(seen) == len(ROWS) - 1


def test_a_damaged_cache_is_made_anew(home, dataset):
    check(home, dataset)
    (home.cache(dataset.id) / background.RECORDS).write_bytes(b"no database at all, but long enough to be one" * 9)
    check(home, dataset)
    assert counts(home, dataset) == FOUND
    (home.cache(dataset.id) / background.RESULTS).write_bytes(b"nor this one" * 99)
    with pytest.raises(DataError, match="Run the checks again"):
        read_summary(home, dataset)


def test_a_stopped_run_leaves_the_former_results(home, dataset):
    check(home, dataset)
    dataset.edit(4, {"output": ""})
    check(home, dataset, stopped=lambda: True)
    assert read_summary(home, dataset).stale_rows == 1
    assert "empty_answer" in counts(home, dataset) and counts(home, dataset)["empty_answer"] == 1


def test_edits_during_a_run_do_not_disturb_it(home, dataset, monkeypatch):
    conclude = background.conclude

    def edit_first(*given):
        dataset.edit(4, {"output": "Plum"})
        dataset.delete([8])
        return conclude(*given)

    monkeypatch.setattr(background, "conclude", edit_first)
    check(home, dataset)
    summary = read_summary(home, dataset)
    assert (summary.state, summary.stale_rows) == ("outdated", 1)


def test_helpers_see_the_same_as_one_process(home, dataset, monkeypatch):
    check(home, dataset)
    alone = counts(home, dataset), clusters(home, dataset.id)
    (home.cache(dataset.id) / background.RECORDS).unlink()
    monkeypatch.setattr(background, "WORTH_HELPERS", 1)
    monkeypatch.setattr(background, "PROCESSES", 2)
    monkeypatch.setattr(background.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(background, "WORK", 2)
    check(home, dataset)
    assert (counts(home, dataset), clusters(home, dataset.id)) == alone


def test_without_an_answer_there_is_no_run(home, dataset):
    dataset.set_mapping({"instruction": "instruction"})
    with pytest.raises(DataError, match="No column holds the answer"):
        check(home, dataset)


def test_an_empty_dataset_can_be_checked(home):
    dataset = open_dataset(home, create_dataset(home, "none", list(ALPACA), [], ALPACA, {}))
    check(home, dataset)
    assert read_summary(home, dataset).state == "current"
    assert counts(home, dataset) == {}


# Tokens


@pytest.fixture
def options(tmp_path):
    return {"model": str(make_tiny_tokenizer(tmp_path / "model")), "template": {"name": "model"}, "max_length": 60}


def test_rows_that_are_too_long_say_what_is_cut(home, dataset, options):
    dataset.edit(1, {"output": "one two three four five six seven"})
    dataset.edit(4, {"instruction": "Name a fruit " * 20})
    check(home, dataset, options)
    found = {finding.row_id: finding.detail for finding in read_findings(home, dataset, "too_long")}
    with closing(sqlite3.connect(home.cache(dataset.id) / "checks.db")) as db:
        tokens = {line[0]: line[1:] for line in db.execute("SELECT * FROM tokens")}
    assert len(tokens) == len(ROWS)
    assert all(prompt + answer == total for prompt, answer, total in tokens.values())
    assert set(found) == {row_id for row_id, (_, _, total) in tokens.items() if total > 60}
    _, answer, total = tokens[4]
    assert found[4] == f"{total:,} tokens, of which the last {total - 60:,} are cut: nothing of the answer is left"
    prompt, answer, total = tokens[1]
    if total > 60 > prompt:
        assert found[1].endswith(f"are cut: {60 - prompt} of the {answer} tokens of the answer are left")
    assert 4 in found and 1 in tokens


def test_another_limit_counts_nothing_again(home, dataset, options, monkeypatch):
    check(home, dataset, options)
    few = len(read_findings(home, dataset, "too_long"))
    monkeypatch.setattr(background.TokenCounter, "count", None)
    check(home, dataset, {**options, "max_length": 10})
    assert len(read_findings(home, dataset, "too_long")) == len(ROWS) > few
    assert read_summary(home, dataset).checks[0].looked


def test_a_special_token_of_the_model_is_found(home, dataset, options):
    dataset.edit(4, {"output": "Apple<|endoftext|> pie"})
    check(home, dataset, options)
    [finding] = read_findings(home, dataset, "special_tokens")
    assert (finding.row_id, finding.detail) == (4, "<|endoftext|> in the answer")


def test_rows_that_the_template_refuses_are_named(home, options):
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    rows = [{"messages": turns}, {"messages": [*turns, *turns]}]
    mapping = {"messages": "messages"}
    dataset = open_dataset(home, create_dataset(home, "talks", ["messages"], rows, mapping, {}))
    check(home, dataset, {**options, "template": {"name": "alpaca"}})
    [finding] = read_findings(home, dataset, "unreadable")
    assert finding.row_id == 2 and "one place for one answer" in finding.detail


def test_options_that_cannot_be_used_are_told_before_the_rows_are_read(home, dataset, options, tmp_path):
    with pytest.raises(ModelError, match=r"has no tokenizer\.json"):
        check(home, dataset, {**options, "model": str(tmp_path)})
    with pytest.raises(DataError, match="need the maximum length"):
        check(home, dataset, {**options, "max_length": 0})
    assert read_summary(home, dataset).state == "none"


# Records


def test_records_give_back_what_was_saved(tmp_path):
    seen = crew.examine({"q": "mail ann@example.com", "a": "ok"}, {"q": "instruction", "a": "output"}, b"")
    with records.open_records(tmp_path / "records.db") as kept:
        kept.require("examined", "this basis")
        kept.save_examined([(b"x", seen)])
    with records.open_records(tmp_path / "records.db") as kept:
        kept.require("examined", "this basis")
        assert kept.load_examined(b"x") == seen and seen.faults
        kept.require("examined", "another")
        assert not kept.has("examined", b"x")


def test_parts_leave_the_system_prompt_out():
    from studio.templates.example import from_fields

    assert take_parts(from_fields("Ask", "Given", "Say", "You are kind")).prompt == "ask given"


def test_it_runs_in_a_process_of_its_own(home, dataset):
    background_work.start(home, dataset.id, "checks")
    deadline = time.monotonic() + 60
    while (now := background_work.read_progress(home, dataset.id, "checks")).state == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (now.state, now.error, now.stage) == ("done", "", "Writing the results")
    assert counts(home, dataset) == FOUND
