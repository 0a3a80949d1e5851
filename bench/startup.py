"""Seconds from `python app.py` to a usable page, against an empty Gradio page: `python -m bench.startup`.

Both are started by turns, each in a fresh process, and watched by the same Chromium, which runs already. "Served" is
when the page and its config are answered; "usable" is when the first text can be seen. Then the app's memory
while nothing is done.
"""

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from playwright.sync_api import Browser

from bench.report import Table, build_parser, load_data, median, prepare_model, run_bench, scratch_home, verdict
from studio.home import Home
from tests.browser import open_browser

ROOT = Path(__file__).resolve().parents[1]
TARGET_RATIO = 1.5
TARGET_BYTES = 400e6
IDLE_SECONDS = 10.0
LONGEST = 120.0


@dataclass(frozen=True)
class Start:
    """Seconds since the process was started."""

    served: float
    usable: float


def measure(options: argparse.Namespace) -> Iterator[Table]:
    """One table for the time, one for the memory."""
    apps, pages = [], []
    with scratch_home(options.home) as home, open_browser() as browser:
        prepare_model(home)
        load_data(home, options.data)
        for number in range(options.rounds):
            with start_app(home) as (process, port):
                apps.append(watch(browser, process, port, "SFT Studio"))
                if number == options.rounds - 1:
                    yield describe_memory(process)
            with start_empty_page() as (process, port):
                pages.append(watch(browser, process, port, "An empty page"))
    ratio = median([one.usable for one in apps]) / median([one.usable for one in pages])
    lines = [describe("SFT Studio", apps), describe("empty Gradio page", pages)]
    lines.append([f"ratio (at most {TARGET_RATIO:g} x: {verdict(ratio <= TARGET_RATIO)})", "", f"{ratio:.2f} x", ""])
    columns = ["", "served (median)", "usable (median)", "usable, each"]
    yield Table("Start", columns, lines, [f"{options.rounds} starts each, by turns."])


@contextmanager
def start_app(home: Home) -> Iterator[tuple[subprocess.Popen, int]]:
    """The studio on a free port, ended afterwards."""
    port = free_port()
    with start([sys.executable, "app.py", "--home", str(home.path), "--port", str(port)]) as process:
        yield process, port


@contextmanager
def start_empty_page() -> Iterator[tuple[subprocess.Popen, int]]:
    """The peer on a free port, ended afterwards."""
    port = free_port()
    with start([sys.executable, "bench/empty_page.py", str(port)]) as process:
        yield process, port


@contextmanager
def start(command: list[str]) -> Iterator[subprocess.Popen]:
    """A process that is ended afterwards."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    environ = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}
    process = subprocess.Popen(command, cwd=ROOT, env=environ, **quiet)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


def watch(browser: Browser, process: subprocess.Popen, port: int, text: str) -> Start:
    """Wait until the process serves its page, and until the text can be seen in the browser."""
    began = psutil.Process(process.pid).create_time()
    address = f"http://127.0.0.1:{port}"
    while not is_served(address):
        if process.poll() is not None or time.time() - began > LONGEST:
            raise RuntimeError(f"{' '.join(process.args)} serves no page")
        time.sleep(0.05)
    served = time.time() - began
    page = browser.new_page()
    page.goto(address, wait_until="commit", timeout=LONGEST * 1000)
    page.get_by_text(text).locator("visible=true").first.wait_for(timeout=LONGEST * 1000)
    usable = time.time() - began
    page.close()
    return Start(served, usable)


def is_served(address: str) -> bool:
    """Whether the page and its config are answered."""
    try:
        return all(httpx.get(address + path, timeout=10).status_code == 200 for path in ("/", "/config"))
    except httpx.TransportError:
        return False


def describe(name: str, starts: list[Start]) -> list[str]:
    """One line of the table."""
    return [
        name,
        f"{median([one.served for one in starts]):.1f} s",
        f"{median([one.usable for one in starts]):.1f} s",
        ", ".join(f"{one.usable:.1f}" for one in starts),
    ]


def describe_memory(process: subprocess.Popen) -> Table:
    """Memory of the idle app, after a while."""
    time.sleep(IDLE_SECONDS)
    parent = psutil.Process(process.pid)
    own = parent.memory_info().rss
    children = sum(child.memory_info().rss for child in parent.children(recursive=True))
    line = [f"{own / 1e6:,.0f} MB", f"{children / 1e6:,.0f} MB", verdict(own + children < TARGET_BYTES)]
    columns = ["app", "its children", f"together under {TARGET_BYTES / 1e6:.0f} MB"]
    return Table(
        "Memory of the idle app", columns, [line], [f"Resident, {IDLE_SECONDS:.0f} s after the page was seen."]
    )


def add_options(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--rounds", type=int, default=5, help="how often each side is started")
    return parser


if __name__ == "__main__":
    run_bench(measure, add_options(build_parser(__doc__)))
