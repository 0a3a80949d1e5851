"""Work in the Data tab, in Chromium: rows come in, are found, changed by the hundred, and go out again."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from studio.cli import main as run_command
from studio.data.store import list_datasets, open_dataset
from tests.data_page import (
    add_data,
    cell,
    choose_option,
    expect_ids,
    expect_row,
    field,
    make_numbered,
    make_rows,
    open_panel,
    row,
    rows,
    state,
    take,
    tick,
    upload,
    visit,
    wait_until_calm,
    write_lines,
)

pytest_plugins = ["tests.data_fixtures"]
pytestmark = pytest.mark.browser

DOLLY = [
    {"context": "", "instruction": "When was it founded?", "response": "In 1923.", "category": "closed_qa"},
    {"context": "A text.", "instruction": "What is this?", "response": "A text, as it says.", "category": "open_qa"},
    {"context": "", "instruction": "Name a bird.", "response": "The wren.", "category": "open_qa"},
]


def test_roles_are_corrected_before_a_file_is_imported(app, page, home, tmp_path):
    visit(page, app)
    upload(page, write_lines(tmp_path / "asked.jsonl", *map(json.dumps, DOLLY)))
    roles = page.locator("#data-pending").get_by_role("combobox")
    expect(roles).to_have_count(4)
    shown = {name: page.get_by_label(f"Role of column {name}") for name in DOLLY[0]}
    assert [shown[name].input_value() for name in ("instruction", "context", "response")] == [
        "instruction",
        "input",
        "output",
    ]
    expect(page.locator("#data-pending .said.assistant").first).to_contain_text("In 1923.")
    shown["response"].select_option("ignore")
    expect(page.locator("#data-pending").get_by_role("alert").first).to_contain_text("No column is the answer yet")
    shown["category"].select_option("output")
    expect(page.locator("#data-pending .said.assistant").first).to_contain_text("qa")
    expect(shown["category"]).to_have_value("output")
    assert list_datasets(home) == []
    page.locator("#data-name input, #data-name textarea").fill("Kinds of questions")
    take(page, 3)
    expect(cell(page, 3, 1)).to_have_text("Name a bird.")
    [info] = list_datasets(home)
    dataset = open_dataset(home, info.id)
    assert (info.name, info.rows) == ("Kinds of questions", 3)
    assert dict(dataset.mapping) == {
        "context": "input",
        "instruction": "instruction",
        "response": "ignore",
        "category": "output",
    }
    page.click("#data-add-data")  # one press opens the panel again
    expect(page.locator("#data-adding")).to_be_visible()


def test_a_table_with_bad_lines_goes_in_without_them(app, page, home, tmp_path):
    lines = ("instruction,output", "a,b", "c,d,e", 'f,"g, g"', "h", "i,j")
    visit(page, app)
    upload(page, write_lines(tmp_path / "bad.csv", *lines))
    pending = page.locator("#data-pending")
    expect(pending.locator("li b")).to_have_text(["Line 3", "Line 5"])
    expect(pending.locator("li").first).to_contain_text("3 cells where the header has 2 columns")
    expect(page.locator("#data-take")).to_be_hidden()
    page.click("#data-drop-rows")
    expect(pending.locator(".problems summary")).to_have_text("2 rows are left out")
    expect(pending.locator("li b")).to_have_text(["Line 3", "Line 5"])
    take(page, 3)
    expect(rows(page)).to_have_count(3)
    expect(cell(page, 2, 1)).to_have_text("g, g")
    expect(page.locator("#data-notice")).to_contain_text("2 rows were left out")
    assert open_dataset(home, list_datasets(home)[0].id).source["dropped"] == 2


def test_a_pasted_table_is_read_by_its_own_delimiter(app, page, home):
    visit(page, app)
    add_data(page, "Paste")
    page.locator("#data-paste textarea").fill('question;answer\n007;yes, sir\nWhy?;"a; b"\n')
    page.click("#data-read-text")
    delimiter = page.locator("#data-read-delimiter input")
    expect(delimiter).to_have_value("semicolon")
    expect(page.get_by_label("Role of column answer")).to_have_value("output")
    choose_option(page, "data-read-delimiter", "comma")
    expect(page.locator("#data-pending li b")).to_have_text(["Line 2"])  # the comma within a text
    page.click("#data-drop-rows")
    expect(page.locator("#data-take")).to_have_text("Import 1 row")
    expect(page.get_by_label("Role of column question;answer")).to_be_visible()
    choose_option(page, "data-read-delimiter", "semicolon")
    page.get_by_label("The first row names the columns").uncheck()
    expect(page.locator("#data-take")).to_have_text("Import 3 rows")
    page.get_by_label("The first row names the columns").check()
    take(page, 2)
    expect_ids(page, 1, 2)
    dataset = open_dataset(home, list_datasets(home)[0].id)
    assert [kept.values for kept in dataset.rows()] == [
        {"question": "007", "answer": "yes, sir"},
        {"question": "Why?", "answer": "a; b"},
    ]


ANSWERS = ("yes", "no", "a longer answer, with its reasons")


def make_labelled(home) -> str:
    """30 rows; the answers take turns, and two of three questions are longer."""
    texts = [("question" if n % 3 else "q", ANSWERS[n % 3]) for n in range(1, 31)]
    made = [{"instruction": f"{asked} {n}", "output": text} for n, (asked, text) in enumerate(texts, 1)]
    return make_rows(home, made)


def facet(page: Page, name: str, value: str):
    return page.locator(f'#data-facets button[data-facet="{name}"][data-value="{value}"]')


def pill(page: Page, words: str):
    return page.locator("#data-pills .pill", has_text=words)


def click_bar(page: Page, number: int) -> None:
    """A bar of the histograms, counted from the first."""
    bar = page.locator("#data-lengths .js-plotly-plot .bars path").nth(number)
    bar.scroll_into_view_if_needed()
    page.wait_for_timeout(400)  # facets.js looks for a new graph every 300 ms
    box = bar.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_rows_are_found_by_words_counts_and_lengths(app, page, home):
    make_labelled(home)
    visit(page, app)
    expect(facet(page, "labels", "no").locator("b")).to_have_text("10")
    click_bar(page, 0)
    expect(pill(page, "prompt length, characters: 3")).to_be_visible()
    expect_ids(page, 3, 6, 9)
    pill(page, "prompt length").click()
    expect(rows(page)).to_have_count(30)
    facet(page, "labels", "no").click()
    expect_ids(page, *range(1, 31, 3))
    expect_row(page, 1)
    page.fill("#data-search input", "question 2")
    expect_ids(page, 22, 25, 28)
    expect(page.locator("#data-grid .where")).to_have_text("Rows 1–3 of 3 that match")
    expect(facet(page, "labels", "yes")).to_have_count(0)  # no row with these words says yes
    pill(page, "“question 2”").click()
    expect_ids(page, *range(1, 31, 3))
    expect(page.locator("#data-search input")).to_have_value("")
    facet(page, "labels", "yes").click()
    expect(rows(page)).to_have_count(20)
    page.reload()
    expect(rows(page)).to_have_count(30)  # a page that is opened anew shows everything


def test_a_header_sorts_up_down_and_not_at_all(app, page, home):
    make_rows(home, [{"instruction": text, "output": "x"} for text in ("pear", "10", "9", "apple")])
    visit(page, app)
    header = page.locator('#data-grid button[data-sort="column:instruction"]')
    column = page.locator('#data-grid th:has([data-sort="column:instruction"])')
    header.click()
    expect_ids(page, 3, 2, 4, 1)  # numbers before words, and by their size
    expect(column).to_have_attribute("aria-sort", "ascending")
    header.click()
    expect_ids(page, 1, 4, 2, 3)
    expect(column).to_have_attribute("aria-sort", "descending")
    page.reload()
    header.click()
    header.click()
    header.click()
    expect(column).to_have_attribute("aria-sort", "none")
    expect_ids(page, 1, 2, 3, 4)


def fill_bulk(page: Page, **texts: str) -> None:
    for name, text in texts.items():
        page.locator(f"#data-bulk-{name} textarea").fill(text)


def test_ticked_rows_are_changed_at_once_and_undone_after_a_restart(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 60))
    visit(page, app)
    tick(page, 3, 5)
    page.click("#data-many")
    fill_bulk(page, find="question", text="Q:")
    changes, apply = page.locator("#data-bulk-preview .changes li"), page.locator("#data-bulk-apply")
    expect(changes).to_have_text(["Row 3 instruction questionQ: 3", "Row 5 instruction questionQ: 5"])
    expect(changes.first.locator("del")).to_have_text("question")
    expect(apply).to_have_text("Find and replace: 2 rows")
    assert dataset.version == 0
    apply.click()
    expect(cell(page, 5, 0)).to_have_text("Q: 5")
    expect(page.locator("#data-bulk-preview")).to_contain_text("Nothing in these rows matches")
    expect(page.locator("#data-bulk-scope")).to_contain_text("2 rows with a tick")
    expect(page.locator("#data-grid .choose input:checked")).to_have_count(2)
    assert [kept.values["instruction"] for kept in dataset.page(2, 3)] == ["Q: 3", "question 4", "Q: 5"]
    choose_option(page, "data-bulk-action", "Delete")
    expect(apply).to_have_text("Delete: 2 rows")
    apply.click()
    expect(row(page, 3)).to_have_count(0)
    expect(page.locator("#data-bulk-scope")).to_contain_text("58 rows in view")
    app.kill()
    app.start()
    visit(page, app)
    page.click("#data-undo")
    expect(cell(page, 3, 0)).to_have_text("Q: 3")
    page.click("#data-undo")
    expect(cell(page, 3, 0)).to_have_text("question 3")
    expect(cell(page, 5, 0)).to_have_text("question 5")
    assert [kept.values["instruction"] for kept in dataset.rows()] == [f"question {n}" for n in range(1, 61)]


def test_nothing_is_applied_that_was_not_shown(app, page, home):
    """Somebody changes a row between the preview and the press: what is done must have been seen."""
    dataset = open_dataset(home, make_numbered(home, 4))
    visit(page, app)
    page.click("#data-many")
    fill_bulk(page, find="question", text="Q:")
    expect(page.locator("#data-bulk-apply")).to_have_text("Find and replace: 4 rows")
    wait_until_calm(page)
    dataset.edit(2, {"output": "a question too"})
    page.click("#data-bulk-apply")
    expect(page.locator("#data-bulk-scope")).to_contain_text("Look at it, then press again")
    expect(page.locator("#data-bulk-preview .changes li")).to_have_count(5)
    assert dataset.version == 1
    page.click("#data-bulk-apply")
    expect(cell(page, 2, 2)).to_have_text("a Q: too")


def test_rows_are_merged_and_split(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 4))
    visit(page, app)
    tick(page, 4, 2)
    page.click("#data-many")
    choose_option(page, "data-bulk-action", "Merge into one row")
    expect(page.locator("#data-bulk-preview .parts")).to_contain_text("answer 4")
    page.click("#data-bulk-apply")
    expect(state(page)).to_have_text("2 rows merged into this one")
    expect_ids(page, 1, 3, 4)
    merged = dataset.row(4).values
    assert all(text in merged["output"] for text in ("answer 4", "answer 2"))
    choose_option(page, "data-bulk-action", "Split the selected row")
    fill_bulk(page, find="\n\n")
    expect(page.locator("#data-bulk-preview .parts h4")).to_have_text(["Part 1", "Part 2"])
    page.click("#data-bulk-apply")
    expect(state(page)).to_have_text("Split into 2 rows")
    expect(cell(page, 5, 2)).to_have_text("answer 2")
    assert field(page, 2).input_value() == "answer 4"


def download(page: Page, format: str, scope: str) -> Path:
    choose_option(page, "data-export-format", format)
    page.get_by_role("radio", name=scope).check()
    with page.expect_download() as started:
        page.click("#data-export")
    return Path(started.value.path())


def test_a_download_is_what_the_command_line_writes(app, page, home, tmp_path):
    dataset = open_dataset(home, make_numbered(home, 20))
    dataset.edit(2, {"output": '=1+1 "quoted", \u2028 ü'})
    dataset.mark(range(1, 8), status="accepted")
    visit(page, app)
    facet(page, "status", "accepted").click()
    expect(rows(page)).to_have_count(7)
    open_panel(page, "Export")
    asked = [
        ("JSON Lines: every value exactly", "jsonl", "all rows", []),
        ("Parquet: every value exactly", "parquet", "all rows", []),
        ("CSV for spreadsheets: formulas made harmless", "csv-spreadsheet", "rows in view", ["--status", "accepted"]),
    ]
    for format, name, scope, more in asked:
        shown = download(page, format, scope)
        out = tmp_path / name
        line = ["data", "export", dataset.id, "--home", str(home.path), "--format", name, "--out", str(out), *more]
        assert run_command(line) == 0
        assert shown.read_bytes() == out.read_bytes() != b""
