"""Work in the background: one at a time, with progress, stopped or dead."""

import json
import subprocess
import sys
import time

import pytest

from studio.data import background
from studio.data.background import Progress, find_job, hash_options, main, read_progress, start, stop
from studio.data.store import create_dataset, open_dataset
from studio.data.view import read_page
from studio.data.view.query import Query
from studio.errors import DataError
from studio.home import open_home
from studio.system import try_lock


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


def make(home, count):
    rows = ({"a": f"question {number}", "b": "yes"} for number in range(count))
    return open_dataset(home, create_dataset(home, "x", ["a", "b"], rows, {"a": "instruction", "b": "output"}, {}))


def wait(home, dataset, kind="facts"):
    """The progress when the work is over, and the states seen on the way."""
    seen = []
    for _ in range(3000):
        progress = read_progress(home, dataset.id, kind)
        seen += [progress.stage] if progress.stage not in seen else []
        if progress.state != "running":
            return progress, seen
        time.sleep(0.01)
    raise AssertionError(f"still running: {progress}")


def test_a_large_dataset_is_read_in_the_background(home):
    dataset = make(home, 6000)
    assert read_progress(home, dataset.id, "facts") == Progress()
    page = read_page(home, dataset, Query(), 0, 1)  # the first look starts it
    assert (page.total, page.ready) == (6000, False)
    progress, seen = wait(home, dataset)
    assert progress == Progress("done", 2, 2, "Sorting the columns", "", hash_options({}), 0)
    assert progress.fraction == 1.0
    assert seen[0] == "Starting"
    page = read_page(home, dataset, Query(search="question 5999", sort="id", labels=("yes",)), 0, 1)
    assert ([row.id for row in page.rows], page.total, page.ready) == ([6000], 1, True)


def test_one_at_a_time(home):
    dataset = make(home, 1)
    job = find_job(home, dataset.id, "facts")
    with try_lock(job.lock):
        start(home, dataset.id, "facts")
        assert not job.progress.exists()
        assert main([str(home.path), dataset.id, "facts"]) == 1
    start(home, dataset.id, "facts", {"b": 1, "a": 2})
    assert wait(home, dataset)[0].options_hash == hash_options({"a": 2, "b": 1}) != hash_options({})


def test_a_process_that_dies_is_seen_as_failed(home):
    dataset = make(home, 20_000)
    command = [sys.executable, "-m", "studio.data.background", str(home.path), dataset.id, "facts"]
    process = subprocess.Popen(command)
    while read_progress(home, dataset.id, "facts").state != "running":
        time.sleep(0.002)
    process.kill()
    process.wait()
    progress = read_progress(home, dataset.id, "facts")
    assert (progress.state, progress.error) == ("failed", "The work ended before it was done. Start it again.")
    start(home, dataset.id, "facts")
    assert wait(home, dataset)[0].state == "done"


def test_the_log_tells_why_a_process_died(home):
    dataset = make(home, 1)
    job = find_job(home, dataset.id, "facts")
    background.write_progress(job, Progress("running", 3, 9))
    job.log.write_text("Traceback ...\nValueError: seven\n\n")
    error = "The work ended before it was done. Its last words were: ValueError: seven. Start it again."
    assert read_progress(home, dataset.id, "facts") == Progress("failed", 3, 9, error=error)
    job.progress.write_text("{")
    assert read_progress(home, dataset.id, "facts").state == "failed"


def test_progress_is_written_a_few_times_a_second(home, monkeypatch):
    """The work reports each of 1000 steps; a stop is seen at once."""
    dataset = make(home, 1)
    job, written = find_job(home, dataset.id, "facts"), []
    plain = background.write_progress
    monkeypatch.setattr(background, "write_progress", lambda job, now: written.append(now) or plain(job, now))

    def work(home, dataset_id, options, report, stopped):
        for number in range(1000):
            report("Counting", number, 1000)
        job.stop.touch()
        assert stopped()

    monkeypatch.setattr("studio.data.view.facts.build", work)
    assert main([str(home.path), dataset.id, "facts", json.dumps({"x": 1})]) == 0
    assert len(written) < 20
    assert read_progress(home, dataset.id, "facts") == Progress(
        "stopped", 999, 1000, "Counting", options_hash=hash_options({"x": 1})
    )


@pytest.mark.parametrize(
    ("error", "told"), [(DataError("Row 3 is odd."), "Row 3 is odd."), (MemoryError(), "not enough free memory")]
)
def test_an_error_is_told(home, monkeypatch, error, told):
    dataset = make(home, 1)

    def work(*arguments):
        raise error

    monkeypatch.setattr("studio.data.view.facts.build", work)
    assert main([str(home.path), dataset.id, "facts"]) == 1
    progress = read_progress(home, dataset.id, "facts")
    assert progress.state == "failed"
    assert told in progress.error


def test_a_stop_asked_for_is_kept_for_the_process_alone(home):
    dataset = make(home, 1)
    job = find_job(home, dataset.id, "facts")
    stop(home, dataset.id, "facts")
    assert not job.stop.exists()  # nobody is at work
    with try_lock(job.lock):
        stop(home, dataset.id, "facts")
        assert job.stop.exists()
    start(home, dataset.id, "facts")
    assert wait(home, dataset)[0].state == "done"


def test_what_cannot_be_started(home):
    dataset = make(home, 1)
    with pytest.raises(DataError, match=r"There is no background work 'magic'\. There are 'facts', 'checks'"):
        start(home, dataset.id, "magic")
    with pytest.raises(DataError, match="There is no dataset 'nothing'"):
        start(home, "nothing", "facts")
    assert not (home.path / "cache" / "nothing").exists()
