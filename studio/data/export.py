"""Datasets to files. JSONL, JSON and Parquet keep every value; exporting twice gives the same bytes."""

import csv
import json
import secrets
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from studio.data.conversations import cell_text
from studio.data.dataset import Dataset
from studio.data.files import place_new, shown
from studio.errors import DataError

BATCH = 10_000
JSON_COLUMNS = b"studio.json_columns"  # cells written as JSON text, because no Parquet type holds them exactly
SMALLEST, LARGEST = -(2**63), 2**63 - 1

Shape = tuple


def export_dataset(dataset: Dataset, format: str, out: Path) -> None:
    """Write all rows to a new file as "jsonl", "json", "csv" or "parquet".

    DataError if the format is unknown or the file exists already. CSV holds text alone: other values are written
    as JSON, null as nothing.
    """
    if format not in WRITERS:
        raise DataError(f"There is no export format {format[:80]!r}. Choose one of {', '.join(WRITERS)}.")
    if out.exists() or out.is_symlink():
        raise DataError(f"{shown(out.name)} exists already and is not overwritten. Choose another name.")
    if not out.parent.is_dir():
        raise DataError(f"There is no folder {shown(str(out.parent))} to write to. Make it first.")
    draft = out.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        WRITERS[format](dataset, draft)
        place_new(draft, out)
    except FileExistsError:
        raise DataError(f"{shown(out.name)} exists already and is not overwritten. Choose another name.") from None
    except OSError as error:
        raise DataError(f"{shown(out.name)} could not be written ({error.strerror}). Check the folder.") from error
    finally:
        draft.unlink(missing_ok=True)


def dump(values: dict) -> str:
    return json.dumps(values, ensure_ascii=False)


def write_jsonl(dataset: Dataset, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(dump(row.values) + "\n" for row in dataset.rows())


def write_json(dataset: Dataset, path: Path) -> None:
    """An array with one row a line."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("[")
        for number, row in enumerate(dataset.rows()):
            file.write((",\n" if number else "\n") + dump(row.values))
        file.write("\n]\n")


def write_csv(dataset: Dataset, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(dataset.columns)
        writer.writerows([cell_text(cell) for cell in row.values.values()] for row in dataset.rows())


def write_parquet(dataset: Dataset, path: Path) -> None:
    """Every column in the Parquet type that holds its values exactly; else as JSON text, named in the metadata."""
    import pyarrow
    import pyarrow.parquet

    shapes = measure_columns(dataset)
    types = {name: arrow_type(pyarrow, shape) for name, shape in shapes.items()}
    encoded = [name for name, type_ in types.items() if type_ is None]
    schema = pyarrow.schema(
        [(name, pyarrow.string() if type_ is None else type_) for name, type_ in types.items()],
        metadata={JSON_COLUMNS: json.dumps(encoded)},
    )
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for rows in batches(dataset):
            for name in encoded:
                for row in rows:
                    row[name] = dump(row[name])
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))


def batches(dataset: Dataset) -> Iterator[list[dict]]:
    rows = dataset.rows()
    while batch := [row.values for row in islice(rows, BATCH)]:
        yield batch


def measure_columns(dataset: Dataset) -> dict[str, Shape]:
    """The shape that all values of a column share; ("mixed",) if they do not."""
    shapes: dict[str, Shape] = dict.fromkeys(dataset.columns, ("null",))
    for row in dataset.rows():
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


WRITERS = {"jsonl": write_jsonl, "json": write_json, "csv": write_csv, "parquet": write_parquet}
