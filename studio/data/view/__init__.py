"""Pages of a dataset's rows under a search, filters and an order, and the facets beside them.

Which rows match is worked out from facts.db (facts); only the rows of the page are read from the dataset.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from studio.data.store.dataset import Dataset
from studio.data.store.tables import Row, read_rows
from studio.data.view.facets import Bin, Facets, count_facets
from studio.data.view.facts import open_facts
from studio.data.view.facts.file import write
from studio.data.view.query import Query
from studio.data.view.search import Search, scan_condition, split_terms
from studio.data.view.selection import Selection
from studio.errors import DataError
from studio.home import Home

__all__ = ["Bin", "Facets", "PageOfRows", "Query", "offset_of", "read_facets", "read_ids", "read_page"]

NOT_READY = (
    "The rows are being read in the background, so which ones match is not known for certain yet. "
    "Try again in a few seconds."
)


@dataclass(frozen=True)
class PageOfRows:
    """`rows` of a page, and how many match in `total`.

    Not `ready`: a process in the background reads the rows. Until it has been through for the first time, the page is
    in the dataset's own order, under the search alone; with any other filter it is empty. After a large change the
    page is chosen by the texts and lengths of before; the rows shown are always as they are now.
    """

    rows: list[Row]
    total: int
    ready: bool = True


def read_page(home: Home, dataset: Dataset, query: Query, offset: int, limit: int) -> PageOfRows:
    """At most `limit` of the rows that match, after the first `offset`."""
    offset, limit = max(0, offset), max(0, limit)
    with select(home, dataset, query) as (selection, ready):
        if selection is None:
            return scan_page(dataset, query, offset, limit)
        places = selection.places()
        row_ids = selection.load("id")[places[offset : offset + limit]].tolist()
    return PageOfRows(dataset.rows_by_id(row_ids), len(places), ready)


def read_ids(home: Home, dataset: Dataset, query: Query) -> list[int]:
    """The ids of all rows that match, in the query's order; DataError while that is not known for certain."""
    with select(home, dataset, query) as (selection, ready):
        if selection is not None and (ready or not narrows(query)):
            return selection.load("id")[selection.places()].tolist()
    if narrows(query) or query.sort:
        raise DataError(NOT_READY)
    with dataset.connect() as db:
        return [row_id for (row_id,) in db.execute("SELECT id FROM rows WHERE live = 1 ORDER BY position")]


def offset_of(home: Home, dataset: Dataset, query: Query, row_id: int) -> int | None:
    """How many of the rows that match stand before a row; None if it is not among them, or that is not known yet."""
    import numpy as np

    with select(home, dataset, query) as (selection, _):
        if selection is None:
            return None
        found = np.flatnonzero(selection.load("id")[selection.places()] == row_id)
    return int(found[0]) if len(found) else None


def read_facets(home: Home, dataset: Dataset, query: Query) -> Facets:
    """How the rows that match are spread over the values of each filter; all empty while nothing is known."""
    with select(home, dataset, query) as (selection, ready):
        return Facets() if selection is None else count_facets(selection, ready)


def narrows(query: Query) -> bool:
    return query.filtered or bool(split_terms(query.search))


@contextmanager
def select(home: Home, dataset: Dataset, query: Query) -> Iterator[tuple[Selection | None, bool]]:
    """(the selection, whether it is of the dataset as it is); None while nothing is known."""
    with open_facts(home, dataset) as (db, state):
        if state is None:
            yield None, False
            return
        selection = Selection(db, state, dataset.columns, query)
        yield selection, not state.behind
        db.execute("ROLLBACK")
        if selection.afterwards:
            keep(db, selection)


def keep(db: sqlite3.Connection, selection: Selection) -> None:
    """Save what was worked out for the next time; not worth waiting for a writer, nor if it is outdated already."""
    db.execute("PRAGMA busy_timeout = 20")
    with suppress(sqlite3.OperationalError), write(db):
        found = db.execute("SELECT value FROM state").fetchone()
        if found and json.loads(found[0])["generation"] == selection.state.generation:
            for statement, values in selection.afterwards:
                db.execute(statement, values)


def scan_page(dataset: Dataset, query: Query, offset: int, limit: int) -> PageOfRows:
    """A page from the dataset's file alone."""
    if query.filtered:
        return PageOfRows([], 0, False)
    where, terms = scan_condition(Search(split_terms(query.search)))
    page = f"WHERE id IN (SELECT id FROM rows WHERE {where} ORDER BY position LIMIT ? OFFSET ?) ORDER BY position"
    with dataset.connect() as db:
        total = db.execute(f"SELECT count(*) FROM rows WHERE {where}", terms).fetchone()[0]
        return PageOfRows(list(read_rows(db, page, [*terms, limit, offset])), total, False)
