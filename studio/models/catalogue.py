"""The models that are offered by name: one YAML file each in presets/models."""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.errors import ModelError

PRESETS = Path(__file__).resolve().parents[2] / "presets"


class ModelEntry(BaseModel):
    """One model of the catalogue; the fields are those of its file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    id: str
    """owner/name on the hub"""
    aliases: tuple[str, ...] = ()
    """Names that it had before, under which a cache may hold it"""
    title: str
    family: str
    tasks: tuple[Literal["instruct", "classify", "tag"], ...] = Field(min_length=1)
    parameters: int = Field(gt=0)
    """Weights counted once, tied ones too"""
    weights_bytes: int = Field(gt=0)
    """Size of the safetensors in the published dtype"""
    layers: int = Field(gt=0)
    hidden: int = Field(gt=0)
    intermediate: int = Field(gt=0)
    vocabulary: int = Field(gt=0)
    context: int = Field(gt=0)
    """Tokens"""
    lora_targets: tuple[str, ...] = Field(min_length=1)
    template: str
    """The template preset that fits; "model" means the model's own chat template"""
    licence: str
    licence_note: str
    gated: bool


def list_models(presets: Path = PRESETS) -> list[ModelEntry]:
    """Every model of the catalogue, by family and then by size; ModelError names the file that does not fit."""
    entries = [read_entry(path) for path in sorted((presets / "models").glob("*.yaml"))]
    return sorted(entries, key=lambda entry: (entry.family, entry.parameters))


@cache
def read_entry(path: Path) -> ModelEntry:
    """Read one file; remembered, as presets do not change while the program runs."""
    try:
        return ModelEntry.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise ModelError(f"{path} is no proper model preset: {error}") from None


def find_model(name: str, presets: Path = PRESETS) -> ModelEntry | None:
    """The entry with this id, alias or last part of the id ("gpt2"), letter case aside."""
    wanted = name.casefold()
    entries = list_models(presets)
    for entry in entries:
        if wanted in {entry.id.casefold(), *(alias.casefold() for alias in entry.aliases)}:
            return entry
    return next((entry for entry in entries if entry.id.casefold().partition("/")[2] == wanted), None)
