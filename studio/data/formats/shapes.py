"""What a column's values look like over many rows: the first evidence for what it is for."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from statistics import median

from studio.data.roles import label_key
from studio.data.roles.languages import find_language

SAMPLE = 500
MOST_LABELS = 200
FEW_ROWS = 20  # in so few, a label may be there once
LONGEST_LABEL = 60
CONVERSATION_TEXT = re.compile(r'\s*\[\s*\{\s*"(role|from|content|value)"\s*:')
QUESTION_MARKS = ("?", "？", "؟")

Values = Mapping[str, object]


@dataclass(frozen=True)
class Shape:
    """What a column holds over the sampled rows. `kind`: see `kind_of`, or "empty"; `share`: how many are of it.

    `filled`: the share of rows that have a value; `values`: those values.
    """

    kind: str
    share: float
    filled: float
    values: Sequence[object] = field(repr=False, default=())

    @cached_property
    def questions(self) -> float:
        """The share of values that end with a question mark."""
        asking = sum(isinstance(value, str) and value.rstrip().endswith(QUESTION_MARKS) for value in self.values)
        return asking / max(1, len(self.values))

    @cached_property
    def length(self) -> float:
        """The median length of the texts, in characters."""
        return median([len(value) for value in self.values if isinstance(value, str)] or [0])

    @cached_property
    def distinct(self) -> list[str]:
        """The different values, as label keys; of lists, the different items."""
        items = (item for value in self.values for item in (value if isinstance(value, list) else [value]))
        return sorted({label_key(item) for item in items if not isinstance(item, list | dict)})

    @property
    def is_label(self) -> bool:
        """Whether few short values come again and again."""
        if self.kind not in ("text", "number", "truth", "numbers", "texts") or not self.values:
            return False
        most = len(self.values) if len(self.values) < FEW_ROWS else max(2, len(self.values) // 2)
        few = len(self.distinct) <= min(MOST_LABELS, most)
        return few and all(len(value) <= LONGEST_LABEL for value in self.distinct)


def sample(rows: Iterable[Values]) -> list[Values]:
    """Up to 500 rows, spread evenly where the rows can be indexed."""
    if not isinstance(rows, Sequence):
        return list(islice(rows, SAMPLE))
    step = max(1, -(-len(rows) // SAMPLE))
    return [rows[index] for index in range(0, len(rows), step)]


def measure(column: str, rows: Sequence[Values]) -> Shape:
    """The kind most values of a column have, and its share among those that are filled."""
    filled = [value for row in rows if (value := row.get(column)) is not None and value not in ("", [], {})]
    if not filled:
        return Shape("empty", 1.0, 0.0)
    kind, count = Counter(kind_of(value) for value in filled).most_common(1)[0]
    return Shape(kind, count / len(filled), len(filled) / len(rows), filled)


def kind_of(value: object) -> str:
    """What one cell holds: text, messages text (JSON), truth, number, a kind of list, or a kind of object."""
    if isinstance(value, str):
        return "messages text" if CONVERSATION_TEXT.match(value) else "text"
    if isinstance(value, list):
        return kind_of_list(value)
    if isinstance(value, dict):
        return kind_of_object(value)
    return "truth" if isinstance(value, bool) else "number"


def kind_of_list(items: list) -> str:
    """texts, numbers, exchanges ([question, answer] each), messages, sharegpt, pairs; else list."""
    shapes: tuple[tuple[str, Callable[[object], bool]], ...] = (
        ("texts", lambda item: isinstance(item, str)),
        ("numbers", lambda item: isinstance(item, int) and not isinstance(item, bool)),
        ("exchanges", lambda item: isinstance(item, list) and len(item) == 2 and all(isinstance(x, str) for x in item)),
        ("messages", lambda item: isinstance(item, dict) and {"role", "content"} <= set(item)),
        ("sharegpt", lambda item: isinstance(item, dict) and {"from", "value"} <= set(item)),
        ("pairs", lambda item: isinstance(item, dict) and {"input", "output"} <= set(item)),
    )
    return next((name for name, fits in shapes if all(map(fits, items))), "list")


def kind_of_object(value: dict) -> str:
    """translation (a text for each language), answers (of a reading), messages or sharegpt in lists; else object."""
    if len(value) > 1 and all(map(find_language, value)) and all(isinstance(x, str | None) for x in value.values()):
        return "translation"
    if isinstance(value.get("text"), list) and set(value) <= {"text", "answer_start", "answer_end"}:
        return "answers"
    if isinstance(value.get("value"), str) and "aliases" in value:
        return "answers"
    for name, keys in (("messages", {"role", "content"}), ("sharegpt", {"from", "value"})):
        if keys <= set(value) and all(isinstance(value[key], list) for key in keys):
            return name
    return "object"


def holds_list(value: object) -> bool:
    """Whether a cell is a list or an object, or JSON text of one."""
    if isinstance(value, list | dict):
        return True
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return False
    try:
        return isinstance(json.loads(value), list | dict)
    except (json.JSONDecodeError, RecursionError):
        return False
