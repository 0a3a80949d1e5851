"""The training worker: one run, in a process of its own.

    python -m studio.training.worker RUN_DIR

Reads the run's folder, writes events.jsonl, resolved.yaml, adapter/ and report.json, and holds worker.lock while
it lives. It outlives the page and the app; nothing is asked of it but the file `stop`.
"""

import argparse
import sys
import time
import traceback
from pathlib import Path

from studio.errors import RunError, StudioError
from studio.events import append_event
from studio.runs.folder import Run
from studio.system import calm_threads, try_lock

OUT_OF_MEMORY = (
    "Out of memory. Lower train.batch_size, lower train.max_length, or choose NF4 quantization; "
    "closing other programs (and the Compare tab's model) helps too."
)


def main(argv: list[str] | None = None) -> int:
    """Train the run; 0 when it finished or was stopped, 1 when it failed (the last event says why)."""
    parser = argparse.ArgumentParser(prog="studio.training.worker")
    parser.add_argument("run", type=Path)
    parser.add_argument("--locked", action="store_true", help="the launcher holds the lock on our behalf")
    arguments = parser.parse_args(argv)
    run = Run(arguments.run.resolve())
    held = None if arguments.locked else try_lock(run.lock)
    if not arguments.locked and held is None:
        print(f"A worker is at work on {run.name} already.", file=sys.stderr)
        return 1
    return work(run)


def work(run: Run) -> int:
    """Train and write the last event, whatever happens."""
    try:
        calm_threads()
        say(run, "Loading the libraries")
        from studio.training.session import train  # torch takes seconds to import; the first event is there before

        train(run)
        return 0
    except StudioError as error:
        return fail(run, str(error))
    except MemoryError:
        return fail(run, OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 (the one place: a worker must say why it ended)
        traceback.print_exc()
        if "out of memory" in str(error).lower() or "can't allocate memory" in str(error).lower():
            return fail(run, OUT_OF_MEMORY)
        first = (str(error).strip().splitlines() or [""])[0][:300]
        return fail(run, f"Training ended with an error: {first or type(error).__name__}. The log has the details.")


def say(run: Run, message: str, fraction: float | None = None) -> None:
    """A progress event: what the worker is doing before and after the steps."""
    append_event(run.events, "progress", time.time(), message=message, fraction=fraction)


def fail(run: Run, reason: str) -> int:
    """The last event of a run that failed."""
    append_event(run.events, "failed", time.time(), reason=reason)
    print(reason, file=sys.stderr)
    return 1


def check_snapshot(run: Run) -> None:
    """RunError when the run's folder lacks its data."""
    if not run.split("train").is_file():
        raise RunError(f"{run.path} has no data/train.jsonl, so there is nothing to train. Start a new run.")


if __name__ == "__main__":
    sys.exit(main())
