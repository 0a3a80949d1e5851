"""The settings form, drawn from the schema: one control per setting with its help underneath."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.settings import Recipe, Setting, list_settings, read_path

Control = gr.components.Component


@dataclass(frozen=True)
class Form:
    """The controls by `section.setting`."""

    controls: dict[str, Control]
    settings: dict[str, Setting]

    def values(self, recipe: Recipe) -> dict[Control, Any]:
        """What each control shows for a recipe, and whether it is seen."""
        return {
            control: gr.update(
                value=shown_value(read_path(recipe, path)), visible=is_relevant(self.settings[path], recipe)
            )
            for path, control in self.controls.items()
        }

    def visibility(self, recipe: Recipe) -> dict[Control, Any]:
        """Which of the controls that depend on others are seen; what is being typed is left alone."""
        return {
            control: gr.update(visible=is_relevant(self.settings[path], recipe))
            for path, control in self.controls.items()
            if self.settings[path].only_when
        }


def build_form(sections: list[str], advanced: bool | None, skip: tuple[str, ...] = (), place: str = "setting") -> Form:
    """Controls for the simple or the advanced settings (None: both) of the sections, a card each, in their order.

    `place`: how their element ids begin; each form of a page needs its own.
    """
    chosen = [
        setting
        for setting in list_settings()
        if setting.path.split(".")[0] in sections
        and advanced in (None, setting.advanced)
        and not setting.hidden
        and setting.path not in skip
    ]
    controls = {}
    chosen.sort(key=lambda setting: sections.index(setting.path.split(".")[0]))
    for section in dict.fromkeys(setting.section for setting in chosen):
        with gr.Group(elem_classes="settings-group"):
            gr.HTML(f'<h3 class="settings-title">{section}</h3>')
            for setting in chosen:
                if setting.section == section:
                    controls[setting.path] = build_control(setting, place)
    return Form(controls, {setting.path: setting for setting in chosen})


def build_control(setting: Setting, place: str) -> Control:
    """The control that suits a setting's type; the core checks the value, whatever the page sends."""
    name = setting.path.split(".")[1].replace("_", " ")
    label = setting.section if name == "kind" else name.capitalize()
    common = {
        "label": label,
        "info": setting.help,
        "interactive": True,
        "elem_id": f"{place}-{setting.path.replace('.', '-')}",
    }
    if setting.type == "choice":
        return gr.Dropdown(setting.choices, value=setting.default, **common)
    if setting.type == "switch":
        return gr.Checkbox(value=setting.default, **common)
    # Numbers are text fields: gr.Number would round 0.0002 and cannot hold an unfinished 1e-
    lines = 2 if setting.multiline else 1
    return gr.Textbox(value=shown_value(setting.default), lines=lines, max_length=20_000, **common)


def shown_value(value: Any) -> Any:
    """Numbers as text: 0.0002 as 2e-4 is how the field writes it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, float) and value and abs(value) < 0.01:
        mantissa, exponent = f"{value:e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def is_relevant(setting: Setting, recipe: Recipe) -> bool:
    """Whether the setting does anything under the other settings."""
    return all(str(read_path(recipe, path)) in allowed for path, allowed in setting.only_when.items())
