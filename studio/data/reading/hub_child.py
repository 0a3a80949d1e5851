"""The process that asks the hub about a dataset, or streams rows of it. Started by studio/data/importing/hub_rows.py:

    python -m studio.data.reading.hub_child FOLDER

It reads FOLDER/job.json, appends rows to FOLDER/rows.jsonl, says how far it is in FOLDER/progress.json and writes
FOLDER/result.json. Files are read by the same modules as files on this disk, so that values stay exactly what they
were: a loader that guesses types would turn "007" into 7 and "NA" into nothing. No code of a repository is run.
"""

import gzip
import io
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from studio import system
from studio.data.importing.hub_parts import HubDataset, find_converted, find_parts, kind_of, labels_of_card
from studio.data.reading import child, csv_rows, json_rows, text_rows
from studio.data.reading.remote import RemoteFile, refusing_network
from studio.data.reading.sink import Enough, Refusal, Sink
from studio.errors import DataError, ModelError
from studio.models.hub import probe

CONVERTED = "refs/convert/parquet"
REQUEST_SECONDS = 20.0
TELL_EVERY = 0.3  # seconds
PEEK = 1 << 20
USED = {"encoding": None, "delimiter": None, "header": True, "sheet": None, "text_as": None}


@dataclass
class Task:
    """What is asked (`job`), what the hub said (`dataset`, `card`, `sizes` of files), and where the rows go."""

    job: dict
    folder: Path
    sink: Sink
    used: dict
    dataset: HubDataset | None = None
    card: dict | None = None
    sizes: dict[str, int | None] | None = None
    fetched: int = 0
    told: float = 0.0

    def tell(self, size: int) -> None:
        """Count bytes fetched, and now and then write how far it is; ends if whoever asked is gone."""
        self.fetched += size
        if os.getppid() != self.job["parent"]:
            raise SystemExit(1)
        if time.monotonic() - self.told > TELL_EVERY:
            self.told = time.monotonic()
            draft = self.folder / "progress.new"
            draft.write_text(json.dumps({"bytes": self.fetched, "rows": self.sink.rows}), encoding="utf-8")
            draft.replace(self.folder / "progress.json")


class Unpacked(gzip.GzipFile):
    """A gzip stream that is given up once more has come out of it than rows may take."""

    def __init__(self, stream: io.BufferedReader, sink: Sink):
        super().__init__(fileobj=stream)
        self.sink = sink
        self.out = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.out += len(data)
        if self.out > self.sink.most_bytes:
            raise self.sink.too_much()
        return data


def main(argv: list[str]) -> None:
    folder = Path(argv[0])
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    system.limit_memory(job["memory"])
    result: dict[str, object] = {"refusal": None, "unknown": None}
    with (folder / "rows.jsonl").open("ab") as output:
        task = Task(job, folder, Sink(output, job["decoded"], most_rows=job["limit"]), dict(USED))
        try:
            probe(job["endpoint"])
            describe_dataset(task)
            result["dataset"] = asdict(task.dataset)
            if job["read"]:
                result |= read_part(task)
        except Refusal as refusal:
            result["refusal"] = [refusal.line, refusal.message]
        except DataError as error:
            result["unknown"] = str(error)
        except ModelError as error:
            result["refusal"] = [
                None,
                f"the hub at {job['endpoint']} cannot be asked ({error}); check the network, or import a file",
            ]
        except MemoryError:
            result["refusal"] = [None, f"reading it takes more than {job['memory'] / 1e9:.0f} GB of memory"]
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def describe_dataset(task: Task) -> None:
    """Ask the hub what the dataset consists of; where its own files cannot be read, take what the hub made of it."""
    job = task.job
    info = ask(job, job["revision"])
    card = info.card_data.to_dict() if info.card_data else {}
    sizes, revision, converted = sizes_of(info), info.sha or job["revision"] or "main", False
    script = f"{job['name'].partition('/')[2]}.py"
    parts = [] if script in sizes else find_parts(sizes, card)
    if not parts and job["revision"] is None:
        other = ask_converted(job)
        parts = find_converted(sizes_of(other)) if other else []
        if parts:
            sizes, revision, converted = sizes_of(other), other.sha or CONVERTED, True
    parts = parts or find_parts(sizes, card)
    if not parts:
        raise Refusal("it holds no file that can be read (JSON, CSV, Parquet, Arrow, Excel or text)")
    task.card, task.sizes = card, sizes
    task.dataset = HubDataset(job["name"], revision, tuple(parts), licence_of(card), bool(info.gated), converted)


def ask(job: dict, revision: str | None):
    """The hub's description of the dataset at a revision, with the sizes of its files."""
    from huggingface_hub import HfApi

    with refusing_network():
        return HfApi(endpoint=job["endpoint"]).dataset_info(
            job["name"], revision=revision, files_metadata=True, timeout=REQUEST_SECONDS
        )


def ask_converted(job: dict):
    """The same of the branch with the hub's own Parquet; None where there is none."""
    try:
        return ask(job, CONVERTED)
    except Refusal:
        return None


def sizes_of(info) -> dict[str, int | None]:
    """Path -> bytes of all files of a repository."""
    return {file.rfilename: file.size for file in info.siblings or []}


def licence_of(card: dict) -> str:
    """The licence that the card names, or several."""
    licence = card.get("license")
    return ", ".join(map(str, licence)) if isinstance(licence, list) else str(licence or "")


def read_part(task: Task) -> dict:
    """Stream the rows of the part asked for; the result as a file's child would give it."""
    sink, part = task.sink, task.dataset.choose(task.job["subset"], task.job["split"])
    try:
        for file in part.files:
            sink.file = file if len(part.files) > 1 else ""
            read_one(file, task)
    except Enough:
        sink.notes.append(f"Only the first {sink.rows:,} rows were read.")
    if task.dataset.converted:
        sink.notes.append("Read from the Parquet files that the hub made of this dataset.")
    sink.note_missing()
    for column, names in labels_of_card(task.card, part.subset).items():
        if column in sink.columns:
            sink.label_names.setdefault(column, names)
    return sink.result() | {"format": kind_of(part.files[0]), "used": task.used, "part": asdict(part)}


def read_one(file: str, task: Task) -> None:
    """Rows of one file: lines, tables and Parquet as they arrive, anything else fetched whole."""
    kind, remote = kind_of(file), open_remote(file, task)
    if kind == "parquet":
        from studio.data.reading.parquet_rows import read_parquet

        read_parquet(remote, task.sink)
        return
    stream = io.BufferedReader(remote, PEEK)
    if file.lower().endswith(".gz"):
        stream = io.BufferedReader(Unpacked(stream, task.sink), PEEK)
    try:
        read_stream(stream, kind, PurePosixPath(file.lower().removesuffix(".gz")).suffix, task)
    except (gzip.BadGzipFile, EOFError):
        raise Refusal(f"the file {file!r} is damaged or cut off") from None


def open_remote(file: str, task: Task) -> RemoteFile:
    """A file of the dataset at its commit."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    name, revision = task.dataset.name, task.dataset.revision
    url = hf_hub_url(name, file, repo_type="dataset", revision=revision, endpoint=task.job["endpoint"])
    size = task.sizes[file]
    if size is None:
        with refusing_network():
            size = get_hf_file_metadata(url, timeout=REQUEST_SECONDS).size or 0
    return RemoteFile(url, size, task.tell)


def read_stream(stream: io.BufferedReader, kind: str, ending: str, task: Task) -> None:
    """Rows of a text file. It is taken for UTF-8, as nearly everything on the hub is."""
    head = stream.peek(PEEK)[:PEEK].decode("utf-8-sig", errors="replace")
    if kind in ("json", "csv", "txt"):
        task.used["encoding"] = "utf-8"
    if kind == "csv":
        dialect = csv_rows.find_dialect(head, None, ending)
        task.used["delimiter"] = dialect.delimiter
        csv_rows.read_csv(text_of(stream, ""), dialect, True, task.sink)
    elif kind == "txt":
        task.used["text_as"] = "lines"
        text_rows.read_text_lines(text_of(stream, "\n"), task.sink)
    elif kind == "json" and holds_lines(head.lstrip(), ending):
        json_rows.read_lines(text_of(stream, "\n"), task.sink)
    else:
        read_whole(stream, ending, task)


def text_of(stream: io.BufferedReader, newline: str) -> io.TextIOWrapper:
    """Text as it arrives; bytes that are not UTF-8 become problems of their rows."""
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline=newline)


def holds_lines(head: str, ending: str) -> bool:
    """Whether a JSON file is JSON Lines, by its beginning."""
    return head[:1] == "{" and child.choose_json(head, ending) == "jsonl"


def read_whole(stream: io.BufferedReader, ending: str, task: Task) -> None:
    """Copy a file that cannot be read as it arrives, within the limit, and read the copy."""
    copy, size = task.folder / f"copy{ending}", 0
    with copy.open("wb") as output:
        while data := stream.read(PEEK):
            size += len(data)
            task.sink.check_room(size)
            output.write(data)
    asked = USED | {"name": copy.name, "pasted": False}
    try:
        child.parse(child.Job(copy, ending, asked, task.used), task.sink)
    finally:
        copy.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
