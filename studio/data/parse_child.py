"""The short-lived process that reads one untrusted file. Started by studio/data/reading.py:

    python -m studio.data.parse_child SOURCE FOLDER EXTENSION MEMORY BYTES

It writes FOLDER/rows.jsonl and FOLDER/result.json. Memory is capped here; the parent watches the time.
"""

import json
import sys
from pathlib import Path

from studio import system
from studio.data import csv_rows, json_rows, parquet_rows
from studio.data.decoding import decode
from studio.data.sink import Refusal, Sink

JSON_NAMES = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
CSV_NAMES = {".csv", ".tsv", ".tab"}
PARQUET_NAMES = {".parquet", ".pq"}
WRITTEN = {"json": "JSON", "jsonl": "JSON Lines"}


def main(argv: list[str]) -> None:
    source, folder = Path(argv[0]), Path(argv[1])
    system.limit_memory(int(argv[3]))
    result: dict[str, object] = {"format": "", "encoding": None, "delimiter": None, "refusal": None}
    with (folder / "rows.jsonl").open("wb") as output:
        sink = Sink(output, int(argv[4]))
        try:
            result.update(parse(source, argv[2], sink))
            sink.note_missing()
        except Refusal as refusal:
            result["refusal"] = [refusal.line, refusal.message]
        except MemoryError:
            result["refusal"] = [None, f"reading it takes more than {int(argv[3]) / 1e9:.0f} GB of memory"]
    result |= {
        "columns": list(sink.columns),
        "rows": sink.rows,
        "problems": sink.problems,
        "problem_count": sink.problem_count,
        "notes": sink.notes,
    }
    (folder / "result.json").write_text(json.dumps(result))


def parse(source: Path, extension: str, sink: Sink) -> dict[str, object]:
    """Read the file by its content, checked against its extension; returns format, encoding, delimiter."""
    with source.open("rb") as handle:
        head = handle.read(4)
    if not head:
        raise Refusal("it is empty; choose a file with rows in it")
    if head == b"PAR1":
        if extension in JSON_NAMES or extension in CSV_NAMES:
            raise Refusal(f"it is named {extension} and holds Parquet; rename it to .parquet")
        parquet_rows.read_parquet(source, sink)
        return {"format": "parquet"}
    text, encoding = decode(source.read_bytes())
    if encoding != "utf-8":
        sink.notes.append(f"Read as {encoding}.")
    if extension in PARQUET_NAMES:
        raise Refusal(f"it is named {extension} and is not Parquet (it does not begin with PAR1)")
    kind = choose_kind(text, extension)
    delimiter = None
    if kind == "csv":
        delimiter = read_table(text, extension, sink)
    elif kind == "jsonl":
        json_rows.read_lines(text, sink)
    else:
        json_rows.read_document(text, sink)
    named = JSON_NAMES.get(extension)
    if kind in WRITTEN and named and named != kind:
        sink.notes.append(f"The file is named {extension} and holds {WRITTEN[kind]}; read as that.")
    return {"format": kind, "encoding": encoding, "delimiter": delimiter}


def choose_kind(text: str, extension: str) -> str:
    """json, jsonl or csv."""
    start = text.lstrip()[:200]
    if not start:
        raise Refusal("it holds nothing but blank space; choose a file with rows in it")
    if start.lower().startswith(("<!doctype", "<html", "<?xml")):
        raise Refusal("it is a web page or XML, not data; download the data file itself")
    if start[0] in "[{":
        if extension in CSV_NAMES:
            raise Refusal(f"it is named {extension} and holds JSON; rename it to .json or .jsonl")
        return choose_json(text.lstrip(), extension)
    if extension == ".json":
        raise Refusal("it is not JSON: that begins with [ or {; give a CSV file the ending .csv", 1)
    return "jsonl" if extension in JSON_NAMES else "csv"


def choose_json(text: str, extension: str) -> str:
    """JSON Lines if the first line is complete and more follows, or the file is named so; else one document."""
    first, _, rest = text.partition("\n")
    named_lines = JSON_NAMES.get(extension) == "jsonl"
    more = rest.lstrip()[:1]
    if completes(first.strip()):
        if more:
            return "jsonl"
        return "jsonl" if named_lines and text[0] == "{" else "json"
    if text[0] == "{" and (more == "{" or (named_lines and not more)):
        return "jsonl"
    return "json"


def completes(line: str) -> bool:
    """Whether a whole JSON value stands at the beginning of a line."""
    try:
        json.JSONDecoder(parse_int=str).raw_decode(line)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def read_table(text: str, extension: str, sink: Sink) -> str:
    delimiter = csv_rows.read_csv(text, sink)
    if extension not in CSV_NAMES and len(sink.columns) < 2:
        raise Refusal("it is neither JSON nor a table with a header; the studio reads JSON, JSONL, CSV, TSV, Parquet")
    if not sink.rows and not sink.problem_count:
        raise Refusal("it has a header and no rows; choose a file with rows in it", 1)
    return delimiter


if __name__ == "__main__":
    main(sys.argv[1:])
