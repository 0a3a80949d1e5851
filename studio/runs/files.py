"""Files of a run that are written whole: aside, then renamed."""

import json
from pathlib import Path

import yaml


def write_yaml(path: Path, values: dict) -> None:
    write_whole(path, yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def write_json(path: Path, values: dict) -> None:
    write_whole(path, json.dumps(values, ensure_ascii=False, indent=1))


def write_whole(path: Path, text: str) -> None:
    """A reader sees the former file or the new one, never a part."""
    aside = path.with_name(path.name + ".new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
