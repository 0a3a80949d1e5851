"""`settings`: every setting there is."""

from argparse import Namespace
from typing import Any

from studio.cli.frame import Terminal, add_verb


def add_verbs(verbs: Any) -> None:
    add_verb(verbs, "settings", show_settings, "every setting of a run, with its default and what it does")


def show_settings(arguments: Namespace, terminal: Terminal) -> int:
    from studio.settings import list_settings

    settings = list_settings()
    lines, section = [], ""
    for setting in settings:
        if setting.section != section:
            section = setting.section
            lines += ["", section] if lines else [section]
        default = str(setting.default).lower() if isinstance(setting.default, bool) else repr(setting.default)
        lines += [f"  {setting.path} = {default}{describe_values(setting)}", f"      {setting.help}"]
    terminal.answer([setting.model_dump() for setting in settings], "\n".join(lines))
    return 0


def describe_values(setting: Any) -> str:
    """What a setting may be, where that is limited."""
    if setting.choices:
        return f"  ({' | '.join(setting.choices)})"
    if setting.low is not None and setting.high is not None:
        return f"  ({setting.low:g} to {setting.high:g})"
    return f"  (from {setting.low:g})" if setting.low is not None else ""
