"""The test split answered by base and tuned, greedily, and what it says."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from studio.errors import DataError
from studio.evaluation.metrics import matches, mcnemar_p, paired_interval, wilson_interval
from studio.inference.columns import Adapter
from studio.inference.wording import Mode, Question, Wording
from studio.templates.example import Example

if TYPE_CHECKING:
    from studio.inference.engine import Engine

Row = tuple[int, Example]


def measure(
    engine: "Engine",
    rows: list[Row],
    wording: Wording,
    *,
    max_new_tokens: int,
    mode: Mode = "own",
    progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict:
    """Exact match of base and tuned on `rows` ((id, example) each, as a run's test.jsonl holds them).

    `progress(done, total)` counts answers, two per row. DataError when there are no rows, InferenceError when
    cancelled.
    """
    if not rows:
        raise DataError("The test split has no rows, so there is nothing to measure. Raise data.test_fraction.")
    answers = {}
    for before, adapter in ((0, "base"), (len(rows), "tuned")):
        answers[adapter] = engine.answer(
            *ask_rows(rows, wording, adapter, mode),
            max_new_tokens=max_new_tokens,
            progress=partial(report, progress, before, 2 * len(rows)),
            cancelled=cancelled,
        )
    return {**describe_answers(rows, answers), "base_prompt": wording.base_prompt(mode)}


def report(progress: Callable[[int, int], None], before: int, total: int, done: int, _: int) -> None:
    """Count on from the answers of the column before."""
    progress(before + done, total)


def ask_rows(rows: list[Row], wording: Wording, adapter: Adapter, mode: Mode) -> tuple:
    """Prompts, adapter and stop, as `Engine.answer` takes them."""
    questions: list[Question] = [
        wording.ask_tuned(example) if adapter == "tuned" else wording.ask_base(example, mode) for _, example in rows
    ]
    return [question.prompt.ids for question in questions], adapter, questions[0].stop


def describe_answers(rows: list[Row], answers: dict[str, list[str]]) -> dict:
    """Figures and rows. Shares are 0 to 1; the intervals are 95 % (Wilson; for the difference Newcombe, paired)."""
    targets = [example.output for _, example in rows]
    right = {name: matches(said, targets) for name, said in answers.items()}
    pairs = list(zip(right["base"], right["tuned"], strict=True))
    better, worse = pairs.count((False, True)), pairs.count((True, False))
    both, n = pairs.count((True, True)), len(rows)
    base, tuned = sum(right["base"]), sum(right["tuned"])
    return {
        "n": n,
        "exact_match": {
            "base": base / n,
            "tuned": tuned / n,
            "difference": (tuned - base) / n,
            "interval": list(paired_interval(better, worse, n, both)),
            "base_interval": list(wilson_interval(base, n)),
            "tuned_interval": list(wilson_interval(tuned, n)),
            "better": better,
            "worse": worse,
            "mcnemar_p": mcnemar_p(better, worse),
            "method": "exact match, greedy; interval of the difference: Newcombe 1998, method 10; exact McNemar test",
        },
        "rows": [
            {
                "id": id,
                "base": answers["base"][index],
                "tuned": answers["tuned"][index],
                "target": targets[index],
                "base_correct": right["base"][index],
                "tuned_correct": right["tuned"][index],
            }
            for index, (id, _) in enumerate(rows)
        ],
    }
