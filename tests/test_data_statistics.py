"""A dataset in figures: exact ones for a few rows, kept until something changes."""

import sqlite3

import pytest

from studio.data import statistics
from studio.data.statistics import describe, opening_of
from studio.data.statistics.lengths import Bin, make_bins, round_width
from studio.data.store import create_dataset, open_dataset
from studio.errors import ModelError
from studio.home import open_home
from studio.templates.tokenizer import load_tokenizer
from tests.tiny import make_tiny_tokenizer

ROWS = [
    {"q": "What is the capital of France?", "a": "yes", "source": "quiz", "id": "1"},
    {"q": "What is the, CAPITAL of Spain?", "a": "no", "source": "quiz", "id": "2"},
    {"q": "Hi", "a": "yes", "source": "mail", "id": "3"},
    {"q": "我应该怎么学习中文", "a": "no", "source": "", "id": "4"},
    {"q": "我应该怎么做饭", "a": "yes", "source": "quiz", "id": "5"},
    {"q": "", "a": "no", "source": "mail", "id": "6"},
]
ROLES = {"q": "instruction", "a": "output"}


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


@pytest.fixture
def dataset(home):
    return open_dataset(home, create_dataset(home, "x", list(ROWS[0]), ROWS, ROLES, {}))


def test_the_figures_of_a_few_rows(home, dataset):
    dataset.mark([1, 2], status="accepted")
    dataset.mark([3], golden=True)
    found = describe(home, dataset)
    assert (found.rows, found.unreadable, found.turns, found.golden) == (6, 0, 2, 1)
    assert found.prompt.bins == [
        Bin(0, 1, 1),
        Bin(2, 3, 1),
        *[Bin(n, n + 1, n in (6, 8)) for n in range(4, 30, 2)],
        Bin(30, 31, 2),
    ]
    lengths = (found.prompt.total, found.prompt.shortest, found.prompt.median, found.prompt.long, found.prompt.longest)
    assert lengths == (78, 0, 9, 30, 30)
    assert (found.answer.total, found.answer.bins) == (15, [Bin(0, 0, 0), Bin(1, 1, 0), Bin(2, 2, 3), Bin(3, 3, 3)])
    assert found.labels == [("no", 3), ("yes", 3)]
    assert found.statuses == [("pending", 4), ("accepted", 2)]
    assert found.openings == {"prompt": [("what is the capital", 2), ("我应该怎", 2)], "answer": []}
    assert found.shares == {"source": [("quiz", 3), ("mail", 2), ("", 1)]}
    assert found.languages == {} and found.prompt_tokens is found.answer_tokens is None


def test_answers_that_do_not_repeat_are_no_labels(home):
    rows = [{"q": "q", "a": f"answer {n}", "kind": "one"} for n in range(4)]
    found = describe(home, open_dataset(home, create_dataset(home, "x", ["q", "a", "kind"], rows, ROLES, {})))
    assert found.labels == [] and found.shares == {}


def test_rows_that_are_no_example_are_counted(home):
    rows = [{"m": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}, {"m": 7}]
    found = describe(home, open_dataset(home, create_dataset(home, "x", ["m"], rows, {"m": "messages"}, {})))
    assert (found.rows, found.unreadable, found.prompt.total, found.answer.total) == (2, 1, 1, 1)


def test_an_empty_dataset(home):
    found = describe(home, open_dataset(home, create_dataset(home, "x", ["q", "a"], [], ROLES, {})))
    assert (found.rows, found.prompt.longest, found.prompt.bins, found.shares) == (0, 0, [], {})


def test_tokens_are_those_of_the_tokenizer(home, dataset, tmp_path):
    folder = make_tiny_tokenizer(tmp_path / "tiny")
    tokenizer = load_tokenizer(folder)
    found = describe(home, dataset, folder)
    counts = [len(tokenizer.encode(row["q"])[0]) for row in ROWS]
    assert (found.prompt_tokens.total, found.prompt_tokens.longest) == (sum(counts), max(counts))
    assert found.answer_tokens.total == sum(len(tokenizer.encode(row["a"])[0]) for row in ROWS) > 0
    with pytest.raises(ModelError, match=r"has no tokenizer\.json"):
        describe(home, dataset, tmp_path)


def test_tokens_of_many_rows_are_counted_in_a_part_of_them(home, dataset, tmp_path, monkeypatch):
    folder = make_tiny_tokenizer(tmp_path / "tiny")
    whole = describe(home, dataset, folder).prompt_tokens
    monkeypatch.setattr(statistics, "TOKENIZED", 3)
    dataset.mark([1], note="measured anew")
    part = describe(home, dataset, folder)
    assert sum(bin.count for bin in part.prompt_tokens.bins) == 3 and sum(bin.count for bin in whole.bins) == 6
    counts = [len(load_tokenizer(folder).encode(ROWS[index]["q"])[0]) for index in (0, 2, 4)]
    assert part.prompt_tokens.total == 2 * sum(counts)


def test_languages_come_from_the_checks(home, dataset):
    with sqlite3.connect(home.cache(dataset.id) / "checks.db") as db:
        db.execute("CREATE TABLE languages (row_id INTEGER, prompt TEXT, answer TEXT)")
        languages = [(1, "en", "en"), (2, "en", None), (4, "zh", ""), (99, "de", "de")]
        db.executemany("INSERT INTO languages VALUES (?, ?, ?)", languages)
    assert describe(home, dataset).languages == {"prompt": [("en", 2), ("zh", 1)], "answer": [("en", 1)]}


def test_the_figures_are_kept_until_something_changes(home, dataset, monkeypatch, tmp_path):
    measured = []
    measure = statistics.measure
    monkeypatch.setattr(statistics, "measure", lambda *given: measured.append(given) or measure(*given))
    first = describe(home, dataset)
    assert describe(home, dataset) == first and len(measured) == 1
    folder = make_tiny_tokenizer(tmp_path / "tiny")
    assert describe(home, dataset, folder) == describe(home, dataset, folder) and len(measured) == 2
    dataset.edit(3, {"q": "Hi there"})
    assert describe(home, dataset).prompt.total == first.prompt.total + 6 and len(measured) == 3
    for path in home.cache(dataset.id).glob("*.json"):
        path.write_text("{")
    assert describe(home, dataset).rows == 6 and len(measured) == 4


def test_bins_hold_every_value():
    values = sorted([n % 700 for n in range(5000)] + [100_000])
    bins = make_bins(values)
    assert [bin.low for bin in bins] == list(range(0, 750, 50)) and sum(bin.count for bin in bins) == len(values)
    assert bins[-1] == Bin(700, 100_000, 1)
    assert make_bins([7]) == [*(Bin(n, n, 0) for n in range(7)), Bin(7, 7, 1)]


def test_round_widths():
    assert [round_width(least) for least in (0, 0.4, 1, 1.9, 2, 5, 34, 99, 100)] == [1, 1, 2, 2, 5, 10, 50, 100, 200]


@pytest.mark.parametrize(
    ("text", "opening"),
    [
        ("Write a  short\npoem about it", "write a short poem"),
        ("¿Qué es, 'esto' ahora?", "qué es esto ahora"),
        ("one two three", ""),
        ("東京はどこ", "東京はど"),
        ("Python で書く", "python で 書 く"),
        ("", ""),
    ],
)
def test_openings(text, opening):
    assert opening_of(text) == opening
