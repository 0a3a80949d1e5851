"""events.jsonl of a run: one JSON object per line, appended whole, read from an offset."""

import json
import os
from pathlib import Path
from typing import Any

KINDS = ("started", "progress", "log", "eval", "sample", "checkpoint", "warning")
LAST = ("finished", "stopped", "failed", "diverged")


def append_event(path: Path, kind: str, at: float, **values: Any) -> None:
    """Append one event. One write call, so that a reader never sees two half lines.

    `at` is seconds since the epoch. NaN and infinity become null: they are not JSON.
    """
    if kind not in KINDS + LAST:
        raise ValueError(f"unknown kind of event: {kind}")
    line = json.dumps({"kind": kind, "at": at, **finite(values)}, ensure_ascii=False) + "\n"
    with path.open("ab", buffering=0) as file:
        file.write(line.encode())
        if kind in LAST:
            os.fsync(file.fileno())


def finite(values: Any) -> Any:
    """`values` with NaN and infinities replaced by None, at any depth."""
    if isinstance(values, dict):
        return {key: finite(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [finite(value) for value in values]
    if isinstance(values, float) and (values != values or values in (float("inf"), float("-inf"))):
        return None
    return values


def read_events(path: Path, offset: int = 0) -> tuple[list[dict], int]:
    """Events from a byte offset -> (events, next offset). An unterminated last line waits for the next read."""
    if not path.exists():
        return [], offset
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines() if line.strip()], offset + len(whole)


def last_event(path: Path, tail: int = 65536) -> dict | None:
    """The last whole event, reading only the file's end."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - tail))
        lines = file.read().split(b"\n")[:-1]
    return json.loads(lines[-1]) if lines and lines[-1].startswith(b"{") else None
