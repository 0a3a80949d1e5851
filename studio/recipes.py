"""Recipes as files (YAML, every value written) and as command lines."""

import shlex
from pathlib import Path

import yaml

from studio.errors import SettingsError
from studio.settings import Recipe, changed_settings, check_recipe

PRESETS = Path(__file__).resolve().parents[1] / "presets"


def list_recipes(presets: Path = PRESETS) -> list[str]:
    """Names of the shipped recipes."""
    return sorted(path.stem for path in (presets / "recipes").glob("*.yaml"))


def load_recipe(name: str, presets: Path = PRESETS) -> tuple[Recipe, str | None]:
    """A shipped recipe by name or a recipe file by path -> the recipe and the dataset it names, if any."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else presets / "recipes" / f"{name}.yaml"
    if not path.is_file():
        raise SettingsError(
            f"There is no recipe {name!r}. Give a YAML file, or one of: {', '.join(list_recipes(presets))}."
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SettingsError(f"{path.name} is not UTF-8 text. Save it as UTF-8.") from None
    return parse_recipe(text, path.name)


def parse_recipe(text: str, name: str = "the recipe") -> tuple[Recipe, str | None]:
    """A recipe from YAML text; SettingsError names every wrong key or value."""
    try:
        values = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise SettingsError(f"{name}{place} is not valid YAML: {getattr(error, 'problem', error)}.") from None
    if not isinstance(values, dict):
        raise SettingsError(f"{name} holds no settings: expected sections such as `train:` with values under them.")
    dataset = values.pop("dataset", None)
    if dataset is not None and not isinstance(dataset, str):
        raise SettingsError(f"{name}: dataset must be the name of a dataset, not {dataset!r}.")
    return check_recipe(values), dataset


def to_yaml(recipe: Recipe, dataset: str | None = None) -> str:
    """The recipe with every value written."""
    head = {"dataset": dataset} if dataset else {}
    return yaml.safe_dump({**head, **recipe.model_dump()}, sort_keys=False, allow_unicode=True)


def to_command(recipe: Recipe, dataset: str, base: str = "first-run") -> str:
    """The command line that starts the same run from the shipped recipe `base`."""
    reference, own_dataset = load_recipe(base)
    words = ["python", "-m", "studio", "train", base]
    if dataset != own_dataset:
        words += ["--dataset", dataset]
    for path, value in changed_settings(recipe, reference).items():
        words += [f"--{path}", str(value).lower() if isinstance(value, bool) else str(value)]
    return shlex.join(words)
