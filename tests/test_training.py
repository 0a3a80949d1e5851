"""The worker on tiny models: what is trained, what is written, and how a run ends."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
import torch
import yaml
from datasets import Dataset
from safetensors.torch import load_file

from studio.data.store import create_dataset, open_dataset
from studio.errors import DataError, RunError, SettingsError, StudioError
from studio.events import read_events
from studio.home import open_home
from studio.runs.folder import describe_run, is_active, open_run, read_status
from studio.runs.start import count_packs, plan_run, request_stop, start_run, write_folder
from studio.settings import Recipe, change
from studio.templates.rendering import Renderer
from studio.training.worker import work
from tests.tiny import make_tiny_model

ROLES = {"instruction": "instruction", "input": "input", "output": "output"}
ROWS = [
    {"instruction": "Add the numbers.", "input": f"{a} + {b}", "output": str(a + b)} for a in range(6) for b in range(8)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def renderer():
    with Renderer() as renderer:
        yield renderer


@pytest.fixture
def home(tmp_path):
    home = open_home(tmp_path / "home")
    create_dataset(home, "sums", list(ROLES), ROWS, ROLES, {})
    return home


def recipe_for(model, **changes):
    small = {
        "model.name": str(model),
        "model.dtype": "float32",
        "launch.device": "cpu",
        "train.max_length": 64,
        "train.max_steps": 3,
        "train.learning_rate": 1e-2,
        "lora.rank": 4,
        "evaluate.max_new_tokens": 4,
    }
    return change(Recipe(), {**small, **{key.replace("__", "."): value for key, value in changes.items()}})


def make_run(home, recipe, renderer, name="one"):
    """The folder of a run, without its worker."""
    return write_folder(home, recipe, open_dataset(home, "sums"), name, plan_run(home, recipe, "sums", renderer))


def kinds(run):
    return [event["kind"] for event in read_events(run.events)[0]]


@pytest.mark.parametrize("quantization", ["none", "int8", "nf4"])
def test_a_run_trains_saves_and_reports(home, model, renderer, quantization):
    recipe = recipe_for(model, quantization__kind=quantization, evaluate__eval_every=1)
    run = make_run(home, recipe, renderer)
    assert work(run) == 0, run.events.read_text()
    assert read_status(run) == "finished"
    events, _ = read_events(run.events)
    logs = [event for event in events if event["kind"] == "log"]
    assert [event["step"] for event in logs] == [1, 2, 3]
    assert all(event["loss"] > 0 and event["grad_norm"] > 0 and event["tokens"] > 0 for event in logs)
    assert [event["step"] for event in events if event["kind"] == "eval"] == [1, 2, 3]
    # No gradient reaches the layers below where NF4 weights were repacked by the first evaluation.
    weights = load_file(run.adapter / "adapter_model.safetensors")
    moved = {name: tensor.abs().max().item() for name, tensor in weights.items() if "lora_B" in name}
    assert len(moved) == 14 and all(value > 0 for value in moved.values()), moved
    report = json.loads((run.path / "report.json").read_text())
    assert report["run"] == "one" and report["test"]["n"] > 0
    assert set(report["test"]["exact_match"]) >= {"base", "tuned"}
    resolved = yaml.safe_load((run.path / "resolved.yaml").read_text())
    assert resolved["model"]["sha256"] and resolved["dtype"] == "float32" and resolved["device"] == "cpu"
    assert resolved["dataset"]["rows"] == {
        name: len(run.split(name).read_text().splitlines()) for name in ("train", "eval", "test")
    }
    assert describe_run(run)["step"] == 3


def test_the_trainer_is_given_what_the_screen_shows(home, model, renderer):
    from studio.home import Home
    from studio.inference.loading import load_base
    from studio.templates.encoding import encode
    from studio.templates.example import from_record
    from studio.templates.library import find_template
    from studio.training.session import add_lora, build_trainer, encode_split, prepare, read_split

    run = make_run(home, recipe_for(model, train__batch_size=2, train__packing=False), renderer)
    assert Home(run.path.parents[1]) == home
    setup = prepare(run, renderer)
    rows = {name: encode_split(setup, name, renderer) for name in ("train", "eval")}
    base = load_base(setup.files.folder, setup.recipe.quantization, setup.dtype, setup.device)
    trainer = build_trainer(setup, add_lora(base, setup), rows)
    template = find_template(setup.recipe.template, setup.tokenizer)
    shown = {}
    for record in read_split(run, "train"):
        encoded = encode(from_record(record), template, setup.tokenizer, renderer, max_length=64)
        shown[tuple(encoded.ids)] = [encoded.state(index) for index in range(len(encoded.ids))]
    seen = 0
    for batch in trainer.get_train_dataloader():
        for ids, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True):
            ids, labels = ids[mask.bool()].tolist(), labels[mask.bool()].tolist()
            states = shown[tuple(ids)]
            assert labels == [id if state == "trained" else -100 for id, state in zip(ids, states, strict=True)]
            assert "trained" in states
            seen += 1
    assert seen == len(read_split(run, "train")) > 20


def test_tokens_and_labels_equal_trls_own(model, renderer, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    from studio.templates.encoding import encode
    from studio.templates.example import from_fields
    from studio.templates.library import own_template
    from studio.templates.tokenizer import load_tokenizer

    examples = [from_fields(row["instruction"], row["input"], row["output"]) for row in ROWS[:8]]
    dataset = Dataset.from_list(
        [{"prompt": list(example.prompt_turns), "completion": [example.turns[-1]]} for example in examples]
    )
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, trust_remote_code=False),
        args=SFTConfig(str(tmp_path), use_cpu=True, bf16=False, report_to="none", max_length=64),
        train_dataset=dataset,
        processing_class=AutoTokenizer.from_pretrained(model, trust_remote_code=False),
    )
    tokenizer = load_tokenizer(model)
    for example, theirs in zip(examples, trainer.train_dataset, strict=True):
        ours = encode(example, own_template(tokenizer), tokenizer, renderer, max_length=64).training_columns()
        assert ours["input_ids"] == theirs["input_ids"]
        assert ours["labels"] == theirs["labels"]


@pytest.mark.parametrize("packing", [False, True])
def test_the_loss_equals_trls_on_the_same_batch(home, model, renderer, packing):
    from trl import SFTTrainer

    from studio.inference.loading import load_base
    from studio.training.session import add_lora, build_trainer, encode_split, prepare

    run = make_run(home, recipe_for(model, train__packing=packing), renderer)
    setup = prepare(run, renderer)
    rows = {name: encode_split(setup, name, renderer) for name in ("train", "eval")}
    base = load_base(setup.files.folder, setup.recipe.quantization, setup.dtype, setup.device)
    trainer = build_trainer(setup, add_lora(base, setup), rows)
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.model.eval()
    with torch.no_grad():
        ours = trainer.compute_loss(trainer.model, dict(batch))
        theirs = SFTTrainer.compute_loss(trainer, trainer.model, dict(batch))
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-4)


def test_packs_are_counted_as_trl_packs_them(model, tmp_path):
    from trl import pack_dataset

    lengths = [5, 60, 33, 31, 20, 44, 12, 64, 1, 7, 30, 30]
    rows = Dataset.from_list([{"input_ids": [1] * length, "labels": [1] * length} for length in lengths])
    assert count_packs(lengths, 64) == len(pack_dataset(rows, 64, "bfd"))


def test_bfloat16_steps_smaller_than_its_precision_are_not_lost():
    from studio.training.optimizer import MasterAdamW

    weight = torch.nn.Parameter(torch.full((4,), 1.0, dtype=torch.bfloat16))
    optimizer = MasterAdamW([weight], lr=1e-3, weight_decay=0.0)
    for _ in range(8):  # 1e-3 is a quarter of the step between bfloat16 numbers below 1
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        optimizer.zero_grad()
    assert torch.allclose(weight.float(), torch.full((4,), 0.992), atol=2e-3)


def test_stop_saves_what_was_learned(home, model, renderer):
    run = make_run(home, recipe_for(model, train__max_steps=500), renderer)
    run.stop_file.touch()
    assert work(run) == 0
    assert kinds(run)[-1] == "stopped" and read_status(run) == "stopped"
    assert (run.adapter / "adapter_model.safetensors").is_file()


def test_a_loss_that_is_no_number_ends_the_run(home, tmp_path, renderer):
    from safetensors.torch import save_file

    folder = make_tiny_model(tmp_path / "poisoned")
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.mlp.up_proj.weight"].fill_(float("nan"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    run = make_run(home, recipe_for(folder), renderer)
    work(run)
    event = read_events(run.events)[0][-1]
    assert event["kind"] == "diverged" and "learning_rate" in event["reason"]
    assert not run.adapter.exists()


def test_a_model_that_vanished_fails_in_words(home, tmp_path, renderer):
    folder = make_tiny_model(tmp_path / "gone")
    run = make_run(home, recipe_for(folder), renderer)
    (folder / "model.safetensors").unlink()
    assert work(run) == 1
    event = read_events(run.events)[0][-1]
    assert event["kind"] == "failed" and "Traceback" not in event["reason"] and "safetensors" in event["reason"]


def test_targets_that_the_model_lacks_are_named(home, tmp_path, renderer):
    gpt2 = make_tiny_model(tmp_path / "gpt2", "gpt2")
    recipe = recipe_for(gpt2, lora__targets="q_proj,v_proj")
    with pytest.raises(SettingsError, match=r"q_proj, v_proj.*c_attn.*all-linear"):
        plan_run(home, recipe, "sums", renderer)
    run = make_run(home, recipe_for(gpt2, lora__targets="c_attn"), renderer)
    assert work(run) == 0, run.events.read_text()


def test_what_cannot_start_leaves_nothing_behind(home, model, renderer, tmp_path):
    create_dataset(home, "hollow", list(ROLES), [{"instruction": "x", "input": "", "output": ""}], ROLES, {})
    cases = [
        (recipe_for(model), "hollow", DataError, "the answer is empty"),
        (recipe_for(model), "nowhere", DataError, "nowhere"),
        (recipe_for(tmp_path / "no-model"), "sums", StudioError, "no-model"),
        (recipe_for(model, template__name="nosuch"), "sums", StudioError, "nosuch"),
        (recipe_for(model, template__name="custom", template__jinja="{% if %}"), "sums", StudioError, "line 1"),
        (recipe_for(model, train__max_length=16), "sums", DataError, "max_length"),
    ]
    for recipe, dataset, error, words in cases:
        with pytest.raises(error, match=words):
            start_run(home, recipe, dataset, "bad", renderer)
        assert list(home.runs.iterdir()) == []
    with pytest.raises(StudioError, match="cannot be a name"):
        start_run(home, recipe_for(model), "sums", "../x", renderer)


def test_a_detached_worker_is_seen_stopped_and_missed(home, model, renderer):
    run = start_run(home, recipe_for(model, train__max_steps=100_000), "sums", "long", renderer)
    assert is_active(run)  # from the first moment: the lock was handed over
    with pytest.raises(RunError, match="long is training now"):
        start_run(home, recipe_for(model), "sums", "second", renderer)
    wait_for(lambda: "log" in kinds(run), "a first step")
    assert read_status(run) == "training"
    request_stop(run)
    request_stop(run)
    wait_for(lambda: not is_active(run), "the stop")
    assert read_status(run) == "stopped" and (run.adapter / "adapter_model.safetensors").is_file()
    with pytest.raises(RunError, match="exists already"):
        start_run(home, recipe_for(model), "sums", "long", renderer)
    with pytest.raises(RunError, match="not running"):
        request_stop(run)


def test_a_killed_worker_shows_as_interrupted(home, model, renderer):
    run = start_run(home, recipe_for(model, train__max_steps=100_000), "sums", "killed", renderer)
    wait_for(lambda: "started" in kinds(run), "the start")
    os.killpg(find_worker(run), signal.SIGKILL)
    wait_for(lambda: read_status(run) == "interrupted", "the lock to be free", seconds=15)
    assert open_run(home, "killed").name == "killed"


def find_worker(run):
    """Pid of the process whose command line names the run's folder."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(run.path).encode() in words:
                return int(entry)
    raise AssertionError("no worker found")


def wait_for(condition, what, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.2)


def test_rows_in_a_pack_are_computed_as_if_alone(model):
    from transformers import AutoModelForCausalLM
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    from studio.training.attention import NAME, use_attention_by_row

    base = AutoModelForCausalLM.from_pretrained(model, trust_remote_code=False, dtype=torch.float32).eval()
    lengths = [5, 17, 1, 9]
    ids = torch.randint(3, 200, (sum(lengths),), generator=torch.Generator().manual_seed(1)).tolist()
    packed = {"input_ids": ids, "labels": ids, "seq_lengths": lengths}
    batch = DataCollatorForLanguageModeling(pad_token_id=2, padding_free=True)([packed])
    batch.pop("labels")
    with torch.no_grad():
        before = base(**batch, use_cache=False).logits[0]
        assert use_attention_by_row(base, 64) and base.config._attn_implementation == NAME
        after = base(**batch, use_cache=False).logits[0]
        alone = [base(torch.tensor([part]), use_cache=False).logits[0] for part in split(ids, lengths)]
    assert torch.allclose(after, before, atol=1e-5)
    assert torch.allclose(after, torch.cat(alone), atol=1e-5)


def test_padding_behind_a_pack_is_neither_trained_nor_counted(home, model, renderer):
    from studio.inference.loading import load_base
    from studio.training.attention import join_padding
    from studio.training.session import add_lora, build_trainer, encode_split, prepare
    from studio.training.trainer import count_tokens

    assert join_padding([0, 5, 12, 13, 14, 15, 16]) == [0, 5, 12, 16]
    assert join_padding([0, 5, 12]) == [0, 5, 12] and join_padding([0, 16]) == [0, 16]
    run = make_run(home, recipe_for(model, train__packing=True, train__batch_size=1), renderer)
    setup = prepare(run, renderer)
    rows = {name: encode_split(setup, name, renderer) for name in ("train", "eval")}
    base = load_base(setup.files.folder, setup.recipe.quantization, setup.dtype, setup.device)
    trainer = build_trainer(setup, add_lora(base, setup), rows)
    batches = list(trainer.get_train_dataloader())
    assert {batch["input_ids"].shape for batch in batches} == {(1, 64)}
    assert sum(map(count_tokens, batches)) == sum(len(row["input_ids"]) for row in rows["train"])
    labels = sum(int((batch["labels"] != -100).sum()) for batch in batches)
    assert labels == sum(label != -100 for row in rows["train"] for label in row["labels"])


def split(ids, lengths):
    ends = [sum(lengths[: index + 1]) for index in range(len(lengths))]
    return [ids[end - length : end] for length, end in zip(lengths, ends, strict=True)]
