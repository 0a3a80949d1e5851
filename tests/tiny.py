"""Tiny models for tests: random weights, a real tokenizer, a ChatML template. Built from configs, no network.

    make_tiny_model(folder)            a Llama (hidden 64, 2 layers) with tokenizer and chat template
    make_tiny_model(folder, "gpt2")    a GPT-2 of that size
    make_tiny_tokenizer(folder)        tokenizer.json and tokenizer_config.json alone; imports no torch
    make_tiny_adapter(model, folder)   a LoRA adapter with random, non-zero weights for it
    make_tiny_run(home, name, model)   a finished run's folder with such an adapter

The special tokens are those of SmolLM2-Instruct: pad and eos are one token, <|im_end|>, which is the trap that
makes a model never learn to stop.
"""

import json
from pathlib import Path

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")

SYSTEM = "You are a helpful assistant."

# ChatML as SmolLM2-Instruct has it; {default} is the system turn it adds when a conversation has none.
CHATML = (
    "{% for message in messages %}{default}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
DEFAULT_TURN = (
    "{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\\n" + SYSTEM + "<|im_end|>\\n' }}{% endif %}"
)

SENTENCES = (
    "The capital of France is Paris.",
    "What is the capital of Germany? The capital of Germany is Berlin.",
    "Write a function that adds two numbers and returns their sum.",
    "My order arrived broken and the parcel was late; please send a new one.",
    "You are a helpful assistant. system user assistant",
    '{"product": "kettle", "fault": "broken", "wish": "refund"}',
    "Translate the sentence into German. Übersetze den Satz.",
    "2 + 2 = 4, 3 + 3 = 6, 12 + 30 = 42",
    "Below is an instruction that describes a task. Write a response that completes the request.",
)


def make_tiny_tokenizer(
    folder: Path, vocabulary: int = 512, default_system: bool = False, chat_template: bool = True
) -> Path:
    """A byte-level BPE tokenizer (any text can be encoded) as `tokenizer.json` and `tokenizer_config.json`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|im_end|>",
        "unk_token": "<|endoftext|>",
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "clean_up_tokenization_spaces": False,
        "model_max_length": 256,
    }
    if chat_template:
        config["chat_template"] = CHATML.replace("{default}", DEFAULT_TURN if default_system else "")
    write_json(folder / "tokenizer_config.json", config)
    return folder


def make_tiny_model(
    folder: Path,
    kind: str = "llama",
    *,
    vocabulary: int = 512,
    default_system: bool = False,
    chat_template: bool = True,
    seed: int = 0,
) -> Path:
    """A model folder as the hub has them: config, generation_config, model.safetensors (float32), tokenizer.

    `kind` is "llama" (q/k/v/o and gate/up/down projections, tied embeddings) or "gpt2" (fused c_attn). The weights
    are random but larger than a trained model's first ones, so that logits have no near ties. `vocabulary` is the
    size of the embedding; the tokenizer has at most as many tokens.
    """
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    make_tiny_tokenizer(folder, vocabulary, default_system, chat_template)
    special = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    if kind == "llama":
        config = LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            initializer_range=0.2,
            **special,
        )
        model_class = LlamaForCausalLM
    elif kind == "gpt2":
        config = GPT2Config(
            vocab_size=vocabulary, n_embd=64, n_layer=2, n_head=4, n_positions=256, initializer_range=0.2, **special
        )
        model_class = GPT2LMHeadModel
    else:
        raise ValueError(f"no tiny model of kind {kind!r}: llama or gpt2")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model_class(config).save_pretrained(folder)
    write_json(folder / "generation_config.json", {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2})
    return folder


def make_tiny_adapter(model: Path, folder: Path, *, seed: int = 1, scale: float = 0.2, rank: int = 4) -> Path:
    """A LoRA adapter (PEFT folder, safetensors) on all linear layers of `model`; scale 0 makes it a zero adapter.

    LoRA starts with B = 0, which changes nothing; here B is drawn from a normal distribution with sigma `scale`.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        base = AutoModelForCausalLM.from_pretrained(
            model, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        tuned = get_peft_model(base, config)
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                parameter.data.normal_(0, scale) if scale else parameter.data.zero_()
        tuned.save_pretrained(folder, safe_serialization=True)
    return folder


def make_tiny_run(
    home_path: Path, name: str, model: Path, *, scale: float = 0.2, jinja: str | None = None, rows: int = 3
) -> Path:
    """A finished run of `model` under HOME with a random adapter, as the worker leaves it; returns its folder.

    Its template is the model's own, or `jinja`. Test rows ask for capitals.
    """
    import yaml

    from studio.home import open_home
    from studio.models.sources import resolve_files
    from studio.settings import Recipe
    from studio.templates.encoding import Template, stop_of
    from studio.templates.example import from_fields, to_record
    from studio.templates.rendering import Renderer
    from studio.templates.tokenizer import load_tokenizer

    home = open_home(home_path)
    folder = home.run(name)
    (folder / "data").mkdir(parents=True)
    files = resolve_files(home, str(model), weights=True)
    tokenizer = load_tokenizer(model)
    own = tokenizer.chat_template or ""
    template = Template("custom" if jinja else "model", jinja or own)
    with Renderer() as renderer:
        stop = stop_of(template, tokenizer, renderer)
    recipe = Recipe.model_validate({"model": {"name": str(model)}})
    resolved = {
        "model": {
            "name": files.name,
            "source": files.source,
            "revision": files.revision,
            "sha256": files.sha256,
            "folder": str(files.folder),
        },
        "template": {
            "name": template.name,
            "jinja": template.jinja,
            "own_jinja": own,
            "stop": {"ids": stop.ids, "texts": stop.texts},
            "system": "",
        },
        "dataset": {"id": "tiny"},
        "device": "cpu",
        "dtype": "float32",
    }
    examples = [from_fields(f"What is the capital of country {number}?", "", "Paris") for number in range(rows)]
    lines = [json.dumps({"id": number, **to_record(example)}) for number, example in enumerate(examples, 1)]
    (folder / "data" / "test.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe.model_dump()), encoding="utf-8")
    (folder / "resolved.yaml").write_text(yaml.safe_dump(resolved, allow_unicode=True), encoding="utf-8")
    make_tiny_adapter(model, folder / "adapter", scale=scale)
    return folder


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")
