"""Arrow's record batches to rows; Arrow and Feather files. Needs pyarrow; it runs in the parse child."""

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from studio.data.reading.sink import MOST_COLUMNS, Refusal, Sink

BATCH = 256
JSON_COLUMNS = b"studio.json_columns"  # columns whose cells this project wrote as JSON text
FEATURES = b"huggingface"  # where the datasets library says what integer labels mean
FILE_MAGIC = b"ARROW1"
STREAM_MAGIC = b"\xff\xff\xff\xff"  # each message of a stream begins so


def read_arrow(path: Path, sink: Sink) -> None:
    """Rows of an Arrow IPC file (Feather 2) or stream; a problem's line is the row's number, counted from 1."""
    import pyarrow.ipc

    with refusing("Arrow"), pyarrow.OSFile(str(path)) as source:
        if path.open("rb").read(len(FILE_MAGIC)) == FILE_MAGIC:
            reader = pyarrow.ipc.open_file(source)
            batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        else:
            reader = pyarrow.ipc.open_stream(source)
            batches = iter(reader)
        check_schema(reader.schema)
        take_labels(reader.schema, sink)
        add_batches(checked(batches, sink), reader.schema, sink)


def checked(batches: Iterable, sink: Sink) -> Iterator:
    """Batches cut small, each proven sound before it is read: a forged one could reach beyond its memory."""
    for batch in batches:
        batch.validate(full=True)
        sink.check_room(batch.nbytes)
        for start in range(0, batch.num_rows, BATCH):
            yield batch.slice(start, BATCH)


@contextmanager
def refusing(kind: str) -> Iterator[None]:
    """Turn what pyarrow says of a broken file into a Refusal."""
    import pyarrow

    pyarrow.set_cpu_count(1)
    try:
        yield
    except MemoryError:
        raise
    except NotImplementedError as error:
        raise Refusal(f"the {kind} file uses what cannot be read here ({str(error)[:160]}); save it anew") from None
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError):
        raise Refusal(f"the {kind} file is damaged or cut off; get the complete file") from None


def check_schema(schema) -> None:
    """Refusal for too many columns, or names that do not tell them apart."""
    if len(schema.names) > MOST_COLUMNS:
        raise Refusal(f"it has {len(schema.names)} columns; keep the few that hold text to learn from")
    if len(set(schema.names)) < len(schema.names) or "" in schema.names:
        raise Refusal("several columns share a name, or one has none; give every column a name of its own")


def add_batches(batches: Iterable, schema, sink: Sink) -> None:
    """Every row of the batches, its values as JSON has them."""
    encoded, number = json.loads((schema.metadata or {}).get(JSON_COLUMNS, b"[]")), 0
    for batch in batches:
        sink.check_room(batch.nbytes)
        for row in batch.to_pylist():
            number += 1
            flaws: list[str] = []
            plain = {
                name: json.loads(cell) if name in encoded and cell is not None else simplify(cell, name, flaws)
                for name, cell in row.items()
            }
            sink.add(plain, number, flaws)


def take_labels(schema, sink: Sink) -> None:
    """Note the names of integer labels that the datasets library left in the file."""
    try:
        features = json.loads((schema.metadata or {}).get(FEATURES, b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    for column, feature in features.items() if isinstance(features, dict) else ():
        names = names_in(feature)
        if names and column in schema.names:
            sink.label_names[column] = names


def names_in(feature: object) -> list[str] | None:
    """The class names of a feature, or of the items of a list of such."""
    for _ in range(4):
        if isinstance(feature, list) and len(feature) == 1:
            feature = feature[0]
        elif isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
            names = feature.get("names")
            return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None
        elif isinstance(feature, dict):
            feature = feature.get("feature")
    return None


def simplify(value: object, name: str, flaws: list[str]) -> object:
    """A value as JSON has it: dates and decimals become text, a missing number (NaN) becomes null."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            flaws.append(f"column {name[:80]!r} holds an infinite number")
        return None if math.isnan(value) else value
    if isinstance(value, dict):
        return {key: simplify(item, name, flaws) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [simplify(item, name, flaws) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID | timedelta):
        return str(value)
    return simplify_bytes(value, name, flaws)


def simplify_bytes(value: object, name: str, flaws: list[str]) -> str | None:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    flaws.append(f"column {name[:80]!r} holds binary data (an image?), not text; save the file without it")
    return None
