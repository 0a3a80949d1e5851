"""The Data tab in Chromium: what a person does with rows, and what must not happen meanwhile."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from studio.data.store import list_datasets, open_dataset
from tests.data_page import (
    add_data,
    cell,
    expect_ids,
    expect_row,
    field,
    load_example,
    make_numbered,
    make_rows,
    open_panel,
    row,
    rows,
    select_row,
    state,
    take,
    upload,
    visit,
    wait_until_calm,
    write_lines,
)

pytest_plugins = ["tests.data_fixtures"]
pytestmark = pytest.mark.browser


def test_the_example_can_be_loaded_and_is_there_after_a_reload(app, page, home):
    visit(page, app)
    expect(page.locator("#data-grid")).to_contain_text("No dataset yet")
    load_example(page)
    expect(rows(page)).to_have_count(50)
    expect(page.locator("#data-notice")).to_contain_text("624 rows: JSONL")
    expect(page.get_by_label("Role of column output")).to_have_value("output")
    select_row(page, 3)
    shown = field(page, 1).input_value()
    page.reload()
    expect_row(page, 3)
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
    expect_row(page, 1)
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
    expect_row(page, 2)
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
    expect_row(page, 53)
    assert dataset.count() == 119 and [kept.id for kept in dataset.page(50, 2)] == [51, 53]
    page.click("#data-undo")
    expect(state(page)).to_have_text("Undid the deletion of row 52.")
    expect(row(page, 52)).to_contain_text("question 52")
    page.click("#data-redo")
    expect(row(page, 52)).to_have_count(0)
    select_row(page, 53)
    page.click("#data-duplicate")
    expect_row(page, 121)
    expect(cell(page, 121, 2)).to_have_text("answer 53")
    page.click("#data-add")
    expect_row(page, 122)
    expect(field(page, 0)).to_be_focused()
    page.keyboard.type("a new question")
    page.keyboard.press("Control+Enter")
    expect(cell(page, 122, 0)).to_have_text("a new question")
    assert [kept.id for kept in dataset.page(50, 4)] == [51, 53, 121, 122]


def test_search_pages_and_roles(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 120))
    visit(page, app)
    page.fill("#data-search input", "answer 11")
    expect(rows(page)).to_have_count(11)
    select_row(page, 113)
    page.fill("#data-search input", "nowhere")
    expect(page.locator("#data-grid .none")).to_contain_text("No row holds “nowhere”")
    page.fill("#data-search input", "")
    expect(page.locator("#data-grid .where")).to_have_text("Rows 1–50 of 120")
    page.locator("#data-grid select.size").select_option("25")
    expect(rows(page)).to_have_count(25)
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
    good = json.dumps({"instruction": "Add", "input": "", "output": "4"})
    visit(page, app)
    upload(page, write_lines(tmp_path / "tickets.jsonl", good, '{"instruction": ', good, "[1]"))
    shown = page.locator("#data-pending")
    expect(shown.get_by_role("alert")).to_contain_text("'tickets.jsonl', line 2")
    expect(shown.locator("li")).to_have_count(2)
    expect(shown.locator("li").last).to_contain_text("Line 4")
    assert list_datasets(home) == []
    page.click("#data-drop-rows")
    expect(shown).to_contain_text("2 rows are left out")
    assert list_datasets(home) == []
    take(page, 2)
    expect(rows(page)).to_have_count(2)
    expect(page.locator("#data-notice")).to_contain_text("2 rows were left out")
    (tmp_path / "empty.csv").write_text("")
    upload(page, tmp_path / "empty.csv")
    expect(shown.get_by_role("alert")).to_contain_text("empty.csv")
    expect(page.locator("#data-take")).to_be_hidden()
    page.click("#data-cancel-import")
    expect(shown).to_contain_text("Nothing was imported")
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
    texts = [{"instruction": payload, "output": payload} for payload in PAYLOADS]
    make_rows(home, [*texts, {"instruction": {"path": "/etc/passwd"}, "output": list(PAYLOADS)}], name=PAYLOADS[0])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visit(page, app)
    expect(rows(page)).to_have_count(7)
    for number, payload in enumerate(PAYLOADS, 1):
        expect(cell(page, number, 0)).to_have_text(payload)
        select_row(page, number)
        expect(field(page, 0)).to_have_value(payload)
    cell(page, 1, 1).dblclick()
    page.locator(".grid-editor").fill(PAYLOADS[1])
    page.keyboard.press("Control+Enter")
    expect(page.locator(".grid-editor")).to_have_count(0)
    page.fill("#data-search input", PAYLOADS[0])
    expect_ids(page, 1, 6, 7)  # all of its words stand in these
    expect(page.locator("#data-pills .pill")).to_contain_text(PAYLOADS[0])
    page.locator("#data-pills .pill").click()
    expect(rows(page)).to_have_count(7)
    page.fill("#data-tags input, #data-tags textarea", PAYLOADS[3])
    page.locator("#data-note textarea").fill(PAYLOADS[4])
    page.click("#data-why")
    expect(page.locator("#data-history")).to_contain_text(PAYLOADS[0])
    expect(page.locator("#data-facets")).to_contain_text(PAYLOADS[3][:20])
    page.click("#data-delete")
    open_panel(page, "Trash")
    expect(page.locator("#data-trash")).to_contain_text(PAYLOADS[0])
    assert page.evaluate("window.pwned") is None
    assert not [url for url in asked if re.search(r"file=|/x$|passwd", url)]


def test_json_is_checked_before_it_is_saved(app, page, home):
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    dataset = open_dataset(home, make_rows(home, [{"messages": turns}]))
    visit(page, app)
    select_row(page, 1)
    page.get_by_role("button", name="Edit as JSON").click()
    field(page, 0).fill('[{"role": "user", "content": "Hi"}')
    expect(state(page)).to_contain_text("not valid JSON yet")
    assert dataset.version == 0
    turns[1]["content"] = "Hello there"
    field(page, 0).fill(json.dumps(turns))
    expect(state(page)).to_have_text("Saved")
    assert dataset.row(1).values["messages"] == turns


def test_a_dataset_can_be_typed_and_downloaded(app, page, home):
    visit(page, app)
    add_data(page, "Start empty")
    page.click("#data-start-empty")
    expect_row(page, 1)
    field(page, 0).fill("What is 2+2?")
    field(page, 2).fill("4")
    page.keyboard.press("Control+Enter")
    expect(cell(page, 1, 2)).to_have_text("4")
    open_panel(page, "Export")
    with page.expect_download() as started:
        page.click("#data-export")
    path = Path(started.value.path())
    assert started.value.suggested_filename == "my-rows.jsonl"
    assert json.loads(path.read_text()) == {"instruction": "What is 2+2?", "input": "", "output": "4"}


def test_a_page_that_nobody_touches_asks_for_nothing(app, page, home):
    """Listeners that keep each other going would ask for ever (FOLLOWING in components/shared.py)."""
    make_numbered(home, 60)
    visit(page, app)
    page.click("#data-many")
    page.get_by_role("button", name="Next").click()
    select_row(page, 52)
    page.click("#data-accept")
    expect_row(page, 53)
    wait_until_calm(page, seconds=4)
