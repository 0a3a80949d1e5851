"""The last evidence: how many values ask, come again, or are missing."""

from collections.abc import Mapping
from dataclasses import replace

from studio.data.formats.found import UNKNOWN, Found
from studio.data.formats.shapes import Shape
from studio.data.roles import ColumnRole, label_key

ENOUGH_ROWS = 20
FEW_LABELS = 20
SHORT_TEXT = 20
SPLIT_NAMES = frozenset({"train", "training", "test", "testing", "dev"})
SPLIT_NAMES |= {"eval", "evaluation", "val", "valid", "validation"}

Shapes = Mapping[str, Shape]


def guess_by_statistics(found: Found, shapes: Shapes, rows: int) -> Found:
    """Two text columns of which no name tells anything: question and answer, or text and label."""
    texts = [column for column, shape in shapes.items() if shape.kind == "text" and shape.filled > 0.5]
    named = any(kept.role != "ignore" for kept in found.columns.values())
    if named or rows < ENOUGH_ROWS or len(texts) != 2:
        return found
    return guess_question(found, texts, shapes) or guess_label(found, texts, shapes) or found


def guess_question(found: Found, texts: list[str], shapes: Shapes) -> Found | None:
    """One of the two asks, and the other does not."""
    asking, other = sorted(texts, key=lambda column: -shapes[column].questions)
    if shapes[asking].questions < 0.6 or shapes[other].questions > 0.1:
        return None
    share = f"{shapes[asking].questions:.0%} of its values end with a question mark"
    return found.change(
        {
            asking: ColumnRole("instruction", 0.4, share),
            other: ColumnRole("output", 0.4, f"the other text column asks: {share}"),
        }
    )


def guess_label(found: Found, texts: list[str], shapes: Shapes) -> Found | None:
    """One of the two is made of a few short values that come again and again."""
    label, text = sorted(texts, key=lambda column: len(shapes[column].distinct))
    values, count = shapes[label], len(shapes[label].distinct)
    rare = count > FEW_LABELS or count < 2 or len(values.values) < 5 * count
    if rare or not values.is_label or shapes[text].length < SHORT_TEXT or shapes[text].is_label:
        return None
    few = f"{count} different values in {len(values.values)} rows"
    columns = {label: ColumnRole("label", 0.4, few), text: ColumnRole("input", 0.4, f"the other text column has {few}")}
    return replace(found.change(columns), family="classification" if found.family == UNKNOWN else found.family)


def mark_splits(found: Found, shapes: Shapes) -> Found:
    """A column that is called split and names splits decides where its rows go."""
    columns = {}
    for column, kept in found.columns.items():
        names = {value.lower() for value in shapes[column].distinct}
        if column.strip().lower() == "split" and kept.role == "ignore" and names and names <= SPLIT_NAMES:
            columns[column] = ColumnRole("split", 0.9, f"names the splits: {', '.join(sorted(names))}")
    return found.change(columns)


def temper(found: Found, shapes: Shapes) -> Found:
    """Less sure where the values speak against the role."""
    return found.change({column: temper_role(kept, shapes[column]) for column, kept in found.columns.items()})


def temper_role(kept: ColumnRole, shape: Shape) -> ColumnRole:
    if kept.role in ("instruction", "output", "label") and shape.filled < 0.5:
        reason = f"{kept.reason}; but empty in {1 - shape.filled:.0%} of the rows"
        return replace(kept, confidence=round(kept.confidence / 2, 2), reason=reason)
    if kept.role == "label" and shape.distinct and all(label.lstrip("-").isdecimal() for label in shape.distinct):
        numbers = ", ".join(sorted(shape.distinct, key=int)[:6])
        return replace(kept, reason=f"{kept.reason}; its values are numbers ({numbers}), which can be given names")
    if kept.role in ("instruction", "input", "output", "system") and shape.kind not in ("text", "empty", "answers"):
        reason = f"{kept.reason}; its values are of the kind '{shape.kind}'"
        return replace(kept, confidence=round(kept.confidence * 0.8, 2), reason=reason)
    if kept.role == "ignore" and shape.kind != "empty" and len(shape.values) >= ENOUGH_ROWS and is_constant(shape):
        return replace(kept, reason=f"{kept.reason}; the same in every row")
    return kept


def is_constant(shape: Shape) -> bool:
    first, *rest = (label_key(value) for value in shape.values)
    return all(value == first for value in rest)
