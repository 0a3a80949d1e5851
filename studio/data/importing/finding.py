"""Rows by the name that a user gives: a dataset, a file, or an example that is shipped."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from studio.data.files import listed, shown
from studio.data.formats.found import UNKNOWN, Found
from studio.data.importing import import_example
from studio.data.importing.choosing import Overrides, apply_overrides, choose_roles, propose_roles
from studio.data.importing.examples import PRESETS, list_examples, read_example
from studio.data.reading import Parsed, Problem, read_file
from studio.data.roles import ColumnRole, Roles
from studio.data.roles.conversations import check_mapping
from studio.data.store import Dataset, Row, list_datasets, open_dataset
from studio.errors import DataError
from studio.home import ID_PATTERN, Home


@dataclass(frozen=True)
class RowSource:
    """Rows to look at, wherever they lie. `problems`: rows of a file that cannot be used, which are left out."""

    name: str
    count: int
    mapping: Roles
    rows: Callable[[], Iterator[Row]]
    row_at: Callable[[int], Row]
    problems: list[Problem] = field(default_factory=list)

    def row(self, index: int) -> Row:
        """The row at a place that counts from 0; DataError when there is none."""
        if not 0 <= index < self.count:
            counted = f"{self.count} row{'s' * (self.count != 1)}, counted from 0"
            raise DataError(f"{shown(self.name)} has {counted}, so there is no row {index}.")
        return self.row_at(index)


def ensure_dataset(home: Home, name: str) -> str:
    """The id of the dataset `name`; a shipped example of that name is imported if it is not there yet.

    DataError, naming the datasets and the examples there are, if it is neither.
    """
    if has_dataset(home, name):
        return name
    if name in names_of_examples():
        return import_example(home, name).dataset
    raise nothing_named(home, name)


def open_rows(home: Home, name: str, overrides: Overrides | None = None) -> RowSource:
    """A dataset by its id, else a file by its path, else a shipped example; files are read without being stored.

    `overrides`: role -> column(s), in place of the roles stored or found. DataError if there is nothing of that
    name, or no column is the answer.
    """
    if has_dataset(home, name):
        return source_of_dataset(open_dataset(home, name), overrides or {})
    if find_example(home, name):
        example = PRESETS / "examples" / f"{name}.yaml"
        return source_of_file(home, name, example.with_suffix(".jsonl"), read_example(example).roles, overrides or {})
    return source_of_file(home, name, Path(name), None, overrides or {})


def source_of_dataset(dataset: Dataset, overrides: Overrides) -> RowSource:
    """A dataset's rows."""
    mapping = override_roles(dataset.mapping, overrides, dataset.columns)
    return RowSource(dataset.id, dataset.count(), mapping, dataset.rows, lambda index: dataset.page(index, 1)[0])


def source_of_file(home: Home, name: str, path: Path, roles: Roles | None, overrides: Overrides) -> RowSource:
    """A file's rows, with ids as an import would give them; roles as given, else as an import would choose them."""
    parsed = read_file(path, drop_bad_rows=True)
    if roles is None:
        mapping = choose_roles(propose_roles(home, parsed), overrides, parsed).roles
    else:
        mapping = override_roles(roles, overrides, parsed.columns)
    check_mapping(parsed.columns, mapping)

    def rows() -> Iterator[Row]:
        return (row_of(parsed, index) for index in range(len(parsed.rows)))

    return RowSource(name, len(parsed.rows), mapping, rows, lambda index: row_of(parsed, index), parsed.problems)


def row_of(parsed: Parsed, index: int) -> Row:
    """A row of a file as a dataset would hold it: with every column."""
    values = parsed.rows[index]
    return Row(index + 1, {column: values.get(column) for column in parsed.columns}, 0)


def override_roles(roles: Roles, overrides: Overrides, columns: list[str]) -> Roles:
    """Roles as they are kept, with the user's own choices."""
    if not overrides:
        return roles
    kept = {column: ColumnRole(roles.get(column, "ignore"), 1.0, "") for column in columns}
    return apply_overrides(Found(UNKNOWN, kept, roles.options), overrides, ()).roles


def has_dataset(home: Home, name: str) -> bool:
    """Whether there is a dataset with this id."""
    return bool(ID_PATTERN.fullmatch(name)) and home.dataset(name).is_file()


def find_example(home: Home, name: str) -> bool:
    """Whether `name` is a shipped example rather than a file; DataError for a bare word that is neither."""
    if Path(name).exists() or not ID_PATTERN.fullmatch(name):
        return False
    if name not in names_of_examples():
        raise nothing_named(home, name)
    return True


def names_of_examples() -> list[str]:
    return [example.name for example in list_examples()]


def nothing_named(home: Home, name: str) -> DataError:
    """The error that lists what could have been meant."""
    ids = [info.id for info in list_datasets(home)]
    datasets = f"the datasets are {listed(ids)}" if ids else "there are no datasets yet"
    return DataError(
        f"There is no dataset, file or example {shown(name)}: {datasets}, and the examples that can be had by name "
        f"are {listed(names_of_examples())}."
    )
