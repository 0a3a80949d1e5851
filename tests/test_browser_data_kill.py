"""The app is killed three times in the middle of work: nothing that the page called saved is lost."""

import pytest
from playwright.sync_api import expect

from studio.data.store import open_dataset
from tests.data_page import cell, expect_row, field, make_numbered, row, select_row, state, visit

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.data_fixtures"]


def test_three_kills_of_the_app_lose_no_saved_change(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 9))
    expected = {}
    for number in (1, 2, 3):
        visit(page, app)
        first, second = number, number + 3
        select_row(page, first)
        field(page, 2).fill(f"typed in the form {number}")
        expect(state(page)).to_have_text("Saved")
        cell(page, second, 2).dblclick()
        page.locator(".grid-editor").fill(f"typed in the table {number}")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".grid-editor")).to_have_count(0)
        expect_row(page, second)
        page.click("#data-accept")
        expect(state(page)).to_have_text(f"Row {second} is accepted")
        app.kill()
        expected |= {first: f"typed in the form {number}", second: f"typed in the table {number}"}
        assert {row_id: dataset.row(row_id).values["output"] for row_id in expected} == expected
        app.start()
    visit(page, app)
    for row_id, text in expected.items():
        expect(cell(page, row_id, 2)).to_have_text(text)
    for row_id in (4, 5, 6):
        assert dataset.row(row_id).marks.status == "accepted"
        expect(row(page, row_id)).to_have_class("accepted")
