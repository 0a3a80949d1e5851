"""Parquet that gives every value back: each column in the type that holds its values, else as JSON text."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from studio.data.export.chosen import ChosenRows
from studio.data.export.plain import dump
from studio.data.store.tables import Row

BATCH = 10_000
JSON_COLUMNS = b"studio.json_columns"  # cells written as JSON text, because no Parquet type holds them exactly
SMALLEST, LARGEST = -(2**63), 2**63 - 1

Shape = tuple


def write_parquet(chosen: ChosenRows, path: Path) -> int:
    """The rows as one file; returns how many."""
    return write_rows(chosen, measure_columns(chosen), path)


def write_rows(rows: Iterable[Row], shapes: dict[str, Shape], path: Path) -> int:
    """Rows whose cells have these shapes; columns that are JSON text are named in the file's metadata."""
    import pyarrow
    import pyarrow.parquet

    types = {name: arrow_type(pyarrow, shape) for name, shape in shapes.items()}
    encoded = [name for name, type_ in types.items() if type_ is None]
    schema = pyarrow.schema(
        [(name, pyarrow.string() if type_ is None else type_) for name, type_ in types.items()],
        metadata={JSON_COLUMNS: json.dumps(encoded)},
    )
    count = 0
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for batch in batches(rows):
            for name in encoded:
                for values in batch:
                    values[name] = dump(values[name])
            writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


def batches(rows: Iterable[Row]) -> Iterator[list[dict]]:
    """The values of BATCH rows at a time."""
    rest = iter(rows)
    while batch := [row.values for row in islice(rest, BATCH)]:
        yield batch


def measure_columns(chosen: ChosenRows) -> dict[str, Shape]:
    """The shape that all values of a column share; ("mixed",) if they do not."""
    shapes: dict[str, Shape] = dict.fromkeys(chosen.columns, ("null",))
    for row in chosen:
        for name, value in row.values.items():
            if shapes[name] != ("mixed",):
                shapes[name] = merge(shapes[name], shape_of(value))
    return shapes


def shape_of(value: object) -> Shape:
    """("null",), ("str",), ..., ("list", shape), ("dict", ((key, shape), ...)) or ("mixed",)."""
    if value is None:
        return ("null",)
    if isinstance(value, list):
        shape: Shape = ("null",)
        for item in value:
            shape = merge(shape, shape_of(item))
        return ("mixed",) if shape == ("mixed",) else ("list", shape)
    if isinstance(value, dict):
        fields = tuple((key, shape_of(item)) for key, item in value.items())
        return ("mixed",) if not fields or any(shape == ("mixed",) for _, shape in fields) else ("dict", fields)
    if isinstance(value, int) and not isinstance(value, bool) and not SMALLEST <= value <= LARGEST:
        return ("mixed",)
    return (type(value).__name__,)


def merge(one: Shape, other: Shape) -> Shape:
    """The shape that holds both exactly. Objects must have the same keys: Parquet would add the missing ones."""
    if one == other or other == ("null",):
        return one
    if one == ("null",):
        return other
    if one[0] == other[0] == "list":
        inner = merge(one[1], other[1])
        return ("mixed",) if inner == ("mixed",) else ("list", inner)
    if one[0] == other[0] == "dict" and [key for key, _ in one[1]] == [key for key, _ in other[1]]:
        fields = tuple((key, merge(a, b)) for (key, a), (_, b) in zip(one[1], other[1], strict=True))
        return ("mixed",) if any(shape == ("mixed",) for _, shape in fields) else ("dict", fields)
    return ("mixed",)


def arrow_type(pyarrow, shape: Shape):
    """The Arrow type of a shape; None where there is none that holds it."""
    if shape[0] == "mixed":
        return None
    if shape[0] == "list":
        return pyarrow.list_(arrow_type(pyarrow, shape[1]))
    if shape[0] == "dict":
        return pyarrow.struct([(key, arrow_type(pyarrow, inner)) for key, inner in shape[1]])
    plain = {"int": pyarrow.int64(), "float": pyarrow.float64(), "bool": pyarrow.bool_()}
    return plain.get(shape[0], pyarrow.string())
