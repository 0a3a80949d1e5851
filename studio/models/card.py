"""What a model folder says of itself: shape, special tokens, chat template, and the modules LoRA can adapt."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.errors import ModelError, SettingsError
from studio.models.folders import IncompleteModel, read_json, tensor_shapes

ALL_LINEAR = "all-linear"
ROBERTA_TYPES = ("roberta", "xlm-roberta", "camembert")
LLAMA_LINEAR = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
LINEAR_BY_TYPE = {
    "gpt2": ["c_attn", "c_fc", "c_proj"],
    "bloom": ["dense", "dense_4h_to_h", "dense_h_to_4h", "query_key_value"],
    "distilbert": ["k_lin", "lin1", "lin2", "out_lin", "q_lin", "v_lin"],
    "roberta": ["dense", "key", "query", "value"],
    "llama": LLAMA_LINEAR,
    "qwen3": LLAMA_LINEAR,
    "gemma3_text": LLAMA_LINEAR,
}
"""Linear modules of the catalogue's architectures, for a model whose weights are not here yet."""


@dataclass(frozen=True)
class ModelCard:
    """Facts of a model, read from its JSON files; a number is None where they do not state it."""

    architecture: str
    model_type: str
    layers: int | None
    hidden: int | None
    context: int | None
    vocabulary: int | None
    chat_template: str | None
    bos_token: str | None
    eos_token: str | None
    pad_token: str | None

    @property
    def has_chat_template(self) -> bool:
        return self.chat_template is not None


def describe_folder(folder: Path) -> ModelCard:
    """Read config.json, tokenizer_config.json and their companions in `folder`."""
    config = read_json(folder / "config.json")
    text = config.get("text_config") if isinstance(config.get("text_config"), dict) else config
    tokenizer = read_json(folder / "tokenizer_config.json")
    architectures = config.get("architectures") or ["unknown"]
    model_type = str(text.get("model_type") or config.get("model_type") or "unknown")
    return ModelCard(
        architecture=str(architectures[0]),
        model_type=model_type,
        layers=first_number(text, "num_hidden_layers", "n_layer", "n_layers", "num_layers"),
        hidden=first_number(text, "hidden_size", "n_embd", "n_embed", "dim", "d_model"),
        context=context_length(text, tokenizer, model_type),
        vocabulary=first_number(text, "vocab_size"),
        chat_template=chat_template(folder, tokenizer),
        bos_token=special_token(folder, tokenizer, text, "bos"),
        eos_token=special_token(folder, tokenizer, text, "eos"),
        pad_token=special_token(folder, tokenizer, text, "pad"),
    )


def first_number(config: dict[str, Any], *keys: str) -> int | None:
    """The first of `keys` that holds a whole number."""
    for key in keys:
        value = config.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def context_length(config: dict[str, Any], tokenizer: dict[str, Any], model_type: str) -> int | None:
    """Tokens that the model was built for; RoBERTa counts its positions from 2, so two of them are no tokens'."""
    positions = first_number(config, "max_position_embeddings", "n_positions", "n_ctx", "seq_length")
    if positions is not None:
        return positions - 2 if model_type in ROBERTA_TYPES else positions
    stated = tokenizer.get("model_max_length")  # 10**30 where the tokenizer does not know
    return int(stated) if isinstance(stated, int | float) and 0 < stated < 10**9 else None


def chat_template(folder: Path, tokenizer: dict[str, Any]) -> str | None:
    """The model's own chat template: chat_template.jinja, else what tokenizer_config.json holds."""
    path = folder / "chat_template.jinja"
    if path.exists():
        return path.read_text("utf-8")
    held = tokenizer.get("chat_template") or read_json(folder / "chat_template.json").get("chat_template")
    if isinstance(held, list):  # several named templates
        named = {item.get("name"): item.get("template") for item in held if isinstance(item, dict)}
        held = named.get("default")
    return held if isinstance(held, str) else None


def special_token(folder: Path, tokenizer: dict[str, Any], config: dict[str, Any], kind: str) -> str | None:
    """The text of the bos, eos or pad token, from the tokenizer's files, else by the id in the config."""
    for source in (tokenizer, read_json(folder / "special_tokens_map.json")):
        held = source.get(f"{kind}_token")
        text = held.get("content") if isinstance(held, dict) else held
        if isinstance(text, str):
            return text
    number = config.get(f"{kind}_token_id")
    number = number[0] if isinstance(number, list) and number else number
    return token_text(folder, number) if isinstance(number, int) else None


def token_text(folder: Path, number: int) -> str | None:
    """The token with id `number` in tokenizer.json."""
    content = read_json(folder / "tokenizer.json")
    for token in content.get("added_tokens") or []:
        if token.get("id") == number:
            return token.get("content")
    vocabulary = (content.get("model") or {}).get("vocab")
    if isinstance(vocabulary, dict):
        return next((text for text, value in vocabulary.items() if value == number), None)
    return None


def linear_module_names(folder: Path) -> list[str]:
    """Last names of the linear modules in the model's layers, sorted: ['c_attn', 'c_fc', 'c_proj'] for GPT-2.

    They are the two-dimensional weights inside numbered layers, read from the headers of the safetensors;
    embeddings and lm_head stand outside the layers, norms have one dimension. Before the weights are here:
    those known of the architecture, else none.
    """
    try:
        shapes = list(tensor_shapes(folder, str(folder)))
    except IncompleteModel:
        return LINEAR_BY_TYPE.get(describe_folder(folder).model_type, [])
    return sorted({parts[-2] for name, shape in shapes if is_linear(parts := name.split("."), shape)})


def is_linear(parts: Sequence[str], shape: Sequence[int]) -> bool:
    """Whether a tensor is the weight of a linear module inside a numbered layer."""
    if parts[-1] != "weight" or len(shape) != 2 or not any(part.isdigit() for part in parts[:-2]):
        return False
    return not re.search(r"embed|norm|relative_attention_bias", parts[-2])


def check_targets(targets: Sequence[str], available: Sequence[str], name: str = "The model") -> None:
    """Raise SettingsError if LoRA targets name modules that the model lacks; says which it has.

    `available` comes from linear_module_names; where it is empty nothing is known, and nothing refused.
    """
    lacking = [target for target in targets if target != ALL_LINEAR and target.split(".")[-1] not in available]
    if lacking and available:
        raise SettingsError(
            f"{name} has no modules named {', '.join(lacking)}; it has {', '.join(available)}. "
            f"Choose among these, or {ALL_LINEAR}."
        )


def write_source(folder: Path, origin: dict[str, str]) -> None:
    """Note in the folder where its files come from."""
    (folder / "source.json").write_text(json.dumps(origin, indent=2) + "\n", "utf-8")


def read_source(folder: Path) -> dict[str, str]:
    """What write_source noted; {} for a folder that was not made here."""
    try:
        return {str(key): str(value) for key, value in read_json(folder / "source.json").items()}
    except ModelError:
        return {}
