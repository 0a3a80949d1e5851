"""A process that writes a dataset is killed at random moments: nothing it had acknowledged is lost."""

import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

from studio.data.store import create_dataset, open_dataset
from studio.home import open_home

WRITER = """
import sys
from studio.data.store import open_dataset
from studio.home import open_home
dataset = open_dataset(open_home(sys.argv[1]), sys.argv[2])
start = int(sys.argv[3])
for number in range(start, start + 100_000):
    dataset.edit(1, {"output": str(number)})
    row = dataset.add({"output": f"new {number}"})
    dataset.delete([row.id])
    print(number, flush=True)
"""


def test_no_acknowledged_edit_is_lost_by_a_kill(tmp_path):
    home, chance, acknowledged = open_home(tmp_path), random.Random(7), -1
    dataset = open_dataset(home, create_dataset(home, "x", ["output"], [{"output": "start"}], {}, {}))
    for _ in range(10):
        argv = [sys.executable, "-c", WRITER, str(home.path), dataset.id, str(acknowledged + 1)]
        root = Path(__file__).resolve().parents[1]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=root) as child:
            for _ in range(chance.randint(1, 6)):
                acknowledged = int(child.stdout.readline())
            threading.Event().wait(chance.random() * 0.01)
            child.kill()
            rest = child.stdout.read()
        whole = rest[: rest.rfind("\n") + 1].split()
        acknowledged = int(whole[-1]) if whole else acknowledged
        stored = int(dataset.row(1).values["output"])
        assert acknowledged <= stored <= acknowledged + 1
        assert [int(edit.after["output"]) for edit in dataset.history(1)] == list(range(stored + 1))
        acknowledged = stored
        with sqlite3.connect(dataset.path) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
    assert acknowledged >= 10
    while dataset.undo():
        pass
    assert [row.values["output"] for row in dataset.rows()] == ["start"]
