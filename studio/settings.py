"""Every setting of a run, declared once: the form, the command-line flags, the recipe file and the docs are
all made from these classes. The docstring under a field is its help text."""

import types
import typing
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.errors import SettingsError

Advanced = {"advanced": True}


class Section(BaseModel):
    """Settings that belong together. Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=())


class TaskSettings(Section):
    """Task"""

    kind: Literal["instruct"] = "instruct"
    """What the model learns. instruct: to answer an instruction."""


class ModelSettings(Section):
    """Model"""

    name: Annotated[str, Field(min_length=1)] = "HuggingFaceTB/SmolLM2-135M-Instruct"
    """A model on the hub (owner/name) or a folder with safetensors weights on this machine."""
    revision: Annotated[str, Field(json_schema_extra=Advanced)] = "main"
    """Which version of a hub model: a branch, a tag or a commit."""
    dtype: Annotated[Literal["auto", "bfloat16", "float32"], Field(json_schema_extra=Advanced)] = "auto"
    """Number format of the weights while training. auto: bfloat16 where this machine computes it fast."""


class DataSettings(Section):
    """Data"""

    eval_fraction: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Share of the rows held out to draw the eval loss while training."""
    test_fraction: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Share of the rows held out for the test before and after. Train keeps the rest: 80 % by default."""
    accepted_only: bool = False
    """Train and test with accepted rows alone. Otherwise every row counts that is neither a draft nor discarded."""
    stratify: Annotated[bool, Field(json_schema_extra=Advanced)] = False
    """Give every label the same share of each split; for answers with at most 50 different values."""
    group_by: Annotated[str, Field(max_length=200, json_schema_extra=Advanced)] = ""
    """A column whose rows with the same value stay in one split, such as the customer or the document; empty: none."""
    keep_duplicates_together: Annotated[bool, Field(json_schema_extra=Advanced)] = True
    """Rows with equal or nearly equal prompts stay in one split, so that the test asks nothing that was trained."""
    seed: Annotated[int, Field(ge=0, json_schema_extra=Advanced)] = 1234
    """Decides which row falls into which split and in which order rows are shown."""


class TemplateSettings(Section):
    """Template"""

    name: str = "model"
    """How a row becomes text. model: the model's own chat template; else a template's name; custom: your own."""
    jinja: Annotated[str, Field(json_schema_extra={"hidden": True})] = ""
    """The Jinja source when the name is custom."""
    system: Annotated[str, Field(json_schema_extra={"multiline": True})] = ""
    """System prompt for rows that have none of their own."""
    train_on: Annotated[Literal["answer", "all"], Field(json_schema_extra=Advanced)] = "answer"
    """answer: only the answer's tokens teach (completion-only loss). all: the prompt's tokens as well."""


class QuantizationSettings(Section):
    """Quantization"""

    kind: Literal["none", "int8", "nf4"] = "none"
    """Squeeze the frozen weights to save memory. none: 16 or 32 bit. int8: LLM.int8. nf4: 4 bit, as in QLoRA."""
    threshold: Annotated[
        float,
        Field(gt=0, le=100, json_schema_extra={**Advanced, "only_when": {"quantization.kind": ["int8"]}}),
    ] = 6.0
    """LLM.int8: activations above this stay in 16 bit."""
    double_quantization: Annotated[
        bool, Field(json_schema_extra={**Advanced, "only_when": {"quantization.kind": ["nf4"]}})
    ] = True
    """NF4: quantize the quantization constants too; saves another 0.37 bit per weight."""


class MethodSettings(Section):
    """Method"""

    kind: Literal["lora"] = "lora"
    """Which weights are trained. lora: a small adapter beside the frozen model (QLoRA when quantized)."""


class LoraSettings(Section):
    """LoRA"""

    rank: Annotated[int, Field(ge=1, le=512)] = 16
    """Size of the adapter matrices; higher learns more and costs more memory."""
    alpha: Annotated[int, Field(ge=1, le=1024)] = 32
    """Strength of the adapter: its output is scaled by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the adapter's input that is dropped at random; a little helps against learning by heart."""
    targets: Annotated[str, Field(min_length=1)] = "all-linear"
    """Which linear layers get an adapter: all-linear, auto (the model's usual ones), or names with commas."""


class TrainSettings(Section):
    """Training"""

    epochs: Annotated[float, Field(gt=0, le=1000)] = 3.0
    """How many times every training row is seen."""
    max_steps: Annotated[int, Field(ge=0, le=10_000_000, json_schema_extra=Advanced)] = 0
    """Stop after this many optimizer steps; 0: as many as the epochs need."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    """How big each correction is. Too high and the loss jumps, too low and nothing changes."""
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 4
    """Rows (packs, when packing) that are computed at once."""
    accumulation: Annotated[int, Field(ge=1, le=4096)] = 1
    """Batches that are added up before each optimizer step."""
    max_length: Annotated[int, Field(ge=16, le=1_048_576)] = 512
    """Longest row in tokens; what is longer is cut, and shown as cut."""
    packing: bool = False
    """Put several short rows into one sequence, kept apart by their positions; faster with short rows."""
    scheduler: Annotated[
        Literal["linear", "cosine", "constant", "constant_with_warmup"], Field(json_schema_extra=Advanced)
    ] = "linear"
    """How the learning rate falls during the run."""
    warmup: Annotated[float, Field(ge=0, lt=1, json_schema_extra=Advanced)] = 0.03
    """Share of the steps in which the learning rate rises from zero."""
    weight_decay: Annotated[float, Field(ge=0, le=1, json_schema_extra=Advanced)] = 0.0
    """Pulls the trained weights towards zero."""
    max_grad_norm: Annotated[float, Field(gt=0, le=1000, json_schema_extra=Advanced)] = 1.0
    """Longer gradients are shortened to this length."""
    activation_checkpointing: Annotated[bool, Field(json_schema_extra=Advanced)] = False
    """Save memory by computing activations twice; slower."""
    log_every: Annotated[int, Field(ge=1, json_schema_extra=Advanced)] = 1
    """Optimizer steps between two points of the charts."""
    seed: Annotated[int, Field(ge=0, json_schema_extra=Advanced)] = 1234
    """Seed of the adapter's first values, of dropout and of the order of rows."""


class EvaluateSettings(Section):
    """Evaluation"""

    eval_every: Annotated[int, Field(ge=0)] = 0
    """Optimizer steps between two eval losses; 0: ten times over the run."""
    test_rows: Annotated[int, Field(ge=0, le=100_000)] = 100
    """Test rows answered by base and tuned at the end, for exact match; 0: none."""
    max_new_tokens: Annotated[int, Field(ge=1, le=8192)] = 128
    """Longest answer in that test."""


class LaunchSettings(Section):
    """Machine"""

    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Field(json_schema_extra=Advanced)] = "auto"
    """Where to compute. auto: a GPU if there is one."""


class Recipe(Section):
    """All settings of a run."""

    task: TaskSettings = TaskSettings()
    model: ModelSettings = ModelSettings()
    data: DataSettings = DataSettings()
    template: TemplateSettings = TemplateSettings()
    quantization: QuantizationSettings = QuantizationSettings()
    method: MethodSettings = MethodSettings()
    lora: LoraSettings = LoraSettings()
    train: TrainSettings = TrainSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    launch: LaunchSettings = LaunchSettings()


class Setting(BaseModel):
    """One setting as the form, the flags and the docs see it."""

    path: str
    section: str
    type: Literal["text", "integer", "number", "switch", "choice"]
    default: Any
    choices: list[str] | None
    low: float | None
    high: float | None
    help: str
    advanced: bool = False
    hidden: bool = False
    multiline: bool = False
    only_when: dict[str, list[str]] = {}


TYPES = {str: "text", int: "integer", float: "number", bool: "switch"}


def list_settings() -> list[Setting]:
    """Every setting in the order of its declaration."""
    return [
        describe_setting(section, name, field)
        for section, holder in Recipe.model_fields.items()
        for name, field in holder.annotation.model_fields.items()
    ]


def describe_setting(section: str, name: str, field: Any) -> Setting:
    """The description of one pydantic field."""
    choices = list(typing.get_args(field.annotation)) if is_choice(field.annotation) else None
    bounds = {
        key: value
        for item in field.metadata
        for key, value in ((k, getattr(item, k, None)) for k in ("ge", "gt", "le", "lt"))
        if value is not None
    }
    return Setting(
        path=f"{section}.{name}",
        section=Recipe.model_fields[section].annotation.__doc__ or section,
        type="choice" if choices else TYPES[field.annotation],
        default=field.default,
        choices=choices,
        low=bounds.get("ge", bounds.get("gt")),
        high=bounds.get("le", bounds.get("lt")),
        help=field.description or "",
        **(field.json_schema_extra or {}),
    )


def is_choice(annotation: Any) -> bool:
    """Whether the annotation lists its values."""
    return not isinstance(annotation, types.UnionType) and typing.get_origin(annotation) is Literal


def check_recipe(values: dict) -> Recipe:
    """A recipe from nested values; SettingsError that names every wrong setting at once."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(describe_fault(fault) for fault in error.errors())
        raise SettingsError(
            f"{faults[0].upper()}{faults[1:]}." if faults.startswith("there") else f"{faults}."
        ) from None


def describe_fault(fault: dict) -> str:
    """One pydantic error in plain words."""
    path = ".".join(str(part) for part in fault["loc"]) or "the recipe"
    if fault["type"] == "extra_forbidden":
        return f"there is no setting {path}; `python -m studio settings` lists them all"
    message = fault["msg"][0].lower() + fault["msg"][1:]
    return f"{path} = {fault['input']!r}: {message.replace('input', 'it')}"


def read_path(recipe: Recipe, path: str) -> Any:
    """The value at `section.setting`."""
    section, name = path.split(".")
    return getattr(getattr(recipe, section), name)


def change(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """The recipe with `section.setting` values changed, checked; text is read as the setting's type."""
    values = recipe.model_dump()
    known = {setting.path for setting in list_settings()}
    for path, value in changes.items():
        if path not in known:
            raise SettingsError(f"There is no setting {path!r}; `python -m studio settings` lists them all.")
        section, name = path.split(".")
        values[section][name] = value
    return check_recipe(values)


def changed_settings(recipe: Recipe, reference: Recipe | None = None) -> dict[str, Any]:
    """The settings whose values differ from the reference's (the defaults', when none is given)."""
    reference = reference or Recipe()
    return {
        setting.path: read_path(recipe, setting.path)
        for setting in list_settings()
        if read_path(recipe, setting.path) != read_path(reference, setting.path)
    }
