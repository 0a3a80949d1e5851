"""Which weights answered: hashes that were checked, and a measurement that base and tuned differ."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.inference.engine import Engine

# Equal weights give equal scores only up to rounding, which differs between the rows of one batch.
ROUNDING = {"torch.float32": 1e-3, "torch.bfloat16": 0.05}


def judge_round(engine: "Engine", prompt_ids: list[int], stopped: bool) -> dict:
    """{"verdict": a sentence, "max_logit_difference": at the tuned prompt's end, None when it was not measured}."""
    if stopped:
        verdict = "base verified, tuned verified; how far they differ was not measured, because the round was stopped"
        return {"verdict": verdict, "max_logit_difference": None}
    difference = engine.logit_difference(prompt_ids)
    return {"verdict": describe_difference(engine, difference), "max_logit_difference": difference}


def describe_difference(engine: "Engine", difference: float) -> str:
    """The verdict on a largest logit difference."""
    if engine.has_zero_adapter():
        return "both columns answer alike, because the adapter's weights are all zero: the run changed nothing"
    if difference <= ROUNDING.get(str(engine.model.dtype), 0.05):
        return (
            "both columns answer alike, because the adapter changes nothing after this prompt: "
            f"the largest difference of their scores is {difference:.2g}"
        )
    return "base verified, tuned verified"
