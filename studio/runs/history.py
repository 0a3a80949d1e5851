"""What a run's events say: the points of its charts, how far it is, and how it ended."""

from dataclasses import dataclass, field
from pathlib import Path

from studio.events import LAST, read_events
from studio.runs.folder import ACTIVE, Run, read_status

LOG_TAIL = 4000


@dataclass(frozen=True)
class History:
    """Everything a page needs to draw a run. Times are seconds."""

    name: str
    status: str
    logs: list[dict] = field(default_factory=list)
    evals: list[dict] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    message: str = ""
    """The last thing the worker said it was doing"""
    fraction: float | None = None
    """How far that is, when known"""
    steps: int = 0
    reason: str = ""
    """Why it failed or diverged"""

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def step(self) -> int:
        return self.logs[-1]["step"] if self.logs else 0

    @property
    def elapsed(self) -> float:
        """Seconds of training so far."""
        return self.logs[-1]["seconds"] if self.logs else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds that the steps left will take at the pace so far; None before the second step."""
        if len(self.logs) < 2 or not self.steps:
            return None
        first, last = self.logs[0], self.logs[-1]
        pace = (last["seconds"] - first["seconds"]) / max(1, last["step"] - first["step"])
        return pace * (self.steps - last["step"])


def read_history(run: Run) -> History:
    """The whole history of a run, from its events."""
    events, _ = read_events(run.events)
    by_kind = {kind: [event for event in events if event["kind"] == kind] for kind in ("log", "eval", "warning")}
    spoken = [event for event in events if event["kind"] == "progress"]
    started = next((event for event in events if event["kind"] == "started"), {})
    last = events[-1] if events and events[-1]["kind"] in LAST else {}
    # What was said before the steps is over once they have begun.
    current = spoken[-1] if spoken and events[-1]["kind"] == "progress" else {}
    return History(
        name=run.name,
        status=read_status(run),
        logs=by_kind["log"],
        evals=by_kind["eval"],
        warnings=[event["message"] for event in by_kind["warning"]],
        message=current.get("message", ""),
        fraction=current.get("fraction"),
        steps=started.get("steps", 0),
        reason=last.get("reason", ""),
    )


def tail_of(path: Path, size: int = LOG_TAIL) -> str:
    """The end of a log file, whole lines."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(0, end - size))
        text = file.read().decode("utf-8", "replace")
    return text.partition("\n")[2] if end > size else text


def state_mark(run: Run) -> str:
    """A cheap mark that changes when there is something new to draw."""
    size = run.events.stat().st_size if run.events.exists() else 0
    return f"{run.name}:{size}:{read_status(run)}:{run.stop_file.exists()}"
