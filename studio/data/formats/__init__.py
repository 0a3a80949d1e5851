"""Which column plays which role, and how sure that is.

Evidence in this order: the shape of the values over many rows, known column sets, whole words in names,
statistics. Never one row alone, never a part of a word: "text" inside "context" proves nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from studio.data.formats.by_name import guess_by_name
from studio.data.formats.by_set import match_set, match_text_only
from studio.data.formats.by_shape import (
    match_conversation,
    match_entities,
    match_transcript,
    match_translation,
)
from studio.data.formats.by_statistics import guess_by_statistics, mark_splits, temper
from studio.data.formats.found import Found
from studio.data.formats.labels import find_labels, propose_instruction
from studio.data.formats.shapes import Values, measure, sample
from studio.data.roles import ColumnRole
from studio.data.roles.conversations import ROLES, check_mapping, read_turns, to_example, why_untrainable

__all__ = [
    "ROLES",
    "ColumnRole",
    "Found",
    "check_mapping",
    "detect",
    "detect_format",
    "detect_mapping",
    "find_labels",
    "propose_instruction",
    "read_turns",
    "to_example",
    "why_untrainable",
]


def detect_mapping(columns: Sequence[str], rows: Iterable[Values]) -> dict[str, ColumnRole]:
    """A role for every column, from up to 500 rows spread over all of them."""
    return detect(columns, rows).columns


def detect_format(columns: Sequence[str], rows: Iterable[Values]) -> str:
    """The family the file belongs to ("alpaca", "dolly", "messages", ...), or "unknown"."""
    return detect(columns, rows).family


def detect(
    columns: Sequence[str], rows: Iterable[Values], label_names: Mapping[str, Sequence[str]] | None = None
) -> Found:
    """Family, roles and options together; `label_names`: column -> the names of 0, 1, 2, ... where the file tells."""
    sampled = sample(rows)
    shapes = {column: measure(column, sampled) for column in columns}
    found = match_conversation(shapes) or match_entities(shapes, sampled) or match_translation(shapes)
    if found is None:
        found = match_set(shapes, sampled) or match_transcript(shapes) or match_text_only(shapes)
        found = temper(found or guess_by_statistics(guess_by_name(shapes), shapes, len(sampled)), shapes)
    return finish(mark_splits(name_labels(found, label_names or {}), shapes), rows)


def name_labels(found: Found, label_names: Mapping[str, Sequence[str]]) -> Found:
    """With the names that the file itself gives to its numbers."""
    for column, names in label_names.items():
        kept = found.columns.get(column)
        if kept and kept.role in ("label", "tags") and names:
            labels = {**found.options.labels, column: {str(number): name for number, name in enumerate(names)}}
            reason = f"{kept.reason}; the file names what its numbers mean"
            found = found.change({column: replace(kept, confidence=0.95, reason=reason)}, labels=labels)
    return found


def finish(found: Found, rows: Iterable[Values]) -> Found:
    """With an instruction where no column asks."""
    roles = found.roles
    if roles.having("instruction") or not (roles.having("label") or roles.having("tags")):
        return found
    labels = find_labels(rows, roles) if isinstance(rows, Sequence) else {}
    return found.change(instruction=propose_instruction(roles, labels))
