"""Names of runs that nobody chose."""

import re

from studio.home import Home


def next_name(home: Home, dataset_id: str) -> str:
    """A free name for a run on a dataset: 'complaints-1', then 'complaints-2'; numbers of deleted runs may return."""
    stem = dataset_id[:56].rstrip("-_")
    pattern = re.compile(rf"{re.escape(stem)}-(\d{{1,6}})")
    numbers = [int(found[1]) for path in home.runs.iterdir() if (found := pattern.fullmatch(path.name))]
    return f"{stem}-{max(numbers, default=0) + 1}"
