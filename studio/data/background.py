"""Long work on a dataset in a process of its own: `python -m studio.data.background HOME DATASET KIND [OPTIONS]`.

In the dataset's cache folder lie, for every kind of work:

    <kind>.lock            held while a process is at work, so that a dead one is seen at once
    <kind>.progress.json   how far it is; the last one stays
    <kind>.stop            there once a stop was asked for
    <kind>.log             what the process printed

A kind is a function `(home, dataset_id, options, report, stopped)`. It calls `report(stage, done, total)` as often as
it likes, and returns early when `stopped()` is true.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import IO

from studio.data.files import listed, shown
from studio.data.store import open_dataset
from studio.errors import DataError, StudioError
from studio.home import Home, open_home
from studio.system import is_locked, start_detached, try_lock

KINDS = {"facts": "studio.data.view.facts:build", "checks": "studio.data.checks.background:run"}
WRITE_SECONDS = 0.2
NICENESS = 5
LOOKS = 3
LOOK_SECONDS = 0.01
STATES = ("idle", "running", "done", "failed", "stopped")

Report = Callable[[str, int, int], None]
Stopped = Callable[[], bool]


@dataclass(frozen=True)
class Progress:
    """How far a work is. `done` of `total` things of the present `stage`; `error`: a sentence, if it failed.

    `version`: the dataset's when the work was started; `options_hash` tells works with other options apart.
    """

    state: str = "idle"
    done: int = 0
    total: int = 0
    stage: str = ""
    error: str = ""
    options_hash: str = ""
    version: int = 0

    @property
    def fraction(self) -> float:
        """How much of the present stage is done, 0 to 1."""
        return self.done / self.total if self.total else 0.0


@dataclass(frozen=True)
class Job:
    """The files of one kind of work on one dataset."""

    folder: Path
    kind: str

    @property
    def lock(self) -> Path:
        return self.folder / f"{self.kind}.lock"

    @property
    def progress(self) -> Path:
        return self.folder / f"{self.kind}.progress.json"

    @property
    def stop(self) -> Path:
        return self.folder / f"{self.kind}.stop"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.kind}.log"


def start(home: Home, dataset_id: str, kind: str, options: Mapping | None = None) -> None:
    """Start the work and return at once; nothing happens if work of this kind is going on already."""
    dataset, job = open_dataset(home, dataset_id), find_job(home, dataset_id, kind)
    text = json.dumps(dict(options or {}), sort_keys=True)
    held = take_lock(job)
    if held is None:
        return
    with held:
        job.stop.unlink(missing_ok=True)
        job.log.unlink(missing_ok=True)
        begun = Progress("running", stage="Starting", options_hash=hash_options(options), version=dataset.version)
        write_progress(job, begun)
        command = [sys.executable, "-m", "studio.data.background", str(home.path), dataset_id, kind, text, "--locked"]
        try:
            start_detached(command, job.log, held)
        except OSError as error:
            write_progress(job, replace(begun, state="failed", error=f"The work could not be started ({error})."))


def take_lock(job: Job) -> IO | None:
    """The lock of a job, None if a process holds it; one who only looks (`is_locked`) lets go in a moment."""
    for _ in range(LOOKS):
        if held := try_lock(job.lock):
            return held
        time.sleep(LOOK_SECONDS)
    return None


def stop(home: Home, dataset_id: str, kind: str) -> None:
    """Ask the work to stop soon; nothing happens if none is going on."""
    job = find_job(home, dataset_id, kind)
    if is_locked(job.lock):
        job.stop.touch()


def read_progress(home: Home, dataset_id: str, kind: str) -> Progress:
    """How far the work is; a process that ended without saying so counts as failed."""
    job = find_job(home, dataset_id, kind)
    working = is_locked(job.lock)  # asked first: what a process writes last is there before it lets go
    try:
        progress = Progress(**json.loads(job.progress.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Progress()
    except (ValueError, TypeError):
        return Progress("failed", error="What is known of the last work cannot be read. Start it again.")
    if progress.state != "running" or working or is_locked(job.lock):  # or was begun in this moment
        return progress
    return replace(
        progress, state="failed", error=f"The work ended before it was done.{last_words(job)} Start it again."
    )


def hash_options(options: Mapping | None) -> str:
    """A short digest of the options of a work, as found in its progress."""
    return hashlib.sha256(json.dumps(dict(options or {}), sort_keys=True).encode()).hexdigest()[:16]


def find_job(home: Home, dataset_id: str, kind: str) -> Job:
    """DataError for a kind that there is not."""
    if kind not in KINDS:
        raise DataError(f"There is no background work {shown(kind)}. There are {listed(list(KINDS))}.")
    return Job(home.cache(dataset_id), kind)


def last_words(job: Job) -> str:
    """The last line that a process printed, as a clause."""
    try:
        lines = job.log.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return ""
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f" Its last words were: {last[:200]}." if last else ""


def write_progress(job: Job, progress: Progress) -> None:
    """A reader sees the former progress or this one, never a part."""
    aside = job.progress.with_name(f"{job.progress.name}.new")
    aside.write_text(json.dumps(asdict(progress)), encoding="utf-8")
    aside.replace(job.progress)


class Reporter:
    """Writes the progress of a work, a few times a second at most."""

    def __init__(self, job: Job, progress: Progress):
        self.job = job
        self.progress = progress
        self.written = 0.0

    def report(self, stage: str, done: int, total: int) -> None:
        new_stage = stage != self.progress.stage
        self.progress = replace(self.progress, stage=stage, done=done, total=total)
        if new_stage or time.monotonic() - self.written >= WRITE_SECONDS:
            self.write()

    def end(self, state: str, error: str = "") -> None:
        done = self.progress.total if state == "done" else self.progress.done
        self.progress = replace(self.progress, state=state, done=done, error=error)
        self.write()

    def stopped(self) -> bool:
        return self.job.stop.exists()

    def write(self) -> None:
        write_progress(self.job, self.progress)
        self.written = time.monotonic()


def main(argv: list[str] | None = None) -> int:
    """Do one work; 0 when it is done or was stopped, 1 when it failed."""
    parser = argparse.ArgumentParser(prog="studio.data.background")
    parser.add_argument("home", type=Path)
    parser.add_argument("dataset")
    parser.add_argument("kind")
    parser.add_argument("options", nargs="?", default="{}", help="a JSON object")
    parser.add_argument("--locked", action="store_true", help="the starter holds the lock on our behalf")
    arguments = parser.parse_args(argv)
    home = open_home(arguments.home)
    job, options = find_job(home, arguments.dataset, arguments.kind), json.loads(arguments.options)
    held = None if arguments.locked else try_lock(job.lock)
    if held is None and not arguments.locked:
        print(f"This work is going on already: {job.lock}", file=sys.stderr)
        return 1
    with suppress(OSError):  # politeness towards the page; not everywhere allowed
        os.nice(NICENESS)
    return work(home, arguments.dataset, job, options)


def work(home: Home, dataset_id: str, job: Job, options: dict) -> int:
    """Run the function of the kind; an error that nobody foresaw ends the process and is told by the log."""
    version = open_dataset(home, dataset_id).version
    reporter = Reporter(job, Progress("running", options_hash=hash_options(options), version=version))
    reporter.write()
    module, _, name = KINDS[job.kind].partition(":")
    try:
        getattr(import_module(module), name)(home, dataset_id, options, reporter.report, reporter.stopped)
    except StudioError as error:
        reporter.end("failed", str(error))
        return 1
    except MemoryError:
        reporter.end(
            "failed", "There is not enough free memory for this work. Close other programs and start it again."
        )
        return 1
    reporter.end("stopped" if reporter.stopped() else "done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
