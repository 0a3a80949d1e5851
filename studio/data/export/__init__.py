"""Datasets to files.

jsonl, json and parquet keep every value, with the same type and the same code points, and writing twice gives the
same bytes. The other formats are for other programs; what they cannot hold is said in what `export_dataset` returns.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from studio.data.export.chosen import choose_rows
from studio.data.export.conversations import write_alpaca, write_messages, write_prompt_completion, write_sharegpt
from studio.data.export.parquet import write_parquet
from studio.data.export.plain import write_csv, write_json, write_jsonl, write_spreadsheet
from studio.data.files import place_new, shown
from studio.data.store.dataset import Dataset
from studio.errors import DataError

__all__ = ["EXTENSIONS", "WRITERS", "Exported", "export_dataset"]

WRITERS = {
    "jsonl": write_jsonl,
    "parquet": write_parquet,
    "json": write_json,
    "csv": write_csv,
    "csv-spreadsheet": write_spreadsheet,
    "messages": write_messages,
    "alpaca": write_alpaca,
    "sharegpt": write_sharegpt,
    "prompt-completion": write_prompt_completion,
}
EXTENSIONS = {"csv-spreadsheet": "csv", "messages": "jsonl", "prompt-completion": "jsonl"} | dict.fromkeys(
    ("alpaca", "sharegpt"), "json"
)
"""What a file of a format is called at its end, where that is not the format's own name"""


@dataclass(frozen=True)
class Exported:
    """What an export wrote: how many rows, which it left out (reason -> row ids), and what else to know."""

    rows: int
    left_out: dict[str, list[int]]
    notes: list[str]


def export_dataset(dataset: Dataset, format: str, out: Path, row_ids: Iterable[int] | None = None) -> Exported:
    """Write the rows with these ids (None: all), in the order of the dataset, to a new file in one of WRITERS.

    DataError if the format is unknown, the file exists already or cannot be written; then there is no file.
    """
    if format not in WRITERS:
        raise DataError(f"There is no export format {format[:80]!r}. Choose one of {', '.join(WRITERS)}.")
    if out.exists() or out.is_symlink():
        raise taken(out)
    if not out.parent.is_dir():
        raise DataError(f"There is no folder {shown(str(out.parent))} to write to. Make it first.")
    draft = out.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with choose_rows(dataset, row_ids) as chosen:
            rows = WRITERS[format](chosen, draft)
        place_new(draft, out)
    except FileExistsError:
        raise taken(out) from None
    except OSError as error:
        raise DataError(f"{shown(out.name)} could not be written ({error.strerror}). Check the folder.") from error
    finally:
        draft.unlink(missing_ok=True)
    return Exported(rows, chosen.left_out, chosen.notes)


def taken(out: Path) -> DataError:
    return DataError(f"{shown(out.name)} exists already and is not overwritten. Choose another name.")
