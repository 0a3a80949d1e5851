"""The Data tab in Chromium: what a person does with rows, and what must not happen meanwhile."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from studio.data.store import create_dataset, list_datasets, open_dataset
from studio.home import Home, open_home
from tests.browser import ROOT, open_browser, wait_until_served

pytestmark = pytest.mark.browser
expect.set_options(timeout=15_000)  # other tests may keep the machine busy


class App:
    """The Data tab in a process of its own, which can be killed and started again on its port."""

    def __init__(self, home: Home):
        self.home = home
        self.log = home.path / "app.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        environ = {**os.environ, "GRADIO_TEMP_DIR": str(self.home.path / "uploads"), "GRADIO_ANALYTICS_ENABLED": "0"}
        command = [sys.executable, "-m", "tests.data_app", str(self.home.path), str(self.port)]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=environ)
        wait_until_served(self.url, self.process, self.log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    app = App(open_home(tmp_path_factory.mktemp("home")))
    yield app
    app.kill()
    assert "Traceback" not in app.log.read_text(errors="replace")


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture
def home(app):
    """HOME without datasets."""
    for path in app.home.datasets.glob("*"):
        path.unlink()
    return app.home


@pytest.fixture
def page(app, browser):
    """A page of a new visitor; an error in its scripts fails the test."""
    context = browser.new_context(viewport={"width": 1480, "height": 900})
    context.set_default_timeout(20_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors


def make_rows(home: Home, rows: list[dict], name: str = "Rows") -> str:
    columns = list(rows[0])
    return create_dataset(home, name, columns, rows, {column: column for column in columns}, {})


def make_numbered(home: Home, count: int) -> str:
    return make_rows(
        home, [{"instruction": f"question {n}", "input": "", "output": f"answer {n}"} for n in range(1, count + 1)]
    )


def visit(page, app) -> None:
    """Open the page and wait until it shows the newest dataset, or says that there is none."""
    page.goto(app.url)
    page.wait_for_selector("#data-grid tr[data-id]" if list_datasets(app.home) else "#data-grid h3")


def row(page, row_id: int):
    return page.locator(f'#data-grid tr[data-id="{row_id}"]')


def cell(page, row_id: int, column: int):
    return row(page, row_id).locator(f'td[data-column="{column}"]')


def field(page, number: int):
    return page.locator(f"#data-field-{number} textarea")


def select_row(page, row_id: int) -> None:
    cell(page, row_id, 0).click()
    expect(page.locator("#data-status h3")).to_have_text(f"Row {row_id}")


def state(page):
    return page.locator("#data-status .state")


def test_the_example_can_be_loaded_and_is_there_after_a_reload(app, page, home):
    visit(page, app)
    expect(page.locator("#data-grid")).to_contain_text("No dataset yet")
    page.click("#data-load-example")
    expect(page.locator("#data-grid tr[data-id]")).to_have_count(50)
    expect(page.locator("#data-notice")).to_contain_text("JSONL")
    expect(page.get_by_label("Role of column output")).to_have_value("output")
    select_row(page, 3)
    shown = field(page, 1).input_value()
    page.reload()
    expect(page.locator("#data-status h3")).to_have_text("Row 3")
    expect(field(page, 1)).to_have_value(shown)
    expect(row(page, 3)).to_have_attribute("aria-selected", "true")
    assert open_dataset(home, list_datasets(home)[0].id).row(3).values["input"] == shown


def test_an_edit_in_place_is_saved(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 3))
    visit(page, app)
    cell(page, 2, 2).dblclick()
    page.locator(".grid-editor").fill("a better answer\nof two lines")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".grid-editor")).to_have_count(0)
    expect(cell(page, 2, 2)).to_have_text("a better answer\nof two lines")
    assert dataset.row(2).values["output"] == "a better answer\nof two lines"
    expect(field(page, 2)).to_have_value("a better answer\nof two lines")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#data-status h3")).to_have_text("Row 1")
    page.keyboard.press("Enter")
    page.locator(".grid-editor").fill("not meant")
    page.keyboard.press("Escape")
    expect(page.locator(".grid-editor")).to_have_count(0)
    page.reload()
    expect(cell(page, 2, 2)).to_have_text("a better answer\nof two lines")
    expect(cell(page, 1, 2)).to_have_text("answer 1")


def test_the_form_saves_itself_and_a_killed_app_has_kept_it(app, page, home):
    make_numbered(home, 3)
    visit(page, app)
    select_row(page, 2)
    field(page, 2).fill("typed, and never sent by hand")
    expect(state(page)).to_have_text("Saved")
    app.kill()
    app.start()
    visit(page, app)
    expect(page.locator("#data-status h3")).to_have_text("Row 2")
    expect(field(page, 2)).to_have_value("typed, and never sent by hand")


def test_a_text_outlives_a_reload_that_comes_before_it_is_saved(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 3))
    visit(page, app)
    select_row(page, 2)
    for text in ("typed once", "typed again"):
        field(page, 2).fill(text)
        page.reload()
        expect(field(page, 2)).to_have_value(text)
        expect(cell(page, 2, 2)).to_have_text(text)
        assert dataset.row(2).values["output"] == text


def test_rows_are_added_copied_deleted_and_brought_back_by_id(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 120))
    visit(page, app)
    page.get_by_role("button", name="Next").click()
    select_row(page, 52)
    page.click("#data-delete")
    expect(state(page)).to_have_text("Deleted row 52")
    expect(row(page, 52)).to_have_count(0)
    expect(page.locator("#data-status h3")).to_have_text("Row 53")
    assert dataset.count() == 119 and [kept.id for kept in dataset.page(50, 2)] == [51, 53]
    page.click("#data-undo")
    expect(state(page)).to_have_text("Undid the deletion of row 52.")
    expect(row(page, 52)).to_contain_text("question 52")
    page.click("#data-redo")
    expect(row(page, 52)).to_have_count(0)
    select_row(page, 53)
    page.click("#data-duplicate")
    expect(page.locator("#data-status h3")).to_have_text("Row 121")
    expect(cell(page, 121, 2)).to_have_text("answer 53")
    page.click("#data-add")
    expect(page.locator("#data-status h3")).to_have_text("Row 122")
    expect(field(page, 0)).to_be_focused()
    page.keyboard.type("a new question")
    page.keyboard.press("Control+Enter")
    expect(cell(page, 122, 0)).to_have_text("a new question")
    assert [kept.id for kept in dataset.page(50, 4)] == [51, 53, 121, 122]


def test_search_pages_and_roles(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 120))
    visit(page, app)
    page.fill("#data-search input", "answer 11")
    expect(page.locator("#data-grid tr[data-id]")).to_have_count(11)
    select_row(page, 113)
    page.fill("#data-search input", "nowhere")
    expect(page.locator("#data-grid .none")).to_contain_text("No row holds “nowhere”")
    page.fill("#data-search input", "")
    expect(page.locator("#data-grid .where")).to_have_text("Rows 1–50 of 120")
    page.locator("#data-grid select.size").select_option("25")
    expect(page.locator("#data-grid tr[data-id]")).to_have_count(25)
    page.locator("#data-grid input.page").fill("5")
    page.keyboard.press("Enter")
    expect(row(page, 101)).to_be_visible()
    page.get_by_label("Role of column input").select_option("system")
    expect(state(page)).to_have_text("Role set to system")
    assert dataset.mapping["input"] == "system"
    page.click("#data-undo")
    expect(page.get_by_label("Role of column input")).to_have_value("input")


def test_two_pages_on_one_row_lose_nothing(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 3))
    visit(page, app)
    select_row(page, 2)
    dataset.edit(2, {"output": "theirs"})
    field(page, 2).fill("mine")
    page.click("#data-save")
    expect(page.locator("#data-conflict")).to_contain_text("changed somewhere else")
    expect(page.locator("#data-conflict .both")).to_contain_text("theirs")
    assert dataset.row(2).values["output"] == "theirs"
    page.click("#data-keep-mine")
    expect(page.locator("#data-conflict")).to_be_hidden()
    assert dataset.row(2).values["output"] == "mine"
    dataset.edit(2, {"output": "theirs again"})
    cell(page, 2, 2).dblclick()
    page.locator(".grid-editor").fill("mine in the table")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#data-conflict .both")).to_contain_text("mine in the table")
    expect(field(page, 2)).to_have_value("mine in the table")
    page.click("#data-take-theirs")
    expect(field(page, 2)).to_have_value("theirs again")


def test_a_file_with_bad_rows_is_imported_only_without_them(app, page, home, tmp_path):
    broken = tmp_path / "tickets.jsonl"
    good = json.dumps({"instruction": "Add", "input": "", "output": "4"})
    broken.write_text(f'{good}\n{{"instruction": \n{good}\n[1]\n', encoding="utf-8")
    visit(page, app)
    page.set_input_files("#data-toolbar input[type=file]", broken)
    refusal = page.locator("#data-refusal")
    expect(refusal).to_contain_text("'tickets.jsonl', line 2")
    expect(refusal.locator("li")).to_have_count(2)
    expect(refusal.locator("li").last).to_contain_text("Line 4")
    assert list_datasets(home) == []
    page.get_by_role("button", name="Import without those 2 rows").click()
    expect(page.locator("#data-grid tr[data-id]")).to_have_count(2)
    expect(refusal).to_be_hidden()
    expect(page.locator("#data-notice")).to_contain_text("2 rows left out")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    page.set_input_files("#data-toolbar input[type=file]", empty)
    expect(page.locator("#data-notice .problem")).to_contain_text("empty.csv")
    assert len(list_datasets(home)) == 1


PAYLOADS = (
    '<img src=x onerror="window.pwned=1">',
    "<script>window.pwned=1</script>",
    "${window.pwned=1}",
    "{{#each value}}{{window.pwned}}{{/each}}`${window.pwned=1}`",
    '"><svg onload=window.pwned=1>',
    "</textarea><img src=x onerror=window.pwned=1>",
)


def test_no_row_runs_as_a_script(app, page, home):
    rows = [{"instruction": payload, "output": payload} for payload in PAYLOADS]
    make_rows(home, [*rows, {"instruction": {"path": "/etc/passwd"}, "output": list(PAYLOADS)}], name=PAYLOADS[0])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visit(page, app)
    expect(page.locator("#data-grid tr[data-id]")).to_have_count(7)
    for number, payload in enumerate(PAYLOADS, 1):
        expect(cell(page, number, 0)).to_have_text(payload)
        select_row(page, number)
        expect(field(page, 0)).to_have_value(payload)
    cell(page, 1, 1).dblclick()
    page.locator(".grid-editor").fill(PAYLOADS[1])
    page.keyboard.press("Control+Enter")
    expect(page.locator(".grid-editor")).to_have_count(0)
    page.fill("#data-search input", PAYLOADS[0])
    expect(page.locator("#data-grid tr[data-id]")).to_have_count(1)
    assert page.evaluate("window.pwned") is None
    assert not [url for url in asked if re.search(r"file=|/x$|passwd", url)]


def test_json_is_checked_before_it_is_saved(app, page, home):
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    dataset = open_dataset(home, make_rows(home, [{"messages": turns}]))
    visit(page, app)
    select_row(page, 1)
    field(page, 0).fill('[{"role": "user", "content": "Hi"}')
    expect(state(page)).to_contain_text("not valid JSON yet")
    assert dataset.version == 0
    turns[1]["content"] = "Hello there"
    field(page, 0).fill(json.dumps(turns))
    expect(state(page)).to_have_text("Saved")
    assert dataset.row(1).values["messages"] == turns


def test_a_dataset_can_be_typed_and_downloaded(app, page, home):
    visit(page, app)
    page.click("#data-start-empty")
    expect(page.locator("#data-status h3")).to_have_text("Row 1")
    field(page, 0).fill("What is 2+2?")
    field(page, 2).fill("4")
    page.keyboard.press("Control+Enter")
    expect(cell(page, 1, 2)).to_have_text("4")
    with page.expect_download() as started:
        page.click("#data-export")
    path = Path(started.value.path())
    assert started.value.suggested_filename == "my-rows.jsonl"
    assert json.loads(path.read_text()) == {"instruction": "What is 2+2?", "input": "", "output": "4"}
