"""The model hub: its cache on this disk, whether it answers, what it has, and fetching from it.

huggingface_hub is imported where it is used: a page that shows local models need not load it. Tokens come from
the environment or the stored login, are read by that library alone and appear in no message.
"""

import os
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from studio.errors import ModelError
from studio.models.children import Progress
from studio.models.folders import write_atomically

PROBE_SECONDS = 3.0
REQUEST_SECONDS = 10.0
COMMIT = re.compile(r"^[0-9a-f]{40}$")


class HubUnreachable(ModelError):
    """No answer, or no connection: another source may do."""


@dataclass(frozen=True)
class HubModel:
    """What the hub tells of a model: its commit, its files with their sizes, and whether access is asked for."""

    name: str
    revision: str
    sizes: dict[str, int]
    gated: bool


def default_endpoint() -> str:
    """The hub's address: HF_ENDPOINT, else the library's own."""
    from huggingface_hub import constants

    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or constants.ENDPOINT


def is_offline() -> bool:
    """Whether the user has forbidden the network (HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE)."""
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE


def find_cached(name: str, revision: str, cache: Path | None) -> Path | None:
    """The folder of `name` in the hub's cache, if its config.json is there (which is fetched last)."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json", cache_dir=cache, revision=revision)
    return Path(found).parent if isinstance(found, str) else None


def cache_folder(cache: Path | None) -> Path:
    """Where the hub's cache is."""
    from huggingface_hub import constants

    return cache or Path(constants.HF_HUB_CACHE)


def probe(endpoint: str) -> None:
    """Raise HubUnreachable unless the hub answers within PROBE_SECONDS; looking up its name counts too."""
    if is_offline():
        raise HubUnreachable("switched off by HF_HUB_OFFLINE")
    answers: list[str] = []
    asking = threading.Thread(target=ask, args=(endpoint, answers), daemon=True)
    asking.start()
    asking.join(PROBE_SECONDS)
    reason = answers[0] if answers else f"no answer within {PROBE_SECONDS:.0f} seconds"
    if reason:
        raise HubUnreachable(reason)


def ask(endpoint: str, answers: list[str]) -> None:
    """Put into `answers` why the endpoint cannot be used, or '' if it answers."""
    import httpx

    try:
        status = httpx.head(endpoint, timeout=PROBE_SECONDS).status_code
    except httpx.TimeoutException:
        answers.append(f"no answer within {PROBE_SECONDS:.0f} seconds")
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        answers.append("no connection")
    else:
        answers.append(f"it answers {status}" if status >= 500 else "")


def describe_remote(name: str, revision: str, endpoint: str) -> HubModel:
    """Ask the hub for a model's commit and files."""
    from huggingface_hub import HfApi

    with translated(name, revision, endpoint):
        info = HfApi(endpoint=endpoint).model_info(
            name, revision=revision, files_metadata=True, timeout=REQUEST_SECONDS
        )
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or [] if "/" not in file.rfilename}
    return HubModel(name, info.sha or revision, sizes, bool(info.gated))


def fetch(model: HubModel, files: Sequence[str], endpoint: str, cache: Path | None, progress: Progress) -> Path:
    """Fetch `files` of a model into the hub's cache, in their order, and return the folder there."""
    from huggingface_hub import hf_hub_download

    check_disk(model, files, cache_folder(cache))
    counted = sum(model.sizes.get(file, 0) for file in files)
    done, folder = 0, None
    for file in files:
        bar = progress_bar(progress, f"Fetching {file} of {model.name}", done, counted)
        with translated(model.name, model.revision, endpoint):
            path = hf_hub_download(
                model.name, file, revision=model.revision, cache_dir=cache, endpoint=endpoint, tqdm_class=bar
            )
        folder = Path(path).parent
        done += model.sizes.get(file, 0)
    assert folder is not None, "there is at least a config.json to fetch"
    return folder


def remember_revision(model: HubModel, revision: str, folder: Path) -> None:
    """Note in the cache that `revision` (a branch or tag) is this commit, as the library itself does.

    Files are fetched by commit, so that they belong together; without this note the cache would not find them.
    """
    if revision == model.revision or not COMMIT.match(model.revision):
        return
    reference = folder.parent.parent / "refs" / revision
    write_atomically(reference, model.revision)


def check_disk(model: HubModel, files: Sequence[str], folder: Path) -> None:
    """Refuse before a download that the disk cannot hold."""
    needed = sum(model.sizes.get(file, 0) for file in files)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ModelError(
            f"{model.name} takes {needed // 10**6} MB in {folder}, where {free // 10**6} MB are free: make room, "
            "or set HF_HOME to another disk."
        )


def progress_bar(progress: Progress, message: str, done: int, total: int) -> type:
    """A tqdm class that draws nothing and tells `progress` of the bytes instead."""
    from tqdm.auto import tqdm

    class Told(tqdm):
        """tqdm, silent."""

        def __init__(self, *arguments, **options):
            options.pop("name", None)  # an option of huggingface_hub's own class
            super().__init__(*arguments, **{**options, "disable": True})
            self.got = options.get("initial") or 0

        def update(self, n: float | None = 1) -> None:
            """Count `n` bytes more; raises whatever `progress` raises, which ends the download."""
            self.got += n or 0
            progress(message, min(1.0, (done + self.got) / total) if total else None)

    return Told


@contextmanager
def translated(name: str, revision: str, endpoint: str) -> Iterator[None]:
    """Turn huggingface_hub's exceptions into ModelError, with what to do."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError:
        raise ModelError(
            f"{name} is gated: request access on its page on the hub, then put a token of your account into "
            "HF_TOKEN, or log in with `hf auth login`."
        ) from None
    except errors.RevisionNotFoundError:
        raise ModelError(f"{name} has no revision {revision} on the hub: use main, or a commit's hash.") from None
    except errors.HfHubHTTPError as error:
        raise refused(name, error.response.status_code, error.server_message or "") from None
    except (errors.HTTPError, errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled):
        # errors.HTTPError is the base of whichever HTTP library this huggingface_hub was built on.
        raise HubUnreachable(f"the connection to {endpoint} broke off") from None


def refused(name: str, status: int, message: str) -> ModelError:
    """The error for a status that the hub answered; it says 401 to hide whether a private model exists."""
    if status == 401 and "credentials" in message:
        return ModelError(f"The hub did not accept the token when asked for {name}: renew HF_TOKEN, or log in anew.")
    if status in (401, 404):
        return ModelError(
            f"There is no model with that name on the hub: {name}. Check the spelling (owner/name); a private "
            "model needs a token in HF_TOKEN, or `hf auth login`."
        )
    return ModelError(f"The hub answered {status} when asked for {name}: try again later.")
