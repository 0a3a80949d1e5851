"""The parts of the docs that are made from the code: `python -m studio.docs` rewrites docs/settings.md."""

from itertools import groupby
from pathlib import Path

from studio.settings import Setting, list_settings

FILE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Every setting of a run. In a recipe a setting stands under its section (`lora:` holds `rank:`); on the command line it
is a flag, as in `--lora.rank 8`; `python -m studio settings --json` gives the same list to programs. This page is
written by `python -m studio.docs`.
"""
COLUMNS = "| setting | default | values | what it does |\n|---|---|---|---|\n"
TYPES = {"text": "text", "integer": "whole number", "number": "number", "switch": "true or false"}


def settings_table() -> str:
    """Every setting in Markdown, one table a section."""
    parts = [HEAD]
    for title, settings in groupby(list_settings(), key=lambda setting: setting.section):
        parts.append(f"\n## {title}\n\n{COLUMNS}" + "".join(describe(setting) for setting in settings))
    return "".join(parts)


def describe(setting: Setting) -> str:
    """One line of a table."""
    cells = (f"`{setting.path}`", show_default(setting.default), show_values(setting), show_help(setting))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def show_default(value: object) -> str:
    if value == "":
        return "(empty)"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def show_values(setting: Setting) -> str:
    """The choices, or the type with its bounds."""
    if setting.choices:
        return ", ".join(f"`{choice}`" for choice in setting.choices)
    low = None if setting.low is None else f"{setting.low:,.10g}"
    high = None if setting.high is None else f"{setting.high:,.10g}"
    bounds = f"{low} to {high}" if low and high else f"from {low}" if low else f"up to {high}" if high else ""
    return f"{TYPES[setting.type]}, {bounds}" if bounds else TYPES[setting.type]


def show_help(setting: Setting) -> str:
    """The help text, and when the setting counts."""
    conditions = [
        f"`{path}` is {' or '.join(f'`{value}`' for value in values)}" for path, values in setting.only_when.items()
    ]
    text = " ".join(setting.help.split())
    return f"{text} Only when {' and '.join(conditions)}." if conditions else text


def main() -> None:
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(settings_table(), encoding="utf-8")
    print(f"Wrote {FILE.relative_to(Path.cwd()) if FILE.is_relative_to(Path.cwd()) else FILE}")


if __name__ == "__main__":
    main()
