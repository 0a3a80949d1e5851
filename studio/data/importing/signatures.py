"""The roles that a user chose, remembered by the names of the columns, for the next file that has the same ones.

HOME/roles.json holds one entry for each set of columns, the last chosen at the end.
"""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from studio.data.roles import ROLES, Options, Roles, load_roles
from studio.errors import DataError
from studio.home import Home
from studio.system import lock

MOST_CHOICES = 500

Clock = Callable[[], str]


@dataclass(frozen=True)
class Choice:
    """What was chosen for files with these columns. `options`: names of the options chosen, the others are found.

    `at`: ISO time of the choice.
    """

    roles: Roles
    options: tuple[str, ...]
    at: str

    @property
    def signature(self) -> list[str]:
        return signature(self.roles)


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def signature(columns: Iterable[str]) -> list[str]:
    """What files with the same columns have in common; their order does not matter."""
    return sorted(columns)


def list_choices(home: Home) -> list[Choice]:
    """Everything remembered, oldest first; nothing if the file is damaged."""
    try:
        entries = json.loads((home.path / "roles.json").read_text(encoding="utf-8"))
        found = [Choice(load_roles(entry["mapping"]), tuple(entry["options"]), str(entry["at"])) for entry in entries]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError, AttributeError, DataError):
        return []  # what was remembered is a convenience: a file that cannot be read must not stop an import
    return [choice for choice in found if set(choice.roles.values()) <= set(ROLES) and is_known(choice.options)]


def is_known(options: tuple[str, ...]) -> bool:
    return set(options) <= set(Options.__dataclass_fields__)


def find_choice(home: Home, columns: Iterable[str]) -> Choice | None:
    """What was chosen last for files with these columns."""
    wanted = signature(columns)
    return next((choice for choice in reversed(list_choices(home)) if choice.signature == wanted), None)


def save_choice(home: Home, roles: Roles, options: Iterable[str] = (), clock: Clock = utc_now) -> None:
    """Remember the roles, and those of their options that are named, in place of an earlier choice."""
    with lock(home.path / "roles.lock"):
        kept = [choice for choice in list_choices(home) if choice.signature != signature(roles)]
        write(home, [*kept, Choice(roles, tuple(options), clock())][-MOST_CHOICES:])


def forget_choice(home: Home, columns: Iterable[str]) -> bool:
    """Whether there was a choice for these columns, which is now forgotten."""
    wanted = signature(columns)
    with lock(home.path / "roles.lock"):
        choices = list_choices(home)
        kept = [choice for choice in choices if choice.signature != wanted]
        if len(kept) < len(choices):
            write(home, kept)
    return len(kept) < len(choices)


def write(home: Home, choices: list[Choice]) -> None:
    """Replace the file at once, so that a reader finds the old one or the new one."""
    entries = [{"at": c.at, "mapping": c.roles.to_json(), "options": list(c.options)} for c in choices]
    draft = home.path / ".roles.json.tmp"
    draft.write_text(json.dumps(entries, ensure_ascii=False, indent=1), encoding="utf-8", errors="backslashreplace")
    os.replace(draft, home.path / "roles.json")
