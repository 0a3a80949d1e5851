"""The small datasets that come with the project: presets/examples/NAME.yaml beside NAME.jsonl."""

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from studio.data.files import listed, shown
from studio.data.roles import Options, Roles, read_options
from studio.errors import DataError
from studio.home import ID_PATTERN

PRESETS = Path(__file__).resolve().parents[3] / "presets"
KEYS = ("title", "description", "licence", "rows", "columns")


@dataclass(frozen=True)
class ShippedExample:
    """A small dataset that comes with the project; `columns`: column -> role, columns not named are left out."""

    name: str
    title: str
    description: str
    licence: str
    rows: int
    columns: dict[str, str]
    options: Options = field(default_factory=Options)

    @property
    def roles(self) -> Roles:
        """Its columns' roles with the options."""
        return Roles(self.columns, self.options)


def list_examples(presets: Path = PRESETS) -> list[ShippedExample]:
    """The examples that are shipped, by name."""
    return [read_example(path) for path in sorted((presets / "examples").glob("*.yaml"))]


def read_example(path: Path) -> ShippedExample:
    """An example's YAML; DataError if it is not made as it must be."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or set(data) - {"options"} != set(KEYS):
        raise DataError(
            f"The example {shown(path.name)} must have exactly the keys {', '.join(KEYS)}, and options if it needs any."
        )
    return ShippedExample(path.stem, **{**data, "options": read_options(data.get("options") or {})})


def find_example(name: str, presets: Path = PRESETS) -> ShippedExample:
    """The example of that name; DataError, naming those there are, if there is none."""
    path = presets / "examples" / f"{name}.yaml"
    if not ID_PATTERN.fullmatch(name) or not path.is_file():
        names = [example.name for example in list_examples(presets)]
        raise DataError(f"There is no example {shown(name)}. There are {listed(names)}.")
    return read_example(path)
