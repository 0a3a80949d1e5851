"""One row out of several, and several out of one: what their cells become."""

from collections.abc import Sequence

from studio.data.files import shown
from studio.data.store.tables import Row, Values
from studio.errors import DataError

MOST_PARTS = 100


def join_rows(rows: Sequence[Row]) -> Values:
    """The cells of one row that holds all of several: different texts below each other, lists end to end.

    Values that are neither text nor lists are the first row's. DataError for fewer than two rows.
    """
    if len(rows) < 2:
        raise DataError("Merging needs at least two rows. Tick the rows that belong together.")
    return {column: join_cells([row.values[column] for row in rows]) for column in rows[0].values}


def join_cells(cells: Sequence[object]) -> object:
    """One column of several rows: what is empty or said already adds nothing."""
    filled = [cell for cell in cells if cell not in (None, "", [])]
    if not filled:
        return cells[0]
    if all(isinstance(cell, str) for cell in filled):
        return "\n\n".join(dict.fromkeys(filled))
    if all(isinstance(cell, list) for cell in filled):
        return [item for cell in filled for item in cell]
    return filled[0]


def cut_row(values: Values, separator: str) -> list[Values]:
    """The cells of the rows into which a row falls apart at a separator, spaces around it removed.

    A column without the separator is the same in every part. DataError if no column holds it, or two columns fall
    into different numbers of parts, because then it is not clear what belongs together.
    """
    if not separator:
        raise DataError("There is nothing to split at. Type the text that stands between the parts, such as ---.")
    parts = {
        column: [part.strip() for part in cell.split(separator)]
        for column, cell in values.items()
        if isinstance(cell, str) and separator in cell
    }
    if not parts:
        raise DataError(f"No text of the row holds {shown(separator)}, so there is nothing to split.")
    counts = {column: len(found) for column, found in parts.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{shown(column)} into {count}" for column, count in counts.items())
        raise DataError(
            f"{shown(separator)} splits the columns into different numbers of parts ({told}). Mend that first."
        )
    count = next(iter(counts.values()))
    if count > MOST_PARTS:
        raise DataError(f"{shown(separator)} would split the row into {count:,} parts; at most {MOST_PARTS} are made.")
    return [
        {column: parts[column][at] if column in parts else cell for column, cell in values.items()}
        for at in range(count)
    ]
