"""Which column plays which role, and how sure that is.

Evidence in this order: the shape of the values over many rows, known column sets, whole words in names,
statistics. Never one row alone, never a part of a word: "text" inside "context" proves nothing.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from studio.data.conversations import (
    ROLES,
    check_mapping,
    read_turns,
    to_example,
    why_untrainable,
)
from studio.data.families import (
    ABOUT,
    CONVERSATIONS,
    FAMILIES,
    ROLE_OF_WORD,
    ROLE_ORDER,
    TEXT_ONLY,
    WORDS,
    Family,
)

__all__ = ["ROLES", "check_mapping", "detect_format", "detect_mapping", "read_turns", "to_example", "why_untrainable"]

SAMPLE = 500
ENOUGH_FOR_STATISTICS = 20


@dataclass(frozen=True)
class ColumnRole:
    """A column's role (one of ROLES), how sure it is (0 to 1), and why, in words."""

    role: str
    confidence: float
    reason: str


@dataclass(frozen=True)
class Shape:
    """What a column holds over the sampled rows. `kind`: text, sharegpt, messages, texts, list, ... or empty."""

    kind: str
    share: float
    filled: float
    questions: float


def detect_mapping(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> dict[str, ColumnRole]:
    """A role for every column, from up to 500 rows spread over all of them."""
    return detect(columns, rows)[1]


def detect_format(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """The family the file belongs to ("alpaca", "dolly", "messages", ...), or "unknown"."""
    return detect(columns, rows)[0]


def detect(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> tuple[str, dict[str, ColumnRole]]:
    """Family and mapping together."""
    sampled = sample(rows)
    shapes = {column: measure(column, sampled) for column in columns}
    conversation = match_conversation(columns, shapes)
    if conversation:
        return conversation
    canonical = {column: WORDS.get(column.strip().lower(), column.strip().lower()) for column in columns}
    family = find_family(canonical)
    if family:
        roles = {column: family_role(family, canonical[column], len(columns), shapes[column]) for column in columns}
        return family.name, temper(roles, shapes)
    if set(canonical.values()) in TEXT_ONLY:
        reason = "one column of text: nothing tells the prompt from the answer"
        return "text only", {column: ColumnRole("ignore", 0.8, reason) for column in columns}
    roles = keep_one_each({column: role_by_name(column, shapes[column]) for column in columns}, shapes)
    return "unknown", temper(guess_by_statistics(roles, shapes, len(sampled)), shapes)


def sample(rows: Iterable[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Up to 500 rows, spread evenly where the rows can be indexed."""
    if not isinstance(rows, Sequence):
        return list(islice(rows, SAMPLE))
    step = max(1, -(-len(rows) // SAMPLE))
    return [rows[index] for index in range(0, len(rows), step)]


def measure(column: str, rows: list[Mapping[str, object]]) -> Shape:
    """The kind most values have, its share among those that are filled, and plain statistics."""
    values = [row.get(column) for row in rows]
    filled = [value for value in values if value is not None and value != "" and value != []]
    if not filled:
        return Shape("empty", 1.0, 0.0, 0.0)
    kind, count = Counter(kind_of(value) for value in filled).most_common(1)[0]
    questions = sum(isinstance(value, str) and value.rstrip().endswith(("?", "？", "؟")) for value in filled)
    return Shape(kind, count / len(filled), len(filled) / len(values), questions / len(filled))


def kind_of(value: object) -> str:
    """What one cell holds."""
    if isinstance(value, str):
        return "messages text" if value.startswith('[{"role"') else "text"
    if isinstance(value, list):
        return kind_of_list(value)
    if isinstance(value, dict):
        return "object"
    return "truth" if isinstance(value, bool) else "number"


def kind_of_list(items: list) -> str:
    if all(isinstance(item, str) for item in items):
        return "texts"
    shapes: tuple[tuple[str, Callable[[dict], bool]], ...] = (
        ("messages", lambda item: {"role", "content"} <= set(item)),
        ("sharegpt", lambda item: {"from", "value"} <= set(item)),
        ("pairs", lambda item: {"input", "output"} <= set(item)),
    )
    for name, fits in shapes:
        if all(isinstance(item, dict) and fits(item) for item in items):
            return name
    return "list"


def match_conversation(columns: Sequence[str], shapes: dict[str, Shape]) -> tuple[str, dict[str, ColumnRole]] | None:
    """Family and mapping if the values of a column are conversations, else None."""
    named = {column.strip().lower(): column for column in columns}
    turns = [
        column
        for column in columns
        if shapes[column].share >= 0.9 and shapes[column].kind in ("messages", "sharegpt", "pairs", "messages text")
    ]
    # A list of plain texts is a conversation only where the column says so: it may as well be tags.
    turns += [
        named[name]
        for name in ("conversations", "conversation")
        if name in named and shapes[named[name]].kind == "texts"
    ]
    if not turns:
        return None
    kind = shapes[turns[0]].kind
    family = "sharegpt" if kind == "sharegpt" else "messages"
    chosen = choose_conversations(turns)
    mapping = {}
    for column in columns:
        shape = shapes[column]
        if column in chosen:
            reason = f"{shape.share:.0%} of the values are conversations ({shape.kind})"
            mapping[column] = ColumnRole("messages", round(shape.share, 2), reason)
        elif shape.kind == "text" and column.strip().lower() in ("system", "system_prompt"):
            mapping[column] = ColumnRole("system", 0.9, "named for the system prompt beside a conversation")
        else:
            mapping[column] = ColumnRole("ignore", 0.8, "the conversation is in another column")
    return family, mapping


def choose_conversations(turns: list[str]) -> list[str]:
    """The columns to read one after the other: prompt and completion belong together, others repeat each other."""
    named = {column.strip().lower(): column for column in turns}
    if {"prompt", "completion"} <= set(named):
        return [named["prompt"], named["completion"]]
    best = next((named[name] for name in CONVERSATIONS if name in named), turns[0])
    return [best]


def find_family(canonical: dict[str, str]) -> Family | None:
    """The family with the most columns in common; the first in the table if several have as many."""
    present = set(canonical.values())
    if len(present) < len(canonical):
        return None  # two columns mean the same: decided column by column
    fitting = [family for family in FAMILIES if set(family.required) <= present]
    return max(fitting, key=lambda family: len(family.required), default=None)


def family_role(family: Family, name: str, columns: int, shape: Shape) -> ColumnRole:
    """A column's role in its family; what the family does not know is left out unless it is a system prompt."""
    role = family.required.get(name) or family.optional.get(name)
    if role:
        known = len(family.required) + len(family.optional)
        confidence = 0.95 if columns <= known else 0.9
        return ColumnRole(role, confidence, f"the columns are those of the {family.name} format")
    if shape.kind == "text" and name in ("system", "system_prompt"):
        return ColumnRole("system", 0.8, "named for the system prompt")
    return ColumnRole("ignore", 0.7, f"not a part of the {family.name} format")


def split_words(name: str) -> list[str]:
    """Whole words of a snake_case, camelCase or spaced name, lower case, in English where known."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = re.split(r"[^\w]+|_", spaced.lower())
    return [WORDS.get(word, word) for word in words if word]


def role_by_name(column: str, shape: Shape) -> ColumnRole:
    """The role that a whole word of the name stands for."""
    words = split_words(column)
    if shape.kind == "truth":
        return ColumnRole("ignore", 0.6, "holds true and false")
    if any(word in ABOUT for word in words):
        return ColumnRole("ignore", 0.7, "named as a detail about the text, not the text")
    for role in ROLE_ORDER:
        found = [word for word in words if ROLE_OF_WORD.get(word) == role]
        if found:
            confidence = 0.75 if len(words) == 1 else 0.65
            return ColumnRole(role, confidence, f"the word {found[0]!r} in its name")
    return ColumnRole("ignore", 0.4, "its name says nothing about its part")


def keep_one_each(roles: dict[str, ColumnRole], shapes: dict[str, Shape]) -> dict[str, ColumnRole]:
    """One column per role: the surest, then the fullest; a second question becomes the input if there is none."""
    result = dict(roles)
    for role in ("output", "system", "instruction", "input"):
        rivals = [column for column in result if result[column].role == role]
        rivals.sort(key=lambda column: (-result[column].confidence, -shapes[column].filled))
        for column in rivals[1:]:
            free = role == "instruction" and not any(kept.role == "input" for kept in result.values())
            reason = f"{rivals[0][:80]!r} is already the {role}"
            result[column] = ColumnRole("input", 0.5, reason) if free else ColumnRole("ignore", 0.5, reason)
    if not any(kept.role == "instruction" for kept in result.values()):
        for column, kept in result.items():
            if kept.role == "input":
                result[column] = replace(kept, role="instruction", reason=kept.reason + ", and no other prompt")
                break
    return result


def guess_by_statistics(roles: dict[str, ColumnRole], shapes: dict[str, Shape], rows: int) -> dict[str, ColumnRole]:
    """Two unnamed text columns, of which one asks questions and the other does not: question and answer."""
    texts = [column for column in roles if shapes[column].kind == "text" and shapes[column].filled > 0.5]
    named = any(kept.role != "ignore" for kept in roles.values())
    if named or rows < ENOUGH_FOR_STATISTICS or len(texts) != 2:
        return roles
    asking, other = sorted(texts, key=lambda column: -shapes[column].questions)
    if shapes[asking].questions < 0.6 or shapes[other].questions > 0.1:
        return roles
    share = f"{shapes[asking].questions:.0%} of its values end with a question mark"
    return roles | {
        asking: ColumnRole("instruction", 0.4, share),
        other: ColumnRole("output", 0.4, f"the other text column asks: {share}"),
    }


def temper(roles: dict[str, ColumnRole], shapes: dict[str, Shape]) -> dict[str, ColumnRole]:
    """Less sure where the values speak against the role."""
    result = {}
    for column, kept in roles.items():
        shape, role = shapes[column], kept.role
        if role in ("instruction", "output") and shape.filled < 0.5:
            kept = replace(
                kept,
                confidence=round(kept.confidence / 2, 2),
                reason=f"{kept.reason}; but empty in {1 - shape.filled:.0%} of the rows",
            )
        elif role != "ignore" and shape.kind not in ("text", "empty"):
            kept = replace(
                kept,
                confidence=round(kept.confidence * 0.8, 2),
                reason=f"{kept.reason}; its values are of the kind '{shape.kind}'",
            )
        result[column] = kept
    return result
