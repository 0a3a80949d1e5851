"""One journey through all five tabs on the real default model, as a new user goes: curate, preview, settings, train,
compare. Real Chromium, real app, real worker, real weights."""

import json

import pytest
from playwright.sync_api import Page, expect

from studio.recipes import to_yaml
from studio.runs.folder import open_run
from studio.settings import Recipe, change
from studio.templates.example import from_record
from studio.templates.library import find_template
from studio.templates.rendering import Renderer
from studio.templates.tokenizer import load_tokenizer
from tests.browser import open_browser, run_app
from tests.data_page import load_example

pytestmark = [pytest.mark.slow, pytest.mark.browser]

EDITED = "The kettle I waited for (order 55555) came cracked from lid to base. Please send me a new one."
SHORT = {
    "template.system": "You write tickets.",
    "train.max_steps": 24,
    "train.learning_rate": 1e-3,
    "train.batch_size": 1,
    "train.packing": True,
    "train.max_length": 256,
    "evaluate.eval_every": 12,
    "evaluate.test_rows": 4,
    "evaluate.max_new_tokens": 32,
    "data.eval_fraction": 0.02,
}
POINTS = "() => document.querySelector('#chart-loss .js-plotly-plot')?.data?.[0]?.x?.length ?? 0"


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def new_page(browser, address: str, foreign: list[str]) -> Page:
    page = browser.new_page(viewport={"width": 1480, "height": 900})
    page.set_default_timeout(60_000)
    page.on("request", lambda request: note_foreign(request.url, address, foreign))
    page.goto(address)
    return page


def note_foreign(url: str, address: str, foreign: list[str]) -> None:
    if not url.startswith((address, "data:", "blob:")):
        foreign.append(url)


def test_curate_preview_set_train_compare(browser, home_with_model, tmp_path):
    foreign: list[str] = []
    with run_app(home_with_model.path, tmp_path / "app.log") as address:
        page = new_page(browser, address, foreign)
        row_id = curate(page, address)
        trained_ids = preview(page, row_id)
        choose_settings(page, tmp_path)
        train(page, browser, address, foreign)
        check_trained_tokens(home_with_model, row_id, trained_ids)
        compare(page)
    assert not foreign, f"the page asked other hosts: {foreign}"
    assert "Traceback" not in (tmp_path / "app.log").read_text()


def curate(page: Page, address: str) -> int:
    """Load the example; an edit of the first row survives a reload. Returns the row's id."""
    load_example(page)
    expect(page.locator("#data-grid tbody tr")).not_to_have_count(0)
    first = page.locator("#data-grid tbody tr[data-id]").first
    row_id = int(first.get_attribute("data-id"))
    first.click()
    field = page.locator("#data-field-1 textarea")
    expect(field).not_to_have_value("")
    field.fill(EDITED)
    expect(page.locator("#data-preview")).to_contain_text("55555")
    page.locator("#data-save").click()
    expect(page.locator(f"#data-grid tr[data-id='{row_id}']")).to_contain_text("55555")
    page.goto(address)
    expect(page.locator(f"#data-grid tr[data-id='{row_id}']")).to_contain_text("55555")
    return row_id


def preview(page: Page, row_id: int) -> list[int]:
    """The Template tab shows the same row; a syntax error is told in words; returns the trained tokens' ids."""
    open_tab(page, "Model")  # loads nothing, but shows that the model is there
    expect(page.locator("#model-card")).to_contain_text("weights here")
    open_tab(page, "Template")
    panel = page.locator("#template-preview")
    expect(page.locator("#template-row")).to_contain_text(f"id {row_id})")
    expect(panel).to_contain_text("tokens teach the model")
    before = panel.locator(".token-text .token.trained").count()
    page.locator("#template-system textarea").fill("You write tickets.")
    expect(panel).to_contain_text("You write tickets.")
    assert panel.locator(".token-text .token.trained").count() == before > 5
    ids = panel.locator(".token-text .token.trained").evaluate_all(
        "nodes => nodes.map(node => node.dataset.ids).join(' ')"
    )
    page.wait_for_timeout(2000)  # a person's pace: an edit in the same moment can be overtaken by the former's answer
    editor = page.locator("#template-jinja .cm-content")
    editor.fill("{% if instruction %}{{ output }}")
    expect(panel).to_contain_text("cannot be rendered (line 1)")
    editor.fill("Q: {{ instruction }} {{ input }} A: {{ output }}{{ eos_token }}")
    expect(panel.locator(".token-text .token.context").first).to_contain_text("Q")
    page.locator("#template-name input").click()
    page.get_by_role("option", name="The model's own chat template").click()
    expect(panel).to_contain_text("<|im_start|>")
    return [int(id) for id in ids.split()]


def choose_settings(page: Page, tmp_path) -> None:
    """A recipe comes in as YAML; a field changes it; nonsense is refused in words."""
    recipe = tmp_path / "short.yaml"
    recipe.write_text(to_yaml(change(Recipe(), SHORT)), encoding="utf-8")
    open_tab(page, "Model")
    page.locator("input[type=file][accept*='.yaml']").set_input_files(recipe)
    expect(page.locator("#setting-train-learning_rate textarea, #setting-train-learning_rate input")).to_have_value(
        "1e-3"
    )
    rank = page.locator("#setting-lora-rank textarea, #setting-lora-rank input")
    rank.fill("0")
    expect(page.locator("#recipe-problems")).to_contain_text("lora.rank = '0'")
    rank.fill("8")
    expect(page.locator("#recipe-problems")).not_to_contain_text("lora.rank")
    expect(page.locator("#recipe-command")).to_contain_text("--lora.rank 8")


def train(page: Page, browser, address: str, foreign: list[str]) -> None:
    """The chart gains points while the page is open, and after it was closed and opened again."""
    open_tab(page, "Train")
    expect(page.locator("#run-preview")).to_contain_text("Ready")
    page.locator("#run-name input, #run-name textarea").first.fill("journey")
    page.locator("#run-start").click()
    page.wait_for_function(f"({POINTS})() >= 2", timeout=240_000)
    early = page.evaluate(POINTS)
    page.wait_for_function(f"({POINTS})() > {early}", timeout=120_000)
    seen = page.evaluate(POINTS)
    second = new_page(browser, address, foreign)  # another visitor sees the same run
    expect(second.locator("#studio-header")).to_contain_text("journey")
    second.close()
    page.goto("about:blank")
    page.goto(address)
    open_tab(page, "Train")
    page.wait_for_function(f"({POINTS})() > {seen}", timeout=240_000)
    expect(page.locator("#run-progress [data-status]")).to_have_attribute("data-status", "finished", timeout=300_000)
    assert page.evaluate(POINTS) == 24
    expect(page.locator("#run-report")).to_contain_text("Exact match on 4 test rows")


def check_trained_tokens(home, row_id: int, shown: list[int]) -> None:
    """What the Template tab showed as trained is what the collator yields for that row."""
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    from studio.templates.encoding import encode_many

    run = open_run(home, "journey")
    tokenizer = load_tokenizer(home.models / "HuggingFaceTB--SmolLM2-135M-Instruct")
    records = [
        json.loads(line) for name in ("train", "eval", "test") for line in run.split(name).read_text().splitlines()
    ]
    [record] = [record for record in records if record["id"] == row_id]
    recipe = run.recipe()
    with Renderer() as renderer:
        template = find_template(recipe.template, tokenizer)
        [encoded] = encode_many([from_record(record)], template, tokenizer, renderer, max_length=256)
    batch = DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_id)([encoded.training_columns()])
    labels = batch["labels"][0]
    assert labels[labels != -100].tolist() == shown


def compare(page: Page) -> None:
    """Both columns stream an answer, and they differ."""
    open_tab(page, "Compare")
    page.locator("#compare-instruction textarea").fill(
        "Write this complaint as one line of JSON with the keys order, issue (late, damaged, wrong, missing) and wants "
        "(refund, replacement, answer). Use null without an order number."
    )
    page.locator("#compare-input textarea").fill("My lamp from order 40871 came in three pieces. I want my money back.")
    expect(page.locator("#compare-state")).to_contain_text("eady", timeout=120_000)
    page.locator("#compare-send").click()
    expect(page.locator("#compare-badge .verified")).to_be_visible(timeout=180_000)
    expect(page.locator("#compare-figures-tuned")).to_contain_text("tokens/s")
    base = page.locator("#compare-base .bot").last.inner_text().strip()
    tuned = page.locator("#compare-tuned .bot").last.inner_text().strip()
    assert base and tuned and base != tuned
    assert '"order"' in tuned
