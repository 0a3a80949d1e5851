"""What Compare asks and shows, as plain values. Everything a model or a file wrote is escaped, or stays a `str` for
gr.Chatbot, which sanitizes it.
"""

import json
import random
import re
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from studio.errors import DataError, InferenceError
from studio.evaluation.metrics import matches
from studio.home import ID_PATTERN, Home
from studio.runs.folder import ACTIVE, Run, is_active, list_runs, read_status
from studio.system import is_locked
from studio.templates.example import Example, from_record

COMPARABLE = ("finished", "stopped")
ADAPTER_WEIGHTS = "adapter_model.safetensors"
CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
ENDINGS = {
    "stop": "ended by itself",
    "length": "cut off: no room or no tokens left",
    "stopped": "stopped",
    "": "writing",
}
PROMPTS = {
    "own template": "Base asked in its own chat template",
    "same tokens": "Same tokens for both: base asked in the run's template",
}
READ_ONLY = (
    "This public demo is read-only, so no model is loaded here. Duplicate the Space, or run the studio on your own "
    "machine, to ask base and tuned."
)


@dataclass(frozen=True)
class Answer:
    """One column's answer, so far or whole. Seconds since the question was sent, then as the server measured them."""

    text: str = ""
    tokens: int = 0
    seconds: float = 0.0
    reason: str = ""
    first_token_s: float | None = None
    tokens_per_s: float | None = None


@dataclass(frozen=True)
class Round:
    """One question with both answers. `verdict`: from the server's last line, once it has come."""

    question: str
    expected: str | None = None
    base: Answer = Answer()
    tuned: Answer = Answer()
    verdict: dict | None = None


@dataclass(frozen=True)
class Question:
    """What is asked: fields of a TwinsRequest, as it stands in the chat, and the expected answer of a test row."""

    fields: dict
    text: str
    expected: str | None = None


def word_question(example: Example | None, instruction: str, input: str) -> Question:
    """The composer's texts as a question; a test row that was filled in and left as it is goes as it was trained."""
    if example and [lines_of(instruction), lines_of(input)] == [lines_of(example.instruction), lines_of(example.input)]:
        return Question(row_fields(example), joined(example.instruction, example.input), example.output)
    if not (instruction.strip() or input.strip()):
        raise InferenceError("There is no question yet. Write an instruction, or use a test row.")
    return Question({"instruction": instruction, "input": input}, joined(instruction, input))


def lines_of(text: str) -> list[str]:
    """A browser's text field changes line ends."""
    return text.splitlines()


def joined(instruction: str, input: str) -> str:
    return "\n\n".join(text for text in (instruction, input) if text.strip())


def row_fields(example: Example) -> dict:
    """A row as a request: a conversation of several turns as messages, else its fields, which some templates place."""
    turns = [turn for turn in example.prompt_turns if turn["role"] != "system"]
    if len(turns) > 1:
        return {"messages": turns}
    return {"instruction": example.instruction, "input": example.input}


def read_rows(run: Run) -> dict[int, Example]:
    """The run's test split by row id; DataError when it has none."""
    file = run.split("test")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    records = [json.loads(line) for line in lines if line.strip()]
    if not records:
        raise DataError(f"The test split of {run.name} has no rows. Raise data.test_fraction before the next run.")
    return {record["id"]: from_record(record) for record in records}


def draw_row(rows: dict[int, Example], but: int | None) -> int:
    """A random row's id; another one than `but` where there is another."""
    return random.choice([id for id in rows if id != but] or list(rows))


def follow(round_: Round, line: dict, seconds: float) -> Round:
    """The round after another of the server's lines, which came `seconds` after the question was sent."""
    if "column" not in line:
        return replace(
            round_,
            base=read_answer(line["base"]),
            tuned=read_answer(line["tuned"]),
            verdict={name: line[name] for name in ("integrity", "seed", "base_prompt")},
        )
    before = getattr(round_, line["column"])
    first = before.first_token_s if before.first_token_s is not None else seconds
    grown = replace(
        before,
        text=before.text + line["text"],
        tokens=line["tokens"],
        seconds=seconds,
        reason=line["reason"],
        first_token_s=first,
    )
    return replace(round_, **{line["column"]: grown})


def read_answer(said: dict) -> Answer:
    """An answer from the server's last line."""
    return Answer(**{name: said[name] for name in Answer.__dataclass_fields__})


def column_messages(rounds: tuple[Round, ...], column: str, as_written: bool = False) -> list[dict]:
    """A column's rounds for gr.Chatbot. The content is always a `str`: a dict would be taken for a file to publish."""
    show = fence if as_written else keep_tags
    messages = []
    for round_ in rounds:
        messages.append({"role": "user", "content": show(str(round_.question))})
        answer = getattr(round_, column)
        if answer.text or round_.verdict:
            text = show(str(answer.text)) if answer.text else "(an empty answer)"
            messages.append({"role": "assistant", "content": text})
    return messages


def keep_tags(text: str) -> str:
    """Markdown in which tags are seen as text, outside code. An answer in XML would otherwise vanish."""
    parts = CODE.split(text)
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "".join(parts)


def fence(text: str) -> str:
    """Markdown that shows every character as it is: a block of code, fenced by more backticks than the text has."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}text\n{text}\n{ticks}"


def draw_figures(round_: Round | None, column: str) -> str:
    """The line under a column: tokens, seconds, time to first token, tokens/s, how it ended, whether it was right."""
    answer = getattr(round_, column) if round_ else Answer()
    items = [
        ("tokens", f"{answer.tokens}" if round_ else "–"),
        ("in all", show_seconds(answer.seconds) if answer.tokens else "–"),
        ("first token", show_seconds(answer.first_token_s)),
        ("tokens/s", f"{answer.tokens_per_s:.1f}" if answer.tokens_per_s else "–"),
    ]
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in items)
    ending = ""
    if round_:
        ending = "reading the question" if not answer.tokens else ENDINGS.get(answer.reason, answer.reason)
    return (
        f'<div class="compare-figures tabular"><dl>{cells}</dl>'
        f'<div><span class="ending">{escape(ending)}</span>{draw_mark(round_, answer)}</div></div>'
    )


def draw_mark(round_: Round | None, answer: Answer) -> str:
    """Whether a whole answer is the expected one, to the letter."""
    if not round_ or round_.expected is None or not round_.verdict or answer.reason == "stopped":
        return ""
    if matches([answer.text], [round_.expected])[0]:
        return '<span class="mark right">✓ exact match</span>'
    return '<span class="mark wrong">✕ not the expected answer</span>'


def show_seconds(seconds: float | None) -> str:
    """0.4 s, 12.3 s, 2 min 05 s; a dash when it is not known."""
    if seconds is None:
        return "–"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02d} s"


def draw_badge(round_: Round | None) -> str:
    """Which weights answered the last question, and how the base was asked: the server's word, not the page's."""
    if not round_ or not round_.verdict:
        text = "Verified after each answer" if round_ is None else "Answering; the weights are verified at the end"
        return f'<div class="compare-badge"><span class="seal">{text}</span></div>'
    verdict = round_.verdict
    integrity = verdict["integrity"]
    verified = integrity["verdict"].startswith("base verified")
    facts = [f"adapter <code>{escape(integrity['adapter_sha256'][:8])}</code>"]
    if integrity["max_logit_difference"] is not None:
        facts.append(f"largest logit difference {integrity['max_logit_difference']:.3g}")
    facts.append(f"seed {verdict['seed']}")
    facts.append(f"<span id='compare-base-prompt'>{escape(describe_prompt(verdict['base_prompt']))}</span>")
    sentence = integrity["verdict"][:1].upper() + integrity["verdict"][1:]
    return (
        f'<div class="compare-badge"><span class="seal {"verified" if verified else "warned"}">'
        f"{'✓' if verified else '!'} {escape(sentence)}</span>"
        f'<span class="muted tabular">{" · ".join(facts)}</span></div>'
    )


def describe_prompt(base_prompt: str) -> str:
    """How the base was asked, in words."""
    return PROMPTS.get(base_prompt, base_prompt)


def draw_expected(row_id: int | None = None, example: Example | None = None) -> str:
    """The expected answer of a test row, as it is written. The place is kept where there is none, so nothing jumps."""
    if example is None:
        return '<div class="compare-expected muted">Expected answer: known only for rows of the test split.</div>'
    turns = sum(turn["role"] != "system" for turn in example.prompt_turns)
    note = f" (asked with the {turns - 1} turns before it)" if turns > 1 else ""
    return (
        f'<div class="compare-expected"><span class="muted tabular">Expected answer of test row {row_id}{note}</span>'
        f'<pre tabindex="0">{escape(example.output)}</pre></div>'
    )


def draw_note(same: bool, has_own: bool) -> str:
    """What will be done with the next question; what was done with the last one stands in the badge."""
    how = "base in its own chat template"
    if same:
        how = "same tokens for both"
    elif not has_own:
        how = "same tokens for both, as the base has no chat template"
    return f'<div class="muted">Each question is asked afresh. Next: {how}.</div>'


def draw_head(kind: str, name: str) -> str:
    """A column's heading: Base or Tuned, and what stands behind it."""
    return (
        f'<div class="compare-head {kind}"><h3>{kind.capitalize()}</h3><span class="muted">{escape(name)}</span></div>'
    )


def short_name(model: str) -> str:
    """owner/name without its owner, a folder without its path."""
    return Path(model).name or model


def draw_state(state: dict, run: str, training: str | None = None) -> str:
    """How the model of `run` is, from the server's health; `training`: a run that trains now."""
    if state["run"] != run:
        other = f": {state['run']} was opened in another page" if state["run"] else ""
        return state_line("idle", f"{escape(run)} is not loaded{escape(other)}")
    if state["state"] == "loading":
        # The seconds are hidden from screen readers, which would say each of them.
        seconds = f'<span aria-hidden="true"> · {state.get("seconds", 0):.0f} s</span>'
        return state_line("loading", f"{escape(state['message'])}{seconds}", bar=True)
    if state["state"] == "failed":
        return state_line("failed", escape(state["message"]))
    facts = [short_name(state["base"]["name"]), f"{state['device']}, {state['dtype']}"]
    if state["quantization"] != "none":
        facts.append(state["quantization"])
    line = f"Ready · {escape(' · '.join(facts))} · loaded in {state['seconds']:.1f} s"
    if training and state["device"] == "cpu":
        line += f' · <span class="caution">slower while {escape(training)} trains</span>'
    return state_line("ready", line)


def state_line(kind: str, html: str, bar: bool = False) -> str:
    stripe = '<i class="stripe" aria-hidden="true"></i>' if bar else ""
    return f'<div class="compare-state {kind} tabular"><span class="dot"></span><span>{html}</span>{stripe}</div>'


def list_comparable(home: Home) -> list[tuple[str, str]]:
    """(label, name) of the runs that can be compared, the newest first: ended by themselves or by a stop, trained."""
    found = []
    for run in list_runs(home):
        status = read_status(run)
        if status in COMPARABLE and has_adapter(run):
            found.append((run.name if status == "finished" else f"{run.name} ({status})", run.name))
    return found


def has_adapter(run: Run) -> bool:
    return (run.adapter / ADAPTER_WEIGHTS).is_file()


def choose_run(home: Home, names: list[str], wanted: object) -> str | None:
    """The run at hand if it can be compared; none while it trains; the newest where none is at hand."""
    if wanted in names:
        return wanted
    return None if find_run(home, wanted) else next(iter(names), None)


def find_run(home: Home, name: object) -> Run | None:
    """The run of that name, which the browser kept and which may be anything by now."""
    if not isinstance(name, str) or not ID_PATTERN.fullmatch(name):
        return None
    run = Run(home.run(name))
    return run if (run.path / "recipe.yaml").is_file() else None


def why_none(home: Home, wanted: object) -> str:
    """Why no run is chosen, and what to do."""
    run = find_run(home, wanted)
    if run:
        status = read_status(run)
        if status in ACTIVE:
            return f"{run.name} is still {status}. It can be compared once it is finished or stopped."
        return f"{run.name} is {status} and has no adapter to compare. Choose another run, or train again."
    return "No finished run yet. Train one (Train tab); it can be compared as soon as it is finished or stopped."


def find_training(home: Home) -> str | None:
    """The run that trains now. A free lock tells more cheaply than the events that a run is over."""
    return next((run.name for run in list_runs(home) if is_locked(run.lock) and is_active(run)), None)
