"""File names as messages show them, and finished files put in place without overwriting anything."""

import os
from pathlib import Path

LONGEST_NAME = 80


def shown(name: str) -> str:
    """A file or column name for a sentence: quoted, control characters escaped, at most 80 characters."""
    safe = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)
    return f"'{safe if len(safe) <= LONGEST_NAME else safe[: LONGEST_NAME - 1] + '…'}'"


def listed(names: list[str], most: int = 12) -> str:
    """Names for a sentence, the first `most` of them."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name) for name in names[:most]) + rest


def place_new(finished: Path, target: Path) -> None:
    """Give a complete file its name at once; FileExistsError if that is taken, and `finished` stays."""
    sync(finished)
    try:
        os.link(finished, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: the best left is to look first
        if target.exists():
            raise FileExistsError(target) from None
        finished.rename(target)
    else:
        finished.unlink()


def sync(path: Path) -> None:
    """Wait until the file's content is on the disk."""
    with path.open("rb") as handle:
        os.fsync(handle.fileno())
