"""One round of Compare: a question put to base and tuned, and the lines of their answers. Imports no torch."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from studio.inference.columns import Column, Delta
from studio.inference.integrity import judge_round
from studio.inference.loaded import Loaded
from studio.inference.requests import TwinsRequest

NAMES = ("base", "tuned")


@dataclass
class Round:
    """One question being answered by both columns; its lines are read while they are written."""

    columns: list[Column]
    request: TwinsRequest
    base_prompt: str
    cancelled: threading.Event = field(default_factory=threading.Event)
    written: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)

    def lines(self) -> Iterator[dict]:
        """Each line once, until the round is over."""
        return iter(self.written.get, None)


def word_round(loaded: Loaded, request: TwinsRequest) -> Round:
    """The request as two prompts; StudioError when a template refuses it or it is too long."""
    wording, example = loaded.wording, request.example()
    asked = {"base": wording.ask_base(example, request.mode), "tuned": wording.ask_tuned(example)}
    columns = [Column(name, asked[name].prompt.ids, asked[name].stop) for name in NAMES]
    loaded.engine.check(columns, request.options)
    return Round(columns, request, wording.base_prompt(request.mode))


def answer_round(loaded: Loaded, round_: Round) -> None:
    """Write a line per delta, and last the line with the figures."""
    reports = [ColumnReport() for _ in NAMES]
    for delta in loaded.engine.stream(round_.columns, round_.request.options, round_.cancelled.is_set):
        reports[delta.column].add(delta)
        said = {"text": delta.text, "tokens": delta.tokens, "done": delta.done, "reason": delta.reason}
        round_.written.put({"column": NAMES[delta.column], **said})
    judged = judge_round(loaded.engine, round_.columns[1].prompt_ids, round_.cancelled.is_set())
    hashes = {"adapter_sha256": loaded.facts["adapter_sha256"], "base_sha256": loaded.facts["base"]["sha256"]}
    last = {name: report.describe() for name, report in zip(NAMES, reports, strict=True)}
    round_.written.put(
        {
            "done": True,
            **last,
            "integrity": {**judged, **hashes},
            "seed": round_.request.options.seed,
            "base_prompt": round_.base_prompt,
        }
    )


@dataclass
class ColumnReport:
    """One column's text and speed."""

    first: Delta | None = None
    last: Delta | None = None
    text: str = ""

    def add(self, delta: Delta) -> None:
        self.first, self.last = self.first or delta, delta
        self.text += delta.text

    def describe(self) -> dict:
        """`first_token_s`: until its first text. `tokens_per_s`: from then on (the prompt's time is in the former)."""
        first, last = self.first, self.last
        steps, seconds = last.tokens - first.tokens, last.seconds - first.seconds
        return {
            "text": self.text,
            "tokens": last.tokens,
            "seconds": round(last.seconds, 3),
            "tokens_per_s": round(steps / seconds if steps else last.tokens / max(last.seconds, 1e-9), 2),
            "first_token_s": round(first.seconds, 3),
            "reason": last.reason,
        }
