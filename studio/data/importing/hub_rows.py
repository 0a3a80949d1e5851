"""Rows of a dataset on the hub, by its name `owner/name`: which parts it has, and some or all rows of one.

The hub is asked in a child process, which streams: a few rows of a large dataset cost a few pieces of its files.
HF_ENDPOINT, HF_TOKEN, HF_HOME and the stored login are respected.
"""

import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, Unpack

from studio.data.files import shown
from studio.data.importing.hub_parts import HubDataset, HubPart
from studio.data.reading.doors import check_result, take_result
from studio.data.reading.launch import Child, run_job
from studio.data.reading.parsed import Limits, Parsed
from studio.errors import DataError
from studio.models.hub import default_endpoint

NAME = re.compile(r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}$", re.ASCII)
REVISION = re.compile(r"^[A-Za-z0-9][\w./-]{0,199}$", re.ASCII)
LIST_LIMITS = Limits(seconds=90.0)
READ_LIMITS = Limits(seconds=3600.0)
# What the child needs of the environment: the hub's own settings, proxies, certificates, the place of the login.
PASSED = re.compile(
    r"^(HF_\w+|HUGGING_FACE_HUB_TOKEN|\w+_PROXY|\w+_proxy|SSL_CERT_\w+|\w+_CA_BUNDLE|HOME|XDG_CACHE_HOME)$"
)

Progress = Callable[[str, float | None], None]
"""Called with what is being done and how far it is (0 to 1, or None)."""


def list_hub_parts(name: str, revision: str | None = None, should_stop: Callable[[], bool] | None = None) -> HubDataset:
    """The subsets and splits of a dataset on the hub.

    DataError if there is none of that name, access is asked for, the hub cannot be reached, or no file can be read.
    """
    job = make_job(name, revision) | {"read": False, "limit": None, "subset": None, "split": None}
    with tempfile.TemporaryDirectory(prefix="studio-hub-") as folder:
        result = run_job(job, name, Path(folder), LIST_LIMITS, hub_child(), watcher(name, should_stop))
    check_refusal(result, name)
    return build_dataset(result["dataset"])


class Watch(TypedDict, total=False):
    """Who hears how far it is, and who says when to stop."""

    progress: Progress | None
    should_stop: Callable[[], bool] | None


def read_hub(
    name: str,
    subset: str | None = None,
    split: str | None = None,
    limit: int | None = None,
    revision: str | None = None,
    drop_bad_rows: bool = False,
    **watch: Unpack[Watch],
) -> Parsed:
    """The rows of one split of one subset, by default of the first of each; at most `limit` of them, from the start.

    DataError as for `list_hub_parts`, if there is no such subset or split, or when `should_stop` says so;
    BadRowsError for rows that cannot be used, unless `drop_bad_rows`.
    """
    if limit is not None and limit < 1:
        raise DataError(f"{limit} rows cannot be read. Ask for at least 1, or for all.")
    job = make_job(name, revision) | {"read": True, "limit": limit, "subset": subset, "split": split}
    with tempfile.TemporaryDirectory(prefix="studio-hub-") as folder:
        told = Path(folder) / "progress.json"
        beat = watcher(name, watch.get("should_stop"), watch.get("progress"), told, limit)
        result = run_job(job, name, Path(folder), READ_LIMITS, hub_child(), beat)
        check_refusal(result, name)
        parsed = take_result(result, Path(folder), name, drop_bad_rows)
    dataset, part = build_dataset(result["dataset"]), result["part"]
    source = {"hub": name, "revision": dataset.revision, "subset": part["subset"], "split": part["split"]}
    if dataset.licence:
        source["licence"] = dataset.licence
    return replace(parsed, source=source)


def make_job(name: str, revision: str | None) -> dict:
    """What the child is asked; DataError for a name or revision that could not be one."""
    if not NAME.fullmatch(name) or ".." in name:
        raise DataError(f"{shown(name)} is no name of a dataset on the hub. Give it as owner/name.")
    if revision is not None and (not REVISION.fullmatch(revision) or ".." in revision):
        raise DataError(f"{shown(revision)} is no revision of a dataset. Give a branch, a tag or a commit's hash.")
    asked = {"name": name, "revision": revision, "endpoint": default_endpoint()}
    return asked | {"decoded": READ_LIMITS.decoded, "parent": os.getpid()}


def hub_child() -> Child:
    """The process that asks the hub; of the environment it sees what the hub needs, its token among it."""
    environment = {key: value for key, value in os.environ.items() if PASSED.fullmatch(key)}
    environment |= {"PATH": os.environ.get("PATH", ""), "PYTHONUTF8": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return Child("studio.data.reading.hub_child", environment)


def watcher(
    name: str,
    should_stop: Callable[[], bool] | None,
    progress: Progress | None = None,
    path: Path | None = None,
    limit: int | None = None,
) -> Callable[[], None]:
    """What is done while the child works: look whether to stop, and hand on how far it is."""

    def beat() -> None:
        if should_stop and should_stop():
            raise DataError(f"Reading {name} was stopped. Nothing was imported.")
        if progress and path and path.exists():
            done = json.loads(path.read_text(encoding="utf-8"))
            message = f"Reading {name}: {done['rows']:,} rows, {done['bytes'] / 1e6:,.1f} MB"
            progress(message, min(1.0, done["rows"] / limit) if limit else None)

    return beat


def check_refusal(result: dict, name: str) -> None:
    """Raise what the child says stood in the way."""
    if result["unknown"]:
        raise DataError(result["unknown"])
    check_result(result | {"problem_count": 0, "format": "", "rows": True}, [], name, False)


def build_dataset(content: dict) -> HubDataset:
    """The dataset as the child described it."""
    parts = tuple(HubPart(**{**part, "files": tuple(part["files"])}) for part in content["parts"])
    return HubDataset(**{**content, "parts": parts})
