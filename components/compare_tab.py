"""The Compare tab: one question, answered by base and tuned together from one batch of one loaded model."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import wraps

import gradio as gr

from components import compare_view as view
from components.compare_layout import ASKING, IDLE, WIPED, Columns, Drawer, Page, build_page
from components.compare_view import Question, Round
from components.shared import FOLLOWING, QUIET, Services, Shared, refuse_read_only, told
from studio.errors import InferenceError, StudioError
from studio.inference.requests import read_request
from studio.runs.folder import open_run
from studio.templates.example import Example

PAUSE = 0.25  # seconds between two updates of the page; drawing Markdown takes the browser a while
KEPT_ROUNDS = 30
ASKED_AT_ONCE = 4  # pages; the server answers one at a time and says so to the others


def build_compare_tab(services: Services, shared: Shared, tab: gr.Tab) -> None:
    """Pick a run, ask once, see both answers."""
    page = build_page()
    wire_questions(services, page)
    wire_model(services, shared, tab, page)


def wire_model(services: Services, shared: Shared, tab: gr.Tab, page: Page) -> None:
    """Which run, and how its model is."""
    run = page.run

    def offer(wanted: object) -> tuple[str | None, dict]:
        choices = view.list_comparable(services.home)
        chosen = view.choose_run(services.home, [name for _, name in choices], wanted)
        return chosen, {run: gr.Dropdown(choices, value=chosen)}

    def look(data: dict) -> dict:
        """What changed since the page was last told; a run that has just finished is offered."""
        chosen, offered = (data[run], {}) if data[run] else offer(data[shared.run])
        now = describe_model(services, chosen, data[shared.run])
        return {**(offered if chosen != data[run] else {}), **tell(page, now, data[page.shown])}

    def load(data: dict) -> dict:
        name = data[run]
        if name != data[page.opened] and data[page.phase] == ASKING:
            end_round(services)
        if name and not services.read_only:
            services.inference.open(name)
        now = describe_model(services, name, data[shared.run])
        fresh = {} if name == data[page.opened] else fill(services, page, name)
        return {**fresh, **tell(page, now, data[page.shown])}

    def arrive(data: dict) -> dict:
        chosen, offered = offer(data[shared.run])
        return {**offered, **load({**data, run: chosen})}

    known, status = (
        {shared.run, run, page.shown, page.opened, page.phase},
        [page.state, page.again, page.composer.send, page.shown],
    )
    filled = [run, *status, *fill_outputs(page)]
    tab.select(told(arrive), known, filled, queue=False, **QUIET)
    run.input(
        told(lambda data: {shared.run: data[run], **load(data)}), known, [shared.run, *filled], queue=False, **QUIET
    )
    page.again.click(told(load), known, filled, queue=False, **QUIET)
    shared.run.change(told(lambda data: offer(data[shared.run])[1]), {shared.run}, [run], queue=False, **FOLLOWING)
    shared.timer.tick(told(look), {shared.run, run, page.shown}, [run, *status], queue=False, **QUIET)


def end_round(services: Services, patience: float = 3.0) -> None:
    """Stop the answer that is being written and wait until it is over, so that nothing breaks off."""
    deadline = time.monotonic() + patience
    if services.inference.stop():
        while services.inference.state().get("busy") and time.monotonic() < deadline:
            time.sleep(0.05)


def describe_model(services: Services, run: str | None, wanted: object) -> tuple[bool, bool, str]:
    """Whether questions can be asked, whether the model waits to be loaded (again), and the line that says so."""
    if services.read_only:
        return False, False, view.state_line("idle", view.READ_ONLY)
    if not run:
        return False, False, view.state_line("idle", view.escape(view.why_none(services.home, wanted)))
    state = services.inference.state()
    ours = state["run"] == run
    stale = not ours or state["state"] == "failed"
    line = view.draw_state(state, run, view.find_training(services.home))
    return ours and state["state"] == "ready", stale, line


def tell(page: Page, now: tuple[bool, bool, str], before: tuple[bool, bool, str]) -> dict:
    """The model's state where it changed; Send is left alone unless readiness did, for it is off during a round."""
    if now == before:
        return {page.shown: gr.skip()}
    ready, stale, line = now
    changed = {page.shown: now, page.state: line, page.again: gr.Button(visible=stale)}
    return changed if ready == before[0] else {**changed, page.composer.send: gr.Button(interactive=ready)}


def fill_outputs(page: Page) -> list:
    """What `fill` writes."""
    parts = [page.opened, page.drawer.system, page.drawer.same, page.composer.note]
    return [*parts, *page.columns.heads.values(), *empty_outputs(page)]


def fill(services: Services, page: Page, name: str | None) -> dict:
    """The page for another run: its names, its system prompt, empty columns."""
    names, system, has_own = {"base": "", "tuned": ""}, "", True
    if name:
        resolved = open_run(services.home, name).resolved()
        names = {"base": view.short_name(resolved["model"]["name"]), "tuned": name}
        system, has_own = resolved["template"]["system"], bool(resolved["template"]["own_jinja"])
    heads = {head: view.draw_head(column, names[column]) for column, head in page.columns.heads.items()}
    settings = {page.drawer.system: system, page.drawer.same: False, page.composer.note: view.draw_note(False, has_own)}
    return {page.opened: name, **settings, **heads, **empty(page)}


def empty_outputs(page: Page) -> list:
    """What `empty` writes."""
    return [page.phase, page.rounds, page.picked, page.composer.expected, page.composer.stop, *page.columns.all()]


def empty(page: Page) -> dict:
    """No rounds; if one is being answered, what still comes of it is wiped once it is over."""
    return {
        page.phase: WIPED,
        page.rounds: (),
        page.picked: None,
        page.composer.expected: view.draw_expected(),
        page.composer.stop: gr.Button(interactive=False),
        **draw_rounds(page.columns, ()),
    }


def draw_rounds(columns: Columns, rounds: tuple[Round, ...], as_written: bool = False) -> dict:
    """All rounds in the chats; figures and badge of the last."""
    last = rounds[-1] if rounds else None
    return {
        columns.badge: view.draw_badge(last),
        **{chat: view.column_messages(rounds, name, as_written) for name, chat in columns.chats.items()},
        **{figures: view.draw_figures(last, name) for name, figures in columns.figures.items()},
    }


def wire_questions(services: Services, page: Page) -> None:
    """Send, Stop, Clear, test rows."""
    composer, drawer = page.composer, page.drawer

    def ask(data: dict) -> Iterator[dict]:
        example = find_example(services, data[page.run], data[page.picked])
        question = view.word_question(example, data[composer.instruction], data[composer.input])
        request = read_request({**question.fields, **read_drawer(drawer, data)})
        check_loaded(services, data[page.run])
        buttons = {composer.send: gr.Button(interactive=False), composer.stop: gr.Button(interactive=True)}
        yield {page.phase: ASKING, **buttons}
        yield from show_answers(page, data, question, services.inference.twins(request))

    def settle(data: dict) -> dict:
        """After a round, however it ended."""
        ready, _, _ = describe_model(services, data[page.run], None)
        buttons = {composer.send: gr.Button(interactive=ready), composer.stop: gr.Button(interactive=False)}
        wiped = empty(page) if data[page.phase] == WIPED else {}
        return {**wiped, page.phase: IDLE, **buttons}

    def stop() -> None:
        refuse_read_only(services)
        services.inference.stop()

    def clear(data: dict) -> dict:
        if data[page.phase] == ASKING:
            end_round(services)
        return empty(page)

    def pick(data: dict) -> dict:
        rows = view.read_rows(open_run(services.home, data[page.run] or ""))
        id = view.draw_row(rows, data[page.picked])
        row = rows[id]
        return {
            page.picked: id,
            composer.instruction: row.instruction,
            composer.input: row.input,
            composer.expected: view.draw_expected(id, row),
            drawer.system: row.system or gr.skip(),
        }

    asked = gr.on(
        [composer.send.click, composer.instruction.submit, composer.input.submit],
        told_stream(ask),
        {page.run, page.picked, page.rounds, composer.instruction, composer.input, *drawer.all()},
        [page.phase, page.rounds, page.picked, *composer.all(), *page.columns.all()],
        concurrency_id="compare",
        concurrency_limit=ASKED_AT_ONCE,
        **QUIET,
    )
    asked.then(settle, {page.run, page.phase}, [*empty_outputs(page), composer.send], queue=False, **QUIET)
    composer.stop.click(told(stop), queue=False, **QUIET)
    composer.clear.click(told(clear), {page.phase}, empty_outputs(page), queue=False, **QUIET)
    filled = [page.picked, composer.instruction, composer.input, composer.expected, drawer.system]
    composer.pick.click(told(pick), {page.run, page.picked}, filled, queue=False, **QUIET)
    drawer.same.input(
        told(lambda data: view.draw_note(data[drawer.same], has_own_template(services, data[page.run]))),
        {drawer.same, page.run}, [composer.note], queue=False, **QUIET,
    )  # fmt: skip
    drawer.as_written.input(
        lambda data: draw_rounds(page.columns, data[page.rounds], data[drawer.as_written]),
        {page.rounds, drawer.as_written}, page.columns.all(), queue=False, **QUIET,
    )  # fmt: skip


def told_stream(handler: Callable[..., Iterator]) -> Callable[..., Iterator]:
    """`told` for a handler that yields: it is shown what was yielded, then the message."""

    @told
    def fail(error: StudioError) -> None:
        raise error

    @wraps(handler)
    def wrapped(*args) -> Iterator:
        try:
            yield from handler(*args)
        except StudioError as error:
            fail(error)

    return wrapped


def find_example(services: Services, run: str | None, row_id: int | None) -> Example | None:
    """The test row that was filled in, if one was."""
    if row_id is None or not run:
        return None
    return view.read_rows(open_run(services.home, run)).get(row_id)


def has_own_template(services: Services, run: str | None) -> bool:
    """Whether the run's base has a chat template of its own."""
    return not run or bool(open_run(services.home, run).resolved()["template"]["own_jinja"])


def read_drawer(drawer: Drawer, data: dict) -> dict:
    """The settings as fields of a TwinsRequest."""
    return {
        "system": data[drawer.system] or "",
        "mode": "same" if data[drawer.same] else "own",
        "options": {name: data[control] for name, control in drawer.options.items()},
    }


def check_loaded(services: Services, run: str | None) -> None:
    """StudioError unless the server that would answer is this run's."""
    refuse_read_only(services)
    if not run:
        raise InferenceError("No run is chosen, so nobody can answer. Choose a run first.")
    if services.inference.state()["run"] != run:
        raise InferenceError(f"The model of {run} is not loaded. Press 'Load the model', and ask when it is ready.")


def show_answers(page: Page, data: dict, question: Question, lines: Iterator[dict]) -> Iterator[dict]:
    """The page as the answers grow. A question that was refused is taken out again and stays in the composer."""
    composer, kept, begun = page.composer, data[page.rounds][1 - KEPT_ROUNDS :], False
    sent = {composer.instruction: "", composer.input: "", page.picked: None}
    if question.expected is None:
        sent[composer.expected] = view.draw_expected()

    def draw(rounds: tuple[Round, ...]) -> dict:
        return {page.rounds: rounds, **draw_rounds(page.columns, rounds, data[page.drawer.as_written])}

    try:
        for round_ in stream_round(question, lines):
            first = sent if round_.base.tokens + round_.tuned.tokens and not begun else {}
            begun = begun or bool(first)
            yield {**draw((*kept, round_)), **first}
    except StudioError:
        if not begun:
            yield draw(kept)
        raise


def stream_round(question: Question, lines: Iterator[dict]) -> Iterator[Round]:
    """The round at once, then as it grows, at most every PAUSE seconds, and as it ended."""
    round_ = Round(question.text, question.expected)
    yield round_
    begun = shown = time.monotonic()
    with closing(lines):  # a reader who leaves ends the generation
        for line in lines:
            now = time.monotonic()
            round_ = view.follow(round_, line, now - begun)
            if now - shown >= PAUSE or round_.verdict:
                shown = now
                yield round_
