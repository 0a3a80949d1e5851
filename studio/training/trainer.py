"""TRL's SFTTrainer with the language-model head on trained positions only, and honest counts."""

import inspect
import time

import torch
import torch.nn.functional as F
from trl import SFTTrainer


class StudioTrainer(SFTTrainer):
    """SFTTrainer on rows that are already encoded (`input_ids`, `labels`).

    One deviation: `compute_loss` hands the model the positions that predict a trained token (`logits_to_keep`), so
    the head, a fifth of a small model, is not computed for the prompt's tokens. The loss is the same: the sum of the
    negative log-likelihoods of the trained tokens over their number.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.real_tokens = 0  # without padding, over the whole run
        self.eval_sum, self.eval_tokens, self.eval_correct = 0.0, 0, 0
        if "logits_to_keep" not in inspect.signature(type(base_of(self.model)).forward).parameters:
            raise TypeError(f"{type(base_of(self.model)).__name__}.forward has no logits_to_keep")

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs.pop("labels")
        targets = F.pad(labels, (0, 1), value=-100)[:, 1:]  # position t predicts token t + 1
        positions = fill_up((targets != -100).any(dim=0).nonzero().squeeze(1))
        outputs = model(**inputs, use_cache=False, logits_to_keep=positions)
        logits, targets = outputs.logits.float().flatten(0, 1), hide_repeats(targets, positions).flatten()
        total = F.cross_entropy(logits, targets, ignore_index=-100, reduction="sum")
        count = (targets != -100).sum()
        if model.training:
            self.real_tokens += count_tokens(inputs)
        else:
            self.eval_sum += total.item()
            self.eval_tokens += count.item()
            self.eval_correct += ((logits.argmax(-1) == targets) & (targets != -100)).sum().item()
        loss = total / (count if num_items_in_batch is None else num_items_in_batch).clamp(min=1)
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, *args, **kwargs):
        self.eval_sum, self.eval_tokens, self.eval_correct = 0.0, 0, 0
        return super().evaluate(*args, **kwargs)

    def log(self, logs, start_time=None):
        """Per-token figures: Trainer's own eval loss is a mean of batch means."""
        if "eval_loss" in logs and self.eval_tokens:
            logs["eval_loss"] = self.eval_sum / self.eval_tokens
            logs["eval_token_accuracy"] = self.eval_correct / self.eval_tokens
        logs["tokens"], logs["at"] = self.real_tokens, time.time()
        super().log(logs, start_time)


def base_of(model: torch.nn.Module) -> torch.nn.Module:
    """The transformers model inside a PEFT model, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def fill_up(positions: torch.Tensor, multiple: int = 32) -> torch.Tensor:
    """Positions, the last one repeated to a multiple: every new shape costs oneDNN a new primitive on a CPU."""
    missing = -len(positions) % multiple
    return torch.cat([positions, positions[-1:].expand(missing)]) if len(positions) else positions


def hide_repeats(targets: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """The targets at the positions, -100 (not counted) where `fill_up` repeated one."""
    chosen = targets[:, positions]
    chosen[:, 1:][:, positions[1:] == positions[:-1]] = -100
    return chosen


def count_tokens(inputs: dict) -> int:
    """Tokens of a batch without padding."""
    if "attention_mask" in inputs:
        return int(inputs["attention_mask"].sum())
    positions = inputs["position_ids"]  # padding has position 0 throughout, a row of n tokens 0, 1, ... n - 1
    return int((positions > 0).sum() + (positions == 1).sum())
