"""Anything with rows in it to rows. What is untrusted is read in a child process with limits.

    file, text, folder -> launch -> child -> one module per format -> sink -> rows.jsonl -> Parsed

`read_file`, `read_text` and `read_folder` are the doors; rows of the hub come by studio/data/importing/hub_rows.py.
"""

from studio.data.reading.doors import read_file, read_folder, read_text
from studio.data.reading.parsed import (
    DELIMITERS,
    ENCODINGS,
    TEXT_AS,
    BadRowsError,
    Limits,
    Parsed,
    Problem,
    ReadOptions,
    RowFile,
)

__all__ = [
    "DELIMITERS",
    "ENCODINGS",
    "TEXT_AS",
    "BadRowsError",
    "Limits",
    "Parsed",
    "Problem",
    "ReadOptions",
    "RowFile",
    "read_file",
    "read_folder",
    "read_text",
]
