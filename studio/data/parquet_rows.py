"""Parquet to rows. The one place, besides export, that needs pyarrow; it runs in the parse child."""

import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from studio.data.sink import MOST_COLUMNS, Refusal, Sink

BATCH = 256
JSON_COLUMNS = b"studio.json_columns"  # columns whose cells this project wrote as JSON text


def read_parquet(path: Path, sink: Sink) -> None:
    """Rows in the order of the file; a problem's line is the row's number, counted from 1."""
    import pyarrow
    import pyarrow.parquet

    pyarrow.set_cpu_count(1)
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            check_schema(file, sink.most_bytes)
            encoded = json.loads((file.schema_arrow.metadata or {}).get(JSON_COLUMNS, b"[]"))
            read_batches(file, set(encoded), sink)
    except MemoryError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
        raise Refusal(f"the Parquet file is damaged or cut off ({reason})") from None


def check_schema(file, most_bytes: int) -> None:
    names = file.schema_arrow.names
    if len(names) > MOST_COLUMNS:
        raise Refusal(f"it has {len(names)} columns; keep the few that hold text to learn from")
    if len(set(names)) < len(names) or "" in names:
        raise Refusal("several columns share a name, or one has none; give every column a name of its own")
    groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
    if sum(group.total_byte_size for group in groups) > most_bytes:
        raise Refusal(f"it holds more than {most_bytes / 1e9:g} GB once decoded; split it into parts")


def read_batches(file, encoded: set[str], sink: Sink) -> None:
    number = 0
    for batch in file.iter_batches(batch_size=BATCH):
        if sink.bytes + batch.nbytes > sink.most_bytes:
            raise Refusal(f"it holds more than {sink.most_bytes / 1e9:g} GB once decoded; split it into parts")
        for row in batch.to_pylist():
            number += 1
            flaws: list[str] = []
            plain = {
                name: json.loads(cell) if name in encoded and cell is not None else simplify(cell, name, flaws)
                for name, cell in row.items()
            }
            sink.add(plain, number, flaws)


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
