"""The review of rows without a browser: verdicts, tags, the story of a row."""

import pytest

from components.data import review
from studio.data.store import create_dataset, open_dataset
from studio.data.store.history import HistoryLine
from studio.data.store.marks import Marks
from studio.data.store.tables import Row
from studio.home import open_home


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("", []),
        ("a, b,,a ", ["a", "b"]),
        ("  two   words ,x", ["two words", "x"]),
        ("y" * 80, ["y" * 60]),
        (",".join(map(str, range(90))), [str(number) for number in range(50)]),
    ],
)
def test_tags_as_typed(text, tags):
    assert review.read_tags(text) == tags


def test_a_verdict_given_twice_is_taken_back():
    assert review.next_status(Row(1, {}, 0), "accept") == "accepted"
    assert review.next_status(Row(1, {}, 0, Marks(status="accepted")), "accept") == "pending"
    assert review.next_status(Row(1, {}, 0, Marks(status="accepted")), "discard") == "discarded"


def test_every_verdict_has_a_key_of_its_own():
    labels = [label for label, _ in review.VERDICTS.values()] + list(review.STEPS.values()) + ["Focus view (F)"]
    keys = [label.rpartition("(")[2].rstrip(")") for label in labels]
    assert len(keys) == 6 == len(set(keys))
    assert all(len(key) == 1 and key.isupper() for key in keys)


def test_progress_counts_verdicts():
    assert "4 of 10 reviewed" in review.render_progress({"pending": 6, "accepted": 3, "discarded": 1})
    assert review.render_progress({}) == ""


def test_the_story_of_a_row_tells_old_and_new_text(tmp_path):
    home = open_home(tmp_path)
    made = create_dataset(home, "Rows", ["a"], [{"a": "<b>old</b>"}, {"a": "x"}], {"a": "output"}, {})
    dataset = open_dataset(home, made)
    assert "Imported" in review.render_history(dataset, 2)
    dataset.edit(1, {"a": "new & better"})
    dataset.mark([1], status="accepted")
    html = review.render_history(dataset, 1)
    assert "<del>&lt;b&gt;old&lt;/b&gt;</del>" in html
    assert "<ins>new &amp; better</ins>" in html
    assert html.index("accepted") < html.index("new &amp; better")  # newest first
    assert html.count("<li>") == 3


def test_long_texts_of_the_story_are_clipped():
    line = HistoryLine("2026-01-01T10:00:00", "the edit of row 1", "x" * 9000, "y", "a")
    assert "x" * 4000 + "…" in review.render_line(line)
    assert "2026-01-01 10:00" in review.render_line(line)
