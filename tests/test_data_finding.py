"""Rows by the name that a user gives, and names for runs."""

import json
from pathlib import Path

import pytest

from studio.data.importing import import_file
from studio.data.importing.finding import ensure_dataset, open_rows
from studio.data.store import list_datasets
from studio.errors import DataError
from studio.home import open_home
from studio.runs.names import next_name

CAPITALS = [{"instruction": f"What is the capital of country {n}?", "output": f"Paris {n}"} for n in range(5)]


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


@pytest.fixture
def write(tmp_path):
    """A JSONL file of these rows."""

    def write(name: str, rows: list[dict]) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


@pytest.fixture
def capitals(home, write) -> str:
    return import_file(home, write("capitals.jsonl", CAPITALS)).dataset


def test_names_of_runs_are_free(home):
    assert next_name(home, "code") == "code-1"
    for name in ("code-1", "code-7", "code-x", "code-8-2", "code"):
        home.run(name).mkdir()
    assert next_name(home, "code") == "code-8"
    assert next_name(home, "c" * 64) == "c" * 56 + "-1"


def test_a_dataset_is_found_or_imported_once(home, capitals):
    assert ensure_dataset(home, "capitals") == "capitals"
    assert [ensure_dataset(home, "complaints") for _ in range(2)] == ["complaints"] * 2
    assert sorted(info.id for info in list_datasets(home)) == ["capitals", "complaints"]
    for wrong in ("nope", "../x", "Complaints"):
        with pytest.raises(
            DataError, match=r"the datasets are 'c.*examples that can be had by name are .*'complaints'"
        ):
            ensure_dataset(home, wrong)


def test_rows_are_the_same_from_a_file_and_from_its_dataset(home, capitals, write):
    path = str(write("again.jsonl", [{"instruction": "a"}, {"output": "b", "instruction": "c"}]))
    source = open_rows(home, path)
    assert [(row.id, row.values) for row in source.rows()] == [
        (1, {"instruction": "a", "output": None}),
        (2, {"instruction": "c", "output": "b"}),
    ]
    stored, read = open_rows(home, capitals), open_rows(home, str(write("c.jsonl", CAPITALS)))
    assert stored.mapping == read.mapping == {"instruction": "instruction", "output": "output"}
    assert [(row.id, row.values) for row in stored.rows()] == [(row.id, row.values) for row in read.rows()]
    assert stored.row(3).values == read.row(3).values == CAPITALS[3]
