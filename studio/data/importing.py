"""Files and shipped examples to datasets, with the roles of their columns found or given."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from studio.data.conversations import ROLES, check_mapping
from studio.data.files import listed, shown
from studio.data.formats import ColumnRole, detect
from studio.data.reading import Problem, read_file
from studio.data.store import create_dataset
from studio.errors import DataError
from studio.home import ID_PATTERN, Home

PRESETS = Path(__file__).resolve().parents[2] / "presets"
FIELD_ROLES = ("instruction", "input", "output")

Overrides = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class ImportResult:
    """What an import made. `format` is the family ("alpaca"), `file_format` the file's (json, jsonl, csv, parquet)."""

    dataset: str
    rows: int
    format: str
    mapping: dict[str, ColumnRole]
    problems: list[Problem]
    file_format: str
    notes: list[str]

    @property
    def roles(self) -> dict[str, str]:
        """Column -> role, as datasets keep it."""
        return {column: kept.role for column, kept in self.mapping.items()}


@dataclass(frozen=True)
class ShippedExample:
    """A small dataset that comes with the project; `columns`: column -> role."""

    name: str
    title: str
    description: str
    licence: str
    rows: int
    columns: dict[str, str]


def import_file(
    home: Home,
    path: Path,
    name: str | None = None,
    mapping_overrides: Overrides | None = None,
    drop_bad_rows: bool = False,
    allow_unmapped: bool = False,
) -> ImportResult:
    """Make a dataset of a file. `name` is shown, else the file's; `mapping_overrides`: role -> column(s).

    DataError, and no dataset, if the file or some of its rows cannot be read (see `read_file`), or no column is the
    answer, unless `allow_unmapped`: then its roles can be given later.
    """
    parsed = read_file(path, drop_bad_rows=drop_bad_rows)
    family, mapping = detect(parsed.columns, parsed.rows)
    mapping = apply_overrides(mapping, mapping_overrides or {})
    roles = {column: kept.role for column, kept in mapping.items()}
    if not allow_unmapped:
        check_mapping(parsed.columns, roles)
    source = {"file": path.name, "format": parsed.format, "family": family, "dropped": len(parsed.problems)}
    dataset = create_dataset(home, name or path.stem, parsed.columns, parsed.rows, roles, source)
    return ImportResult(dataset, len(parsed.rows), family, mapping, parsed.problems, parsed.format, parsed.notes)


def apply_overrides(mapping: dict[str, ColumnRole], overrides: Overrides) -> dict[str, ColumnRole]:
    """The mapping with the user's own choices, which take a role from the columns that were only guessed.

    DataError for a role or a column that there is not.
    """
    chosen: dict[str, str] = {}
    for role, columns in overrides.items():
        if role not in ROLES:
            raise DataError(f"There is no role {shown(role)}. The roles are {', '.join(ROLES)}.")
        for column in [columns] if isinstance(columns, str) else columns:
            if column not in mapping:
                raise DataError(
                    f"There is no column {shown(column)} to be the {role}. The columns are {listed(list(mapping))}."
                )
            chosen[column] = role
    taken = set(chosen.values()) - {"ignore"}
    if taken & set(FIELD_ROLES):
        taken.add("messages")  # a conversation found by its shape would go before the fields chosen
    elif "messages" in taken:
        taken |= set(FIELD_ROLES)
    result = {}
    for column, kept in mapping.items():
        if column in chosen:
            result[column] = ColumnRole(chosen[column], 1.0, "chosen by you")
        elif kept.role in taken:
            result[column] = ColumnRole("ignore", 1.0, "you chose other columns")
        else:
            result[column] = kept
    return result


def list_examples(presets: Path = PRESETS) -> list[ShippedExample]:
    """The examples that are shipped, by name."""
    return [read_example(path) for path in sorted((presets / "examples").glob("*.yaml"))]


def read_example(path: Path) -> ShippedExample:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    keys = ("title", "description", "licence", "rows", "columns")
    if not isinstance(data, dict) or set(data) != set(keys):
        raise DataError(f"The example {shown(path.name)} must have exactly the keys {', '.join(keys)}.")
    return ShippedExample(path.stem, **data)


def import_example(home: Home, example_name: str, presets: Path = PRESETS) -> ImportResult:
    """Make a dataset of a shipped example; DataError, naming those there are, if there is none of that name."""
    path = presets / "examples" / f"{example_name}.yaml"
    if not ID_PATTERN.fullmatch(example_name) or not path.is_file():
        names = [example.name for example in list_examples(presets)]
        raise DataError(f"There is no example {shown(example_name)}. There are {listed(names)}.")
    example = read_example(path)
    parsed = read_file(path.with_suffix(".jsonl"))
    reason = "set by the example"
    mapping = {column: ColumnRole(example.columns.get(column, "ignore"), 1.0, reason) for column in parsed.columns}
    source = {"example": example_name, "licence": example.licence}
    dataset = create_dataset(
        home,
        example.title,
        parsed.columns,
        parsed.rows,
        {column: kept.role for column, kept in mapping.items()},
        source,
    )
    family = detect(parsed.columns, parsed.rows)[0]
    return ImportResult(dataset, len(parsed.rows), family, mapping, parsed.problems, parsed.format, parsed.notes)
