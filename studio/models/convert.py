"""The converting process: `python -m studio.models.convert SRC.gguf DST` and `... --tokenizer SRC DST`.

The first turns a GGUF file into bf16 safetensors with config, tokenizer.json and chat template; the second
turns a slow tokenizer into tokenizer.json. It is the one module under models/ that imports torch and
transformers, and nothing imports it: it runs as a child (children.py) and says how far it is with one
JSON object per line on stdout. DST is a folder of the caller's, who moves it into place once this has ended well.
"""

import argparse
import json
import os
from pathlib import Path


def say(message: str, fraction: float) -> None:
    """One line of progress for the parent; fraction from 0 to 1."""
    print(json.dumps({"message": message, "fraction": fraction}), flush=True)


def convert_gguf(source: Path, target: Path) -> None:
    """Write `source` (GGUF) to `target` as bf16 safetensors, config, tokenizer.json and chat template."""
    say("Loading the libraries", 0.02)
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    save_tokenizer(source, target)
    say("Unpacking the weights", 0.45)
    # dequantize=True gives a plain dense model; without it the weights stay packed and cannot be saved.
    model = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
        trust_remote_code=False,
    )
    say("Saving the weights", 0.85)
    mend_config(model.config)
    model.save_pretrained(target)
    say("Saved", 1.0)


def save_tokenizer(source: Path, target: Path) -> None:
    """Write the GGUF's tokenizer to `target`: tokenizer.json, tokenizer_config.json, chat_template.jinja."""
    from gguf import GGUFReader
    from transformers import AutoTokenizer

    say("Reading the tokenizer", 0.15)
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name, trust_remote_code=False)
    fields = GGUFReader(source).fields
    if fields["tokenizer.ggml.pre"].contents() == "smollm":
        split_digits(tokenizer)
    architecture = fields["general.architecture"].contents()
    tokenizer.model_max_length = int(fields[f"{architecture}.context_length"].contents())
    tokenizer.save_pretrained(target)
    drop_keys(target / "tokenizer_config.json", ("is_local", "local_files_only"))


def split_digits(tokenizer) -> None:
    """Give the tokenizer the splitting of SmolLM: every digit alone, then byte-level words.

    The GGUF only names that rule ("smollm") and transformers puts GPT-2's in its place, under which three
    spaces before a digit become other tokens than those the model was trained on.
    """
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )


def mend_config(config) -> None:
    """Take back what the GGUF format did to the config: a float32 epsilon, and a name that is not the model's."""
    config.rms_norm_eps = float(f"{config.rms_norm_eps:.6g}")
    if hasattr(config, "_model_name_or_path"):
        del config._model_name_or_path


def drop_keys(path: Path, keys: tuple[str, ...]) -> None:
    """Rewrite a JSON object without `keys`."""
    content = {key: value for key, value in json.loads(path.read_text("utf-8")).items() if key not in keys}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def convert_tokenizer(source: Path, target: Path) -> None:
    """Write the tokenizer of the model folder `source` to `target` in the fast form (tokenizer.json)."""
    say("Loading the libraries", 0.1)
    from transformers import AutoTokenizer

    say("Converting the tokenizer", 0.5)
    tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True, trust_remote_code=False, local_files_only=True)
    tokenizer.save_pretrained(target)
    drop_keys(target / "tokenizer_config.json", ("is_local", "local_files_only"))
    say("Saved", 1.0)


def main() -> None:
    """Read the arguments and convert."""
    parser = argparse.ArgumentParser(prog="python -m studio.models.convert", description=__doc__)
    parser.add_argument("source", type=Path, help="a GGUF file; with --tokenizer a model folder")
    parser.add_argument("target", type=Path, help="an empty or new folder")
    parser.add_argument("--tokenizer", action="store_true", help="convert the tokenizer only")
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"  # everything needed lies in SRC
    arguments.target.mkdir(parents=True, exist_ok=True)
    convert = convert_tokenizer if arguments.tokenizer else convert_gguf
    convert(arguments.source, arguments.target)


if __name__ == "__main__":
    main()
