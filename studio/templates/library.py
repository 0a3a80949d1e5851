"""The templates to choose from: the model's own, the shipped ones, and the user's."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from studio.errors import TemplateError
from studio.settings import TemplateSettings
from studio.templates.encoding import Template
from studio.templates.tokenizer import Tokenizer

PRESETS = Path(__file__).resolve().parents[2] / "presets"
OWN, CUSTOM = "model", "custom"


@dataclass(frozen=True)
class TemplatePreset:
    """A shipped template: presets/templates/<name>.yaml."""

    name: str
    title: str
    description: str
    jinja: str


def list_templates(presets: Path = PRESETS) -> list[TemplatePreset]:
    """The shipped templates by name."""
    found = []
    for path in sorted((presets / "templates").glob("*.yaml")):
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        found.append(TemplatePreset(path.stem, values["title"], values["description"], values["jinja"]))
    return found


def find_template(settings: TemplateSettings, tokenizer: Tokenizer, presets: Path = PRESETS) -> Template:
    """The template a recipe asks for; TemplateError when the model or the library does not have it."""
    if settings.name == CUSTOM:
        return Template(CUSTOM, settings.jinja)
    if settings.name == OWN:
        return own_template(tokenizer)
    shipped = {preset.name: preset for preset in list_templates(presets)}
    if settings.name not in shipped:
        raise TemplateError(
            f"There is no template {settings.name!r}. Choose one of: {', '.join([OWN, *shipped])}, or custom."
        )
    return Template(settings.name, shipped[settings.name].jinja)


def own_template(tokenizer: Tokenizer) -> Template:
    """The model's own chat template; TemplateError when it has none."""
    if not tokenizer.chat_template:
        raise TemplateError(
            "This model has no chat template of its own (it is a base model, such as gpt2). "
            "Choose another template, such as alpaca."
        )
    return Template(OWN, tokenizer.chat_template)
