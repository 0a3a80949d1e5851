"""Review in the Data tab, in Chromium: verdicts by key, marks, two people on one row, the trash, conversations."""

import pytest
from playwright.sync_api import Page, expect

from studio.data.store import open_dataset
from tests.data_page import (
    cell,
    expect_ids,
    expect_row,
    field,
    make_numbered,
    make_rows,
    open_panel,
    row,
    rows,
    select_row,
    state,
    visit,
)

pytest_plugins = ["tests.data_fixtures"]
pytestmark = pytest.mark.browser


def press(page: Page, key: str, row_id: int) -> None:
    """A key, and the row that comes by it."""
    page.keyboard.press(key)
    expect_row(page, row_id)


def statuses(dataset) -> list[str]:
    return [kept.marks.status for kept in dataset.rows()]


def test_rows_are_reviewed_with_keys_alone(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 6))
    visit(page, app)
    expect_row(page, 1)
    press(page, "a", 2)
    expect(state(page)).to_have_text("Row 1 is accepted")
    expect(row(page, 1)).to_have_class("accepted")
    expect(row(page, 2)).to_have_attribute("aria-selected", "true")
    press(page, "d", 3)
    press(page, "s", 4)
    press(page, "b", 3)
    press(page, "w", 4)
    assert statuses(dataset) == ["accepted", "discarded", "draft", "pending", "pending", "pending"]
    page.keyboard.press("f")
    expect(page.locator("#data-table")).to_be_hidden()
    expect(page.locator("#data-filters")).to_be_hidden()
    expect(field(page, 0)).to_have_value("question 4")
    press(page, "a", 5)
    page.keyboard.press("f")
    expect(page.locator("#data-table")).to_be_visible()
    press(page, "s", 6)
    page.keyboard.press("a")
    expect(state(page)).to_have_text("Row 6 is accepted. That was the last row of this view.")
    page.keyboard.press("Control+z")
    expect(row(page, 6)).to_have_class("pending")
    assert statuses(dataset) == ["accepted", "discarded", "draft", "accepted", "pending", "pending"]
    expect(page.locator("#data-facets .donut")).to_contain_text("3 of 6 reviewed")


def test_a_verdict_takes_the_row_out_of_the_filter_and_the_next_one_comes(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 4))
    dataset.mark([2], status="draft")
    visit(page, app)
    page.locator('#data-facets button[data-value="pending"]').click()
    expect_ids(page, 1, 3, 4)
    press(page, "a", 3)
    expect_ids(page, 3, 4)
    press(page, "d", 4)
    expect_ids(page, 4)
    page.keyboard.press("a")
    expect(page.locator("#data-status h3")).to_have_text("No row selected")
    expect(state(page)).to_contain_text("No row is left in this view")
    assert statuses(dataset) == ["accepted", "draft", "discarded", "accepted"]
    page.locator("#data-pills .pill").click()
    expect_ids(page, 1, 2, 3, 4)


def test_a_letter_typed_into_a_text_is_no_verdict(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 2))
    visit(page, app)
    expect_row(page, 1)
    field(page, 2).focus()
    page.keyboard.press("End")
    page.keyboard.type(" add")
    page.keyboard.press("Control+Enter")
    expect(cell(page, 1, 2)).to_have_text("answer 1 add")
    expect_row(page, 1)
    assert statuses(dataset) == ["pending", "pending"]


def test_tags_notes_and_golden_rows_are_kept(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 3))
    visit(page, app)
    select_row(page, 2)
    tags, note = page.locator("#data-tags input, #data-tags textarea"), page.locator("#data-note textarea")
    tags.fill("urgent, two  words")
    tags.press("Enter")
    expect(page.locator('#data-facets button[data-value="two words"] b')).to_have_text("1")
    note.fill("ask the shop")
    page.locator("#data-golden input").check()
    expect(row(page, 2).locator(".state")).to_have_attribute(
        "title", "pending; golden: kept for the test; note: ask the shop; tags: urgent, two words"
    )
    marks = dataset.row(2).marks
    assert (marks.tags, marks.note, marks.golden) == (("urgent", "two words"), "ask the shop", True)
    page.reload()
    expect(tags).to_have_value("urgent, two words")
    expect(note).to_have_value("ask the shop")
    select_row(page, 3)
    expect(tags).to_have_value("")
    page.locator('#data-facets button[data-value="urgent"]').click()
    expect_ids(page, 2)
    page.click("#data-why")
    expect(page.locator("#data-history li")).to_have_count(4)  # three marks and the import
    page.click("#data-undo")
    expect(page.locator("#data-golden input")).not_to_be_checked()
    assert dataset.row(2).marks.note == "ask the shop"


def test_two_people_on_one_row_lose_nothing(app, visitor, home):
    dataset = open_dataset(home, make_numbered(home, 3))
    ada, ben = visitor(), visitor()
    for page in (ada, ben):
        visit(page, app)
        select_row(page, 2)
    ada.click("#data-discard")  # a verdict is no edit of the text
    expect_row(ada, 3)
    field(ben, 2).fill("Ben's text")
    expect(state(ben)).to_have_text("Saved")
    select_row(ada, 2)
    field(ada, 2).fill("Ada's text")
    expect(state(ada)).to_have_text("Saved")
    field(ben, 2).fill("Ben's second text")
    expect(ben.locator("#data-conflict .both")).to_contain_text("Ada's text")
    expect(ben.locator("#data-conflict .both")).to_contain_text("Ben's second text")
    assert dataset.row(2).values["output"] == "Ada's text"
    ben.click("#data-keep-mine")
    expect(ben.locator("#data-conflict")).to_be_hidden()
    expect(state(ben)).to_have_text("Saved: your text")
    field(ada, 2).fill("Ada's second text")
    expect(ada.locator("#data-conflict .both")).to_contain_text("Ben's second text")
    ada.click("#data-take-theirs")
    expect(field(ada, 2)).to_have_value("Ben's second text")
    kept = dataset.row(2)
    assert (kept.values["output"], kept.marks.status) == ("Ben's second text", "discarded")


def test_what_was_deleted_comes_back_from_the_trash(app, page, home):
    dataset = open_dataset(home, make_numbered(home, 4))
    visit(page, app)
    for row_id, then in ((2, 3), (3, 4)):
        select_row(page, row_id)
        page.click("#data-delete")
        expect_row(page, then)
    open_panel(page, "Trash")
    trash = page.locator("#data-trash")
    expect(trash).to_contain_text("2 rows in the trash")
    expect(trash.locator("article b")).to_have_text(["Row 3", "Row 2"])
    trash.locator("article", has_text="answer 2").get_by_role("button", name="Restore").click()
    expect(trash.locator("article b")).to_have_text(["Row 3"])
    open_panel(page, "Rows")
    expect_ids(page, 1, 2, 4)
    expect(state(page)).to_have_text("Row 2 is back in its place")
    assert [kept.id for kept in dataset.rows()] == [1, 2, 4]
    page.click("#data-undo")
    expect_ids(page, 1, 4)


CHAT = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "Hi", "seen": "09:10"},
    {"role": "assistant", "content": "Hello"},
]


def turn_texts(page: Page):
    return page.locator("#data-field-0 .turn textarea")


def expect_turns(page: Page, *texts: str) -> None:
    expect(turn_texts(page)).to_have_count(len(texts))
    for number, text in enumerate(texts):
        expect(turn_texts(page).nth(number)).to_have_value(text)


def test_a_conversation_is_edited_turn_by_turn(app, page, home):
    made = [{"messages": CHAT, "topic": "greetings"}, {"messages": CHAT[1:], "topic": "more"}]
    dataset = open_dataset(home, make_rows(home, made, {"messages": "messages", "topic": "ignore"}))
    visit(page, app)
    select_row(page, 1)
    expect_turns(page, "Be short.", "Hi", "Hello")
    page.get_by_role("button", name="Add turn (user)").click()
    turn_texts(page).nth(3).fill("Good bye")
    page.get_by_role("button", name="Add turn (assistant)").click()
    turn_texts(page).nth(4).fill("See you")
    expect(state(page)).to_have_text("Saved")
    asked, answered = {"role": "user", "content": "Good bye"}, {"role": "assistant", "content": "See you"}
    expect(cell(page, 1, 0)).to_contain_text("assistant: See you")
    assert dataset.row(1).values["messages"] == [*CHAT, asked, answered]
    page.get_by_label("Move turn 4 up").click()
    expect_turns(page, "Be short.", "Hi", "Good bye", "Hello", "See you")
    page.get_by_label("Remove turn 1").click()
    page.get_by_label("Who speaks in turn 2").select_option("tool")
    expect_turns(page, "Hi", "Good bye", "Hello", "See you")
    expect(cell(page, 1, 0)).to_contain_text("tool: Good bye")
    stored = [CHAT[1], {"role": "tool", "content": "Good bye"}, CHAT[2], answered]
    assert dataset.row(1).values == {"messages": stored, "topic": "greetings"}  # the key "seen" stays as it was
    select_row(page, 2)
    expect_turns(page, "Hi", "Hello")
    turn_texts(page).nth(1).fill("typed before a reload")
    page.reload()
    expect_turns(page, "Hi", "typed before a reload")
    expect(field(page, 1)).to_have_value("more")
    expect(cell(page, 2, 0)).to_contain_text("typed before a reload")
    assert dataset.row(2).values == {
        "messages": [CHAT[1], {**CHAT[2], "content": "typed before a reload"}],
        "topic": "more",
    }


def test_a_new_conversation_begins_with_a_turn(app, page, home):
    dataset = open_dataset(home, make_rows(home, [{"messages": CHAT}]))
    visit(page, app)
    expect(rows(page)).to_have_count(1)
    page.click("#data-add")
    expect_row(page, 2)
    page.get_by_role("button", name="Add turn (user)").click()
    turn_texts(page).nth(0).fill("Hi")
    page.get_by_role("button", name="Add turn (assistant)").click()
    turn_texts(page).nth(1).fill("Hello")
    expect(cell(page, 2, 0)).to_contain_text("assistant: Hello")
    assert dataset.row(2).values["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
    ]
