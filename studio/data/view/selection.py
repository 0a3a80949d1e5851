"""Which rows a query matches and in which order, worked out from facts.db alone."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, reduce
from typing import TYPE_CHECKING

from studio.data.checks.results import COPIES, IN_COMPANY
from studio.data.files import listed, shown
from studio.data.store.marks import STATUSES
from studio.data.view.facts.borrowed import Pairs, load_pairs
from studio.data.view.facts.file import SAVE_ARRAY, State, load_array
from studio.data.view.facts.rows import places_of
from studio.data.view.facts.sorting import NONE, make_keys, merge_ranks, rank_column, sort_by_ranks
from studio.data.view.query import COLUMN_SORT, Query
from studio.data.view.search import CELL_END, Block, Search, find_in_block, holds, split_terms
from studio.errors import DataError

if TYPE_CHECKING:
    import numpy as np

KEPT_SEARCHES = 24
QUICK_SLOTS = 20_000  # searches in fewer texts are quicker than their book-keeping


class Selection:
    """The rows of a query. All arrays have one place for each row, in the dataset's order, deleted rows included.

    `afterwards`: statements for facts.db that keep what was worked out for the next time.
    """

    def __init__(self, db: sqlite3.Connection, state: State, columns: Sequence[str], query: Query):
        self.db, self.state, self.columns, self.query = db, state, list(columns), query
        self.afterwards: list[tuple[str, list]] = []
        self.loaded: dict[str, np.ndarray] = {}

    def load(self, name: str) -> "np.ndarray":
        if name not in self.loaded:
            self.loaded[name] = load_array(self.db, name)
        return self.loaded[name]

    @cached_property
    def masks(self) -> dict[str, "np.ndarray"]:
        """bool by the name of a facet: the rows that pass this filter; "": live, found, and all that is no facet."""
        return {"": self.base_mask(), **dict(self.filters())}

    def matching(self, without: str = "-") -> "np.ndarray":
        """bool: the rows that pass every filter, or every one but that of a facet."""
        return reduce(lambda one, two: one & two, (mask for name, mask in self.masks.items() if name != without))

    def filters(self) -> Iterator[tuple[str, "np.ndarray"]]:
        import numpy as np

        query = self.query
        if query.status:
            yield "status", np.isin(self.load("status"), [STATUSES.index(status) for status in query.status])
        if query.golden is not None:
            yield "golden", self.load("golden") == query.golden
        if query.labels:
            yield "labels", np.isin(self.load("label"), codes_of(self.state.label_names, query.labels))
        if query.tags:
            yield "tags", self.rows_with(self.pairs("tags"), query.tags)
        for kind in ("checks", "languages", "splits"):
            if getattr(query, kind):
                yield kind, self.rows_with(self.pairs(kind), getattr(query, kind))
        for name, (low, high) in query.lengths.items():
            values = self.lengths(name)
            mask = values >= max(0, low or 0)
            yield name, mask if high is None else mask & (values <= high)

    def pairs(self, kind: str) -> Pairs:
        """Rows and their tags, checks, languages, tokens or splits; what the checks say only as far as it holds."""
        if kind == "tags":
            return Pairs(self.load("tag_row"), self.load("tag_code"), self.load("tag_row"), self.state.tag_names)
        pairs = load_pairs(self.db, kind)
        if kind == "checks":
            return self.standing(pairs)
        return pairs if kind == "splits" else pairs.only(self.unchanged(pairs.rows, pairs.seq))

    def unchanged(self, row_ids: "np.ndarray", seq: int | None) -> "np.ndarray":
        """bool: the rows whose cells are what they were at that entry of the log; all, if it is not known."""
        places = places_of(self.load("id"), row_ids)
        mask = places >= 0
        if seq is not None:
            latest = seq if seq <= self.state.seq else NONE  # none, if the dataset was put back to an older copy
            mask[mask] = self.load("version")[places[mask]] <= latest
        return mask

    def standing(self, found: Pairs) -> Pairs:
        """Findings about rows that are what they were, by the rules of checks/results.py."""
        import numpy as np

        kept = self.load("status") != STATUSES.index("discarded")

        def is_fresh(row_ids: np.ndarray) -> np.ndarray:
            fresh = self.unchanged(row_ids, found.seq)
            fresh[fresh] = kept[places_of(self.load("id"), row_ids[fresh])]
            return fresh

        copies = np.isin(found.values, codes_of(found.names, COPIES))
        found = found.only(is_fresh(found.rows) & (~copies | is_fresh(found.groups)))
        company = np.isin(found.values, codes_of(found.names, IN_COMPANY))
        together = join_codes(found.values, found.groups)
        _, which, counts = np.unique(together, return_inverse=True, return_counts=True)
        return found.only(~company | (counts[which] > 1))

    def rows_with(self, pairs: Pairs, wanted: Sequence[str]) -> "np.ndarray":
        """bool: the rows that have one of the wanted names."""
        import numpy as np

        mask = np.zeros(len(self.load("id")), bool)
        places = places_of(self.load("id"), pairs.rows[np.isin(pairs.values, codes_of(pairs.names, wanted))])
        mask[places[places >= 0]] = True
        return mask

    def lengths(self, name: str) -> "np.ndarray":
        """Of the prompt or the answer in characters, or of both in tokens; -1 where it is not known."""
        import numpy as np

        if name != "tokens":
            return self.load(name)
        if name not in self.loaded:
            pairs = self.pairs("tokens")
            places = places_of(self.load("id"), pairs.rows)
            self.loaded[name] = np.full(len(self.load("id")), NONE, np.int64)
            self.loaded[name][places[places >= 0]] = pairs.values[places >= 0]
        return self.loaded[name]

    # The search

    def base_mask(self) -> "np.ndarray":
        """bool: live rows in which everything that is searched for stands."""
        wanted = Search(
            split_terms(self.query.search),
            tuple((self.number_of(name), text.casefold()) for name, text in self.query.contains if text),
        )
        live = self.load("live")
        return live & self.find(wanted) if wanted else live

    def number_of(self, column: str) -> int:
        if column not in self.columns:
            raise DataError(f"There is no column {shown(column)}. The columns are {listed(self.columns)}.")
        return self.columns.index(column)

    def find(self, wanted: Search) -> "np.ndarray":
        """bool: the rows whose text holds what is wanted."""
        import numpy as np

        slots, slot = self.find_slots(wanted), self.load("slot")
        mask = slots[slot] & (slot >= 0) if len(slots) else np.zeros(len(slot), bool)
        late = self.db.execute("SELECT row_id, text FROM late")
        rows = np.array([row_id for row_id, text in late if holds(text, wanted)], np.int64)
        places = places_of(self.load("id"), rows)
        mask[places[places >= 0]] = True
        return mask & self.load("live")

    def find_slots(self, wanted: Search) -> "np.ndarray":
        """bool for each slot; the last searches are remembered."""
        import numpy as np

        generation, slots = self.state.generation, self.state.slots
        key = json.dumps([wanted.terms, wanted.cells], ensure_ascii=False)
        query = "SELECT slots FROM found WHERE generation = ? AND search = ?"
        known = self.db.execute(query, [generation, key]).fetchone()
        if known:
            return np.unpackbits(np.frombuffer(known[0], np.uint8), count=slots).astype(bool)
        found, first = np.zeros(slots, bool), 0
        for block in self.blocks():
            found[first + find_in_block(block, wanted)] = True
            first += len(block.last)
        if slots > QUICK_SLOTS:
            query = "INSERT OR IGNORE INTO found (generation, search, slots) VALUES (?, ?, ?)"
            self.afterwards.append((query, [generation, key, np.packbits(found).tobytes()]))
            query = "DELETE FROM found WHERE id <= (SELECT max(id) FROM found) - ?"
            self.afterwards.append((query, [KEPT_SEARCHES]))
        return found

    def blocks(self) -> Iterator[Block]:
        import numpy as np

        query = "SELECT data, ends FROM texts WHERE generation = ? ORDER BY number"
        for data, ends in self.db.execute(query, [self.state.generation]):
            yield Block(data, np.frombuffer(ends, np.uint32).astype(np.int64))

    # The order

    def places(self) -> "np.ndarray":
        """int64: the places of the matching rows, in the query's order."""
        import numpy as np

        places, sort = np.flatnonzero(self.matching()), self.query.sort
        if not sort:
            return places[::-1] if self.query.descending else places
        ranks, last = self.column_ranks(sort) if sort.startswith(COLUMN_SORT) else self.fact_ranks(sort)
        return places[sort_by_ranks(ranks[places], self.query.descending, last)]

    def fact_ranks(self, sort: str) -> tuple["np.ndarray", int]:
        """(whole numbers from 0 that sort like the fact, the one of rows that have none)."""
        import numpy as np

        if sort in ("status", "id", "changed"):
            return self.load(sort), NONE
        values = self.lengths(sort.partition("_")[0])
        last = int(values.max(initial=0)) + 1
        return np.where(values < 0, last, values), last

    def column_ranks(self, sort: str) -> tuple["np.ndarray", int]:
        """(ranks of the cells of a column, the one of empty cells)."""
        import numpy as np

        column = sort.removeprefix(COLUMN_SORT)
        number = self.number_of(column)
        ranks, empty = self.load_ranks(column, number)
        rows, keys = self.late_keys(number)
        slot, late = self.load("slot"), np.empty(0, np.int64)
        if len(rows):
            ranks, late, empty = merge_ranks(self.load(f"keys:{column}"), ranks, keys)
        result = ranks[slot].astype(np.int64) if len(ranks) else np.zeros(len(slot), np.int64)
        places = places_of(self.load("id"), rows)
        result[places[places >= 0]] = late[places >= 0]
        return result, empty

    def load_ranks(self, column: str, number: int) -> tuple["np.ndarray", int]:
        """(ranks of the slots, the one of empty cells) as sorted ahead, else worked out now and kept."""
        if load_array(self.db, f"empty:{column}") is None:
            made = rank_column((block.data for block in self.blocks()), number)
            for name, values in made.arrays(column).items():
                self.loaded[name] = values
                self.afterwards.append((SAVE_ARRAY, [name, values.dtype.str, values.tobytes()]))
        return self.load(f"ranks:{column}"), int(self.load(f"empty:{column}")[0])

    def late_keys(self, number: int) -> tuple["np.ndarray", "np.ndarray"]:
        import numpy as np

        late = self.db.execute("SELECT row_id, text FROM late").fetchall()
        cells = [text[:-1].split(CELL_END) for _, text in late]
        keys = make_keys([row[number] if number < len(row) else b"" for row in cells])
        return np.array([row_id for row_id, _ in late], np.int64), keys


def join_codes(first: "np.ndarray", second: "np.ndarray") -> "np.ndarray":
    """int64: one number for each pair of numbers, different for different pairs (first >= 0, second >= -1)."""
    return first * (int(second.max(initial=0)) + 2) + second + 1


def codes_of(names: Sequence[str], wanted: Iterable[str]) -> list[int]:
    """The codes of the wanted names; a name that nobody has is passed over."""
    known = {name: code for code, name in enumerate(names)}
    return [known[name] for name in wanted if name in known]
