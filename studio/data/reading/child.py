"""The short-lived process that reads one untrusted file. Started by studio/data/reading/launch.py:

    python -m studio.data.reading.child FOLDER

It is told what to do in FOLDER/job.json, appends to FOLDER/rows.jsonl and writes FOLDER/result.json. Memory is
capped here; the parent watches the time.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from studio import system
from studio.data.reading import csv_rows, json_rows, text_rows
from studio.data.reading.decoding import decode
from studio.data.reading.kinds import (
    ARROW_NAMES,
    CSV_NAMES,
    EXCEL_NAMES,
    JSON_NAMES,
    PARQUET_NAMES,
    READABLE,
    SIDECARS,
    TEXT_NAMES,
    UNFINISHED,
)
from studio.data.reading.sink import Refusal, Sink

WRITTEN = {"json": "JSON", "jsonl": "JSON Lines"}
HEAD = 8
# Containers: first bytes, what it is called, the endings that may name it, how it should end.
CONTAINERS = (
    (b"PAR1", "Parquet", PARQUET_NAMES, ".parquet"),
    (b"ARROW1", "Arrow", ARROW_NAMES, ".arrow"),
    (b"\xff\xff\xff\xff", "Arrow", ARROW_NAMES, ".arrow"),
    (b"PK\x03\x04", "Excel", EXCEL_NAMES, ".xlsx"),
)
NAMED = ((PARQUET_NAMES, "Parquet (it does not begin with PAR1)"), (ARROW_NAMES, "Arrow"), (EXCEL_NAMES, "Excel"))


@dataclass
class Job:
    """One file to read: the job as it was given, its ending, and how it turns out to be read."""

    source: Path
    extension: str
    asked: dict
    used: dict


def main(argv: list[str]) -> None:
    folder = Path(argv[0])
    asked = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    system.limit_memory(asked["memory"])
    used = {"encoding": None, "delimiter": None, "header": asked["header"], "sheet": None, "text_as": None}
    job = Job(Path(asked["source"]), asked["extension"], asked, used)
    result: dict[str, object] = {"format": "", "refusal": None, "used": used}
    with (folder / "rows.jsonl").open("ab") as output:
        sink = Sink(output, asked["decoded"], asked["added"])
        try:
            result["format"] = parse(job, sink)
            sink.note_missing()
        except Refusal as refusal:
            result["refusal"] = [refusal.line, refusal.message]
        except MemoryError:
            result["refusal"] = [None, f"reading it takes more than {asked['memory'] / 1e9:.0f} GB of memory"]
    (folder / "result.json").write_text(json.dumps(result | sink.result()), encoding="utf-8")


def parse(job: Job, sink: Sink) -> str:
    """Read the file by its content, checked against its extension; returns the format."""
    with job.source.open("rb") as handle:
        head = handle.read(HEAD)
    if not head:
        raise Refusal("it is empty; choose a file with rows in it")
    if job.extension in UNFINISHED:
        raise Refusal(f"it is named {job.extension}: a download that did not end; get the complete file")
    container = find_container(head, job.extension)
    if container:
        return read_container(container, job, sink)
    text, job.used["encoding"] = decode(job.source.read_bytes(), job.asked["encoding"])
    for names, what in NAMED:
        if job.extension in names:
            raise Refusal(f"it is named {job.extension} and is not {what}; give it the ending of what it holds")
    note_encoding(job, sink)
    return read_text(text, job, sink)


def note_encoding(job: Job, sink: Sink) -> None:
    """Say what the text was taken for, if it is not the usual, and that a guess may be wrong."""
    encoding = job.used["encoding"]
    if encoding != "utf-8":
        sure = job.asked["encoding"] or encoding.startswith("utf")
        sink.notes.append(
            f"Read as {encoding}." if sure else f"Read as {encoding}; choose another encoding if letters look wrong."
        )


def find_container(head: bytes, extension: str) -> str | None:
    """Parquet, Arrow or Excel by the first bytes; Refusal if the file's name says otherwise."""
    for magic, kind, names, ending in CONTAINERS:
        if not head.startswith(magic):
            continue
        others = {*JSON_NAMES, *CSV_NAMES, *TEXT_NAMES, *PARQUET_NAMES, *ARROW_NAMES, *EXCEL_NAMES} - names
        if extension in others:
            held = "a zip archive or Excel workbook" if kind == "Excel" else kind
            raise Refusal(f"it is named {extension} and holds {held}; rename it to {ending}")
        return kind
    return None


def read_container(kind: str, job: Job, sink: Sink) -> str:
    """Read a file that is no text; the modules that can are imported only now."""
    if kind == "Excel":
        from studio.data.reading import xlsx_rows

        job.used["sheet"] = xlsx_rows.read_xlsx(job.source, job.asked["sheet"], job.asked["header"], sink)
        return "xlsx"
    if kind == "Arrow":
        from studio.data.reading import arrow_rows

        arrow_rows.read_arrow(job.source, sink)
        return "arrow"
    from studio.data.reading import parquet_rows

    parquet_rows.read_parquet(job.source, sink)
    return "parquet"


def read_text(text: str, job: Job, sink: Sink) -> str:
    """Read JSON, JSON Lines, a table or plain text; returns which it was."""
    kind = choose_kind(text, job)
    if kind == "csv":
        read_table(text, job, sink)
    elif kind == "jsonl":
        json_rows.read_lines(json_rows.lines_of(text), sink)
    elif kind == "json":
        read_json(text, job, sink)
    else:
        job.used["text_as"] = job.asked["text_as"] or "lines"
        text_rows.read_text(text, job.used["text_as"], sink)
    named = JSON_NAMES.get(job.extension)
    if kind in WRITTEN and named and named != kind:
        sink.notes.append(f"The file is named {job.extension} and holds {WRITTEN[kind]}; read as that.")
    return kind


def choose_kind(text: str, job: Job) -> str:
    """json, jsonl, csv or txt: by the beginning of the text, its name, and what was asked for."""
    start, extension = text.lstrip()[:200], job.extension
    if not start:
        raise Refusal("it holds nothing but blank space; choose a file with rows in it")
    if job.asked["text_as"] and extension not in {*JSON_NAMES, *CSV_NAMES}:
        return "txt"
    if start.lower().startswith(("<!doctype", "<html", "<?xml")):
        raise Refusal("it is a web page or XML, not data; download the data file itself")
    if start[0] in "[{" and is_json(text.lstrip(), job):
        if extension in CSV_NAMES:
            raise Refusal(f"it is named {extension} and holds JSON; rename it to .json or .jsonl")
        return choose_json(text.lstrip(), extension)
    if extension == ".json":
        raise Refusal("it is not JSON: that begins with [ or {; give a CSV file the ending .csv", 1)
    if extension in JSON_NAMES:
        return "jsonl"
    if extension in CSV_NAMES or job.asked["delimiter"]:
        return "csv"
    return choose_plain(text, job)


def is_json(text: str, job: Job) -> bool:
    """Whether a text that begins with a bracket is JSON; tables and plain text may begin so too: [1] or {name}."""
    if job.asked["delimiter"] or job.asked["pasted"] or job.extension in {*TEXT_NAMES, *CSV_NAMES}:
        return text[1:].lstrip()[:1] in ("{", "[", "}", "]", '"')
    return True


def choose_plain(text: str, job: Job) -> str:
    """A table or plain text, where neither the name nor the beginning tells."""
    if job.extension in TEXT_NAMES or job.asked["pasted"]:
        return "csv" if csv_rows.is_table(text) else "txt"
    widths = csv_rows.sample_widths(text, csv_rows.find_dialect(text, None))
    if widths and widths[0] > 1:
        return "csv"
    raise Refusal(f"it is neither JSON nor a table with a header; the studio reads {READABLE} and text")


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


def read_json(text: str, job: Job, sink: Sink) -> None:
    """One JSON document; Refusal if it only describes data that lie elsewhere."""
    describes = Refusal("it describes a dataset and holds no rows; import the data file beside it")
    sidecar = Path(job.asked["name"]).name.lower() in SIDECARS and text.lstrip()[0] == "{"
    try:
        job.used["sheet"] = json_rows.read_document(text, sink, job.asked["sheet"])
    except Refusal as refusal:
        raise (describes if sidecar else refusal) from None
    if sidecar and sink.rows == 1:
        raise describes


def read_table(text: str, job: Job, sink: Sink) -> None:
    dialect = csv_rows.find_dialect(text, job.asked["delimiter"], job.extension)
    job.used["delimiter"] = dialect.delimiter
    if not dialect.quotes:
        sink.notes.append("Quotation marks were read as part of the text: they do not enclose cells in this file.")
    csv_rows.read_csv(csv_rows.lines_of(text), dialect, job.asked["header"], sink)


if __name__ == "__main__":
    main(sys.argv[1:])
