"""Starts the processes that read what is untrusted, watches them, and says why one ended early."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from studio import system
from studio.data.files import shown
from studio.data.reading.parsed import Limits
from studio.errors import DataError

BEAT = 0.2  # seconds between two calls of `beat`
MEMORY_WORDS = ("MemoryError", "bad_alloc", "memory allocation", "out of memory")


@dataclass(frozen=True)
class Child:
    """Which module reads, and the whole environment that it sees."""

    module: str
    environment: dict[str, str]


def parse_child() -> Child:
    """The reader of files: it sees no token, and asks nobody for anything."""
    return Child("studio.data.reading.child", {"PATH": os.environ.get("PATH", ""), "PYTHONUTF8": "1"})


def run_job(
    job: dict, name: str, folder: Path, limits: Limits, child: Child, beat: Callable[[], None] | None = None
) -> dict:
    """Have a child do `job` in `folder` and return the result it left there.

    `name` is shown in messages. `beat` is called every BEAT seconds; whatever it raises ends the child.
    DataError if the child takes longer than `limits.seconds`, or ends without a result.
    """
    (folder / "job.json").write_text(json.dumps(job | {"memory": limits.memory}), encoding="utf-8")
    (folder / "result.json").unlink(missing_ok=True)
    argv = [sys.executable, "-E", "-s", "-m", child.module, str(folder)]
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            argv,
            cwd=system.project_folder(),
            env=child.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    try:
        watch(process, name, limits, beat)
    finally:
        end(process)
    if process.returncode != 0 or not (folder / "result.json").exists():
        reason = why_ended(process.returncode, (folder / "stderr").read_bytes())
        raise DataError(
            f"{shown(name)} could not be read: {reason}. Nothing was imported: get the complete file, split it into "
            "parts, or save it in another format."
        )
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def watch(process: subprocess.Popen, name: str, limits: Limits, beat: Callable[[], None] | None) -> None:
    """Wait for the process, calling `beat`; DataError when its time is over."""
    ends = time.monotonic() + limits.seconds
    while process.poll() is None:
        left = ends - time.monotonic()
        if left <= 0:
            raise DataError(f"{shown(name)} could not be read within {limits.seconds:g} seconds. Split it into parts.")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(BEAT, left))
        if beat:
            beat()


def end(process: subprocess.Popen) -> None:
    """Kill the process and whatever it started, if it still runs."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it ended just now
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def why_ended(status: int, errors: bytes) -> str:
    """Why the child ended early, in words."""
    text = errors.decode(errors="replace")
    last = text.strip().splitlines()[-1:] or [""]
    if status < 0 or any(word in text for word in MEMORY_WORDS):
        return "it needs more memory than is allowed, or is damaged"
    return f"the reader gave up ({last[0][:160]})"
