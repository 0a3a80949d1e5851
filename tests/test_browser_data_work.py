"""Work in the Data tab, in Chromium: rows come in, are found, changed by the hundred, reviewed, and go out again."""

import json

import pytest
from playwright.sync_api import expect

from studio.data.store import list_datasets, open_dataset
from tests.data_page import (
    cell,
    take,
    upload,
    visit,
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
