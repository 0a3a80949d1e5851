"""The labels of a whole file, and what to ask where no column asks."""

from collections.abc import Iterable, Mapping, Sequence

from studio.data.formats.shapes import Values
from studio.data.roles import Roles, label_key

MOST_FOUND = 50
MOST_NAMED = 20
JUST_CLASSIFY = "Classify this text and answer with its label alone."


def find_labels(rows: Iterable[Values], roles: Roles) -> dict[str, list[str]]:
    """The labels that occur in each column of labels or tags, as in the file; [] for more than 50 of them.

    Looks through all rows: a rare label must not be missing from what the model is told to choose from.
    """
    found: dict[str, set[str]] = {column: set() for role in ("label", "tags") for column in roles.having(role)}
    for row in rows if found else []:
        for column, labels in found.items():
            if len(labels) <= MOST_FOUND:
                labels.update(labels_in(row.get(column)))
    return {column: sort_labels(labels) if len(labels) <= MOST_FOUND else [] for column, labels in found.items()}


def labels_in(cell: object) -> Iterable[str]:
    """The labels of one cell, which may hold a list of them."""
    items = cell if isinstance(cell, list) else [cell]
    return (label_key(item) for item in items if item not in (None, "") and not isinstance(item, list | dict))


def sort_labels(labels: Iterable[str]) -> list[str]:
    """Numbers by their size, before words."""
    labels = set(labels)
    numbers = {label for label in labels if label.lstrip("-").isdecimal() and label.isascii()}
    return sorted(numbers, key=int) + sorted(labels - numbers)


def propose_instruction(roles: Roles, labels: Mapping[str, Sequence[str]]) -> str:
    """What to ask in every row of a classification or of tagged tokens; "" for anything else.

    Tells the labels to choose from where all of them have names. `labels`: as `find_labels` gives them.
    """
    if roles.having("tags"):
        column = roles.having("tags")[0]
        types = {name.partition("-")[2] or name for name in name_all(roles, column, labels.get(column, ()))}
        kinds = sorted(types - {"O"})
        listed = f" ({', '.join(kinds)})" if 0 < len(kinds) <= MOST_NAMED else ""
        return f"List the named entities{listed} in this text, one on each line, as TYPE: entity."
    if not roles.having("label"):
        return ""
    column, *more = roles.having("label")
    names = name_all(roles, column, labels.get(column, ()))
    asked = roles.options.instruction
    if more or not 1 < len(names) <= MOST_NAMED:
        return asked or JUST_CLASSIFY
    return f"{asked or 'Classify this text.'} Answer with one of: {', '.join(names)}."


def name_all(roles: Roles, column: str, labels: Sequence[str]) -> list[str]:
    """The names of a column's labels; none if some are numbers without a name. -1 without a name is no label."""
    names = roles.options.labels.get(column, {})
    found = [names.get(label, label) for label in labels if label in names or label != "-1"]
    return [] if any(name.lstrip("-").isdecimal() for name in found) else list(dict.fromkeys(found))
