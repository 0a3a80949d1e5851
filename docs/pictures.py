"""The pictures in docs/, taken anew: `python -m docs.pictures [--home HOME]`.

Starts the app as a user does, goes through the five tabs in Chromium and trains the first run, if HOME has none yet
(about five minutes on two CPU cores).
"""

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from studio.home import open_home
from studio.runs.folder import list_runs
from tests.browser import open_browser, run_app

FOLDER = Path(__file__).parent / "pictures"
SIZE = {"width": 1480, "height": 900}
MINUTE = 60_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="docs.pictures", description=__doc__.splitlines()[0])
    parser.add_argument("--home", help="a HOME to take the pictures in (default: a new one)")
    given = parser.parse_args().home
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        home = open_home(given or folder)
        with run_app(home.path, Path(folder) / "app.log") as address:
            page = browser.new_page(viewport=SIZE)
            page.set_default_timeout(MINUTE)
            page.goto(address)
            take_all(page, has_run=bool(list_runs(home)))


def take_all(page: Page, has_run: bool) -> None:
    """One picture a tab, in the order of the work."""
    page.locator("#data-load-example").click()
    rows = page.locator("#data-grid tbody tr[data-id]")
    expect(rows.first).to_be_visible()
    rows.nth(3).click()
    expect(page.locator("#data-preview")).to_contain_text("teach the model", timeout=5 * MINUTE)
    take(page, "data")
    open_tab(page, "Template")
    expect(page.locator("#template-preview")).to_contain_text("teach the model")
    take(page, "template")
    open_tab(page, "Model")
    expect(page.locator("#model-card")).to_contain_text("weights here")
    take(page, "model")
    open_tab(page, "Train")
    expect(page.locator("#run-preview")).to_contain_text("Ready")
    if not has_run:
        page.locator("#run-start").click()
    expect(page.locator("#run-report")).to_contain_text("Exact match", timeout=20 * MINUTE)
    page.wait_for_timeout(1500)  # the charts are drawn a moment after their data came
    take(page, "train")
    ask(page)
    take(page, "compare")


def ask(page: Page) -> None:
    """A test row, answered by both."""
    open_tab(page, "Compare")
    expect(page.locator("#compare-state")).to_contain_text("eady", timeout=3 * MINUTE)
    page.locator("#compare-settings-button").click()
    page.locator("#compare-max-new-tokens input[type=number]").fill("64")  # the base rambles on
    page.locator("#compare-settings-button").click()
    page.locator("#compare-test-row").click()
    expect(page.locator("#compare-instruction textarea")).not_to_have_value("")
    page.locator("#compare-send").click()
    expect(page.locator("#compare-badge .verified")).to_be_visible(timeout=3 * MINUTE)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def take(page: Page, name: str) -> None:
    page.add_style_tag(content=".footer { visibility: hidden }")  # it names a folder of this machine
    page.wait_for_timeout(600)  # Gradio's transitions
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
