"""The doors to reading: a file, pasted text, a folder. Each starts a child and judges what it found."""

import os
import tempfile
from pathlib import Path

from studio.data.files import listed, shown
from studio.data.reading.folders import Listed, find_files, split_names
from studio.data.reading.kinds import READABLE
from studio.data.reading.launch import parse_child, run_job
from studio.data.reading.parsed import BadRowsError, Limits, Parsed, Problem, ReadOptions, RowFile
from studio.errors import DataError

ROW_FORMATS = ("parquet", "arrow", "xlsx")  # their problems are told by row, not by line
PASTED = "pasted text"


def read_file(
    path: Path,
    name: str | None = None,
    drop_bad_rows: bool = False,
    limits: Limits | None = None,
    options: ReadOptions | None = None,
) -> Parsed:
    """Read JSON, JSONL, CSV, TSV, Excel, Parquet, Arrow or text; `name` is the file's name as the user knows it.

    Raises BadRowsError (a DataError) if rows cannot be used, unless `drop_bad_rows`; DataError if the
    file as a whole cannot.
    """
    limits, options, name = limits or Limits(), options or ReadOptions(), name or path.name
    check_file(path, name, limits)
    extension = path.suffix.lower() or Path(name).suffix.lower()
    with tempfile.TemporaryDirectory(prefix="studio-parse-") as folder:
        job = describe_job(path, name, extension, options, limits)
        result = run_job(job, name, Path(folder), limits, parse_child())
        return take_result(result, Path(folder), name, drop_bad_rows)


def read_text(
    text: str,
    name: str = PASTED,
    drop_bad_rows: bool = False,
    limits: Limits | None = None,
    options: ReadOptions | None = None,
) -> Parsed:
    """Read text that was pasted: JSON, JSON Lines, a table as a spreadsheet copies it, or plain lines.

    Raises as `read_file` does.
    """
    limits, options = limits or Limits(), options or ReadOptions()
    data = text.encode("utf-8", errors="surrogatepass")
    if not data.strip():
        raise DataError(
            "Nothing was pasted. Copy some rows (JSON, JSON Lines, or cells of a spreadsheet) and paste them."
        )
    if len(data) > limits.decoded:
        raise DataError(f"{shown(name)} is larger than {limits.decoded / 1e9:g} GB. Paste it in parts.")
    with tempfile.TemporaryDirectory(prefix="studio-parse-") as folder:
        source = Path(folder) / "pasted"
        source.write_bytes(data)
        job = describe_job(source, name, "", options, limits) | {"encoding": "utf-8", "pasted": True}
        result = run_job(job, name, Path(folder), limits, parse_child())
        return take_result(result, Path(folder), name, drop_bad_rows)


def read_folder(
    folder: Path,
    name: str | None = None,
    drop_bad_rows: bool = False,
    limits: Limits | None = None,
    options: ReadOptions | None = None,
) -> Parsed:
    """Read all data files of a folder, in the order of their names, as one table.

    They must have the same columns (some files may lack some). Where their names say train, test and the like, a
    column `split` is added. What is no data is left out and named in the notes. Raises as `read_file` does.
    """
    limits, options, name = limits or Limits(), options or ReadOptions(), name or folder.name
    files, notes = find_files(folder, name)
    splits = split_names([file.name for file in files])
    results = []
    with tempfile.TemporaryDirectory(prefix="studio-parse-") as temporary:
        for file in files:
            added = {"split": splits[file.name]} if splits else {}
            results.append(read_one(file, name, added, options, limits, Path(temporary)))
        whole = join_results(results, [file.name for file in files], name)
        whole["notes"] = notes + whole["notes"]
        if any(result["added"] for result in results):
            add_split_note(whole, splits)
        return take_result(whole, Path(temporary), name, drop_bad_rows)


def describe_job(path: Path, name: str, extension: str, options: ReadOptions, limits: Limits) -> dict:
    """What the child is asked to do."""
    job = options.to_json() | {"source": str(path.resolve()), "name": name, "extension": extension}
    return job | {"decoded": limits.decoded, "pasted": False, "added": {}}


def read_one(file: Listed, name: str, added: dict, options: ReadOptions, limits: Limits, temporary: Path) -> dict:
    """Append one file of a folder to the rows; returns the child's result."""
    shown_as = f"{name}/{file.name}"
    check_file(file.path, shown_as, limits)
    rows = temporary / "rows.jsonl"
    left = limits.decoded - (rows.stat().st_size if rows.exists() else 0)
    job = describe_job(file.path, shown_as, file.path.suffix.lower(), options, limits)
    result = run_job(job | {"decoded": left, "added": added}, shown_as, temporary, limits, parse_child())
    if result["refusal"]:
        check_result(result, [], shown_as, False)
    return result


def join_results(results: list[dict], names: list[str], name: str) -> dict:
    """One result of the files' results; DataError if their columns are not those of one table."""
    widest = max(results, key=lambda result: len(result["columns"]))
    notes, problems = [], []
    for result, file in zip(results, names, strict=True):
        check_columns(result["columns"], file, widest["columns"], names[results.index(widest)], name)
        notes += [f"{shown(file)}: {note}" for note in result["notes"]]
        problems += [[line, f"in {shown(file)}, {message}"] for line, message in result["problems"]]
        lacking = [column for column in widest["columns"] if column not in result["columns"]]
        if lacking and result["rows"]:
            notes.append(f"{shown(file)} has no column {listed(lacking)}.")
    formats = {result["format"] for result in results}
    labels = {}
    for result in results:
        labels |= result["label_names"]
    return widest | {
        "format": formats.pop() if len(formats) == 1 else "folder",
        "notes": notes,
        "problems": problems,
        "problem_count": sum(result["problem_count"] for result in results),
        "rows": sum(result["rows"] for result in results),
        "label_names": labels,
    }


def check_columns(columns: list[str], file: str, widest: list[str], widest_file: str, name: str) -> None:
    """DataError for a file with a column that the file with the most columns lacks."""
    strange = [column for column in columns if column not in widest]
    if strange:
        raise DataError(
            f"The files of {shown(name)} do not have the same columns: {shown(file)} has {listed(strange)}, which "
            f"{shown(widest_file)} has not. Nothing was imported: import them one by one."
        )


def add_split_note(result: dict, splits: dict[str, str]) -> None:
    """Say where the column `split` comes from."""
    found = [f"{shown(file)}: {split}" for file, split in splits.items()]
    more = f" and {len(found) - 6} more" if len(found) > 6 else ""
    result["notes"].append(f"The column 'split' was made from the files' names ({', '.join(found[:6])}{more}).")


def take_result(result: dict, folder: Path, name: str, drop_bad_rows: bool) -> Parsed:
    """The child's result as the caller gets it; raises what is wrong with it."""
    problems = [Problem(*problem) for problem in result["problems"]]
    check_result(result, problems, name, drop_bad_rows)
    return Parsed(
        format=result["format"],
        columns=result["columns"],
        rows=RowFile(folder / "rows.jsonl"),
        problems=problems,
        notes=result["notes"],
        encoding=result["used"]["encoding"],
        delimiter=result["used"]["delimiter"],
        options=ReadOptions(**result["used"]),
        sheets=result["sheets"],
        label_names=result["label_names"],
    )


def check_file(path: Path, name: str, limits: Limits) -> None:
    """DataError unless `path` is a plain file of a size worth trying."""
    if not path.exists():
        raise DataError(f"There is no file {shown(name)}. Check the path.")
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "not a plain file"
        raise DataError(f"{shown(name)} is {kind}. Choose one {READABLE} or text file.")
    if path.stat().st_size > limits.decoded:
        raise DataError(
            f"{shown(name)} is larger than {limits.decoded / 1e9:g} GB. Split it into parts and import one."
        )
    if not os.access(path, os.R_OK):
        raise DataError(f"{shown(name)} may not be read by this user. Change its permissions.")


def check_result(result: dict, problems: list[Problem], name: str, drop_bad_rows: bool) -> None:
    """Raise what the child found wrong; nothing if the rows can be used."""
    if result["refusal"]:
        line, message = result["refusal"]
        place = f", line {line}" if line else ""
        raise DataError(f"{shown(name)}{place}: {message}. Nothing was imported.")
    count, unit = result["problem_count"], "row" if result["format"] in ROW_FORMATS else "line"
    if problems and not drop_bad_rows:
        first = problems[0]
        problem = "1 row" if count == 1 else f"the first of {count} rows"
        raise BadRowsError(
            f"{shown(name)}, {unit} {first.line}: {first.message} ({problem} that cannot be used). "
            "Nothing was imported: mend the file, or import it again and drop the bad rows.",
            problems,
            count,
        )
    if not result["rows"]:
        reason = "it holds no rows; choose a file with rows in it"
        if problems:
            reason = f"none of its {count} rows can be used; {unit} {problems[0].line}: {problems[0].message}"
        raise DataError(f"{shown(name)}: {reason}. Nothing was imported.")
