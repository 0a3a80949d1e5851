"""tokenizer.json for a model that ships only a slow tokenizer (SentencePiece, vocab and merges).

The converted files lie under HOME/models/.tokenizers in a folder that links to the model's own files, so that
neither a user's folder nor the hub's cache is written to, and one folder still holds all of a model.
"""

import hashlib
import os
import sys
from pathlib import Path

from studio.errors import ModelError
from studio.home import Home
from studio.models.card import read_source, write_source
from studio.models.children import Progress, follow, last_words, run_child
from studio.models.package import held_lock, part_folder


def with_fast_tokenizer(home: Home, folder: Path, model: str, progress: Progress) -> Path:
    """`folder` if it has a tokenizer.json, else the folder of links that has one; converted on the first call."""
    if (folder / "tokenizer.json").exists():
        return folder
    store = home.models / ".tokenizers"
    store.mkdir(exist_ok=True)
    target = store / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]
    with held_lock(store / f".lock-{target.name}", progress):
        if not (target / "tokenizer.json").exists():
            with part_folder(target) as part:
                os.rename(convert(folder, part, model, progress), target)
        link_files(folder, target)
    return target


def convert(folder: Path, part: Path, model: str, progress: Progress) -> Path:
    """Convert the tokenizer in a child and return the new folder."""
    target, log = part / "model", part / "convert.log"
    argv = [sys.executable, "-m", "studio.models.convert", "--tokenizer", str(folder), str(target)]
    status = run_child(argv, log, follow(progress, 0.0, 1.0), HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")
    if status != 0 or not (target / "tokenizer.json").exists():
        raise ModelError(
            f"The tokenizer of {model} could not be converted to tokenizer.json ({last_words(log)}): "
            "choose a copy of the model that has one."
        )
    write_source(target, {**read_source(folder), "tokenizer": "converted from the slow form"})
    return target


def link_files(folder: Path, target: Path) -> None:
    """Link the model's files into `target`, those that came since included, beside what was converted."""
    for path in folder.iterdir():
        link = target / path.name
        if path.is_file() and not link.exists():
            link.unlink(missing_ok=True)  # a link whose file is gone
            link.symlink_to(path.resolve())
