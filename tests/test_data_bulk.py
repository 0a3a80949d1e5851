"""Find and replace, with its preview; one text for a column; patterns that would never end."""

import pytest

from studio.data.store import create_dataset, open_dataset, replacing
from studio.data.store.bulk import CellChange, Replacement, preview_replacement, replace_all, set_column
from studio.errors import DataError
from studio.home import open_home
from tests.stores import make, outputs, state


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


def single(home, *values):
    """A dataset with one column, 'v'."""
    return open_dataset(home, create_dataset(home, "single", ["v"], [{"v": value} for value in values], {}, {}))


def replaced(home, value, *asked, **options):
    dataset = single(home, value)
    replace_all(dataset, None, Replacement(*asked, **options))
    return dataset.row(1).values["v"]


def test_a_preview_counts_all_and_shows_the_first(home):
    dataset = make(home, "a cat", "a dog", "cat and cat", None, 7)
    found = preview_replacement(dataset, None, Replacement("cat", "bird"), limit=1)
    assert (found.rows, found.cells) == (2, 2)
    assert found.samples == [CellChange(1, "output", "a cat", "a bird")]
    both = preview_replacement(dataset, [3, 2, 1, 99], Replacement("a", "A", columns=("output", "instruction")))
    assert (both.rows, both.cells, len(both.samples)) == (3, 3, 3)
    everywhere = preview_replacement(dataset, [1], Replacement("t", "T"))
    assert (everywhere.rows, everywhere.cells) == (1, 2)
    assert everywhere.samples[0] == CellChange(1, "instruction", "Question 1", "QuesTion 1")
    assert dataset.version == 0
    none = preview_replacement(dataset, [], Replacement("a", "b"))
    assert (none.rows, none.cells, none.samples) == (0, 0, [])


def test_a_replacement_is_what_its_preview_said_and_one_change(home):
    dataset = make(home, "a cat", "a dog", "cat and cat", None, 7)
    before = state(dataset)
    replacement = Replacement("cat", "bird")
    asked = preview_replacement(dataset, None, replacement)
    assert replace_all(dataset, None, replacement) == asked.rows == 2
    assert outputs(dataset) == ["a bird", "a dog", "bird and bird", None, 7]
    assert [dataset.row(row.row_id).values[row.column] for row in asked.samples] == [s.after for s in asked.samples]
    assert [line.sentence for line in dataset.describe_history(1)][1:] == [
        "The replacement of 'cat' with 'bird' in 2 rows"
    ]
    assert dataset.undo() == "Undid the replacement of 'cat' with 'bird' in 2 rows."
    assert state(dataset) == before
    dataset.redo()
    assert dataset.row(3).values["output"] == "bird and bird"
    assert replace_all(dataset, None, replacement) == 0
    assert replace_all(dataset, [2], Replacement("dog", "")) == 1
    assert dataset.next_undo() == "the replacement of 'dog' with '' in row 2"


def test_conversations_change_inside_their_turns(home):
    turns = [
        {"role": "user", "content": 'say "user" to the user', "id": "user"},
        {"from": "user", "value": "user\nuser", "weight": 1},
        {"role": "user", "content": [{"type": "text", "text": "user"}, "user"]},
        "user",
        None,
        1.0,
    ]
    assert replaced(home, turns, "user", "guest") == [
        {"role": "user", "content": 'say "guest" to the guest', "id": "user"},
        {"from": "user", "value": "guest\nguest", "weight": 1},
        {"role": "user", "content": [{"type": "text", "text": "guest"}, "guest"]},
        "guest",
        None,
        1.0,
    ]
    assert replaced(home, {"de": "user", "en": "user"}, "user", "guest") == {"de": "guest", "en": "guest"}


@pytest.mark.parametrize(
    ("before", "asked", "options", "after"),
    [
        ("a.b a+b", ("a.b", "x"), {}, "x a+b"),
        ("a.b a+b", ("a.b", "x"), {"regex": True}, "x x"),
        ("Tea TEA tea", ("tea", "x"), {}, "Tea TEA x"),
        ("Tea TEA tea", ("tea", "x"), {"ignore_case": True}, "x x x"),
        ("ÄPFEL äpfel", ("äpfel", "x"), {"ignore_case": True}, "x x"),
        ("cat catalog cat.", ("cat", "x"), {"whole_words": True}, "x catalog x."),
        ("(c) a(c)", ("(c)", "x"), {"whole_words": True}, "x a(c)"),
        ("cat cot cut", ("cat|cot", "x"), {"whole_words": True, "regex": True}, "x x cut"),
        ("2024-01-31", (r"(\d+)-(\d+)-(?P<d>\d+)", r"\g<d>.\2.\1"), {"regex": True}, "31.01.2024"),
        (r"a", ("a", r"\1\n"), {}, r"\1\n"),
        ("a", ("a", r"\n"), {"regex": True}, "\n"),
        ("one\ntwo", ("^", "> "), {"regex": True}, "> one\ntwo"),
        ("one\ntwo", ("(?m)^", "> "), {"regex": True}, "> one\n> two"),
        ("数据集", ("数据", "資料"), {}, "資料集"),
        ("a\u2028\x00\r\nb", ("\x00\r", "-"), {}, "a\u2028-\nb"),
        ("😀😀", ("😀", "é"), {}, "éé"),
        ("007 1e5", ("7", "8"), {}, "008 1e5"),
    ],
)
def test_what_is_found(home, before, asked, options, after):
    assert replaced(home, before, *asked, **options) == after


def test_numbers_and_other_values_stay(home):
    values = [7, 1.5, True, None, "7", [7, "7"], {"7": 7}, 10**30]
    dataset = single(home, *values)
    assert replace_all(dataset, None, Replacement("7", "8")) == 2
    assert [row.values["v"] for row in dataset.rows()] == [7, 1.5, True, None, "8", [7, "8"], {"7": 7}, 10**30]


@pytest.mark.parametrize(
    ("asked", "options", "message"),
    [
        (("", "x"), {}, "There is nothing to find. Type the text to look for"),
        (("a", "x"), {"columns": ("b",)}, r"There is no column 'b'. The columns are 'v'\."),
        (("a" * 10_001, ""), {}, "longer than 10,000 characters. Shorten it"),
        (
            ("(", "x"),
            {"regex": True},
            r"cannot be read as a regular expression \(missing \), .*so nothing was replaced",
        ),
        (("a)|(b", "x"), {"regex": True, "whole_words": True}, "cannot be read as a regular expression"),
        (("a", r"\1"), {"regex": True}, r"cannot be read as a regular expression \(invalid group reference 1"),
        (("a", r"\g<n>"), {"regex": True}, r"Finding 'a' is not possible, .*unknown group name 'n'"),
        (("a{99999999999}", ""), {"regex": True}, "cannot be read as a regular expression"),
        (("a", "\\ud800"), {"regex": True}, "cannot be read as a regular expression"),
        (("a", "\ud800"), {}, r"puts in half of a character \(a lone surrogate\), which cannot be stored"),
        (("", ""), {"regex": True}, "nothing to find"),
        (("(?:" * 2000 + ")" * 2000, "x"), {"regex": True}, "takes too much memory"),
    ],
)
def test_replacements_that_cannot_be(home, asked, options, message):
    dataset = single(home, "a")
    for act in (preview_replacement, replace_all):
        with pytest.raises(DataError, match=message):
            act(dataset, None, Replacement(*asked, **options))
    assert dataset.version == 0
    assert dataset.edit(1, {"v": "b"}).values == {"v": "b"}  # nothing is left locked


def test_a_pattern_that_would_never_end_is_ended(home, monkeypatch):
    monkeypatch.setattr(replacing, "BATCH_SECONDS", 0.5)
    dataset = single(home, "a" * 60 + "b")
    for act in (preview_replacement, replace_all):
        with pytest.raises(
            DataError, match=r"Finding '\(a\|aa\)\+\$' takes too long, so nothing was replaced\. Make it"
        ):
            act(dataset, None, Replacement("(a|aa)+$", "x", regex=True))
    assert dataset.edit(1, {"v": "b"}).values == {"v": "b"}  # nothing is left locked


def test_a_pattern_that_would_be_endless_if_written_out(home):
    dataset = single(home, "a" * 5000)
    assert replace_all(dataset, None, Replacement("((((a{1000}){1000}){1000}){1000}){1000}", "x", regex=True)) == 0
    assert replace_all(dataset, None, Replacement("(a{1000}){5}", "x", regex=True)) == 1


def test_a_replacement_cannot_fill_the_memory(home):
    dataset = single(home, "a" * 100_000)
    with pytest.raises(DataError, match="makes a cell longer than 20 million characters, so nothing was replaced"):
        replace_all(dataset, None, Replacement("a", "x" * 10_000))
    with pytest.raises(DataError, match=r"makes a cell longer than 20 million|takes too much memory"):
        replace_all(dataset, None, Replacement("(a+)", r"\1" * 5_000, regex=True))
    assert dataset.version == 0


def test_a_whole_pass_has_a_limit_of_its_own(home, monkeypatch):
    monkeypatch.setattr(replacing, "PASS_SECONDS", 0.0)
    with pytest.raises(DataError, match="takes too long"):
        replace_all(single(home, "a"), None, Replacement("a", "b"))


def test_a_fault_in_a_late_row_changes_no_row(home, monkeypatch):
    monkeypatch.setattr(replacing, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(replacing, "BATCH_SECONDS", 0.5)
    dataset = single(home, *["aaa"] * 9, "a" * 60 + "b")
    with pytest.raises(DataError, match="takes too long"):
        replace_all(dataset, None, Replacement("(a|aa)+$", "x", regex=True))
    assert {row.values["v"][:3] for row in dataset.rows()} == {"aaa"}
    assert (dataset.version, dataset.next_undo()) == (0, None)


def test_thousands_of_rows(home):
    dataset = single(home, *[f"{number} x" for number in range(2300)])
    assert replace_all(dataset, None, Replacement("x", "y")) == 2300
    assert [row.values["v"] for row in dataset.page(1999, 2)] == ["1999 y", "2000 y"]
    assert dataset.count("y") == 2300
    dataset.undo()
    assert dataset.count("x") == 2300


def test_one_text_for_a_column(home):
    dataset = make(home, "a", "b", "same")
    assert set_column(dataset, [1, 3, 99], "output", "same") == 1
    assert outputs(dataset) == ["same", "b", "same"]
    assert dataset.undo() == "Undid the new 'output' of row 1."
    assert set_column(dataset, None, "input", "x") == 3
    assert dataset.next_undo() == "the new 'input' of 3 rows"
    with pytest.raises(DataError, match="There is no column 'x'"):
        set_column(dataset, None, "x", "y")
    with pytest.raises(DataError, match="half of a character"):
        set_column(dataset, None, "input", "\ud800")
    assert {row.values["input"] for row in dataset.rows()} == {"x"}
