"""Families by their column sets, with the values as witnesses."""

from collections.abc import Mapping

from studio.data.formats.by_name import role_by_name, split_words
from studio.data.formats.families import ABOUT, FAMILIES, TEXT_ONLY, TREE, WORDS, Family
from studio.data.formats.found import Found
from studio.data.formats.shapes import Shape, Values, holds_list
from studio.data.roles import ColumnRole, Options
from studio.data.roles.choices import guess_first, read_choices
from studio.errors import DataError

YES_NO = {"true": "yes", "false": "no"}

Shapes = Mapping[str, Shape]


def match_set(shapes: Shapes, rows: list[Values]) -> Found | None:
    """A file with the columns of a known family, else None."""
    canonical = {column: WORDS.get(column.strip().lower(), column.strip().lower()) for column in shapes}
    if set(canonical.values()) >= TREE:
        reason = "a message of a tree, one a row: threads cannot be put together yet"
        return Found("tree", {column: ColumnRole("ignore", 0.8, reason) for column in shapes})
    family = find_family(canonical)
    if family is None:
        return None
    columns = {column: family_role(family, canonical, column, shapes) for column in shapes}
    found = Found(family.name, columns, Options(instruction=family.instruction))
    return refine(found, family, shapes, rows)


def find_family(canonical: dict[str, str]) -> Family | None:
    """The family with the most columns in common; the first in the table if several have as many."""
    present = set(canonical.values())
    if len(present) < len(canonical):
        return None  # two columns mean the same: decided column by column
    fitting = [family for family in FAMILIES if set(family.required) <= present]
    return max(fitting, key=lambda family: len(family.required), default=None)


def family_role(family: Family, canonical: dict[str, str], column: str, shapes: Shapes) -> ColumnRole:
    """A column's role in its family; what the family does not know is left out, unless nothing else is the input."""
    name, shape = canonical[column], shapes[column]
    role = family.required.get(name) or family.optional.get(name)
    if role:
        known = len(family.required) + len(family.optional)
        confidence = 0.95 if len(shapes) <= known else 0.9
        note = f"; {family.notes[name]}" if name in family.notes else ""
        return ColumnRole(role, confidence, f"the columns are those of the {family.name} format{note}")
    if shape.kind == "text" and name in ("system", "system_prompt"):
        return ColumnRole("system", 0.8, "named for the system prompt")
    named = role_by_name(column, shape)
    if named.role == "input" and shape.kind == "text" and "input" not in family.required.values():
        return ColumnRole("input", 0.6, f"{named.reason}; the {family.name} format has no input of its own")
    return ColumnRole("ignore", 0.7, f"not a part of the {family.name} format")


def refine(found: Found, family: Family, shapes: Shapes, rows: list[Values]) -> Found:
    """What the values say against the family's roles, or beyond them."""
    for column, kept in found.columns.items():
        found = refine_column(found, column, kept, shapes[column])
    if family.name == "choices":
        found = found.change(first_choice=guess_first(count_choices(found, rows)))
    if family.name == "content/summary":
        found = tell_prompt_from_text(found, shapes)
    if "history" in shapes and shapes["history"].kind == "exchanges":
        reason = "what was said before, in questions and answers"
        found = found.change({"history": ColumnRole("messages", 0.9, reason)})
    return found


def refine_column(found: Found, column: str, kept: ColumnRole, shape: Shape) -> Found:
    """One column's role, after a look at its values."""
    options = found.options
    if kept.role == "choices" and len(found.roles.having("choices")) == 1 and not any(map(holds_list, shape.values)):
        return found.change({column: ColumnRole("input", 0.6, "named for choices, but its values are not lists")})
    if kept.role == "label" and not shape.is_label and shape.kind == "text":
        reason = "named for a label, but its values hardly ever come again"
        return found.change({column: ColumnRole("output", 0.6, reason)}, instruction="")
    if kept.role == "output" and shape.kind == "truth":
        reason = "true and false, learned as yes and no"
        return found.change({column: ColumnRole("label", 0.9, reason)}, labels={**options.labels, column: YES_NO})
    if kept.role == "output" and shape.kind == "answers":
        reason = f"{kept.reason}; of several right answers the first is learned"
        return found.change({column: ColumnRole("output", kept.confidence, reason)})
    if kept.role == "output" and shape.kind == "texts" and found.family in ("reading", "question/answer"):
        reason = f"{kept.reason}; of the right answers in its lists the first is learned"
        return found.change({column: ColumnRole("output", 0.8, reason)}, several=(*options.several, column))
    return found


def count_choices(found: Found, rows: list[Values]):
    """(answer, how many choices it had) of rows that can be read."""
    roles = found.roles
    answer, columns = (*roles.having("output"), *roles.having("label"))[:1], roles.having("choices")
    for row in rows if answer and columns else []:
        try:
            texts, keys = read_choices([row.get(column) for column in columns])
        except DataError:
            continue
        if not keys:
            yield row.get(answer[0]), len(texts)


def tell_prompt_from_text(found: Found, shapes: Shapes) -> Found:
    """`content` is what a summary shortens, or what a longer text is to be written from: lengths tell."""
    content, summary = found.roles.having("input")[0], found.roles.having("output")[0]
    if shapes[content].length >= shapes[summary].length:
        return found
    reason = f"shorter than {summary!r}, so it asks rather than being summarized"
    return found.change({content: ColumnRole("instruction", 0.7, reason)}, instruction="")


def match_text_only(shapes: Shapes) -> Found | None:
    """A file whose only text is one column that neither asks nor answers, else None."""
    about = {column for column in shapes if any(word in ABOUT for word in split_words(column))}
    rest = [column for column in shapes if column not in about]
    names = [WORDS.get(column.strip().lower(), column.strip().lower()) for column in rest]
    if len(rest) != 1 or names[0] not in TEXT_ONLY or shapes[rest[0]].kind not in ("text", "empty"):
        return None
    columns = {column: ColumnRole("ignore", 0.8, "a detail about the text") for column in about}
    reason = "one column of text: nothing tells the prompt from the answer, and text alone cannot be trained on yet"
    columns[rest[0]] = ColumnRole("ignore", 0.8, reason)
    return Found("text only", {column: columns[column] for column in shapes})
