"""What the rows of a dataset are asked for: a search, filters and an order, as a value that the page can keep."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from studio.data.files import shown
from studio.data.store.marks import STATUSES
from studio.errors import DataError

LENGTHS = ("prompt", "answer", "tokens")
SORTS = ("", "prompt_length", "answer_length", "tokens", "status", "changed", "id")
COLUMN_SORT = "column:"
LISTS = ("status", "tags", "checks", "labels", "languages", "splits")

Range = tuple[int | None, int | None]


@dataclass(frozen=True)
class Query:
    """Every filter narrows; inside one filter any of its values will do. Empty: all rows in the dataset's order.

    `search`: words that a row must hold, all of them; "several in quotes" are a phrase. `checks`: names of checks that
    found something in the row. `lengths`: {"prompt" | "answer" | "tokens": (low, high)}, both included, None: open;
    the first two in characters. `contains`: (column, text) pairs. `sort`: one of SORTS, or "column:NAME".
    """

    search: str = ""
    status: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    golden: bool | None = None
    lengths: Mapping[str, Range] = field(default_factory=dict)
    contains: tuple[tuple[str, str], ...] = ()
    sort: str = ""
    descending: bool = False

    def __post_init__(self):
        check_query(self)

    @property
    def filtered(self) -> bool:
        """Whether anything but the search narrows the rows."""
        return any(getattr(self, name) not in ((), {}, None) for name in (*LISTS, "golden", "lengths", "contains"))

    def to_json(self) -> dict:
        """What differs from the empty query, for `from_json`."""
        empty = asdict(Query())
        return {key: value for key, value in asdict(self).items() if value != empty[key]}

    @classmethod
    def from_json(cls, data: Mapping) -> "Query":
        """A query from what a page sent; DataError for anything that is not one."""
        if not isinstance(data, Mapping) or not set(data) <= {one.name for one in fields(cls)}:
            raise DataError("The rows cannot be chosen so: the request names a filter that there is not.")
        values = {key: tuplify(value) for key, value in data.items()}
        if isinstance(data.get("lengths"), Mapping):
            values["lengths"] = {key: tuplify(value) for key, value in data["lengths"].items()}
        return cls(**values)


def tuplify(value: object) -> object:
    """Lists, at any depth, as tuples."""
    return tuple(tuplify(item) for item in value) if isinstance(value, list | tuple) else value


def check_query(query: Query) -> None:
    """DataError for values of the wrong kind, and for a status or an order that there is not."""
    for name in LISTS:
        value = getattr(query, name)
        if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
            raise DataError(f"The filter {shown(name)} must be a list of texts.")
    unknown = [status for status in query.status if status not in STATUSES]
    if unknown:
        raise DataError(f"There is no status {shown(unknown[0])}. The statuses are {', '.join(STATUSES)}.")
    if not isinstance(query.search, str) or query.golden not in (None, True, False):
        raise DataError("The search must be text, and golden true, false or nothing.")
    if not isinstance(query.lengths, Mapping) or not all(map(is_length, query.lengths.items())):
        raise DataError(f"A length filter must be {', '.join(LENGTHS)} with a lowest and a highest whole number.")
    if not isinstance(query.contains, tuple) or not all(map(is_pair_of_texts, query.contains)):
        raise DataError("A filter by column must be the column's name and a text.")
    sort = query.sort
    if not isinstance(sort, str) or (sort not in SORTS and not sort.startswith(COLUMN_SORT)):
        raise DataError(f"The rows cannot be sorted by {shown(str(sort))}. Choose a column of the table.")
    if not isinstance(query.descending, bool):
        raise DataError("The direction of an order must be true (descending) or false.")


def is_length(item: tuple[object, object]) -> bool:
    name, pair = item
    whole = isinstance(pair, tuple) and len(pair) == 2
    return name in LENGTHS and whole and all(end is None or type(end) is int for end in pair)


def is_pair_of_texts(item: object) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and all(isinstance(text, str) for text in item)
