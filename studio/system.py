"""The calls to the operating system: locks, detached processes, limits, memory. Linux and macOS."""

import fcntl
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def try_lock(path: Path) -> IO | None:
    """An exclusive lock on `path`, held while the returned file is open; None if another process holds it.

    The kernel frees it when the process ends, however it ends, so a lock never outlives its holder.
    """
    handle = path.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Wait for the exclusive lock on `path` and hold it for the block."""
    with path.open("a+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock on `path`."""
    if not path.exists():
        return False
    with path.open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def start_detached(argv: list[str], output: Path, held: IO | None = None) -> int:
    """Start a process in a session of its own with its output in a file; returns its pid.

    It outlives the caller: no pipe that could break, no terminal that could hang up. `held` is a lock taken by
    `try_lock` that the process goes on holding, so that there is no moment in which nobody holds it.
    """
    with output.open("ab") as log:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(held.fileno(),) if held else (),
            cwd=project_folder(),
        )
    return process.pid


def project_folder() -> Path:
    """The folder from which `python -m studio` can be started."""
    return Path(__file__).resolve().parents[1]


def limit_memory(size: int) -> None:
    """Cap this process's address space, in bytes. Called in limited children only."""
    if sys.platform == "linux":  # macOS accepts the call and ignores it
        resource.setrlimit(resource.RLIMIT_AS, (size, size))


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def calm_threads() -> None:
    """Let torch's idle threads spin briefly instead of long; to be called before torch is loaded.

    Two processes that compute on the same cores (a run and the Compare tab) otherwise starve each other: each one's
    waiting threads hold the cores that the other needs. Sleeping at once (OMP_WAIT_POLICY=PASSIVE) costs a run that
    is alone a fifth of its speed; this costs nothing (bench/RESULTS.md).
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
