"""A dataset to the hub: private unless asked otherwise, and never over something that is not ours.

The token comes from the environment alone and appears in no message.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.data.export.package import CARD, FILES, Package, write_package
from studio.data.files import listed, shown
from studio.data.store.dataset import Dataset
from studio.errors import DataError, ModelError
from studio.home import Home
from studio.models.hub import default_endpoint, probe

if TYPE_CHECKING:
    from studio.settings import DataSettings

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?/[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?")
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
OURS = {CARD, ".gitattributes", *FILES.values()}

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True)
class Pushed:
    """Where a dataset now is on the hub. `counts`: split -> rows; `left_out`: status -> rows that stayed here."""

    repo: str
    url: str
    private: bool
    counts: dict[str, int]
    left_out: dict[str, int]


def push_to_hub(
    home: Home,
    dataset: Dataset,
    repo: str,
    private: bool = True,
    settings: "DataSettings | None" = None,
    licence: str = "",
    progress: Progress = lambda message, fraction: None,
) -> Pushed:
    """Publish a dataset as `owner/name`: Parquet per split, split as a run with these settings, and a data card.

    Drafts and discarded rows stay here. A repository that is there already is updated if it holds nothing but what
    this function wrote, and is not public when `private` is asked for; else DataError, and nothing is sent.
    """
    check_name(repo)
    token, endpoint = find_token(), default_endpoint()
    try:
        probe(endpoint)
    except ModelError as error:
        raise DataError(f"The hub cannot be reached ({error}). Push again when it can.") from None
    from huggingface_hub import HfApi

    if settings is None:
        from studio.settings import DataSettings

        settings = DataSettings()
    api = HfApi(endpoint=endpoint, token=token)
    with tempfile.TemporaryDirectory(prefix="push-", dir=home.cache(dataset.id)) as folder:
        progress("Writing the files", None)
        package = write_package(home, dataset, Path(folder), settings, licence)
        with translated(repo):
            progress(f"Making {repo}", None)
            api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
            info = api.dataset_info(repo)
            check_repository(repo, info, private)
            progress(f"Sending {len(package.files)} files to {repo}", None)
            send(api, repo, package, info)
    url = f"{endpoint}/datasets/{repo}"
    return Pushed(repo, url, bool(info.private), package.counts, package.left_out)


def check_name(repo: str) -> None:
    """DataError unless it is `owner/name` as the hub allows."""
    if not NAME.fullmatch(repo) or "--" in repo or ".." in repo or repo.endswith(".git"):
        raise DataError(
            f"{shown(repo)} cannot be a dataset's name on the hub: write owner/name, with letters, digits, '-', '_' "
            "and '.', such as my-school/capitals."
        )


def find_token() -> str:
    """The token in the environment; DataError if there is none."""
    for name in TOKENS:
        if token := os.environ.get(name, "").strip():
            return token
    raise DataError(
        "Pushing to the hub needs a token that may write: set HF_TOKEN in the environment in which SFT Studio is "
        "started (tokens are made on the hub under Settings, Access Tokens)."
    )


def check_repository(repo: str, info: Any, private: bool) -> None:
    """DataError if the data would become public unasked, or would mix with files of somebody else."""
    if private and not info.private:
        raise DataError(
            f"{repo} is public on the hub, so private data was not sent there. Choose another name, or make it private "
            "on its settings page."
        )
    foreign = sorted({file.rfilename for file in info.siblings or []} - OURS)
    if foreign:
        raise DataError(
            f"{repo} on the hub holds files that were not pushed from here ({listed(foreign, 3)}), so nothing was "
            "sent. Choose another name."
        )


def send(api: Any, repo: str, package: Package, info: Any) -> None:
    """One commit: the package's files, without those of an earlier push that it no longer has."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    there = {file.rfilename for file in info.siblings or []}
    stale = sorted((there & set(FILES.values())) - set(package.files))
    operations: list = [CommitOperationAdd(file, package.folder / file) for file in package.files]
    operations += [CommitOperationDelete(file) for file in stale]
    api.create_commit(repo, operations, commit_message="Update from SFT Studio", repo_type="dataset")


@contextmanager
def translated(repo: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into DataError, with what to do."""
    from huggingface_hub import errors

    try:
        yield
    except errors.HfHubHTTPError as error:
        raise refused(repo, error.response.status_code) from None
    except ValueError as error:  # what the hub says of the card's YAML head
        raise DataError(f"The hub does not take the data card of {repo}: {str(error).splitlines()[0]}") from None
    except (errors.HTTPError, OSError, RuntimeError):  # an upload ends in a RuntimeError, whatever went wrong
        again = "Push again: what is there already is not sent twice."
        raise DataError(f"The upload to {repo} broke off. {again}") from None


def refused(repo: str, status: int) -> DataError:
    """The error for a status that the hub answered."""
    if status == 401:
        return DataError(f"The hub did not accept the token when asked to write {repo}: renew HF_TOKEN.")
    if status in (403, 404):
        owner = repo.partition("/")[0]
        return DataError(
            f"The token may not write {repo} on the hub: use one with write access to {shown(owner)}, or push under "
            "your own name."
        )
    return DataError(f"The hub answered {status} when asked to write {repo}: try again later.")
