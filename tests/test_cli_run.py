"""A real run from the command line, from import to compare, and how a run is followed."""

import json
import os
import subprocess
import sys
import time

import pytest

from studio.cli import main
from studio.cli.progress import describe_event, duration, ending, follow
from studio.events import append_event
from studio.home import open_home
from studio.runs.folder import Run
from studio.runs.names import next_name
from studio.system import project_folder, try_lock
from tests.tiny import make_tiny_model

QUICK = "--train.max_steps 3 --train.max_length 64 --train.packing false --launch.device cpu --model.dtype float32"


def studio(*words: str) -> subprocess.CompletedProcess:
    """A real process, without the network."""
    return subprocess.run(
        [sys.executable, "-m", "studio", *words],
        cwd=project_folder(),
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A HOME with one real run of a few steps, and what `train --json` gave for it."""
    home = open_home(tmp_path_factory.mktemp("home"))
    model = make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    rows = [{"instruction": f"What is the capital of country {n}?", "output": f"Paris {n}"} for n in range(40)]
    (home.path / "capitals.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["data", "import", str(home.path / "capitals.jsonl"), "--home", str(home.path), "--json"]) == 0
    words = f"train first-run --dataset capitals --model.name {model} --evaluate.max_new_tokens 4 {QUICK}".split()
    return home, studio(*words, "--json", "--home", str(home.path))


def test_train_shows_progress_and_reports(trained):
    home, done = trained
    assert done.returncode == 0, done.stderr
    given = json.loads(done.stdout)
    assert (given["run"], given["status"]) == ("capitals-1", "finished")
    assert given["report"] == json.loads((home.run("capitals-1") / "report.json").read_text())
    assert (given["report"]["run"], given["report"]["steps"]) == ("capitals-1", 3)
    assert "step 3/3  loss " in done.stderr
    assert " tokens/s  0:00 left\n" in done.stderr
    assert next_name(home, "capitals") == "capitals-2"


def test_runs_lists_it(trained, capsys):
    home, _ = trained
    assert main(["runs", "--json", "--home", str(home.path)]) == 0
    [run] = json.loads(capsys.readouterr().out)
    assert (run["name"], run["status"], run["task"], run["dataset"]) == (
        "capitals-1", "finished", "instruct", "capitals",
    )  # fmt: skip
    assert (run["step"], run["steps"]) == (3, 3)
    assert run["metrics"]["test"]["exact_match"]["tuned"] == 0.0
    assert main(["runs", "--home", str(home.path)]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["run", "status", "step"]
    assert row.split()[:3] == ["capitals-1", "finished", "3/3"]


def test_a_run_that_is_over_cannot_be_stopped(trained, capsys):
    home, _ = trained
    assert main(["stop", "capitals-1", "--home", str(home.path)]) == 1
    assert capsys.readouterr().err == "capitals-1 is not running, so there is nothing to stop.\n"


def test_compare_answers_twice(trained):
    home, _ = trained
    words = ["compare", "capitals-1", "--prompt", "What is the capital of France?", "--max-new-tokens", "5", "--json"]
    done = studio(*words, "--seed", "7", "--home", str(home.path))
    assert (done.returncode, done.stderr) == (0, "")
    given = json.loads(done.stdout)
    assert set(given) == {"base", "tuned", "integrity", "seed", "base_prompt"}
    assert (given["seed"], given["base_prompt"]) == (7, "own template")
    report = json.loads((home.run("capitals-1") / "report.json").read_text())
    assert given["integrity"]["adapter_sha256"] == report["adapter_sha256"]
    assert given["integrity"]["max_logit_difference"] > 0
    for column in ("base", "tuned"):
        assert 1 <= given[column]["tokens"] <= 5
        assert given[column]["text"]
        assert given[column]["tokens_per_s"] > 0


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--prompt", " "], "There is nothing to answer: --prompt is empty. Write the question into it.\n"),
        (
            ["--prompt", "x", "--temperature", "9"],
            "The request cannot be answered: options.temperature should be less than or equal to 5.\n",
        ),
    ],
)
def test_questions_that_cannot_be_put(trained, capsys, flags, sentence):
    home, _ = trained
    assert main(["compare", "capitals-1", *flags, "--home", str(home.path)]) == 1
    assert capsys.readouterr() == ("", sentence)


# following a run, without a worker


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


@pytest.fixture
def run(home) -> Run:
    """A run that began, with no worker."""
    run = Run(home.run("one"))
    run.path.mkdir()
    append_event(run.events, "started", 0.0, steps=9, trained_parameters=1200)
    return run


def test_ctrl_c_saves_and_stops(run, monkeypatch):
    said, pauses = [], iter([KeyboardInterrupt, None])

    def sleep(seconds: float) -> None:
        pause = next(pauses)
        if pause:
            raise pause
        append_event(run.events, "stopped", 1.0, step=2)

    monkeypatch.setattr(time, "sleep", sleep)
    with try_lock(run.lock):
        assert follow(run, said.append) is True
    assert run.stop_file.exists()
    assert said == [
        "Training 1,200 weights for 9 steps",
        "Saving and stopping after this step. Press Ctrl-C again to leave without waiting.",
    ]
    assert ending(run, "stopped") is None


def test_a_second_ctrl_c_leaves(run, monkeypatch):
    def sleep(seconds: float) -> None:
        raise KeyboardInterrupt

    said = []
    monkeypatch.setattr(time, "sleep", sleep)
    with try_lock(run.lock):
        assert follow(run, said.append) is False
    assert said[-1] == "Left one to itself; `python -m studio runs` shows how it ends."


def test_how_a_run_ended_in_words(run):
    run.log.write_text("loading\nKilled\n")
    assert follow(run, lambda line: None) is True
    assert ending(run, "interrupted") == (
        "one was interrupted: its worker was ended from outside (killed, or out of memory). "
        "Its log ends: loading | Killed"
    )
    append_event(run.events, "failed", 2.0, reason="The disk is full.")
    assert ending(run, "failed") == "one failed: The disk is full."


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            {"kind": "log", "step": 20, "steps": 100, "seconds": 10.0, "loss": 1.5, "tokens_per_s": 1234.5},
            "step 20/100  loss 1.5000  1,234 tokens/s  0:40 left",
        ),
        ({"kind": "eval", "step": 5, "loss": None}, "step 5: eval loss is not a number"),
        ({"kind": "progress", "message": "Testing", "fraction": 0.5}, "Testing (50%)"),
        ({"kind": "warning", "message": "2 rows teach nothing."}, "Warning: 2 rows teach nothing."),
        ({"kind": "failed", "reason": "x"}, ""),
    ],
)
def test_events_as_lines(event, line):
    assert describe_event(event) == line


def test_durations():
    assert [duration(seconds) for seconds in (0, 59.6, 3725)] == ["0:00", "1:00", "1:02:05"]
