"""HOME: the folder that holds all state, and the ids that name things in it."""

import os
import re
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from studio.errors import StudioError

ID_PATTERN = re.compile(r"^[a-z0-9][a-z0-9_-]{0,63}$")


@dataclass(frozen=True)
class Home:
    """Paths of everything on disk; passed as an argument, never a global."""

    path: Path

    @property
    def datasets(self) -> Path:
        return self.path / "datasets"

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def models(self) -> Path:
        return self.path / "models"

    def dataset(self, dataset_id: str) -> Path:
        """The SQLite file of a dataset."""
        return self.datasets / f"{check_id(dataset_id)}.db"

    def cache(self, dataset_id: str) -> Path:
        """The folder for what can be worked out again about a dataset, made if missing; may be deleted at any time."""
        folder = self.path / "cache" / check_id(dataset_id)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def forget(self, dataset_id: str) -> None:
        """Remove what was worked out about a dataset that once had this id and is gone."""
        if not self.dataset(dataset_id).exists():
            shutil.rmtree(self.path / "cache" / dataset_id, ignore_errors=True)

    def run(self, name: str) -> Path:
        """The folder of a run."""
        return self.runs / check_id(name)


def open_home(path: str | Path | None = None) -> Home:
    """HOME from `path`, else STUDIO_HOME, else a Space's persistent disk, else ~/sft-studio; made if missing."""
    chosen = Path(path or os.environ.get("STUDIO_HOME") or default_path()).expanduser().resolve()
    home = Home(chosen)
    for folder in (home.datasets, home.runs, home.models):
        folder.mkdir(parents=True, exist_ok=True)
    return home


def default_path() -> Path:
    """/data/sft-studio on a Space whose disk is persistent, else ~/sft-studio."""
    data = Path("/data")
    if os.environ.get("SPACE_ID") and data.is_dir() and os.access(data, os.W_OK):
        return data / "sft-studio"
    return Path.home() / "sft-studio"


def check_id(text: str) -> str:
    """`text` if it is an id (ASCII, no path in it), else StudioError."""
    if not ID_PATTERN.fullmatch(text):
        raise StudioError(
            f"{text[:80]!r} cannot be a name here: use 1 to 64 of a-z, 0-9, '-' and '_', "
            "beginning with a letter or a digit."
        )
    return text


def make_id(display: str, taken: set[str]) -> str:
    """An id that looks like `display` (any Unicode) and is not in `taken`: 'Tickets 4.json' -> 'tickets-4-json'."""
    ascii_text = unicodedata.normalize("NFKD", display).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9_]+", "-", ascii_text).strip("-_")[:56] or "dataset"
    candidate, number = stem, 2
    while candidate in taken:
        candidate, number = f"{stem}-{number}", number + 1
    return candidate
