"""A process that writes a dataset is killed at random moments: nothing it had acknowledged is lost."""

import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from studio.data.store import create_dataset, open_dataset
from studio.home import open_home

WRITER = """
import sys
from studio.data.store.bulk import set_column
from studio.data.store import Marks, open_dataset
from studio.home import open_home
dataset = open_dataset(open_home(sys.argv[1]), sys.argv[2])
start = int(sys.argv[3])
for number in range(start, start + 100_000):
    dataset.edit(1, {"output": str(number)})
    marks = Marks(note=str(number), golden=number % 2 == 0)
    dataset.change_rows({2: {"output": str(number)}}, [], {2: marks, 3: marks}, "one change")
    row = dataset.add({"output": f"new {number}"})
    dataset.delete([row.id])
    set_column(dataset, range(4, 200), "output", str(number))
    dataset.delete(range(4, 200))
    dataset.undo()
    print(number, flush=True)
"""
ROWS = 199


def run_and_kill(dataset, home, start, chance):
    """Let a writer begin at a number and kill it soon; the last number that it acknowledged."""
    argv = [sys.executable, "-c", WRITER, str(home.path), dataset.id, str(start)]
    root = Path(__file__).resolve().parents[1]
    acknowledged = start - 1
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=root) as child:
        for _ in range(chance.randint(1, 6)):
            acknowledged = int(child.stdout.readline())
        threading.Event().wait(chance.random() * 0.02)
        child.kill()
        rest = child.stdout.read()
    whole = rest[: rest.rfind("\n") + 1].split()
    return int(whole[-1]) if whole else acknowledged


def check(dataset, acknowledged):
    """The number that is stored: the acknowledged one, or the next if the writer had come that far."""
    stored = int(dataset.row(1).values["output"])
    assert acknowledged <= stored <= acknowledged + 1
    assert [int(edit.after["output"]) for edit in dataset.history(1)] == list(range(stored + 1))
    second, third = dataset.row(2), dataset.row(3)
    assert second.marks == third.marks  # one change is there whole or not at all
    assert second.values["output"] == second.marks.note
    assert int(second.marks.note) in (acknowledged, stored)
    many = {row.values["output"] for row in dataset.rows() if 4 <= row.id < 200}
    assert len(many) <= 1  # empty: killed between a deletion and its undo
    assert many <= {str(acknowledged), str(stored)}
    with sqlite3.connect(dataset.path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    return stored


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_no_acknowledged_edit_is_lost_by_a_kill(tmp_path, kills):
    home, chance, acknowledged = open_home(tmp_path), random.Random(kills), -1
    rows = [{"output": "start"}] * ROWS
    dataset = open_dataset(home, create_dataset(home, "x", ["output"], rows, {}, {}))
    before = dataset.content_hash()
    for _ in range(kills):
        acknowledged = check(dataset, run_and_kill(dataset, home, acknowledged + 1, chance))
        if dataset.next_undo() == "the deletion of 196 rows":
            dataset.undo()
    assert acknowledged >= kills
    while dataset.undo():
        pass
    assert (dataset.content_hash(), dataset.trash_count()) == (before, 0)
    assert len({row.marks for row in dataset.rows()}) == 1
