"""Many rows in the Data tab: opening, questions, edits, checks, memory, against pandas and a plain table.

`python -m bench.data` makes Alpaca-like rows (bench/data_rows.py), puts them through what the screen calls, and once
through the screen itself in Chromium. The last size gets the questions alone.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import psutil

from bench.data_page import measure_page
from bench.data_rows import COLUMNS, ROLES, Planted, make_rows, make_words, write_file
from bench.report import Table, build_parser, median, percentile, run_bench, verdict
from studio.data import background
from studio.data.checks.results import clusters
from studio.data.importing import import_file
from studio.data.store import create_dataset, open_dataset
from studio.data.store.dataset import Dataset
from studio.data.view import read_facets, read_page
from studio.data.view.query import Query
from studio.home import Home, open_home

ROOT = Path(__file__).resolve().parents[1]
PAGE = 50
TARGET_QUESTION = 0.15
TARGET_EDIT = 0.02
TARGET_INDEX = 60.0
TARGET_CHECKS = 120.0
TARGET_RECALL = 0.95
RARE_WORDS = ("数据", "空", "tion mist", '"of the"', "case 77", "notthere", "q", "the of to in")


def measure(options: argparse.Namespace) -> Iterator[Table]:
    """The tables, for the first size all of them, for the others the questions."""
    for number, size in enumerate(options.sizes):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            home = open_home(Path(folder) / "home")
            if number:
                rows = (row for row, _ in make_rows(size))
                dataset = open_dataset(home, create_dataset(home, "Made rows", COLUMNS, rows, ROLES, {}))
                yield measure_index(home, dataset, [])
            else:
                yield from measure_file(home, Path(folder) / "rows.json", size, options.page)
                dataset = open_dataset(home, "rows")
            yield measure_questions(home, dataset, options.times)
            if not number and options.checks:
                yield measure_checks(home, dataset, planted_in(size))


def measure_file(home: Home, path: Path, size: int, page: bool) -> Iterator[Table]:
    """From a file to rows that can be asked, against pandas; in the browser against a plain table."""
    _, length = write_file(path, size)
    table = path.with_suffix(".csv")
    write_csv(path, table)
    peers = [measure_peer(path), measure_peer(table)]
    began = time.perf_counter()
    made = import_file(home, path)
    read_page(home, open_dataset(home, made.dataset), Query(), 0, PAGE)
    lines = [["import and first page", f"{time.perf_counter() - began:.1f} s", ""]]
    opened = measure_index(home, open_dataset(home, made.dataset), lines)
    lines = opened.rows
    for name, peer in zip(("read_json", "read_csv"), peers, strict=True):
        what = f"{peer['seconds']:.2f} s, {peer['grown'] / 1e6:,.0f} MB more"
        lines.append([f"pandas.{name}, the same rows, all in memory", what, ""])
    notes = [f"{path.stat().st_size / 1e6:.0f} MB of JSON, {length:,.0f} characters in a row (median)."]
    yield Table(opened.title, opened.columns, lines, notes)
    if page:
        yield measure_page(path, size)


def write_csv(path: Path, target: Path) -> None:
    import csv

    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(json.loads(path.read_text(encoding="utf-8")))


def measure_peer(path: Path) -> dict[str, float]:
    """What pandas needs, in a process of its own."""
    command = [sys.executable, "bench/data_peers.py", "read", str(path)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def measure_index(home: Home, dataset: Dataset, lines: list[list[str]]) -> Table:
    """How long the facts and the search take in the background, as the screen sees it."""
    began = time.perf_counter()
    background.start(home, dataset.id, "facts")
    seen = set()
    while (now := background.read_progress(home, dataset.id, "facts")).state == "running":
        seen.add((now.stage, now.done))
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    if now.state != "done":
        raise RuntimeError(f"the index was not made: {now}")
    said = f"{seconds:.1f} s, {len(seen)} reports"
    line = ["facts and search ready, in the background", said, at_most(seconds, TARGET_INDEX, "s")]
    return Table(f"{dataset.count():,} rows: opening", ["", "time", "target"], [*lines, line])


# Questions


def measure_questions(home: Home, dataset: Dataset, times: int) -> Table:
    """Server time of what the screen asks for, each time with other values, and of edits."""
    mark_some(dataset)
    read_page(home, dataset, Query(), 0, PAGE)
    process = psutil.Process()
    before = process.memory_info().rss
    lines = [describe(name, ask, times) for name, ask in make_questions(home, dataset)]
    lines += measure_edits(home, dataset, times)
    grown = (process.memory_info().rss - before) / 1e6
    notes = [f"{times} times each, never the same; this process grew by {grown:,.0f} MB meanwhile."]
    return Table(f"{dataset.count():,} rows: questions and edits", ["", "median", "95th", "target"], lines, notes)


def mark_some(dataset: Dataset) -> None:
    """A third of the rows reviewed, some of them tagged."""
    ids = list(range(1, dataset.count() + 1))
    dataset.mark(ids[::3], status="accepted")
    dataset.mark(ids[::50], status="discarded", add_tags=["odd"])


def make_questions(home: Home, dataset: Dataset) -> list[tuple[str, Callable[[], object]]]:
    """(what the screen asks, a function that asks it with other values each time)."""
    chance = random.Random(7)
    count = dataset.count()
    words, _ = make_words()
    typed = cycle([*RARE_WORDS, *chance.sample(words[:100], 40), *chance.sample(words[100:], 60)])
    parts = cycle(word[: chance.randint(2, 4)] for word in chance.sample(words[100:], 200))
    columns = cycle([f"column:{name}" for name in COLUMNS])

    def page(**query) -> object:
        found = read_page(home, dataset, Query(**query), chance.randrange(count) if not query else 0, PAGE)
        if not found.ready:
            raise RuntimeError("the index is not ready")
        return found

    def some_lengths() -> dict:
        low = chance.randrange(400)
        return {chance.choice(["prompt", "answer"]): (low, low + chance.randrange(200))}

    def sort() -> object:
        query = Query(sort=next(columns), descending=chance.random() < 0.5)
        return read_page(home, dataset, query, chance.randrange(count), PAGE)

    def facets() -> object:
        return read_facets(home, dataset, Query(lengths=some_lengths(), status=("pending",)))

    marks = cycle([{"status": ("accepted",)}, {"status": ("pending",), "tags": ("odd",)}, {"tags": ("odd",)}])
    return [
        ("a page, anywhere", page),
        ("sorted by a column, anywhere", sort),
        ("search, a new text", lambda: page(search=next(typed))),
        ("search, two texts and a column", lambda: page(search=next(typed), contains=(("output", next(parts)),))),
        ("filter by length", lambda: page(lengths=some_lengths())),
        ("filter by status or tag, and length", lambda: page(**next(marks), lengths=some_lengths())),
        (
            "search, filter and sort together",
            lambda: page(search=next(parts), lengths=some_lengths(), sort=next(columns)),
        ),
        ("all facets under a filter", facets),
    ]


def measure_edits(home: Home, dataset: Dataset, times: int) -> list[list[str]]:
    """One edit, and the first question after it, which has to take it in."""
    chance = random.Random(8)
    rows = iter(chance.sample(range(1, dataset.count() + 1), 3 * times))
    edits = [time_call(lambda n=n: dataset.edit(next(rows), {"output": f"Changed {n}"})) for n in range(times)]
    marks = [time_call(lambda: dataset.mark([next(rows)], status="draft")) for _ in range(times)]
    after = []
    for number in range(times):
        dataset.edit(next(rows), {"output": f"Changed again {number}"})
        after.append(time_call(lambda: read_page(home, dataset, Query(sort="column:output"), 0, PAGE)))
    return [
        summarize("one edit committed", edits, TARGET_EDIT),
        summarize("one mark committed", marks, TARGET_EDIT),
        summarize("a sorted page after an edit", after, TARGET_QUESTION),
    ]


def describe(name: str, ask: Callable[[], object], times: int) -> list[str]:
    return summarize(name, [time_call(ask) for _ in range(times)], TARGET_QUESTION)


def time_call(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def summarize(name: str, seconds: list[float], target: float) -> list[str]:
    slow = percentile(seconds, 0.95)
    figures = [f"{median(seconds) * 1000:.1f} ms", f"{slow * 1000:.1f} ms"]
    return [name, *figures, f"at most {target * 1000:.0f} ms: {verdict(slow <= target)}"]


def at_most(value: float, target: float, unit: str) -> str:
    return f"at most {target:g} {unit}: {verdict(value <= target)}"


# Checks


def planted_in(size: int) -> list[Planted]:
    return [copy for _, copy in make_rows(size) if copy]


def measure_checks(home: Home, dataset: Dataset, planted: list[Planted]) -> Table:
    """All checks, and how many of the planted near duplicates they put together."""
    began = time.perf_counter()
    background.start(home, dataset.id, "checks")
    while (now := background.read_progress(home, dataset.id, "checks")).state == "running":
        time.sleep(0.1)
    seconds = time.perf_counter() - began
    if now.state != "done":
        raise RuntimeError(f"the checks were not done: {now}")
    alike = clusters(home, dataset.id)
    together = [is_together(alike, copy.original + 1, copy.copy + 1) for copy in planted]
    recall = sum(together) / len(together)
    lines = [
        [
            "all checks, duplicates and near duplicates included",
            f"{seconds:.0f} s",
            at_most(seconds, TARGET_CHECKS, "s"),
        ],
        ["planted near duplicates found", f"{recall:.1%}", f"at least 95 %: {verdict(recall >= TARGET_RECALL)}"],
    ]
    notes = [f"{len(planted):,} planted: a row again with one word of its prompt changed."]
    return Table(f"{dataset.count():,} rows: checks", ["", "", "target"], lines, notes)


def is_together(alike: dict[int, int], first: int, second: int) -> bool:
    """Row ids count from 1 in the order of the file."""
    return first in alike and alike.get(first) == alike.get(second)


def add_options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--sizes", type=int, nargs="+", default=[122_000, 1_000_000], help="numbers of rows")
    parser.add_argument("--times", type=int, default=100, help="how often each question is asked")
    parser.add_argument("--no-page", dest="page", action="store_false", help="leave the browser out")
    parser.add_argument("--no-checks", dest="checks", action="store_false", help="leave the checks out")
    return parser


if __name__ == "__main__":
    run_bench(measure, add_options(build_parser(__doc__)))
