"""A model's tokenizer without transformers: tokenizer.json and the special tokens beside it."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tokenizers

from studio.errors import ModelError


@dataclass(frozen=True)
class Tokenizer:
    """The tokenizer of one model folder.

    `eos_ids`: every token that ends a generation (tokenizer, config and generation_config together).
    `chat_template`: the model's own, or None.
    """

    core: tokenizers.Tokenizer
    bos_token: str | None
    eos_token: str | None
    pad_token: str | None
    eos_ids: tuple[int, ...]
    chat_template: str | None

    def encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids and the span of characters of each; the spans leave no gap between tokens."""
        encoding = self.core.encode(text, add_special_tokens=False)
        return encoding.ids, close_gaps(encoding.offsets)

    def encode_many(self, texts: list[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """`encode` for many texts at once, on all cores."""
        batch = self.core.encode_batch(texts, add_special_tokens=False)
        return [(encoding.ids, close_gaps(encoding.offsets)) for encoding in batch]

    def decode(self, ids: list[int], skip_special: bool = True) -> str:
        return self.core.decode(ids, skip_special_tokens=skip_special)

    def token_id(self, text: str) -> int | None:
        """The id of a token given by its text, such as '<|im_end|>'."""
        return self.core.token_to_id(text)

    @property
    def pad_id(self) -> int:
        """Id for padding: the pad token, else an eos token, as TRL chooses."""
        pad = self.token_id(self.pad_token) if self.pad_token else None
        return pad if pad is not None else (self.eos_ids[0] if self.eos_ids else 0)

    @cached_property
    def adds_bos(self) -> bool:
        """Whether the tokenizer puts its bos token before every text (Llama does, GPT-2 does not)."""
        ids = self.core.encode("x", add_special_tokens=True).ids
        return bool(self.bos_token and ids and ids[0] == self.token_id(self.bos_token))


def close_gaps(offsets: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that join: some tokenizers leave the leading space out of a token's span."""
    spans, end = [], 0
    for start, stop in offsets:
        spans.append((min(start, end), max(stop, end)) if start > end else (start, stop))
        end = max(end, stop)
    return spans


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model folder; ModelError when there is none."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{folder} has no tokenizer.json, so its text cannot be turned into tokens.")
    core = tokenizers.Tokenizer.from_file(str(path))
    core.no_truncation()
    core.no_padding()
    config = {**read_json(folder / "special_tokens_map.json"), **read_json(folder / "tokenizer_config.json")}
    special = {name: token_text(config.get(f"{name}_token")) for name in ("bos", "eos", "pad")}
    return Tokenizer(
        core=core,
        bos_token=special["bos"],
        eos_token=special["eos"],
        pad_token=special["pad"],
        eos_ids=find_eos_ids(folder, core, special["eos"]),
        chat_template=find_chat_template(folder, config),
    )


def read_json(path: Path) -> dict:
    """A JSON object from a file; empty when there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def token_text(value: Any) -> str | None:
    """Special tokens are written as text or as {"content": text}."""
    return value.get("content") if isinstance(value, dict) else value


def find_eos_ids(folder: Path, core: tokenizers.Tokenizer, eos_token: str | None) -> tuple[int, ...]:
    """The tokenizer's eos first, then those of generation_config.json and config.json."""
    found = [core.token_to_id(eos_token)] if eos_token else []
    for name in ("generation_config.json", "config.json"):
        value = read_json(folder / name).get("eos_token_id")
        found += value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(id for id in found if isinstance(id, int)))


def find_chat_template(folder: Path, config: dict) -> str | None:
    """chat_template.jinja, else the one in tokenizer_config.json (text, or a list with one named default)."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    value = config.get("chat_template")
    if isinstance(value, list):
        named = {entry["name"]: entry["template"] for entry in value}
        return named.get("default") or next(iter(named.values()), None)
    return value
