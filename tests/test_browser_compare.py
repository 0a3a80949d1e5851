"""The Compare tab in Chromium: a tiny real run behind the real server, and a stand-in that answers with payloads."""

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace

import gradio as gr
import pytest
import uvicorn
from fastapi import FastAPI

from components.compare_tab import build_compare_tab
from components.shared import Services, build_shared
from components.theme import STYLES, build_theme
from studio.events import append_event
from studio.guard import build_guard
from studio.home import open_home
from studio.inference.client import InferenceHost
from studio.models.shelf import ModelShelf
from studio.templates.rendering import Renderer
from tests.provide_browser import find_browser
from tests.tiny import make_tiny_model, make_tiny_run

pytestmark = pytest.mark.browser

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
READY, VERDICT = "#compare-state .ready", "#compare-badge .verified"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two finished runs of a tiny model with room for long answers; `plain` is the older one."""
    root = tmp_path_factory.mktemp("compare")
    model = make_tiny_model(root / "tiny-llama")
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    config["max_position_embeddings"] = 16_384
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    home = open_home(root / "home")
    for name in ("plain", "tickets-3"):
        folder = make_tiny_run(home.path, name, model)
        append_event(folder / "events.jsonl", "finished", time.time())
        time.sleep(0.02)
    return home


@pytest.fixture(scope="module")
def services(home):
    with Renderer() as renderer:
        services = Services(home=home, renderer=renderer, shelf=ModelShelf(home), inference=InferenceHost(home))
        yield services
        services.inference.close()


def build_page(services):
    with gr.Blocks(analytics_enabled=False) as blocks:
        shared = build_shared()
        with gr.Tabs():
            with gr.Tab("First"):
                gr.Markdown("Another tab")
            with gr.Tab("Compare", id="compare") as tab:
                build_compare_tab(services, shared, tab)
    return blocks


@contextmanager
def serving(blocks):
    """The page's address, behind the studio's guard, while the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    api = FastAPI()
    gr.mount_gradio_app(api, blocks, path="/", theme=build_theme(), css_paths=STYLES, ssr_mode=False)
    guard = build_guard(api, "127.0.0.1", port, {})
    server = uvicorn.Server(uvicorn.Config(guard, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def address(services):
    with serving(build_page(services)) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    page = open_compare(browser, address)
    page.wait_for_selector(READY, timeout=90_000)
    yield page
    page.close()


def open_compare(browser, address):
    page = browser.new_page(viewport={"width": 1480, "height": 900})
    page.goto(address)
    page.get_by_role("tab", name="Compare").click()
    page.wait_for_selector("#compare-instruction textarea")
    return page


def allow(page, tokens):
    """Set the longest answer, in the drawer."""
    page.click("#compare-settings-button")
    page.fill("#compare-max-new-tokens input", str(tokens))


def ask(page, text):
    page.wait_for_selector("#compare-send:not([disabled])")
    page.fill("#compare-instruction textarea", text)
    page.press("#compare-instruction textarea", "Enter")


def answers(page):
    return [page.locator(f"#compare-{name} .bot").all_inner_texts() for name in ("base", "tuned")]


def tokens(page, name="tuned"):
    shown = page.locator(f"#compare-figures-{name} dd").first.inner_text()
    return int(shown) if shown.isdigit() else 0


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def test_the_composer_is_there_before_the_model(services, browser, address):
    """Nothing is loaded until the tab is opened; then one can write while it loads."""
    assert services.inference.state()["state"] == "closed"
    began = time.monotonic()
    page = open_compare(browser, address)
    assert time.monotonic() - began < 10
    page.wait_for_selector("#compare-state .loading, #compare-state .ready")
    assert page.locator("#compare-run input").input_value() == "tickets-3"  # the newest
    page.fill("#compare-instruction textarea", "Hello")
    page.wait_for_selector(READY, timeout=90_000)
    assert "tiny-llama · cpu, float32" in page.locator("#compare-state").inner_text()
    assert page.locator("#compare-instruction textarea").input_value() == "Hello"
    page.close()


def test_both_columns_stream_and_differ(page):
    allow(page, 400)
    ask(page, "What is the capital of France?")
    wait_for(lambda: 0 < tokens(page, "base") < 400 and 0 < tokens(page) < 400)
    first = tokens(page)
    wait_for(lambda: tokens(page) > first)
    page.wait_for_selector(VERDICT, timeout=60_000)
    [base], [tuned] = answers(page)
    assert base and tuned and base != tuned
    assert page.locator("#compare-instruction textarea").input_value() == ""
    badge = page.locator("#compare-badge").inner_text()
    for part in ("Base verified, tuned verified", "adapter", "largest logit difference", "seed 1234"):
        assert part in badge
    assert "Base asked in its own chat template" in badge
    figures = page.locator("#compare-figures-base").inner_text()
    assert all(part in figures for part in ("tokens", "in all", "first token", "tokens/s"))

    ask(page, "What is the capital of France?")
    wait_for(lambda: [len(column) for column in answers(page)] == [2, 2])
    page.wait_for_selector(VERDICT, timeout=60_000)
    assert answers(page)[0] == [base, base]  # asked afresh: the first round changed nothing
    page.click("#compare-clear")
    wait_for(lambda: answers(page) == [[], []])


def test_stop_truly_stops_and_clear_wipes(services, page):
    allow(page, 8000)
    ask(page, "Tell a long story.")
    wait_for(lambda: tokens(page) > 5)
    began = time.monotonic()
    page.click("#compare-stop")
    wait_for(lambda: "stopped" in page.locator("#compare-figures-tuned").inner_text(), 5)
    assert time.monotonic() - began < 3
    assert not services.inference.state()["busy"]
    assert 5 < tokens(page) < 8000

    ask(page, "Tell another.")
    wait_for(lambda: len(answers(page)[0]) == 2)
    page.click("#compare-clear")
    page.wait_for_selector("#compare-send:not([disabled])", timeout=10_000)
    time.sleep(0.5)
    assert answers(page) == [[], []] and tokens(page) == 0
    assert not services.inference.state()["busy"]


def test_leaving_the_page_ends_the_answer(services, browser, address):
    page = open_compare(browser, address)
    page.wait_for_selector(READY, timeout=90_000)
    allow(page, 8000)
    ask(page, "Tell a long story.")
    wait_for(lambda: tokens(page) > 5)
    assert services.inference.state()["busy"]
    page.close()
    wait_for(lambda: not services.inference.state()["busy"], 20)


def test_a_test_row_and_the_same_tokens(page):
    """The expected answer is shown and both columns are marked; the page says how the base was asked."""
    allow(page, 20)
    page.locator("#compare-same input").check()
    wait_for(lambda: "Next: same tokens for both" in page.locator("#compare-note").inner_text())
    page.click("#compare-test-row")
    wait_for(lambda: "Paris" in page.locator("#compare-expected").inner_text())
    question = page.locator("#compare-instruction textarea").input_value()
    assert question.startswith("What is the capital of country ")
    page.click("#compare-send")
    page.wait_for_selector(VERDICT, timeout=60_000)
    assert "Same tokens for both" in page.locator("#compare-badge").inner_text()
    for name in ("base", "tuned"):
        assert "not the expected answer" in page.locator(f"#compare-figures-{name}").inner_text()
        assert page.locator(f"#compare-{name} .user").first.inner_text().strip() == question
    ask(page, "Hello")
    wait_for(lambda: "known only for rows" in page.locator("#compare-expected").inner_text())


def test_what_cannot_be_asked_is_said_in_a_sentence(page):
    page.click("#compare-settings-button")
    page.fill("#compare-temperature input", "-1")
    page.wait_for_selector("#compare-send:not([disabled])")
    page.click("#compare-send")
    page.get_by_text("There is no question yet").wait_for()
    ask(page, "Hello")
    page.get_by_text("options.temperature should be greater than or equal to 0").first.wait_for()
    assert page.locator("#compare-instruction textarea").input_value() == "Hello"
    assert answers(page) == [[], []]


def test_another_run_clears_and_is_remembered(page):
    """Switching in the middle of an answer ends it; a reload finds the run again."""
    allow(page, 8000)
    ask(page, "Tell a long story.")
    wait_for(lambda: tokens(page) > 5)
    page.locator("#compare-run input").click()
    page.get_by_role("option", name="plain").click()
    page.wait_for_selector("#compare-state .loading", timeout=15_000)
    page.wait_for_selector(READY, timeout=90_000)
    assert answers(page) == [[], []]
    assert page.locator(".toast-body").count() == 0
    page.reload()
    page.get_by_role("tab", name="Compare").click()
    page.wait_for_selector(READY, timeout=90_000)
    assert page.locator("#compare-run input").input_value() == "plain"


class Payloads:
    """Stands in for the server; both columns answer with what must not run, and ask another host."""

    def __init__(self, other_host):
        self.answer = "\n\n".join(
            (
                "<img src=x onerror=\"window.attacked = 'img'\">",
                "<script>window.attacked = 'script'</script>",
                '<iframe srcdoc="<script>parent.attacked = 1</script>"></iframe>',
                f"![picture]({other_host}/picture.png) <img src='{other_host}/tag.png'>",
                "[link](javascript:window.attacked='link')",
                "the end",
            )
        )

    def open(self, run_name):
        self.run_name = run_name

    def state(self):
        model = {"base": {"name": "m", "sha256": "0" * 64}, "device": "cpu", "dtype": "float32", "quantization": "none"}
        return {"state": "ready", "run": "tickets-3", "message": "", "seconds": 1.0, "busy": False, **model}

    def twins(self, request):
        said = {"tokens": 9, "done": True, "reason": "stop"}
        for name in ("base", "tuned"):
            yield {"column": name, "text": self.answer, **said}
        whole = {**said, "text": self.answer, "seconds": 1.0, "first_token_s": 0.1, "tokens_per_s": 9.0}
        integrity = {"verdict": "base verified", "max_logit_difference": 1.0, "adapter_sha256": "0" * 64}
        yield {"base": whole, "tuned": whole, "integrity": integrity, "seed": 1, "base_prompt": "own template"}

    def stop(self):
        return False


@contextmanager
def counting_host():
    """Another host on this machine, and the connections it was sent."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen = []

    def accept():
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                seen.append(connection.recv(200))
                connection.close()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
    listener.close()


@pytest.mark.parametrize("as_written", [False, True])
def test_payloads_are_shown_and_do_nothing(services, browser, as_written):
    with (
        counting_host() as (other, seen),
        serving(build_page(replace(services, inference=Payloads(other)))) as address,
    ):
        page = open_compare(browser, address)
        page.wait_for_selector(READY)
        if as_written:
            page.click("#compare-settings-button")
            page.locator("#compare-as-written input").check()
            page.click("#compare-settings-button")
        ask(page, "<img src=x onerror=\"window.attacked = 'question'\">")
        page.wait_for_selector(VERDICT)
        wait_for(lambda: all("the end" in "".join(column) for column in answers(page)))
        time.sleep(0.5)
        assert page.evaluate("window.attacked") is None
        assert page.locator("#compare-base iframe, #compare-base script, #compare-base [onerror]").count() == 0
        assert page.locator("#compare-base a[href^='javascript']").count() == 0
        assert "<img src=x onerror=" in answers(page)[0][0]  # seen as text
        assert "<script>window.attacked" in answers(page)[1][0]
        assert seen == []
        page.close()


def test_a_read_only_demo_loads_nothing(services, browser):
    services.inference.close()
    with serving(build_page(replace(services, read_only=True))) as address:
        page = open_compare(browser, address)
        page.get_by_text("This public demo is read-only, so no model is loaded here.").wait_for()
        page.click("#compare-test-row")
        wait_for(lambda: "Paris" in page.locator("#compare-expected").inner_text())
        page.press("#compare-instruction textarea", "Enter")
        page.get_by_text("This public demo is read-only. Duplicate").wait_for()
        assert services.inference.state()["state"] == "closed"
        page.close()
