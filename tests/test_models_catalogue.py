"""The catalogue of models: every file parses, and its numbers agree with the shapes."""

import pytest

from studio.errors import ModelError
from studio.models.card import LINEAR_BY_TYPE
from studio.models.catalogue import PRESETS, find_model, list_models
from studio.models.sources import DEFAULT_MODEL

# Widths that the catalogue does not hold: queries, keys and values; tied output; norms of queries and keys;
# norms a layer. From the config.json of each model.
LLAMA_TYPES = {
    "HuggingFaceTB/SmolLM2-135M-Instruct": (576, 192, True, 0, 2),
    "HuggingFaceTB/SmolLM2-360M-Instruct": (960, 320, True, 0, 2),
    "HuggingFaceTB/SmolLM2-1.7B-Instruct": (2048, 2048, True, 0, 2),
    "Qwen/Qwen3-0.6B": (2048, 1024, True, 256, 2),
    "Qwen/Qwen3-1.7B": (2048, 1024, True, 256, 2),
    "Qwen/Qwen3-4B": (4096, 1024, True, 256, 2),
    "Qwen/Qwen3-8B": (4096, 1024, False, 256, 2),
    "meta-llama/Llama-3.2-1B-Instruct": (2048, 512, True, 0, 2),
    "meta-llama/Llama-3.2-3B-Instruct": (3072, 1024, True, 0, 2),
    "google/gemma-3-270m-it": (1024, 256, True, 512, 4),
    "google/gemma-3-1b-it": (1024, 256, True, 512, 4),
}
FAMILY_TYPES = {
    "GPT-2": "gpt2",
    "BLOOM": "bloom",
    "DistilBERT": "distilbert",
    "RoBERTa": "roberta",
    "SmolLM2": "llama",
    "Llama 3.2": "llama",
    "Qwen3": "qwen3",
    "Gemma 3": "gemma3_text",
}
WANTED = {
    "openai-community/gpt2",
    "openai-community/gpt2-large",
    "distilbert/distilgpt2",
    "bigscience/bloom-560m",
    "distilbert/distilbert-base-uncased",
    "FacebookAI/roberta-base",
    *LLAMA_TYPES,
}


def entries():
    """The catalogue, which must not be empty."""
    found = list_models()
    assert found
    return found


def count_parameters(entry) -> int:
    """Parameters from the shapes of the entry's architecture."""
    vocabulary, hidden, inner = entry.vocabulary, entry.hidden, entry.intermediate
    if entry.id in LLAMA_TYPES:
        queries, keys, tied, head_norms, norms = LLAMA_TYPES[entry.id]
        layer = 2 * hidden * queries + 2 * hidden * keys + 3 * hidden * inner + norms * hidden + head_norms
        return vocabulary * hidden * (1 if tied else 2) + entry.layers * layer + hidden
    attention, feed = 4 * (hidden * hidden + hidden), 2 * hidden * inner + inner + hidden
    layers = entry.layers * (attention + feed + 4 * hidden)
    if entry.family == "GPT-2":
        return (vocabulary + entry.context) * hidden + layers + 2 * hidden
    if entry.family == "BLOOM":
        return vocabulary * hidden + 2 * hidden + layers + 2 * hidden
    positions = entry.context + (3 if entry.family == "RoBERTa" else 0)  # two unused, one token type
    return (vocabulary + positions) * hidden + 2 * hidden + layers


def test_all_that_is_wanted_is_there():
    assert {entry.id for entry in entries()} == WANTED
    assert find_model(DEFAULT_MODEL) is not None


@pytest.mark.parametrize("entry", list_models(), ids=lambda entry: entry.id)
def test_numbers_agree_with_the_shapes(entry):
    assert entry.parameters == pytest.approx(count_parameters(entry), rel=0.01)
    bytes_each = entry.weights_bytes / entry.parameters
    assert 2 <= bytes_each < 2.6 or 4 <= bytes_each < 4.5


@pytest.mark.parametrize("entry", list_models(), ids=lambda entry: entry.id)
def test_lora_targets_exist_in_the_architecture(entry):
    assert set(entry.lora_targets) <= set(LINEAR_BY_TYPE[FAMILY_TYPES[entry.family]])


def test_gated_models_are_marked():
    gated = {entry.id for entry in entries() if entry.gated}
    assert gated == {name for name in WANTED if name.startswith(("meta-llama/", "google/"))}


def test_templates_exist():
    names = {entry.template for entry in entries()} - {"model"}
    assert names == {"alpaca", "plain"}
    assert all((PRESETS / "templates" / f"{name}.yaml").exists() for name in names)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("gpt2", "openai-community/gpt2"),
        ("GPT2", "openai-community/gpt2"),
        ("roberta-base", "FacebookAI/roberta-base"),
        ("qwen3-0.6b", "Qwen/Qwen3-0.6B"),
        ("huggingfacetb/smollm2-135m-instruct", DEFAULT_MODEL),
    ],
)
def test_a_model_is_found_by_id_or_short_name(asked, found):
    assert find_model(asked).id == found


def test_no_name_is_ambiguous():
    names = [name.casefold() for entry in entries() for name in {entry.id, *entry.aliases}]
    shorts = [entry.id.casefold().partition("/")[2] for entry in entries()]
    assert len(names) == len(set(names)) and len(shorts) == len(set(shorts))
    assert find_model("nobody/nothing") is None


def test_every_file_begins_with_a_comment():
    files = list((PRESETS / "models").glob("*.yaml"))
    assert len(files) == len(WANTED)
    assert all(path.read_text("utf-8").startswith("# ") for path in files)


def test_a_file_that_does_not_fit_is_named(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/odd.yaml").write_text("id: a/b\nspeed: 3\n")
    with pytest.raises(ModelError, match=r"odd\.yaml is no proper model preset"):
        list_models(tmp_path)
