"""Parquet to rows, from a file on this disk or one that is fetched in pieces. Needs pyarrow."""

from pathlib import Path
from typing import IO

from studio.data.reading.arrow_rows import BATCH, add_batches, check_schema, refusing, take_labels
from studio.data.reading.sink import Sink


def read_parquet(source: Path | IO[bytes], sink: Sink) -> None:
    """Rows in the order of the file; a problem's line is the row's number, counted from 1."""
    import pyarrow.parquet

    with refusing("Parquet"), pyarrow.parquet.ParquetFile(source) as file:
        check_schema(file.schema_arrow)
        if sink.most_rows is None:
            groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
            sink.check_room(sum(group.total_byte_size for group in groups))
        take_labels(file.schema_arrow, sink)
        add_batches(file.iter_batches(batch_size=BATCH), file.schema_arrow, sink)
