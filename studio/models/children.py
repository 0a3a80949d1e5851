"""A child process that is watched: its lines are handed on, and it ends with whoever waits for it."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

Progress = Callable[[str, float | None], None]
"""Called with what is being done and how far it is (0 to 1, or None); called often, and may raise to cancel."""

ROOT = Path(__file__).resolve().parents[2]
SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH")
BEAT = 0.25  # seconds between two calls of `beat`


def run_child(argv: list[str], log: Path, beat: Callable[[str | None], None], **environment: str) -> int:
    """Run `argv` to its end and return its exit status; what it says on stderr goes to `log`.

    `beat` is called with every line of its stdout, and with None when BEAT seconds passed without one. If
    `beat` raises, the child and all it started are killed before the exception goes on.
    """
    with log.open("ab") as errors:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            env=child_environment(environment),
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=read_lines, args=(child, lines), daemon=True)
    reader.start()
    try:
        hand_on(lines, beat)
        return child.wait()
    finally:
        end_group(child)
        reader.join()
        child.stdout.close()


def child_environment(additions: dict[str, str]) -> dict[str, str]:
    """The parent's environment without tokens, which no child here needs."""
    inherited = {key: value for key, value in os.environ.items() if key not in SECRETS}
    return {**inherited, "PYTHONUNBUFFERED": "1", **additions}


def read_lines(child: subprocess.Popen, lines: "queue.Queue[str | None]") -> None:
    """Drain the child's stdout into `lines`; None says that it ended."""
    for line in child.stdout:
        lines.put(line.rstrip("\n"))
    lines.put(None)


def hand_on(lines: "queue.Queue[str | None]", beat: Callable[[str | None], None]) -> None:
    """Call `beat` for each line, and between them, until the child closes its stdout."""
    while True:
        try:
            line = lines.get(timeout=BEAT)
        except queue.Empty:
            beat(None)
            continue
        if line is None:
            return
        beat(line)


def end_group(child: subprocess.Popen) -> None:
    """Kill the child and all that it started, if it still runs."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it ended just now
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def follow(progress: Progress, start: float, end: float) -> Callable[[str | None], None]:
    """A `beat` that turns convert.py's lines into progress between `start` and `end`, and repeats the last one."""
    last = ("Starting", 0.0)

    def beat(line: str | None) -> None:
        nonlocal last
        last = parse_line(line) or last
        progress(last[0], start + (end - start) * last[1])

    return beat


def parse_line(line: str | None) -> tuple[str, float] | None:
    """(message, fraction) of a line of convert.py; None for any other line, which a library may print."""
    try:
        content = json.loads(line or "")
        return str(content["message"]), float(content["fraction"])
    except (ValueError, KeyError, TypeError):
        return None


def last_words(log: Path, limit: int = 200) -> str:
    """The last line of a log that says something, cut to `limit` characters."""
    lines = [line.strip() for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:limit] if lines else "it said nothing"
