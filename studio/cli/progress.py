"""A run while it trains, line by line, and how it ended, in words."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.runs.folder import Run

SECONDS = 0.5
LOG_LINES = 5


def follow(run: "Run", say: Callable[[str], None]) -> bool:
    """Report a run until it ends. The first Ctrl-C asks it to save and stop, the second leaves it: then False."""
    follower, asked = Follower(run, say), False
    while True:
        try:
            follower.watch()
            return True
        except KeyboardInterrupt:
            if asked:
                say(f"Left {run.name} to itself; `python -m studio runs` shows how it ends.")
                return False
            asked = True
            ask_to_stop(run, say)


def ask_to_stop(run: "Run", say: Callable[[str], None]) -> None:
    """Ask the worker, unless the run ended in this very moment."""
    from studio.errors import RunError
    from studio.runs.start import request_stop

    try:
        request_stop(run)
    except RunError:
        return
    say("Saving and stopping after this step. Press Ctrl-C again to leave without waiting.")


@dataclass
class Follower:
    """How far the events of a run were read."""

    run: "Run"
    say: Callable[[str], None]
    offset: int = 0

    def watch(self) -> None:
        """Say what happens until the run is over."""
        from studio.runs.folder import is_active

        while True:
            active = is_active(self.run)  # first, so that the last events are read after it
            self.report()
            if not active:
                return
            time.sleep(SECONDS)

    def report(self) -> None:
        """The new events; of several of one kind in a row, the last."""
        from studio.events import read_events

        events, self.offset = read_events(self.run.events, self.offset)
        for _, group in groupby(events, key=lambda event: event["kind"]):
            line = describe_event(list(group)[-1])
            if line:
                self.say(line)


def describe_rows(dataset: dict) -> list[str]:
    """How many rows a run has in each split, what stays out and why, what else to know; from resolved.yaml."""
    lines = ["Rows: " + ", ".join(f"{count:,} {split}" for split, count in dataset["rows"].items())]
    for reason, count in dataset["left_out"].items():
        lines.append(f"Left out: {count:,} row{'s' * (count != 1)}: {reason}")
    return lines + dataset["notes"]


def describe_event(event: dict) -> str:
    """An event as a line; empty for those that `ending` and `summary` put into words."""
    kind = event["kind"]
    if kind == "log":
        return describe_log(event)
    if kind == "eval":
        return f"step {event['step']}: eval loss {figure(event.get('loss'))}"
    if kind == "started":
        return f"Training {event.get('trained_parameters', 0):,} weights for {event['steps']} steps"
    if kind == "progress":
        share = event.get("fraction")
        return event["message"] + ("" if share is None else f" ({share:.0%})")
    return f"Warning: {event['message']}" if kind == "warning" else ""


def describe_log(event: dict) -> str:
    """step, loss, speed and what is left."""
    step, steps = event["step"], event["steps"]
    left = event["seconds"] / step * (steps - step) if step else 0.0
    return (
        f"step {step}/{steps}  loss {figure(event.get('loss'))}  {event['tokens_per_s']:,.0f} tokens/s  "
        f"{duration(left)} left"
    )


def figure(value: float | None) -> str:
    """A loss; events hold null where it was no number."""
    return "is not a number" if value is None else f"{value:.4f}"


def duration(seconds: float) -> str:
    """ "2:05" or "1:02:05" """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def summary(document: dict) -> str:
    """How a run ended, with its figures and what to do next."""
    name, report = document["run"], document["report"]
    lines = [f"{name}: {document['status']}"]
    if report:
        speed = f"{report['tokens_per_s']:,.0f} tokens/s"
        lines[0] += f" after {report['steps']} steps in {duration(report['seconds'])} at {speed}"
        losses = ", ".join(f"{split} {figure(loss)}" for split, loss in report["losses"].items())
        lines.append(f"Losses: {losses}")
        match = report.get("test", {}).get("exact_match")
        if match:
            shares = f"base {match['base']:.1%}, tuned {match['tuned']:.1%}"
            lines.append(f"Exact match on {report['test']['n']} test rows: {shares}")
    if document["status"] in ("finished", "stopped"):
        lines.append(f"Try it: python -m studio compare {name} --prompt '...'")
    return "\n".join(lines)


def ending(run: "Run", status: str) -> str | None:
    """Why a run gave no adapter, in words; None if it gave one."""
    from studio.events import last_event

    if status in ("finished", "stopped"):
        return None
    if status == "interrupted":
        reason = "its worker was ended from outside (killed, or out of memory)"
        return f"{run.name} was interrupted: {reason}. {describe_log_end(run)}"
    event = last_event(run.events) or {}
    return f"{run.name} {status}: {event.get('reason') or 'no reason was written down.'}"


def describe_log_end(run: "Run") -> str:
    """The last lines of the worker's log."""
    text = run.log.read_text(encoding="utf-8", errors="replace") if run.log.exists() else ""
    tail = " | ".join(text.strip().splitlines()[-LOG_LINES:])
    return f"Its log ends: {tail[-600:]}" if tail else "Its log is empty."
