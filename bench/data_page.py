"""What a person sees of bench/data.py: a file through the app in Chromium, and a plain table with the same rows."""

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page

from bench.report import Table, verdict
from bench.startup import LONGEST, free_port, is_served, start, start_app
from studio.home import open_home
from tests.browser import open_browser

TARGET_SECONDS = 7.0
TARGET_GROWN = 150e6
IDLE_SECONDS = 5.0
LOOK_SECONDS = 0.05
FIRST_ROW = '#data-grid tr[data-id="1"] td[data-column="0"]'


class Memory:
    """Resident bytes of a process while somebody looks: at first, the most, at last."""

    def __init__(self, pid: int):
        self.process = psutil.Process(pid)
        self.first = self.last = self.most = self.process.memory_info().rss
        self.over = threading.Event()

    def look(self) -> None:
        while not self.over.wait(LOOK_SECONDS):
            self.last = self.process.memory_info().rss
            self.most = max(self.most, self.last)

    @contextmanager
    def watched(self) -> Iterator[None]:
        watcher = threading.Thread(target=self.look)
        watcher.start()
        try:
            yield
        finally:
            self.over.set()
            watcher.join()


def measure_page(path: Path, size: int) -> Table:
    """Seconds from handing the file in to a row on the screen, and to an edit on the disk; memory of the app."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, open_browser() as browser:
        home = open_home(folder)
        with start_app(home) as (process, port):
            page = visit(browser, port, "#data-add-data")
            time.sleep(IDLE_SECONDS)
            memory = Memory(process.pid)
            with memory.watched():
                visible, editable = take_in(page, path, size)
                look_around(page)
                time.sleep(IDLE_SECONDS)
        plain, plain_memory = measure_plain(browser, path)
    most, last = memory.most - memory.first, memory.last - memory.first
    lines = [
        ["a row is visible", f"{visible:.1f} s", f"at most {TARGET_SECONDS:g} s: {verdict(visible <= TARGET_SECONDS)}"],
        [
            "an edit is saved",
            f"{editable:.1f} s",
            f"at most {TARGET_SECONDS:g} s: {verdict(editable <= TARGET_SECONDS)}",
        ],
        ["the app grew by at most", f"{most / 1e6:,.0f} MB", f"at most 150 MB: {verdict(most <= TARGET_GROWN)}"],
        ["the app grew by, in the end", f"{last / 1e6:,.0f} MB", ""],
        ["a plain gr.Dataframe: a row is visible", f"{plain:.1f} s", ""],
        ["a plain gr.Dataframe: the process holds", f"{plain_memory / 1e6:,.0f} MB", ""],
    ]
    notes = [
        "From handing the file in, the import confirmed at once; the plain table from opening its page, the file read "
        "already. Memory: resident, of the app's own process, from idle on, through the upload, an edit and a search."
    ]
    return Table(f"{size:,} rows: in the browser", ["", "", "target"], lines, notes)


def visit(browser: Browser, port: int, selector: str) -> Page:
    """A page that shows what is looked for."""
    address = f"http://127.0.0.1:{port}"
    began = time.monotonic()
    while not is_served(address):
        if time.monotonic() - began > LONGEST:
            raise RuntimeError(f"{address} serves no page")
        time.sleep(0.1)
    page = browser.new_page(viewport={"width": 1480, "height": 900})
    page.set_default_timeout(LONGEST * 1000)
    page.goto(address)
    page.locator(selector).first.wait_for()
    return page


def take_in(page: Page, path: Path, size: int) -> tuple[float, float]:
    """Hand the file in and change the first row: (seconds until it was seen, until the change was saved)."""
    page.click("#data-add-data")
    page.locator("#data-sources").get_by_role("tab", name="Upload", exact=True).click()
    with page.expect_file_chooser() as chooser:
        page.click("#data-upload")
    began = time.perf_counter()
    chooser.value.set_files(path)
    page.locator("#data-take", has_text=f"Import {size:,} rows").click()
    page.locator(FIRST_ROW).wait_for()
    visible = time.perf_counter() - began
    page.click(FIRST_ROW)
    page.locator("#data-status h3", has_text="Row 1").wait_for()
    page.fill("#data-field-0 label textarea", "An instruction of my own")
    page.click("#data-save")
    page.locator("#data-status .state", has_text="Saved").wait_for()
    return visible, time.perf_counter() - began


def look_around(page: Page) -> None:
    """What fills memory if anything does: a search and an order over all rows."""
    page.fill("#data-search textarea, #data-search input", "case 77")
    page.wait_for_timeout(IDLE_SECONDS * 1000)
    page.fill("#data-search textarea, #data-search input", "")
    page.wait_for_timeout(IDLE_SECONDS * 1000)


def measure_plain(browser: Browser, path: Path) -> tuple[float, int]:
    """(seconds until a plain table shows a row, resident bytes of its process)."""
    port = free_port()
    with start([sys.executable, "bench/data_peers.py", "page", str(path), str(port)]) as process:
        began = time.monotonic()
        while not is_served(f"http://127.0.0.1:{port}"):
            if time.monotonic() - began > LONGEST:
                raise RuntimeError("the plain table serves no page")
            time.sleep(0.1)
        began = time.perf_counter()
        page = visit(browser, port, "td >> visible=true")
        page.locator("td:visible", has_text="case 0").first.wait_for()
        return time.perf_counter() - began, psutil.Process(process.pid).memory_info().rss
