"""What every bench shares: its options, its tables, and a home that leaves the user's own alone."""

import argparse
import os
import platform
import shlex
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psutil

from studio.data.importing import import_example, import_file
from studio.home import Home, open_home
from studio.models.sources import DEFAULT_MODEL, ModelFiles, resolve_files

EXAMPLE = "complaints"


@dataclass(frozen=True)
class Table:
    """Figures with their title; a note says what they were measured on."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


def build_parser(description: str) -> argparse.ArgumentParser:
    """The options of every bench."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--data", type=Path, help="a file of rows; default: the shipped complaints")
    parser.add_argument("--home", type=Path, help="where models lie; default: the studio's home")
    parser.add_argument("--markdown", action="store_true", help="tables for RESULTS.md")
    return parser


@contextmanager
def scratch_home(home: Path | None) -> Iterator[Home]:
    """A home of its own for a bench's datasets and runs, with the models of the real one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        (Path(folder) / "models").symlink_to(open_home(home).models)
        yield open_home(folder)


def prepare_model(home: Home) -> ModelFiles:
    """The default model on this disk, so that no bench measures its download."""
    told: set[str] = set()

    def tell(message: str, fraction: float | None) -> None:
        if message not in told:
            print(message, file=sys.stderr, flush=True)
        told.add(message)

    return resolve_files(home, DEFAULT_MODEL, weights=True, progress=tell)


def load_data(home: Home, data: Path | None) -> str:
    """The id of a dataset made of the file, or of the shipped example."""
    return (import_file(home, data) if data else import_example(home, EXAMPLE)).dataset


def print_head(markdown: bool) -> None:
    """Machine, date and command: without them figures say nothing."""
    lines = [f"Date: {date.today().isoformat()}", f"Machine: {describe_machine()}", f"Command: {describe_command()}"]
    print("\n".join(f"- {line}" if markdown else line for line in lines), flush=True)


def describe_machine() -> str:
    """Processor, cores, memory, load and the versions that matter."""
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    return (
        f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, Python "
        f"{platform.python_version()}; load before the start {load:.1f}"
    )


def processor() -> str:
    """The processor's name, and whether it computes bfloat16 (AVX512-BF16 or AMX)."""
    path = Path("/proc/cpuinfo")
    facts = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line) if path.exists() else {}
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    fast = [flag for flag in ("avx512_bf16", "amx_bf16") if flag in facts.get("flags", "").split()]
    return " with ".join([facts.get("model name") or platform.processor() or platform.machine(), *fast])


def describe_command() -> str:
    """The command that was typed."""
    module = Path(sys.argv[0]).resolve()
    name = f"bench.{module.stem}" if module.parent.name == "bench" else module.name
    return shlex.join(["python", "-m", name, *sys.argv[1:]])


def print_table(table: Table, markdown: bool) -> None:
    """One table, aligned for a terminal or in Markdown."""
    lines = [table.columns, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.columns))]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    if markdown:
        rule = "|".join("-" * (width + 2) for width in widths)
        text = [f"### {table.title}", "", *(f"| {' | '.join(line)} |" for line in padded)]
        text.insert(3, f"|{rule}|")
        text += ["", *table.notes]
    else:
        text = [table.title, *("  " + "  ".join(line).rstrip() for line in padded), *(f"  {n}" for n in table.notes)]
    print("", *text, sep="\n", flush=True)


def percentile(values: list[float], share: float) -> float:
    """The smallest value that is at least as large as `share` of all (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]


def median(values: list[float]) -> float:
    return statistics.median(values)


def verdict(reached: bool) -> str:
    return "reached" if reached else "MISSED"


def run_bench(measure, parser: argparse.ArgumentParser, argv: list[str] | None = None) -> None:
    """The main of a bench: read the options, measure, print."""
    options = parser.parse_args(argv)
    print_head(options.markdown)
    for table in measure(options):
        print_table(table, options.markdown)
