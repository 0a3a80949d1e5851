"""The Data tab in Chromium: what a person sees and presses there, for its browser tests."""

from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Locator, Page, expect

from studio.data.store import create_dataset, list_datasets
from studio.home import Home

if TYPE_CHECKING:  # pytest loads the fixtures
    from tests.data_fixtures import App

# Datasets


def make_rows(home: Home, rows: list[dict], roles: dict[str, str] | None = None, name: str = "Rows") -> str:
    """A dataset of these rows; a column that is named like a role has it. Returns its id."""
    columns = list(rows[0])
    return create_dataset(home, name, columns, rows, roles or {column: column for column in columns}, {})


def make_numbered(home: Home, count: int) -> str:
    return make_rows(
        home, [{"instruction": f"question {n}", "input": "", "output": f"answer {n}"} for n in range(1, count + 1)]
    )


def write_lines(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


# What is on the page


def visit(page: Page, app: "App") -> None:
    """Open the page and wait until it shows the newest dataset, or says that there is none."""
    page.goto(app.url)
    page.wait_for_selector("#data-grid tr[data-id]" if list_datasets(app.home) else "#data-grid h3")


def rows(page: Page) -> Locator:
    return page.locator("#data-grid tr[data-id]")


def row(page: Page, row_id: int) -> Locator:
    return page.locator(f'#data-grid tr[data-id="{row_id}"]')


def cell(page: Page, row_id: int, column: int) -> Locator:
    return row(page, row_id).locator(f'td[data-column="{column}"]')


def field(page: Page, number: int) -> Locator:
    return page.locator(f"#data-field-{number} label textarea")


def state(page: Page) -> Locator:
    """What the form says of the last change."""
    return page.locator("#data-status .state")


def expect_row(page: Page, row_id: int) -> None:
    """The form shows that row."""
    expect(page.locator("#data-status h3")).to_have_text(f"Row {row_id}")


def expect_ids(page: Page, *row_ids: int) -> None:
    """The table shows these rows in this order."""
    expect(rows(page)).to_have_count(len(row_ids))
    expect(page.locator("#data-grid tbody th.number")).to_have_text([str(row_id) for row_id in row_ids])


def wait_until_calm(page: Page, seconds: float = 1.5) -> None:
    """Until the page has asked the server for nothing for so long; fails if that does not come within a minute."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(round(60 / seconds)):
        asked.clear()
        page.wait_for_timeout(seconds * 1000)
        if not asked:
            return
    raise AssertionError(f"The page goes on asking for {asked}")


# What a person does


def select_row(page: Page, row_id: int) -> None:
    cell(page, row_id, 0).click()
    expect_row(page, row_id)


def tick(page: Page, *row_ids: int) -> None:
    for row_id in row_ids:
        row(page, row_id).locator(".choose input").check()


def open_panel(page: Page, title: str) -> None:
    """One of the panels beside the rows."""
    page.locator("#data-panels").get_by_role("tab", name=title, exact=True).click()


def choose_option(page: Page, elem_id: str, label: str) -> None:
    """An option of one of Gradio's dropdowns."""
    page.click(f"#{elem_id} input")
    page.get_by_role("option", name=label, exact=True).click()


def add_data(page: Page, way: str) -> None:
    """Open “Add data” on one of its ways in."""
    page.click("#data-add-data")
    page.locator("#data-sources").get_by_role("tab", name=way, exact=True).click()


def load_example(page: Page, name: str = "complaints") -> None:
    add_data(page, "Examples")
    page.click(f'#data-examples button[data-example="{name}"]')
    expect(page.locator("#data-adding")).to_be_hidden()


def upload(page: Page, path: Path) -> None:
    """Hand a file in; the panel is open afterwards and reads it."""
    add_data(page, "Upload")
    with page.expect_file_chooser() as chooser:
        page.click("#data-upload")
    chooser.value.set_files(path)


def take(page: Page, rows_there: int) -> None:
    """Import what the preview shows."""
    rows_text = "1 row" if rows_there == 1 else f"{rows_there:,} rows"
    expect(page.locator("#data-take")).to_have_text(f"Import {rows_text}")
    page.click("#data-take")
    expect(page.locator("#data-adding")).to_be_hidden()
