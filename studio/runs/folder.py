"""A run is a folder; everything known of it is read from there.

recipe.yaml      as asked (may say auto)
resolved.yaml    every value as used: model source, revision and SHA-256, template, splits, device, versions
data/            train.jsonl eval.jsonl test.jsonl: the pinned snapshot, one example per line with its row id;
                 left_out.json: reason -> ids of the rows that stay out
events.jsonl     what happened (studio/events.py)
worker.log       what the worker printed
worker.lock      held by the worker while it lives
stop             present once a stop was asked for
adapter/         the trained adapter (PEFT, safetensors)
report.json      figures of a finished run
"""

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from studio.errors import RunError
from studio.events import LAST, last_event, read_events
from studio.home import Home
from studio.settings import Recipe, check_recipe
from studio.system import is_locked

ACTIVE = ("preparing", "training", "stopping")


@dataclass(frozen=True)
class Run:
    """A run's folder and the files in it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def lock(self) -> Path:
        return self.path / "worker.lock"

    @property
    def log(self) -> Path:
        return self.path / "worker.log"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def stop_file(self) -> Path:
        return self.path / "stop"

    def split(self, name: str) -> Path:
        return self.path / "data" / f"{name}.jsonl"

    def recipe(self) -> Recipe:
        """As asked."""
        values = yaml.safe_load((self.path / "recipe.yaml").read_text(encoding="utf-8"))
        values.pop("dataset", None)
        return check_recipe(values)

    def resolved(self) -> dict:
        """As used; see `studio.runs.start` and the worker for its keys."""
        return yaml.safe_load((self.path / "resolved.yaml").read_text(encoding="utf-8"))

    def report(self) -> dict | None:
        file = self.path / "report.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def open_run(home: Home, name: str) -> Run:
    """The run of that name; RunError that names those there are."""
    run = Run(home.run(name))
    if not (run.path / "recipe.yaml").is_file():
        names = [other.name for other in list_runs(home)]
        raise RunError(
            f"There is no run {name!r}. " + (f"There are: {', '.join(names)}." if names else "No run was started yet.")
        )
    return run


def list_runs(home: Home) -> list[Run]:
    """All runs, the newest first."""
    folders = [path for path in home.runs.glob("[a-z0-9]*") if (path / "recipe.yaml").is_file()]
    folders.sort(key=lambda path: (path / "recipe.yaml").stat().st_mtime, reverse=True)
    return [Run(path) for path in folders]


def read_status(run: Run) -> str:
    """preparing | training | stopping | finished | stopped | failed | diverged | interrupted.

    The last event decides; without a last one, whether the worker still holds its lock. So it is right after
    a kill -9 of the worker and after a restart of the app.
    """
    event = last_event(run.events)
    if event and event["kind"] in LAST:
        return event["kind"]
    if not is_locked(run.lock):
        return "interrupted"
    if run.stop_file.exists():
        return "stopping"
    return "training" if event and event["kind"] in ("log", "eval", "checkpoint") else "preparing"


def is_active(run: Run) -> bool:
    return read_status(run) in ACTIVE


def choose_run(home: Home, name: str | None) -> str | None:
    """The run of that name if it is (still) there, else one that is training, else the newest."""
    runs = list_runs(home)
    names = [run.name for run in runs]
    if name in names:
        return name
    active = next((run.name for run in runs if is_active(run)), None)
    return active or (names[0] if names else None)


def describe_run(run: Run) -> dict:
    """The run as one entry of `studio runs --json`."""
    events, _ = read_events(run.events)
    logs = [event for event in events if event["kind"] == "log"]
    started = next((event for event in events if event["kind"] == "started"), {})
    last = events[-1] if events and events[-1]["kind"] in LAST else {}
    asked = yaml.safe_load((run.path / "recipe.yaml").read_text(encoding="utf-8"))  # also of an older studio
    report = run.report() or {}
    return {
        "name": run.name,
        "status": read_status(run),
        "task": asked["task"]["kind"],
        "model": asked["model"]["name"],
        "dataset": asked["dataset"],
        "step": logs[-1]["step"] if logs else 0,
        "steps": started.get("steps", 0),
        "started": started.get("at"),
        "finished": last.get("at"),
        "metrics": {**report.get("losses", {}), **({"test": report["test"]} if "test" in report else {})},
    }
