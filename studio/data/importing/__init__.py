"""Files, pasted text, folders, hub datasets and shipped examples to datasets.

Each is read to a preview, in which nothing is stored yet and everything can be corrected; `import_preview` makes it a
dataset, all of it or nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from studio.data.formats import detect_format
from studio.data.formats.found import Found
from studio.data.importing.choosing import (
    Asked,
    Overrides,
    choose_roles,
    describe_options,
    list_asked,
    propose_roles,
    remember,
)
from studio.data.importing.examples import PRESETS, ShippedExample, find_example, list_examples, read_example
from studio.data.importing.samples import SampleRow, sample_rows
from studio.data.reading import Parsed, Problem, ReadOptions, read_file, read_folder, read_text
from studio.data.roles import ColumnRole, Roles
from studio.data.roles.conversations import check_mapping
from studio.data.store import create_dataset
from studio.home import Home

__all__ = [
    "PRESETS",
    "HubSource",
    "ImportPreview",
    "ImportResult",
    "Overrides",
    "ShippedExample",
    "correct_preview",
    "import_example",
    "import_file",
    "import_folder",
    "import_hub",
    "import_preview",
    "import_text",
    "list_examples",
    "preview_file",
    "preview_folder",
    "preview_hub",
    "preview_import",
    "preview_text",
    "read_example",
]

PASTED = "Pasted text"

Progress = Callable[[str, float | None], None]


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
class ImportPreview:
    """What an import would make. `found`: family, roles and options, `proposed`: the same before the user's choice.

    `source`: what the dataset will say of its origin; `samples`: up to three rows as they would be learned; `asked`:
    what only the user can say.
    """

    title: str
    parsed: Parsed
    proposed: Found
    found: Found
    source: dict
    samples: list[SampleRow] = field(default_factory=list)
    asked: Asked = field(default_factory=Asked)

    @property
    def family(self) -> str:
        return self.found.family

    @property
    def mapping(self) -> dict[str, ColumnRole]:
        """Each column's role, how sure it is, and why."""
        return self.found.columns

    @property
    def roles(self) -> Roles:
        return self.found.roles

    @property
    def options(self) -> ReadOptions:
        """How the file was read, with everything that was found out filled in."""
        return self.parsed.options


@dataclass(frozen=True)
class HubSource:
    """Rows of a dataset on the hub: `name` is owner/name; None: the only or first subset and split, all rows."""

    name: str
    subset: str | None = None
    split: str | None = None
    limit: int | None = None
    revision: str | None = None

    def to_json(self) -> dict:
        """As the dataset keeps it."""
        parts = {"hub": self.name, "subset": self.subset, "split": self.split, "limit": self.limit}
        return {key: value for key, value in parts.items() if value is not None}


def preview_import(
    home: Home, parsed: Parsed, title: str, source: dict, chosen: Overrides | Roles | None = None
) -> ImportPreview:
    """What would become of rows that were read, with roles as chosen, else remembered, else found.

    DataError for a role or a column that there is not.
    """
    proposed = propose_roles(home, parsed)
    source = {**source, "format": parsed.format, "family": proposed.family, "dropped": len(parsed.problems)}
    return correct_preview(ImportPreview(title, parsed, proposed, proposed, source), chosen)


def correct_preview(preview: ImportPreview, chosen: Overrides | Roles | None) -> ImportPreview:
    """The same rows with roles as chosen. DataError for a role or a column that there is not."""
    found = choose_roles(preview.proposed, chosen, preview.parsed)
    samples, asked = sample_rows(preview.parsed, found.roles), list_asked(found, preview.parsed)
    return replace(preview, found=found, samples=samples, asked=asked)


def preview_file(
    home: Home,
    path: Path,
    chosen: Overrides | Roles | None = None,
    drop_bad_rows: bool = False,
    options: ReadOptions | None = None,
) -> ImportPreview:
    """What would become of a file; DataError as `read_file` raises it."""
    parsed = read_file(path, drop_bad_rows=drop_bad_rows, options=options)
    return preview_import(home, parsed, path.stem, {"file": path.name}, chosen)


def preview_text(
    home: Home,
    text: str,
    chosen: Overrides | Roles | None = None,
    drop_bad_rows: bool = False,
    options: ReadOptions | None = None,
) -> ImportPreview:
    """What would become of text that was pasted."""
    parsed = read_text(text, drop_bad_rows=drop_bad_rows, options=options)
    return preview_import(home, parsed, PASTED, {"file": PASTED.lower()}, chosen)


def preview_folder(
    home: Home,
    folder: Path,
    chosen: Overrides | Roles | None = None,
    drop_bad_rows: bool = False,
    options: ReadOptions | None = None,
) -> ImportPreview:
    """What would become of the files of a folder, taken as one."""
    parsed = read_folder(folder, drop_bad_rows=drop_bad_rows, options=options)
    return preview_import(home, parsed, folder.name, {"file": folder.name}, chosen)


def preview_hub(
    home: Home,
    hub: HubSource,
    chosen: Overrides | Roles | None = None,
    drop_bad_rows: bool = False,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> ImportPreview:
    """What would become of rows of the hub; they are fetched for it. DataError as `read_hub` raises it."""
    from studio.data.importing.hub_rows import read_hub

    part = (hub.name, hub.subset, hub.split, hub.limit, hub.revision, drop_bad_rows)
    parsed = read_hub(*part, progress=progress, should_stop=should_stop)
    return preview_import(home, parsed, hub.name.rpartition("/")[2], hub.to_json() | parsed.source, chosen)


def import_preview(
    home: Home,
    preview: ImportPreview,
    name: str | None = None,
    chosen: Overrides | Roles | None = None,
    allow_unmapped: bool = False,
) -> ImportResult:
    """Make a dataset of a preview, with the roles as `chosen` if they were corrected meanwhile.

    `name` is shown, else the preview's title. What the user chose is remembered for files with the same columns.
    DataError, and no dataset, if no column is the answer, unless `allow_unmapped`: then it can be given later.
    """
    parsed, found = preview.parsed, choose_roles(preview.found, chosen, preview.parsed)
    if not allow_unmapped:
        check_mapping(parsed.columns, found.roles)
    dataset = create_dataset(home, name or preview.title, parsed.columns, parsed.rows, found.roles, preview.source)
    remember(home, preview.proposed, found, parsed)
    notes = [*parsed.notes, *describe_options(found.options)]
    return ImportResult(dataset, len(parsed.rows), found.family, found.columns, parsed.problems, parsed.format, notes)


def import_file(
    home: Home,
    path: Path,
    name: str | None = None,
    mapping_overrides: Overrides | Roles | None = None,
    drop_bad_rows: bool = False,
    allow_unmapped: bool = False,
    options: ReadOptions | None = None,
) -> ImportResult:
    """Make a dataset of a file. `mapping_overrides`: role -> column(s), or Roles, which are taken as they are.

    DataError, and no dataset, if the file or some of its rows cannot be read (see `read_file`), or no column is the
    answer, unless `allow_unmapped`.
    """
    preview = preview_file(home, path, mapping_overrides, drop_bad_rows, options)
    return import_preview(home, preview, name, allow_unmapped=allow_unmapped)


def import_text(
    home: Home,
    text: str,
    name: str | None = None,
    mapping_overrides: Overrides | Roles | None = None,
    drop_bad_rows: bool = False,
    allow_unmapped: bool = False,
    options: ReadOptions | None = None,
) -> ImportResult:
    """Make a dataset of pasted text; see `import_file`."""
    preview = preview_text(home, text, mapping_overrides, drop_bad_rows, options)
    return import_preview(home, preview, name, allow_unmapped=allow_unmapped)


def import_folder(
    home: Home,
    folder: Path,
    name: str | None = None,
    mapping_overrides: Overrides | Roles | None = None,
    drop_bad_rows: bool = False,
    allow_unmapped: bool = False,
    options: ReadOptions | None = None,
) -> ImportResult:
    """Make one dataset of the files of a folder; see `import_file`."""
    preview = preview_folder(home, folder, mapping_overrides, drop_bad_rows, options)
    return import_preview(home, preview, name, allow_unmapped=allow_unmapped)


def import_hub(
    home: Home,
    hub: HubSource,
    name: str | None = None,
    mapping_overrides: Overrides | Roles | None = None,
    drop_bad_rows: bool = False,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> ImportResult:
    """Make a dataset of rows of the hub; see `import_file`."""
    preview = preview_hub(home, hub, mapping_overrides, drop_bad_rows, progress, should_stop)
    return import_preview(home, preview, name)


def import_example(home: Home, example_name: str, presets: Path = PRESETS) -> ImportResult:
    """Make a dataset of a shipped example; DataError, naming those there are, if there is none of that name."""
    example = find_example(example_name, presets)
    parsed = read_file(presets / "examples" / f"{example.name}.jsonl")
    reason = "set by the example"
    mapping = {column: ColumnRole(example.columns.get(column, "ignore"), 1.0, reason) for column in parsed.columns}
    source = {"example": example_name, "licence": example.licence}
    dataset = create_dataset(home, example.title, parsed.columns, parsed.rows, example.roles, source)
    family = detect_format(parsed.columns, parsed.rows)
    return ImportResult(dataset, len(parsed.rows), family, mapping, parsed.problems, parsed.format, parsed.notes)
