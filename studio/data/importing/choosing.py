"""The roles of a file's columns: found, remembered from an earlier file, or chosen by the user."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from studio.data.files import listed, shown
from studio.data.formats import detect, find_labels, propose_instruction
from studio.data.formats.found import Found
from studio.data.formats.labels import JUST_CLASSIFY
from studio.data.formats.shapes import Values
from studio.data.importing.signatures import Choice, find_choice, save_choice
from studio.data.reading import Parsed
from studio.data.roles import ANSWERS, ROLES, ColumnRole, Options, Roles, check_roles
from studio.data.roles.languages import language_name
from studio.errors import DataError
from studio.home import Home

FIELD_ROLES = frozenset({"instruction", "input", "output"})
CHOSEN = "chosen by you"
UNSURE = 0.6
MOST_TOLD = 12

Overrides = Mapping[str, str | list[str]]
"""Role -> column(s), in place of what was found"""


@dataclass(frozen=True)
class Asked:
    """What only the user can say: names for these labels, and the direction of a translation in these languages.

    `instruction`: what every row could be made to ask, where nothing better is asked yet.
    """

    labels: dict[str, list[str]] = field(default_factory=dict)
    languages: list[str] = field(default_factory=list)
    instruction: str = ""


def propose_roles(home: Home, parsed: Parsed) -> Found:
    """Family, roles and options of a file: as the user chose them for the same columns before, else as detected."""
    found = detect(parsed.columns, parsed.rows, parsed.label_names)
    choice = find_choice(home, parsed.columns)
    return found if choice is None else recall(found, choice, parsed)


def recall(found: Found, choice: Choice, parsed: Parsed) -> Found:
    """What was found, with an earlier choice for the same columns in its place."""
    reason = f"as you chose on {choice.at[:10]} for a file with the same columns"
    changed = {
        column: ColumnRole(role, 1.0, reason)
        for column, role in choice.roles.items()
        if found.columns[column].role != role
    }
    kept = {name: getattr(choice.roles.options, name) for name in choice.options if name != "labels"}
    recalled = replace(found, columns={**found.columns, **changed})
    options = complete_options(recalled.roles, found, parsed.rows)
    recalled = replace(recalled, options=replace(options, **kept))
    if "labels" not in choice.options:
        return recalled
    return recall_names(recalled, choice, parsed, "instruction" in kept)


def recall_names(found: Found, choice: Choice, parsed: Parsed, asked: bool) -> Found:
    """With the names of labels that were chosen before, in columns where they name every label.

    `asked`: the instruction was chosen as well. Less sure, because the same numbers may mean something else here.
    """
    present = find_labels(parsed.rows, found.roles)
    chosen = choice.roles.options.labels
    names = {column: its for column, its in chosen.items() if fits(present.get(column, []), its)}
    note = f"its labels have the names you chose on {choice.at[:10]}"
    columns = {
        column: ColumnRole(found.columns[column].role, UNSURE, f"{found.columns[column].reason}; {note}")
        for column in names
    }
    found = found.change(columns, labels={**found.options.labels, **names})
    if asked or not names or found.options.instruction != JUST_CLASSIFY:
        return found
    return found.change(instruction=propose_instruction(found.roles.change(instruction=""), present))


def fits(labels: Sequence[str], names: Mapping[str, str]) -> bool:
    """Whether the labels of a column are all among those that have a name (-1 needs none)."""
    return bool(labels) and set(labels) - {"-1"} <= set(names)


def complete_options(roles: Roles, found: Found, rows: Iterable[Values]) -> Options:
    """The options found, with an instruction that suits roles that may not be those found."""
    if roles.columns == found.roles.columns:
        return found.options
    if roles.having("instruction"):
        return replace(found.options, instruction="")
    if roles.having("label") or roles.having("tags"):
        asking = roles.change(instruction="")
        return replace(found.options, instruction=propose_instruction(asking, find_labels(rows, roles)))
    answers = [{column: role for column, role in its.items() if role in ANSWERS} for its in (roles, found.roles)]
    return found.options if answers[0] == answers[1] else replace(found.options, instruction="")


def choose_roles(proposed: Found, chosen: Overrides | Roles | None, parsed: Parsed) -> Found:
    """The proposal with the user's own choice: Roles, which are taken as they are, or roles for some columns.

    DataError for a role or a column that there is not.
    """
    if not chosen:
        return proposed
    if not isinstance(chosen, Roles):
        return apply_overrides(proposed, chosen, parsed.rows)
    check_roles(parsed.columns, chosen)
    roles = {column: chosen.get(column, "ignore") for column in parsed.columns}
    columns = {
        column: kept if kept.role == roles[column] else ColumnRole(roles[column], 1.0, CHOSEN)
        for column, kept in proposed.columns.items()
    }
    return Found(proposed.family, columns, chosen.options)


def apply_overrides(proposed: Found, overrides: Overrides, rows: Iterable[Values]) -> Found:
    """The proposal with some roles given to other columns, which takes them from those that were only guessed.

    `rows`: where labels to choose from are looked up. DataError for a role or a column that there is not.
    """
    chosen = read_overrides(overrides, list(proposed.columns))
    taken = rivals_of(set(chosen.values()) - {"ignore"})
    columns = {}
    for column, kept in proposed.columns.items():
        if column in chosen:
            columns[column] = ColumnRole(chosen[column], 1.0, CHOSEN)
        elif kept.role in taken:
            columns[column] = ColumnRole("ignore", 1.0, "you chose other columns")
        else:
            columns[column] = kept
    found = replace(proposed, columns=columns)
    return replace(found, options=complete_options(found.roles, proposed, rows))


def read_overrides(overrides: Overrides, known: list[str]) -> dict[str, str]:
    """Column -> role, as chosen; DataError for a role or a column that there is not."""
    chosen: dict[str, str] = {}
    for role, columns in overrides.items():
        if role not in ROLES:
            raise DataError(f"There is no role {shown(role)}. The roles are {', '.join(ROLES)}.")
        for column in [columns] if isinstance(columns, str) else columns:
            if column not in known:
                raise DataError(
                    f"There is no column {shown(column)} to be the {role}. The columns are {listed(known)}."
                )
            chosen[column] = role
    return chosen


def rivals_of(chosen: set[str]) -> set[str]:
    """The roles that guessed columns lose when these are chosen: one answer, and either fields or a conversation."""
    taken = set(chosen)
    if taken & FIELD_ROLES:
        taken.add("messages")  # a conversation found by its shape would go before the fields chosen
    if "messages" in chosen:
        taken |= FIELD_ROLES
    if chosen & ANSWERS:
        taken |= ANSWERS
    if chosen & {"tags", "translation"}:
        taken |= FIELD_ROLES - {"instruction"}
    if taken & {"tags"} and "tokens" not in chosen and "tags" not in chosen:
        taken.add("tokens")
    return taken


def remember(home: Home, proposed: Found, final: Found, parsed: Parsed) -> None:
    """Keep the user's choice for the next file with these columns, if it is not what was proposed anyway."""
    if proposed.roles == final.roles:
        return
    derived = complete_options(final.roles, proposed, parsed.rows)
    options = [name for name in Options.__dataclass_fields__ if getattr(derived, name) != getattr(final.options, name)]
    save_choice(home, final.roles, options)


def describe_options(options: Options) -> list[str]:
    """What will be read into the rows that does not stand in them, in sentences."""
    said = []
    if options.instruction:
        said.append(f"Every row asks: {options.instruction}")
    if options.direction:
        source, target = map(language_name, options.direction)
        said.append(f"Every row asks to translate from {source} into {target}.")
    for column, names in options.labels.items():
        pairs = ", ".join(f"{label} is {name}" for label, name in list(names.items())[:MOST_TOLD])
        said.append(f"In {shown(column)}, {pairs}{' and so on' if len(names) > MOST_TOLD else ''}.")
    return said


def list_asked(found: Found, parsed: Parsed) -> Asked:
    """What to ask the user before the rows are read so."""
    roles, numbers = found.roles, {}
    present = find_labels(parsed.rows, roles)
    for column, labels in present.items():
        unnamed = [label for label in labels if label not in roles.options.labels.get(column, {})]
        if any(label.lstrip("-").isdecimal() for label in unnamed if label != "-1"):
            numbers[column] = labels
    column = next(iter(roles.having("translation")), None)
    texts = (row.get(column) for row in parsed.rows[:100]) if column else ()
    languages = list(dict.fromkeys(key for value in texts if isinstance(value, dict) for key in value))
    vague = roles.options.instruction in ("", JUST_CLASSIFY) and not roles.having("instruction")
    proposal = propose_instruction(roles.change(instruction=""), present) if vague else ""
    return Asked(numbers, languages, "" if proposal == roles.options.instruction else proposal)
