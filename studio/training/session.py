"""What the worker does, from the run's folder to its report."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers import AutoTokenizer, PreTrainedModel
from trl import SFTConfig

from studio.errors import DataError, StudioError
from studio.evaluation.before_after import measure
from studio.events import append_event
from studio.home import Home
from studio.inference.engine import Engine
from studio.inference.loading import choose_device, choose_dtype, hash_adapter, load_base, versions
from studio.inference.wording import Wording
from studio.models.sources import ModelFiles, resolve_files
from studio.runs.files import write_json, write_yaml
from studio.runs.folder import Run
from studio.runs.start import check_lora_targets, read_targets
from studio.settings import Recipe
from studio.system import peak_memory
from studio.templates.encoding import encode_many, stop_of
from studio.templates.example import from_record
from studio.templates.library import find_template
from studio.templates.rendering import Renderer
from studio.templates.tokenizer import Tokenizer, load_tokenizer
from studio.training.attention import use_attention_by_row
from studio.training.callbacks import Reporter
from studio.training.optimizer import MasterAdamW
from studio.training.trainer import StudioTrainer
from studio.training.worker import check_snapshot, say

Columns = list[dict[str, list[int]]]


@dataclass(frozen=True)
class Setup:
    """Everything a run is trained with."""

    run: Run
    recipe: Recipe
    files: ModelFiles
    tokenizer: Tokenizer
    device: str
    dtype: torch.dtype


def train(run: Run) -> None:
    """Train the run in `run.path` and write its report; StudioError with the reason when it cannot be done."""
    torch.set_flush_denormal(True)  # Adam's second moments go denormal, which made sqrt a fifth of a step
    check_snapshot(run)
    with Renderer() as renderer:
        setup = prepare(run, renderer)
        rows = {name: encode_split(setup, name, renderer) for name in ("train", "eval")}
        say(run, f"Loading {setup.files.name}")
        base = load_base(setup.files.folder, setup.recipe.quantization, setup.dtype, setup.device)
        if setup.recipe.train.packing and setup.device == "cpu":
            use_attention_by_row(base, setup.recipe.train.max_length)
        model = add_lora(base, setup)
        trainer = build_trainer(setup, model, rows)
        reporter = Reporter(run, trainer)
        trainer.add_callback(reporter)
        reporter.start(count_weights(model))
        trainer.train()
        finish(setup, trainer, reporter, renderer)


def prepare(run: Run, renderer: Renderer) -> Setup:
    """Find the model and write down every value as used."""
    recipe = run.recipe()
    home = Home(run.path.parents[1])
    files = resolve_files(
        home,
        recipe.model.name,
        revision=recipe.model.revision,
        weights=True,
        progress=lambda message, fraction: say(run, message, fraction),
    )
    check_lora_targets(recipe, files)  # now that the weights tell what modules there are
    tokenizer = load_tokenizer(files.folder)
    device = choose_device(recipe.launch.device)
    setup = Setup(run, recipe, files, tokenizer, device, choose_dtype(recipe.model.dtype, device))
    write_yaml(run.path / "resolved.yaml", {**run.resolved(), **resolve(setup, renderer)})
    return setup


def resolve(setup: Setup, renderer: Renderer) -> dict:
    """The keys that the worker adds to resolved.yaml."""
    recipe, files, tokenizer = setup.recipe, setup.files, setup.tokenizer
    template = find_template(recipe.template, tokenizer)
    stop = stop_of(template, tokenizer, renderer)
    return {
        "model": {
            "name": files.name,
            "source": files.source,
            "revision": files.revision,
            "sha256": files.sha256,
            "bytes": files.size_bytes,
            "origin": dict(files.origin),
        },
        "template": {
            "name": template.name,
            "jinja": template.jinja,
            "own_jinja": tokenizer.chat_template or "",
            "stop": {"ids": stop.ids, "texts": stop.texts},
            "system": recipe.template.system,
        },
        "settings": recipe.model_dump(),
        "targets": read_targets(recipe, files.name),
        "device": setup.device,
        "dtype": str(setup.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }


def read_split(run: Run, name: str) -> list[dict]:
    """The pinned rows of a split."""
    return [json.loads(line) for line in run.split(name).read_text(encoding="utf-8").splitlines()]


def encode_split(setup: Setup, name: str, renderer: Renderer) -> Columns:
    """input_ids and labels of a split, by the encoder that the screen shows; rows that teach nothing stay out."""
    template = find_template(setup.recipe.template, setup.tokenizer)
    examples = [from_record(record) for record in read_split(setup.run, name)]
    options = {"max_length": setup.recipe.train.max_length, "train_on": setup.recipe.template.train_on}
    encoded = encode_many(examples, template, setup.tokenizer, renderer, **options)
    columns = [row.training_columns() for row in encoded]
    kept = [row for row in columns if any(label != -100 for label in row["labels"][1:])]
    if len(kept) < len(columns):
        warning = f"{len(columns) - len(kept)} of {len(columns)} {name} rows teach nothing: their answers are cut off."
        append_event(setup.run.events, "warning", time.time(), message=warning)
    if name == "train" and not kept:
        raise DataError("Every answer is cut off by train.max_length, so nothing would be learned. Raise it.")
    return kept


def add_lora(base: PreTrainedModel, setup: Setup) -> PeftModel:
    """A fresh adapter, in the dtype that the base computes in."""
    lora = setup.recipe.lora
    torch.manual_seed(setup.recipe.train.seed)
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=read_targets(setup.recipe, setup.files.name),
        task_type=TaskType.CAUSAL_LM,
    )
    model = get_peft_model(base, config, autocast_adapter_dtype=False)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(setup.dtype)
    return model


def build_trainer(setup: Setup, model: PeftModel, rows: dict[str, Columns]) -> StudioTrainer:
    """The trainer on encoded rows. For bfloat16 weights the steps are taken in float32."""
    processing = AutoTokenizer.from_pretrained(setup.files.folder, trust_remote_code=False)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer_class = MasterAdamW if setup.dtype == torch.bfloat16 else torch.optim.AdamW
    train = setup.recipe.train
    optimizer = optimizer_class(trained, lr=train.learning_rate, weight_decay=train.weight_decay, fused=True)
    return StudioTrainer(
        model=model,
        args=build_arguments(setup, len(rows["train"]), bool(rows["eval"])),
        train_dataset=Dataset.from_list(rows["train"]),
        eval_dataset=Dataset.from_list(rows["eval"]) if rows["eval"] else None,
        processing_class=processing,
        optimizers=(optimizer, None),
    )


def build_arguments(setup: Setup, rows: int, evaluates: bool) -> SFTConfig:
    """TRL's arguments, every default that bites said explicitly."""
    train = setup.recipe.train
    steps = setup.run.resolved()["plan"]["steps"]
    return SFTConfig(
        output_dir=str(setup.run.path / "checkpoints"),
        use_cpu=setup.device == "cpu",
        bf16=setup.dtype == torch.bfloat16 and setup.device == "cuda",
        num_train_epochs=train.epochs,
        max_steps=train.max_steps or -1,
        per_device_train_batch_size=train.batch_size,
        per_device_eval_batch_size=train.batch_size,
        gradient_accumulation_steps=train.accumulation,
        learning_rate=train.learning_rate,
        lr_scheduler_type=train.scheduler,
        warmup_steps=train.warmup,
        weight_decay=train.weight_decay,
        max_grad_norm=train.max_grad_norm,
        max_length=train.max_length,
        packing=train.packing,
        packing_strategy="bfd",
        pad_to_multiple_of=choose_multiple(setup),
        activation_checkpointing=train.activation_checkpointing,
        seed=train.seed,
        logging_steps=train.log_every,
        logging_nan_inf_filter=False,  # it would hide a NaN behind an average
        eval_strategy="steps" if evaluates else "no",
        eval_steps=setup.recipe.evaluate.eval_every or max(1, steps // 10),
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=setup.device == "cuda",
    )


def choose_multiple(setup: Setup) -> int:
    """Batches are padded to a multiple of this many tokens: every new shape costs a CPU's matrix library a new plan.

    Packs are nearly full, so they are all made one shape; single rows are rounded up.
    """
    return setup.recipe.train.max_length if setup.recipe.train.packing and setup.device == "cpu" else 32


def count_weights(model: PeftModel) -> dict[str, int]:
    """Trained and all parameters."""
    trained, total = model.get_nb_trainable_parameters()
    return {"trained_parameters": trained, "all_parameters": total}


def finish(setup: Setup, trainer: StudioTrainer, reporter: Reporter, renderer: Renderer) -> None:
    """Save the adapter, measure before and after, write the report, and only then the last event."""
    run = setup.run
    seconds = reporter.seconds()
    if not reporter.diverged:
        say(run, "Saving the adapter")
        save_adapter(trainer.model, run.adapter)
    outcome = "diverged" if reporter.diverged else "stopped" if reporter.stopped else "finished"
    report = {
        "run": run.name,
        "seconds": seconds,
        "steps": trainer.state.global_step,
        "tokens": trainer.real_tokens,
        "tokens_per_s": trainer.real_tokens / seconds if seconds else 0.0,
        "peak_memory": peak_memory(),
        "losses": reporter.losses,
        "adapter_sha256": None if reporter.diverged else hash_adapter(run.adapter),
    }
    if outcome == "finished":
        report["test"] = test(setup, trainer, renderer)
        report["peak_memory"] = peak_memory()
    write_json(run.path / "report.json", report)
    append_event(run.events, outcome, time.time(), step=trainer.state.global_step, **reporter.last_words())


def save_adapter(model: PeftModel, folder: Path) -> None:
    """The adapter as PEFT writes it (safetensors), aside and renamed, so that it is there whole or not at all."""
    aside = folder.with_name("adapter.new")
    model.save_pretrained(aside, safe_serialization=True)
    (aside / "README.md").unlink(missing_ok=True)  # PEFT's card is a form with nothing filled in
    for path in aside.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    aside.rename(folder)


def test(setup: Setup, trainer: StudioTrainer, renderer: Renderer) -> dict:
    """Exact match of base and tuned on the test split: both answers from the same loaded weights."""
    if not setup.recipe.evaluate.test_rows:
        return {"n": 0, "reason": "No test was asked for (evaluate.test_rows is 0)."}
    records = read_split(setup.run, "test")[: setup.recipe.evaluate.test_rows]
    if not records:
        return {"n": 0, "reason": "There are no test rows."}
    engine = Engine(trainer.model, setup.tokenizer)
    wording = Wording.of_run(setup.run.resolved(), setup.tokenizer, renderer)
    started = time.monotonic()
    try:
        result = measure(
            engine,
            [(record["id"], from_record(record)) for record in records],
            wording,
            max_new_tokens=setup.recipe.evaluate.max_new_tokens,
            progress=lambda done, total: say(
                setup.run, f"Testing base and tuned: {done} of {total} answers", done / total
            ),
        )
    except StudioError as error:  # the adapter is trained and saved; a test that cannot be made does not undo that
        append_event(setup.run.events, "warning", time.time(), message=f"No test was made: {error}")
        return {"n": 0, "reason": str(error)}
    return {**result, "seconds": time.monotonic() - started}
