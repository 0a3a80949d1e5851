"""One base model with at most one adapter, answering several columns in one batch."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch
from peft import PeftModel
from transformers import GenerationConfig, PreTrainedModel, StoppingCriteria, StoppingCriteriaList

from studio.errors import InferenceError
from studio.inference.columns import Adapter, Column, Delta
from studio.inference.decoding import AnswerText
from studio.inference.loading import load_adapter, load_base
from studio.inference.requests import GenerationOptions
from studio.inference.sampling import build_processors
from studio.settings import QuantizationSettings
from studio.templates.encoding import Stop
from studio.templates.tokenizer import Tokenizer, load_tokenizer

ADAPTER_NAMES = {"base": "__base__", "tuned": "default"}  # PEFT's names for them


class Columns(StoppingCriteria):
    """Follows every row of a batch: called by `generate` once per step, with the new tokens at the end."""

    def __init__(self, texts: list[AnswerText], limit: int, emit: Callable[[Delta], None], cancelled):
        self.texts = texts
        self.limit = limit
        self.emit = emit
        self.cancelled: Callable[[], bool] = cancelled
        self.done = [False] * len(texts)
        self.step = 0
        self.started = time.monotonic()

    def __call__(self, input_ids: torch.Tensor, scores: object, **_: object) -> torch.Tensor:
        self.step += 1
        cancelled = self.cancelled()
        for row, token in enumerate(input_ids[:, -1].tolist()):
            if not self.done[row]:
                self.follow(row, token, cancelled)
        return torch.tensor(self.done, device=input_ids.device)

    def follow(self, row: int, token: int, cancelled: bool) -> None:
        """Take one row's new token."""
        answer = self.texts[row]
        text, reason = answer.add(token), ""
        if answer.stopped:
            reason = "stop"
        elif cancelled or self.step >= self.limit:
            reason = "stopped" if cancelled else "length"
            text += answer.finish()
        self.done[row] = bool(reason)
        if text or reason:
            seconds = time.monotonic() - self.started
            self.emit(Delta(row, text, self.step, seconds, self.done[row], reason))


class Engine:
    """A loaded model. One generation at a time: PEFT marks the batch's adapters on the model itself."""

    def __init__(self, model: PreTrainedModel | PeftModel, tokenizer: Tokenizer):
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.tuned = isinstance(model, PeftModel)
        self.context = context_length(model.config)

    def stream(
        self, columns: list[Column], options: GenerationOptions, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Delta]:
        """All columns in one batch, as they are written; every column ends with a delta that is `done`.

        Cancelling, or leaving the iteration, ends the batch within one step. InferenceError when the prompts
        leave no room for an answer, or when a column asks for an adapter that is not loaded.
        """
        limit = self.check(columns, options)
        deltas: queue.SimpleQueue[Delta | None] = queue.SimpleQueue()
        left = threading.Event()
        texts = [AnswerText(self.tokenizer.decode, column.stop) for column in columns]
        following = Columns(texts, limit, deltas.put, lambda: left.is_set() or cancelled())
        with ThreadPoolExecutor(1, "generate") as pool:  # `generate` cannot yield
            generation = pool.submit(self.generate, columns, options, limit, following)
            generation.add_done_callback(lambda _: deltas.put(None))
            try:
                yield from iter(deltas.get, None)
                generation.result()
            finally:
                left.set()

    def answer(
        self,
        prompts: list[list[int]],
        adapter: Adapter,
        stop: Stop,
        *,
        max_new_tokens: int,
        batch_size: int = 16,
        progress: Callable[[int, int], None] = lambda done, total: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[str]:
        """Greedy answers in the order of the prompts; batches of like length, the longest first.

        `progress(done, total)` is called after each batch. InferenceError when cancelled.
        """
        options = GenerationOptions(max_new_tokens=max_new_tokens)
        order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        answers = [""] * len(prompts)
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            columns = [Column(adapter, prompts[index], stop) for index in chosen]
            for delta in self.stream(columns, options, cancelled):
                answers[chosen[delta.column]] += delta.text
            if cancelled():
                raise InferenceError("Answering the rows was stopped, so there is no result.")
            progress(min(start + batch_size, len(order)), len(order))
        return answers

    @torch.no_grad()
    def logit_difference(self, prompt_ids: list[int]) -> float:
        """Largest |logit of base - logit of tuned| for the token after the prompt; one forward of both together."""
        self.check([Column("tuned", prompt_ids, Stop([], []))], GenerationOptions(max_new_tokens=1))
        rows = torch.tensor([prompt_ids, prompt_ids], device=self.model.device)
        names = [ADAPTER_NAMES["base"], ADAPTER_NAMES["tuned"]]
        output = self.model(
            input_ids=rows, attention_mask=torch.ones_like(rows), adapter_names=names, use_cache=False, logits_to_keep=1
        )
        base, tuned = output.logits[:, -1].float()
        return (base - tuned).abs().max().item()

    def has_zero_adapter(self) -> bool:
        """Whether the adapter adds nothing: LoRA adds B A x, and B begins as zero."""
        found = [parameter for name, parameter in self.model.named_parameters() if ".lora_B." in name]
        return bool(found) and not any(parameter.any() for parameter in found)

    def check(self, columns: list[Column], options: GenerationOptions) -> int:
        """How many tokens can be written, given the model's context."""
        if not self.tuned and any(column.adapter == "tuned" for column in columns):
            raise InferenceError("The tuned model was asked, but only the base is loaded. Load the run's adapter.")
        if not all(column.prompt_ids for column in columns):
            raise InferenceError("The prompt is empty, so there is nothing to answer. Write a message.")
        longest = max(len(column.prompt_ids) for column in columns)
        if longest >= self.context:
            raise InferenceError(
                f"The prompt has {longest:,} tokens, but the model reads at most {self.context:,}. "
                "Shorten it, or begin a new conversation."
            )
        return min(options.max_new_tokens, self.context - longest)

    @torch.no_grad()
    def generate(self, columns: list[Column], options: GenerationOptions, limit: int, following: Columns) -> None:
        """One batch through transformers' `generate`, left-padded."""
        prompts = [column.prompt_ids for column in columns]
        pad = self.tokenizer.pad_id
        width = max(len(ids) for ids in prompts)
        rows = torch.tensor([[pad] * (width - len(ids)) + ids for ids in prompts], device=self.model.device)
        mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts], device=self.model.device)
        config = GenerationConfig(max_new_tokens=limit, do_sample=False, pad_token_id=pad, use_cache=True)
        with own_config(self.model, config):
            self.model.generate(
                input_ids=rows,
                attention_mask=mask,
                generation_config=config,
                logits_processor=build_processors(options, prompts),
                stopping_criteria=StoppingCriteriaList([following]),
                **self.choose_adapters(columns),
            )

    def choose_adapters(self, columns: list[Column]) -> dict:
        """PEFT's `adapter_names`, one per row; none where all rows are alike and it would only cost time."""
        if not self.tuned or all(column.adapter == "tuned" for column in columns):
            return {}
        return {"adapter_names": [ADAPTER_NAMES[column.adapter] for column in columns]}


def load_engine(
    folder: Path, adapter: Path | None, quantization: QuantizationSettings, dtype: torch.dtype, device: str
) -> Engine:
    """The model in `folder`, with the adapter beside it if one is given."""
    base = load_base(folder, quantization, dtype, device)
    return Engine(load_adapter(base, adapter) if adapter else base, load_tokenizer(folder))


@contextmanager
def own_config(model: PreTrainedModel | PeftModel, config: GenerationConfig) -> Iterator[None]:
    """Within it, `config` alone decides: `generate` fills what it lacks from the model's, which may penalise or
    forbid tokens unasked."""
    holders = [model, model.get_base_model()] if isinstance(model, PeftModel) else [model]
    before = [holder.generation_config for holder in holders]
    try:
        for holder in holders:
            holder.generation_config = config
        yield
    finally:
        for holder, value in zip(holders, before, strict=True):
            holder.generation_config = value


def context_length(config) -> int:
    """How many tokens the model can read; a model without a limit of its own (BLOOM) gets a million."""
    text = config.get_text_config()
    return getattr(text, "max_position_embeddings", None) or 1_000_000
