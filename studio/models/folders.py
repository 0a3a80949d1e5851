"""A model folder: which files count, whether they are all there and safe to load, and the hash of its weights.

Nothing here runs code of a model: config.json is read as JSON, safetensors by their headers alone.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from studio.errors import ModelError

CONFIG_FILES = (
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "config.json",
)
"""What choosing a model fetches, in this order: a config.json in a cache means that all before it are there."""

SLOW_TOKENIZERS = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt")
WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD = re.compile(r"^model-\d{5}-of-\d{5}\.safetensors$")
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".h5", ".msgpack")
JSON_LIMIT = 64 * 2**20  # bytes; the largest tokenizer.json in use are about 35 MB
HEADER_LIMIT = 100 * 2**20  # bytes; the limit that the safetensors format states


class IncompleteModel(ModelError):
    """A folder that lacks a file; elsewhere the model may be whole."""


def weight_names(names: Iterable[str]) -> list[str]:
    """Those of `names` that hold a model's weights: model.safetensors, else its shards and their index."""
    present = set(names)
    if WHOLE in present:
        return [WHOLE]
    return sorted(name for name in present if SHARD.match(name) or name == INDEX)


def check_names(names: Iterable[str], model: str) -> None:
    """Refuse a model by its list of files: weights in pickle only, none at all, or an adapter."""
    present = set(names)
    if "config.json" not in present and "adapter_config.json" in present:
        raise ModelError(
            f"{model} is an adapter, not a model: choose the base that it was trained on, "
            "which its adapter_config.json names."
        )
    if weight_names(present):
        return
    pickles = sorted(name for name in present if name.endswith(PICKLES))
    if pickles:
        raise ModelError(
            f"{model} has its weights only as {pickles[0]}, and opening such a file can run code of its author, "
            "so only safetensors are loaded: choose a copy saved as model.safetensors."
        )
    raise IncompleteModel(f"{model} has no weights: neither model.safetensors nor an index of shards is there.")


def check_folder(folder: Path, model: str, *, weights: bool) -> None:
    """Raise ModelError unless `folder` holds a model that can be loaded; IncompleteModel where a file lacks."""
    if not folder.is_dir():
        raise IncompleteModel(f"{model} is not a folder: give the path of one that holds config.json.")
    names = {path.name for path in folder.iterdir() if path.exists()}
    if weights or any(name.endswith(PICKLES) for name in names):
        check_names(names, model)
    if "config.json" not in names:
        check_adapter_only(names, model)
        raise IncompleteModel(f"{model} has no config.json, so its architecture is unknown: complete the folder.")
    refuse_remote_code(folder, model)
    if not names & {"tokenizer.json", *SLOW_TOKENIZERS}:
        raise IncompleteModel(f"{model} has no tokenizer: put its tokenizer.json into the folder.")
    if weights:
        check_weights(folder, model)


def check_adapter_only(names: set[str], model: str) -> None:
    """Say so if the folder is an adapter's."""
    if "adapter_config.json" in names:
        check_names(names, model)


def refuse_remote_code(folder: Path, model: str) -> None:
    """Refuse a model whose config, at any depth, asks for code of its own."""
    for name in ("config.json", "tokenizer_config.json"):
        path = folder / name
        if path.exists() and has_key(read_json(path), "auto_map"):
            raise ModelError(
                f"{model} asks to run code of its own ('auto_map' in {name}), which is never done here: "
                "choose a model whose architecture transformers knows."
            )


def has_key(value: Any, key: str) -> bool:
    """Whether `key` stands anywhere in nested JSON; walks without recursion, so that depth cannot break it."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if key in item:
                return True
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return False


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`; ModelError if it is no such thing, {} if there is no such file."""
    try:
        if path.stat().st_size > JSON_LIMIT:
            raise ModelError(f"{path} is larger than {JSON_LIMIT >> 20} MB, so it is no such file: replace it.")
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read as JSON ({error}): fetch the file anew.") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path} holds no JSON object: fetch the file anew.")
    return content


def check_weights(folder: Path, model: str) -> None:
    """Raise IncompleteModel unless every file of weights is there and as long as its header says."""
    for path in weight_files(folder, model):
        header, start = read_header(path, model)
        ends = [tensor["data_offsets"][1] for tensor in header.values()]
        if start + max(ends, default=0) != path.stat().st_size:
            raise IncompleteModel(f"{model} is half-downloaded: {path.name} is cut short. Fetch that file anew.")


def weight_files(folder: Path, model: str) -> list[Path]:
    """The safetensors files of a folder, in order; IncompleteModel names the first that lacks."""
    names = shards_of(folder, model) if not (folder / WHOLE).exists() else [WHOLE]
    for name in names:
        if not (folder / name).is_file():
            raise IncompleteModel(f"{model} is half-downloaded: {name} is missing. Fetch that file as well.")
    return [folder / name for name in names]


def shards_of(folder: Path, model: str) -> list[str]:
    """The file names in the folder's index."""
    if not (folder / INDEX).exists():
        found = sorted(path.name for path in folder.iterdir() if SHARD.match(path.name))
        lacking = INDEX if found else WHOLE
        raise IncompleteModel(f"{model} is half-downloaded: {lacking} is missing. Fetch that file as well.")
    table = read_json(folder / INDEX).get("weight_map")
    names = sorted({str(name) for name in table.values()}) if isinstance(table, dict) else []
    if not names or not all(SHARD.match(name) for name in names):
        raise ModelError(f"{model} has an {INDEX} that names no proper shards: fetch the file anew.")
    return names


def read_header(path: Path, model: str) -> tuple[dict[str, dict[str, Any]], int]:
    """The tensors that a safetensors file declares, and the byte at which their data starts."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= HEADER_LIMIT:
            raise IncompleteModel(f"{model} has a {path.name} that is no safetensors file: fetch it anew.")
        text = file.read(length)
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        for tensor in header.values():
            tensor["data_offsets"][1], tensor["shape"]
    except (ValueError, AttributeError, KeyError, TypeError, IndexError, RecursionError):
        raise IncompleteModel(f"{model} has a {path.name} whose header is damaged: fetch it anew.") from None
    return header, 8 + length


def tensor_shapes(folder: Path, model: str) -> Iterator[tuple[str, list[int]]]:
    """Name and shape of every tensor in the folder's weights, read from the headers."""
    for path in weight_files(folder, model):
        for name, tensor in read_header(path, model)[0].items():
            yield name, tensor["shape"]


def weights_bytes(folder: Path) -> int:
    """Bytes of the safetensors present in `folder`, its index left out."""
    names = weight_names(path.name for path in folder.iterdir() if path.exists())
    return sum((folder / name).stat().st_size for name in names if name != INDEX)


def hash_weights(folder: Path, model: str, store: Path) -> str:
    """SHA-256 over the sorted lines "name sha256" of the folder's weights; each file's is remembered in `store`."""
    lines = sorted(f"{path.name} {remembered_hash(path, store)}" for path in weight_files(folder, model))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def remembered_hash(path: Path, store: Path) -> str:
    """SHA-256 of a file, read from `store` while its size and time of change are the same."""
    real = path.resolve()
    state = real.stat()
    seen = {"path": str(real), "size": state.st_size, "mtime_ns": state.st_mtime_ns}
    note = store / f"{hashlib.sha256(str(real).encode()).hexdigest()[:32]}.json"
    try:
        known = json.loads(note.read_text("utf-8"))
        if {key: known[key] for key in seen} == seen:
            return str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not remembered, or the note is damaged: hash again
    digest = hash_file(real)
    write_atomically(note, json.dumps({**seen, "sha256": digest}))
    return digest


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` whole: a reader finds the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
