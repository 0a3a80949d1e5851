"""Model folders, names, LoRA targets and the package of the default model; no network."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import asdict

import pytest
from tokenizers import Tokenizer

from studio.errors import ModelError, SettingsError
from studio.home import open_home
from studio.models.children import ROOT
from studio.models.folders import hash_file
from studio.models.sources import (
    check_targets,
    describe_model,
    linear_module_names,
    resolve_files,
)
from tests.models_stand_in import LINEAR, write_model

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


@pytest.fixture
def folder(tmp_path):
    return write_model(tmp_path / "tiny")


def test_importing_loads_no_torch_and_no_hub():
    code = (
        "import sys, studio.models.sources; "
        "print({'torch', 'transformers', 'gradio', 'huggingface_hub', 'httpx'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "set()\n"


def test_a_folder_is_taken_as_it_is(home, folder):
    files = resolve_files(home, str(folder), weights=True)
    assert (files.folder, files.source, files.revision) == (folder, "folder", "local")
    assert files.size_bytes == (folder / "model.safetensors").stat().st_size


def test_a_folder_in_the_users_own_home(home, folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert resolve_files(home, "~/tiny", weights=False).folder == folder
    monkeypatch.chdir(folder.parent)
    files = resolve_files(home, "./tiny", weights=False)
    assert (files.folder, files.name) == (folder, str(folder))  # a worker elsewhere finds it by its name


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../b", "http://host/x", "owner/name/more", "owner name", "", "a\nb", "-x/y", "a/b;c", "$(id)/x"],
)
def test_a_name_that_is_neither_id_nor_path_is_refused(home, name):
    with pytest.raises(ModelError, match="cannot be a model: give owner/name"):
        resolve_files(home, name, weights=False, endpoint=NOBODY)


@pytest.mark.parametrize("revision", ["../main", "a..b", "", "a b", "/etc"])
def test_a_revision_is_no_path(home, revision):
    with pytest.raises(ModelError, match="cannot be a revision"):
        resolve_files(home, "acme/tiny", revision=revision, weights=False, endpoint=NOBODY)


def test_the_hash_is_of_names_and_contents_and_is_remembered(home, folder, monkeypatch):
    first = resolve_files(home, str(folder), weights=True).sha256
    line = f"model.safetensors {hash_file(folder / 'model.safetensors')}"
    assert first == hashlib.sha256(line.encode()).hexdigest()

    monkeypatch.setattr("studio.models.folders.hash_file", lambda path: pytest.fail("hashed again"))
    assert resolve_files(home, str(folder), weights=True).sha256 == first
    monkeypatch.undo()

    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(1, 1))  # as if a moment had passed
    assert resolve_files(home, str(folder), weights=True).sha256 != first


def test_a_missing_shard_is_named(home, tmp_path):
    folder = write_model(tmp_path / "sharded", shards=3)
    assert len(resolve_files(home, str(folder), weights=True).sha256) == 64
    (folder / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(ModelError, match=r"half-downloaded: model-00002-of-00003\.safetensors is missing"):
        resolve_files(home, str(folder), weights=True)
    assert resolve_files(home, str(folder), weights=False).folder == folder


def test_a_file_cut_short_is_named(home, folder):
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(ModelError, match=r"half-downloaded: model\.safetensors is cut short"):
        resolve_files(home, str(folder), weights=True)


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 64, b"\x10\0\0\0\0\0\0\0" + b"[" * 16, b'\x08\0\0\0\0\0\0\0{"a":{}}']
)
def test_a_damaged_file_is_named(home, folder, content):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.safetensors (that is no safetensors file|whose header)"):
        resolve_files(home, str(folder), weights=True)


def test_an_index_cannot_point_out_of_the_folder(home, tmp_path):
    folder = write_model(tmp_path / "sharded", shards=2)
    index = {"weight_map": {"a": "../../etc/passwd"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="names no proper shards"):
        resolve_files(home, str(folder), weights=True)


def spoil(folder, case):
    """Make one thing wrong with a model folder."""
    weights, config = folder / "model.safetensors", folder / "config.json"
    if case == "only .bin":
        weights.rename(folder / "pytorch_model.bin")
    elif case == "auto_map":
        config.write_text(json.dumps({"a": [{"auto_map": {"AutoConfig": "x.Y"}}]}))
    elif case == "auto_map of the tokenizer":
        (folder / "tokenizer_config.json").write_text(json.dumps({"auto_map": {}}))
    elif case == "adapter":
        config.rename(folder / "adapter_config.json")
    elif case == "no config":
        config.unlink()
    elif case == "config is no JSON":
        config.write_text("{")
    elif case == "config is a list":
        config.write_text("[]")
    elif case == "deep config":
        config.write_text("[" * 100_000)
    elif case == "no tokenizer":
        (folder / "tokenizer.json").unlink()


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("only .bin", "only safetensors are loaded"),
        ("auto_map", r"code of its own \('auto_map' in config.json\)"),
        ("auto_map of the tokenizer", "'auto_map' in tokenizer_config.json"),
        ("adapter", "is an adapter, not a model: choose the base"),
        ("no config", "has no config.json"),
        ("config is no JSON", "cannot be read as JSON"),
        ("config is a list", "holds no JSON object"),
        ("deep config", "cannot be read as JSON"),
        ("no tokenizer", "has no tokenizer"),
    ],
)
def test_a_folder_that_cannot_be_used_says_why(home, folder, case, message):
    spoil(folder, case)
    with pytest.raises(ModelError, match=message):
        resolve_files(home, str(folder), weights=False)


def test_a_path_that_is_no_folder(home, tmp_path):
    with pytest.raises(ModelError, match="is not a folder"):
        resolve_files(home, str(tmp_path / "nowhere"), weights=True)


def test_a_model_describes_itself(home, folder):
    card = describe_model(resolve_files(home, str(folder), weights=False))
    assert asdict(card) == {
        "architecture": "LlamaForCausalLM",
        "model_type": "llama",
        "layers": 1,
        "hidden": 8,
        "context": 64,
        "vocabulary": 300,
        "chat_template": "{{ messages[0]['content'] }}",
        "bos_token": None,
        "eos_token": "<|end|>",
        "pad_token": None,
    }
    (folder / "tokenizer_config.json").write_text("{}")
    (folder / "chat_template.jinja").write_text("from a file")
    card = describe_model(resolve_files(home, str(folder), weights=False))
    assert (card.eos_token, card.chat_template) == ("<|end|>", "from a file")  # eos by its id in the config


def test_roberta_counts_its_positions_from_two(home, folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "roberta", "max_position_embeddings": 514}))
    card = describe_model(resolve_files(home, str(folder), weights=False))
    assert (card.context, card.has_chat_template, card.architecture) == (512, True, "unknown")


def test_lora_targets_are_checked_against_the_model(folder):
    available = linear_module_names(folder)
    assert available == LINEAR
    check_targets(["q_proj", "self_attn.v_proj"], available)
    check_targets(["all-linear"], available)
    with pytest.raises(SettingsError) as caught:
        check_targets(["q_proj", "v_proj"], ["c_attn", "c_fc", "c_proj"], "gpt2")
    assert str(caught.value) == (
        "gpt2 has no modules named q_proj, v_proj; it has c_attn, c_fc, c_proj. Choose among these, or all-linear."
    )


def test_targets_are_known_of_an_architecture_before_its_weights_are_here(folder):
    (folder / "model.safetensors").unlink()
    (folder / "config.json").write_text('{"model_type": "gpt2"}')
    assert linear_module_names(folder) == ["c_attn", "c_fc", "c_proj"]
    (folder / "config.json").write_text('{"model_type": "never heard of"}')
    assert linear_module_names(folder) == []
    check_targets(["anything"], [])


@pytest.mark.slow
def test_a_slow_tokenizer_is_converted_once_and_beside_the_model(home, folder):
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = "\n".join(" ".join(pair) for pair in model["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    settings = {"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|end|>", "unk_token": "<|end|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))

    first = resolve_files(home, str(folder), weights=False)
    assert first.folder.parent == home.models / ".tokenizers"
    assert not (folder / "tokenizer.json").exists()
    tokenizer = Tokenizer.from_file(str(first.folder / "tokenizer.json"))
    assert tokenizer.decode(tokenizer.encode("the quick dog 12").ids) == "the quick dog 12"
    second = resolve_files(home, str(folder), weights=True)
    assert second.folder == first.folder and len(second.sha256) == 64
