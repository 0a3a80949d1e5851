"""Choosing the next token: the same filters and the same random numbers for every column of a batch.

Sampling is done by the Gumbel-max trick (Maddison, Tarlow, Minka 2014, "A* Sampling", section 2): the argmax of
log-probabilities plus independent Gumbel(0, 1) noise is a draw from those probabilities. The noise of a step comes
from the seed alone and is added to every row alike, so two columns differ only where their weights do: equal
logits give equal tokens, and the batch's size and order change nothing.
"""

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from studio.inference.requests import GenerationOptions


class RepetitionPenalty(LogitsProcessor):
    """Scores of tokens seen in prompt or answer are divided (or, below zero, multiplied) by the penalty.

    CTRL (Keskar et al. 2019, section 4.1), as in transformers, except that padding does not count as seen: the
    padding of the shorter prompt is often the stop token, which would then be penalised in that row alone.
    """

    def __init__(self, penalty: float, prompts: list[list[int]], width: int):
        self.penalty = penalty
        self.prompts = prompts
        self.width = width  # of the padded prompts
        self.seen: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if self.seen is None:
            self.seen = torch.zeros_like(scores, dtype=torch.bool)
            for row, ids in enumerate(self.prompts):
                self.seen[row, torch.tensor(ids, device=scores.device)] = True
        if input_ids.shape[1] > self.width:
            self.seen.scatter_(1, input_ids[:, -1:], True)
        penalised = torch.where(scores < 0, scores * self.penalty, scores / self.penalty)
        return torch.where(self.seen, penalised, scores)


class GumbelNoise(LogitsProcessor):
    """Adds one step's noise, the same for every row."""

    def __init__(self, seed: int):
        self.generator = torch.Generator(device="cpu").manual_seed(seed)  # the same numbers on every device

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        # -log(Exponential(1)) is Gumbel(0, 1)
        noise = -torch.empty(scores.shape[-1]).exponential_(generator=self.generator).log()
        return scores + noise.to(scores.device)


def build_processors(options: GenerationOptions, prompts: list[list[int]]) -> LogitsProcessorList:
    """From raw logits to scores whose argmax is the next token."""
    chosen: list[LogitsProcessor] = []
    if options.repetition_penalty != 1.0:
        width = max(len(ids) for ids in prompts)
        chosen.append(RepetitionPenalty(options.repetition_penalty, prompts, width))
    if options.temperature > 0:
        chosen.append(TemperatureLogitsWarper(options.temperature))
        if options.top_k:
            chosen.append(TopKLogitsWarper(options.top_k))
        if options.top_p < 1:
            chosen.append(TopPLogitsWarper(options.top_p))
        chosen.append(GumbelNoise(options.seed))
    return LogitsProcessorList(chosen)
