"""What a dataset on the hub consists of: its subsets, their splits, and the files of each. No network here.

The card may say it (`configs`, as the hub documents them); else the names of the files do. Of files that the studio
cannot read (scripts, archives, pictures) nothing is made.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from studio.data.files import listed, shown
from studio.data.reading.kinds import (
    ARROW_NAMES,
    CSV_NAMES,
    EXCEL_NAMES,
    JSON_NAMES,
    PARQUET_NAMES,
    SIDECARS,
    TEXT_NAMES,
    split_of,
)
from studio.errors import DataError

DEFAULT = "default"
KINDS = (
    ("parquet", PARQUET_NAMES),
    ("arrow", ARROW_NAMES),
    ("json", set(JSON_NAMES)),
    ("csv", CSV_NAMES),
    ("xlsx", EXCEL_NAMES),
    ("txt", TEXT_NAMES),
)
PACKED = ("json", "csv", "txt")  # kinds that are also read from .gz
SHARD = re.compile(r"(?:^|/)data/([^/]+)-\d{5}-of-\d{5}[^/]*$")
SPLIT_ORDER = ("train", "validation", "test")
MOST_CLASSES = 10_000


@dataclass(frozen=True)
class HubPart:
    """One split of one subset: its files in their order, and their bytes together (None if the hub does not say)."""

    subset: str
    split: str
    files: tuple[str, ...]
    size: int | None


@dataclass(frozen=True)
class HubDataset:
    """A dataset on the hub at one commit. `converted`: the files are those that the hub made of it as Parquet."""

    name: str
    revision: str
    parts: tuple[HubPart, ...]
    licence: str = ""
    gated: bool = False
    converted: bool = False

    def subsets(self) -> list[str]:
        """The names of the subsets, the one to take by default first."""
        return list(dict.fromkeys(part.subset for part in self.parts))

    def splits(self, subset: str) -> list[str]:
        """The splits of a subset, train first."""
        return [part.split for part in self.parts if part.subset == subset]

    def choose(self, subset: str | None, split: str | None) -> HubPart:
        """The part asked for, by default the first; DataError that names those there are."""
        subsets = self.subsets()
        wanted = subsets[0] if subset is None else subset
        if wanted not in subsets:
            raise DataError(f"{self.name} has no subset {shown(wanted)}. Choose one of {listed(subsets)}.")
        splits = self.splits(wanted)
        chosen = splits[0] if split is None else split
        if chosen not in splits:
            where = f" in its subset {shown(wanted)}" if len(subsets) > 1 else ""
            raise DataError(f"{self.name} has no split {shown(chosen)}{where}. Choose one of {listed(splits)}.")
        return next(part for part in self.parts if (part.subset, part.split) == (wanted, chosen))


def kind_of(path: str) -> str | None:
    """How a file would be read, by its ending; None if it would not be."""
    pure = PurePosixPath(path.lower())
    packed = pure.suffix == ".gz"
    ending = pure.with_suffix("").suffix if packed else pure.suffix
    kind = next((kind for kind, names in KINDS if ending in names), None)
    return None if packed and kind not in PACKED else kind


def is_data(path: str) -> bool:
    """Whether a file may hold rows: readable, not hidden, and not one that only describes others."""
    pure = PurePosixPath(path)
    hidden = any(part.startswith((".", "__")) for part in pure.parts)
    return not hidden and kind_of(path) is not None and pure.name.lower() not in SIDECARS


def find_parts(sizes: dict[str, int | None], card: dict) -> list[HubPart]:
    """The parts of a repository with these files (path -> bytes) and this card."""
    files = sorted(path for path in sizes if is_data(path))
    declared = [
        make_part(str(config["config_name"]), split, paths, sizes)
        for config in configs_of(card)
        for split, paths in splits_of_config(config, files).items()
        if paths
    ]
    named = splits_of_names(files).items()
    return declared or [make_part(DEFAULT, split, paths, sizes) for split, paths in named]


def configs_of(card: dict) -> list[dict]:
    """The subsets that the card declares, the default one first."""
    declared = card.get("configs")
    configs = (
        [entry for entry in declared if isinstance(entry, dict) and "config_name" in entry]
        if (isinstance(declared, list))
        else []
    )
    return sorted(configs, key=lambda entry: not (entry.get("default") or entry["config_name"] == DEFAULT))


def splits_of_config(config: dict, files: list[str]) -> dict[str, list[str]]:
    """Split -> files, as a subset of the card declares them by patterns."""
    folder = str(config.get("data_dir") or "").strip("/")
    inside = [path for path in files if not folder or path.startswith(f"{folder}/")]
    declared = config.get("data_files")
    if declared is None:
        return splits_of_names(inside)
    if isinstance(declared, dict):
        declared = [{"split": split, "path": path} for split, path in declared.items()]
    entries = declared if isinstance(declared, list) else [declared]
    found: dict[str, list[str]] = {}
    for entry in entries:
        split, patterns = (entry.get("split"), entry.get("path")) if isinstance(entry, dict) else ("train", entry)
        for pattern in patterns if isinstance(patterns, list) else [patterns]:
            matched = match(f"{folder}/{pattern}" if folder else str(pattern), files)
            found.setdefault(str(split), []).extend(path for path in matched if path not in found.get(str(split), []))
    return found


def match(pattern: str, files: Iterable[str]) -> list[str]:
    """The files that a pattern names: ** stands for any path, * for any name, ? for a character, [] for one of some.

    Patterns that lead out of the repository (addresses, absolute paths, ..) match nothing.
    """
    expression = ""
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]/]*\]|.", pattern.removeprefix("./"), re.DOTALL):
        plain = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        if token in plain:
            expression += plain[token]
        elif len(token) > 2 and token[0] == "[":
            inner = token[1:-1].replace("\\", r"\\")
            expression += f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
        else:
            expression += re.escape(token)
    try:
        compiled = re.compile(expression, re.DOTALL)
    except re.error:
        return []
    return [path for path in files if compiled.fullmatch(path)]


def splits_of_names(files: list[str]) -> dict[str, list[str]]:
    """Split -> files by their names; everything is train if no name says more."""
    shards = {path: found.group(1) for path in files if (found := SHARD.search(path))}
    told = shards or {path: split for path in files if (split := split_of(path))}
    found: dict[str, list[str]] = {}
    for path in files:
        if not told or path in told:
            found.setdefault(told.get(path, "train"), []).append(path)
    order = {split: number for number, split in enumerate(SPLIT_ORDER)}
    return dict(sorted(found.items(), key=lambda item: (order.get(item[0], len(order)), item[0])))


def make_part(subset: str, split: str, paths: list[str], sizes: dict[str, int | None]) -> HubPart:
    """A part of those files that are of the same kind as most (of two kinds, Parquet comes first)."""
    kinds = Counter(kind_of(path) for path in paths)
    order = [kind for kind, _ in KINDS]
    kind = max(order, key=lambda name: (kinds[name], -order.index(name)))
    files = tuple(path for path in paths if kind_of(path) == kind)
    known = [sizes[path] for path in files]
    return HubPart(subset, split, files, None if None in known else sum(known))


def find_converted(sizes: dict[str, int | None]) -> list[HubPart]:
    """The parts of the branch on which the hub keeps its own Parquet: SUBSET/SPLIT/0000.parquet."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted(sizes):
        places = path.split("/")
        if len(places) == 3 and kind_of(path) == "parquet":
            found.setdefault((places[0], places[1].removeprefix("partial-")), []).append(path)
    order = {split: number for number, split in enumerate(SPLIT_ORDER)}
    keys = sorted(found, key=lambda key: (key[0] != DEFAULT, key[0], order.get(key[1], len(order)), key[1]))
    return [make_part(subset, split, found[subset, split], sizes) for subset, split in keys]


def labels_of_card(card: dict, subset: str) -> dict[str, list[str]]:
    """Column -> names of its integer labels, from the features that the card declares for a subset."""
    declared = card.get("dataset_info")
    infos = [info for info in (declared if isinstance(declared, list) else [declared]) if isinstance(info, dict)]
    info = next((info for info in infos if info.get("config_name", DEFAULT) == subset), infos[0] if infos else {})
    features = info.get("features")
    found = {}
    for feature in features if isinstance(features, list) else []:
        names = class_names(feature) if isinstance(feature, dict) else None
        if names:
            found[str(feature.get("name"))] = names
    return found


def class_names(feature: dict) -> list[str] | None:
    """The names of {dtype: {class_label: {names: {"0": ..}}}}, or of such a thing inside a list."""
    for key in ("dtype", "sequence", "list"):
        declared = feature.get(key)
        if isinstance(declared, dict) and isinstance(declared.get("class_label"), dict):
            names = declared["class_label"].get("names")
            if isinstance(names, dict) and len(names) <= MOST_CLASSES:
                numbers = [str(number) for number in range(len(names))]
                by_number = {str(number): str(name) for number, name in names.items()}
                return [by_number[number] for number in numbers] if set(by_number) == set(numbers) else None
            return [str(name) for name in names] if isinstance(names, list) else None
    return None
