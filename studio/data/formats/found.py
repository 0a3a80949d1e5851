"""What detection says of a file: its family, each column's role, and what else reading needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from studio.data.roles import ColumnRole, Options, Roles

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Found:
    """`family`: "alpaca", "dolly", ..., or "unknown"; `columns`: each column's role with confidence and reason."""

    family: str
    columns: dict[str, ColumnRole]
    options: Options = field(default_factory=Options)

    @property
    def roles(self) -> Roles:
        """Column -> role with the options, as datasets keep it."""
        return Roles({column: kept.role for column, kept in self.columns.items()}, self.options)

    def change(self, columns: Mapping[str, ColumnRole] | None = None, **options: object) -> "Found":
        """The same with these columns and options."""
        return replace(self, columns={**self.columns, **(columns or {})}, options=replace(self.options, **options))
