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
PASTED = """frage;kontext;antwort
Wie lange gilt die Rechnung?;;Sie ist 14 Tage nach Erhalt fällig.
Was kostet der Versand?;Bestellwert 42 Euro;Unter 50 Euro kostet der Versand 4,90 Euro.
Kann ich umtauschen?;Kauf vor 20 Tagen;Ja, bis 30 Tage nach dem Kauf, ungetragen und mit Etikett.
"""


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
    take_data(page)
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


def take_data(page: Page) -> None:
    """What would be imported; the checks of the dirty example; then the first run's rows, and one in the focus view."""
    page.locator("#data-add-data").click()
    open_tab(page, "Paste")
    page.locator("#data-paste textarea").fill(PASTED)
    page.locator("#data-read-text").click()
    expect(page.locator("#data-pending")).to_contain_text("Rows as they would be learned")
    take(page, "adding")
    page.locator("#data-cancel-import").click()
    load_example(page, "dirty")
    open_tab(page, "Quality")
    page.locator("#data-quality button[data-act=run]").click()
    expect(page.locator("#data-quality table.checks")).to_be_visible(timeout=3 * MINUTE)
    take(page, "quality")
    open_tab(page, "Rows")
    page.locator("#data-add-data").click()
    load_example(page, "complaints")
    page.locator("#data-grid tbody tr[data-id]").nth(3).click()
    expect(page.locator("#data-preview")).to_contain_text("teach the model", timeout=5 * MINUTE)
    expect(page.locator("#data-lengths .js-plotly-plot").first).to_be_visible()
    take(page, "data")
    page.locator("#data-focus").click()
    take(page, "review")
    page.locator("#data-focus").click()


def load_example(page: Page, name: str) -> None:
    """Load a shipped example through the open panel, and wait for its rows."""
    open_tab(page, "Examples")
    page.locator(f"#data-examples button[data-example={name}]").click()
    expect(page.locator("#data-adding")).not_to_be_visible()
    expect(page.locator("#data-grid tbody tr[data-id]").first).to_be_visible()


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
