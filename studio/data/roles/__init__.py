"""What each column is for, and what else must be known to read its values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from studio.data.files import listed, shown
from studio.errors import DataError

ROLES = (
    "instruction",
    "input",
    "output",
    "system",
    "messages",
    "choices",
    "label",
    "tokens",
    "tags",
    "translation",
    "split",
    "ignore",
)
ANSWERS = frozenset({"output", "messages", "label", "tags", "translation"})  # one of them must be there

LabelNames = dict[str, dict[str, str]]


@dataclass(frozen=True)
class ColumnRole:
    """A column's role (one of ROLES), how sure it is (0 to 1), and why, in words."""

    role: str
    confidence: float
    reason: str


@dataclass(frozen=True)
class Options:
    """What reading needs beyond the roles; each is empty where nothing is needed."""

    labels: LabelNames = field(default_factory=dict)
    """Column -> label as it stands in the file ("0", "true", "pos") -> its name"""
    instruction: str = ""
    """Stands before what the row itself asks, in every row that is not a conversation"""
    direction: tuple[str, str] | None = None
    """A translation's languages, (from, into), as its keys are called"""
    first_choice: int = 0
    """The number that stands for the first choice"""
    several: tuple[str, ...] = ()
    """Columns whose lists hold several right answers, of which the first is learned"""

    def to_json(self) -> dict:
        """Only what is set, as `read_options` takes it."""
        values = {"labels": self.labels, "instruction": self.instruction, "direction": list(self.direction or ())}
        values |= {"first_choice": self.first_choice, "several": list(self.several)}
        return {key: value for key, value in values.items() if value}


class Roles(Mapping[str, str]):
    """Column -> role, with the options that reading the values needs; equal to a dict of the same roles.

    Two Roles are equal if their options are as well. Never changed once made: see `change`.
    """

    def __init__(self, columns: Mapping[str, str], options: Options | None = None):
        self.columns = dict(columns)
        self.options = options or Options()
        self.named: dict[str, tuple[str, ...]] = {}
        for column, role in self.columns.items():
            self.named[role] = (*self.named.get(role, ()), column)
        self.answers = tuple(column for column, role in self.columns.items() if role in ANSWERS)

    def __getitem__(self, column: str) -> str:
        return self.columns[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Roles):
            return self.columns == other.columns and self.options == other.options
        return isinstance(other, Mapping) and self.columns == dict(other)

    __hash__ = None  # type: ignore[assignment]  # equal to dicts, which have none

    def __repr__(self) -> str:
        return f"Roles({self.columns!r}, {self.options!r})"

    def having(self, role: str) -> tuple[str, ...]:
        """The columns with that role, in their order."""
        return self.named.get(role, ())

    def change(self, columns: Mapping[str, str] | None = None, **options: object) -> "Roles":
        """Roles that differ in these columns and these options."""
        return Roles({**self.columns, **(columns or {})}, replace(self.options, **options))

    def to_json(self) -> dict:
        """As stored: column -> role; where there are options, that under `roles` and they under `options`."""
        options = self.options.to_json()
        return {"roles": self.columns, "options": options} if options else self.columns


def as_roles(mapping: Mapping[str, str]) -> Roles:
    """A plain mapping of columns to roles as Roles; Roles as they are."""
    return mapping if isinstance(mapping, Roles) else Roles(mapping)


def load_roles(stored: dict) -> Roles:
    """The inverse of `Roles.to_json`."""
    if isinstance(stored.get("roles"), dict):  # a column called "roles" has a text here, its role
        return Roles(stored["roles"], read_options(stored.get("options") or {}))
    return Roles(stored)


def read_options(given: object) -> Options:
    """Options from JSON or YAML; DataError for what they cannot be.

    `labels` gives each column its names, as a list (of the labels 0, 1, 2, ...) or by label.
    """
    known = tuple(Options.__dataclass_fields__)
    if not isinstance(given, Mapping) or not set(given) <= set(known):
        raise DataError(
            f"The options of a dataset's roles are {', '.join(known)}, each at most once; found {shown(str(given))}."
        )
    direction = given.get("direction")
    if direction is not None and not (is_texts(direction) and len(direction) == 2):
        raise DataError("The direction of a translation is a list of two languages, such as [de, en].")
    several, instruction = given.get("several", ()), given.get("instruction", "")
    first, labels = given.get("first_choice", 0), given.get("labels", {})
    fitting = is_texts(several) and isinstance(instruction, str) and first in (0, 1) and isinstance(labels, Mapping)
    if not fitting:
        raise DataError(
            "Among the options of a dataset's roles, `instruction` is a text, `first_choice` 0 or 1, `several` a list "
            "of columns, and `labels` names the labels of each column."
        )
    names = {str(column): read_names(str(column), found) for column, found in labels.items()}
    return Options(names, instruction, tuple(direction) if direction else None, int(first), tuple(several))


def read_names(column: str, found: object) -> dict[str, str]:
    """Label -> name, from a list of names or a mapping; DataError if a name is missing or no text."""
    pairs = dict(enumerate(found)) if isinstance(found, list | tuple) else found
    if not isinstance(pairs, Mapping) or not all(isinstance(name, str) and name.strip() for name in pairs.values()):
        raise DataError(f"The labels of {shown(column)} must each have a name, a text that is not empty.")
    return {label_key(label): name for label, name in pairs.items()}


def is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def label_key(value: object) -> str:
    """A label as Options.labels has it: "1" for 1, 1.0 and "1", "true" for true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def check_roles(columns: list[str], mapping: Mapping[str, str]) -> None:
    """DataError for a role or a column there is not."""
    unknown = [column for column in mapping if column not in columns]
    if unknown:
        raise DataError(f"There is no column {listed(unknown)}. The columns are {listed(columns)}.")
    for role in mapping.values():
        if role not in ROLES:
            raise DataError(f"There is no role {shown(str(role))}. The roles are {', '.join(ROLES)}.")
