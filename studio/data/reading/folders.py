"""Which files of a folder are data, in which order, and what their names say of splits."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from studio.data.files import listed, shown
from studio.data.reading.kinds import READ_NAMES, SIDECARS, TEXT_NAMES, split_of
from studio.errors import DataError

MOST_FILES = 1000
MOST_ENTRIES = 20_000


@dataclass(frozen=True)
class Listed:
    """A file of a folder; `name`: its path within the folder, with slashes."""

    name: str
    path: Path


def find_files(folder: Path, name: str) -> tuple[list[Listed], list[str]]:
    """The data files in a folder and the folders within it, by name, and notes on what is left out.

    Left out are hidden files, links (they may lead anywhere), files that are no data or only describe data, and
    copies of a file already taken. DataError if there is nothing to read.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {shown(name)}. Check the path.")
    found, strange, links = walk(folder, name)
    data = [file for file in found if file.path.suffix.lower() not in TEXT_NAMES] or found
    strange += [file.name for file in found if file not in data]
    if not data:
        held = f" It holds {listed(sorted(strange), 5)}." if strange else ""
        raise DataError(
            f"{shown(name)} holds no file that can be read.{held} The studio reads files that end with "
            f"{', '.join(sorted(READ_NAMES))}."
        )
    if len(data) > MOST_FILES:
        raise DataError(f"{shown(name)} holds {len(data)} files; at most {MOST_FILES} are read. Join them first.")
    data, copies = drop_copies(data)
    notes = []
    if strange:
        notes.append(f"Left out, because they hold no rows: {listed(sorted(strange), 6)}.")
    if links:
        notes.append(f"Left out, because they are links or no plain files: {listed(sorted(links), 6)}.")
    if copies:
        notes.append(f"Left out, because the same content was read already: {listed(sorted(copies), 6)}.")
    return data, notes


def walk(folder: Path, name: str) -> tuple[list[Listed], list[str], list[str]]:
    """Files that may be read, names of those that are no data, names of links, pipes and the like."""
    found, strange, links = [], [], []
    entries = 0
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(entry for entry in folders if not entry.startswith((".", "__")))
        for file in sorted(files):
            entries += 1
            path = Path(place, file)
            relative = path.relative_to(folder).as_posix()
            if path.is_symlink() or not path.is_file():
                links.append(relative)
            elif file.startswith("."):
                continue
            elif path.suffix.lower() not in READ_NAMES or file.lower() in SIDECARS:
                strange.append(relative)
            else:
                found.append(Listed(relative, path))
        if entries > MOST_ENTRIES:
            raise DataError(f"{shown(name)} holds more than {MOST_ENTRIES} files. Choose the folder with the data.")
    return sorted(found, key=lambda file: file.name), strange, links


def drop_copies(files: list[Listed]) -> tuple[list[Listed], list[str]]:
    """The files without those of which the very same bytes come earlier, and the names of these."""
    kept, copies, seen = [], [], set()
    sizes = [file.path.stat().st_size for file in files]
    for file, size in zip(files, sizes, strict=True):
        if sizes.count(size) > 1:
            with file.path.open("rb") as handle:
                digest = hashlib.file_digest(handle, "sha256").digest()
            if digest in seen:
                copies.append(file.name)
                continue
            seen.add(digest)
        kept.append(file)
    return kept, copies


def split_names(names: list[str]) -> dict[str, str]:
    """File -> split, if every name says one and they are not all the same; else nothing."""
    splits = {name: split_of(name) for name in names}
    told = {split for split in splits.values() if split}
    return splits if len(told) > 1 and all(splits.values()) else {}
