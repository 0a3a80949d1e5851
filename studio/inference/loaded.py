"""A run's base and adapter, found, checked against their hashes, and loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.errors import InferenceError
from studio.home import Home
from studio.inference.wording import Wording
from studio.models.sources import ModelFiles, resolve_files
from studio.runs.folder import Run, open_run
from studio.templates.rendering import Renderer

if TYPE_CHECKING:
    from studio.inference.engine import Engine

Say = Callable[[str], None]
FACTS = ("base", "adapter_sha256", "device", "dtype", "quantization")


@dataclass(frozen=True)
class Loaded:
    """A model that answers, and the facts (FACTS) that health and integrity show."""

    engine: "Engine"
    wording: Wording
    facts: dict


def load_run(home: Home, run_name: str, renderer: Renderer, say: Say) -> Loaded:
    """The run's model, ready to answer; StudioError when it is not what the run was trained on."""
    run = open_run(home, run_name)
    if not run.adapter.is_dir():
        raise InferenceError(f"{run_name} has no adapter yet, so nothing can be compared. Wait until it is trained.")
    recipe, resolved = run.recipe(), run.resolved()
    files = find_base(home, resolved["model"], say)
    say("Loading the libraries")
    from studio.inference import loading  # late: torch and transformers take 5 to 15 seconds to import
    from studio.inference.engine import load_engine

    adapter_sha256 = check_adapter(run, loading.hash_adapter(run.adapter))
    device = loading.choose_device(recipe.launch.device)
    dtype = loading.choose_dtype(resolved.get("dtype", "auto"), device)
    loading.check_room(files.size_bytes, device)
    say(f"Loading {files.name} on {device}")
    engine = load_engine(files.folder, run.adapter, recipe.quantization, dtype, device)
    facts = {
        "base": {"name": files.name, "sha256": files.sha256},
        "adapter_sha256": adapter_sha256,
        "device": device,
        "dtype": str(dtype).removeprefix("torch."),
        "quantization": recipe.quantization.kind,
    }
    return Loaded(engine, Wording.of_run(resolved, engine.tokenizer, renderer), facts)


def find_base(home: Home, model: dict, say: Say) -> ModelFiles:
    """The run's base; InferenceError when it is not the one the run was trained on."""
    say(f"Looking for {model['name']}")
    files = resolve_files(
        home, model["name"], revision=model["revision"], weights=True, progress=lambda text, _: say(text)
    )
    if files.sha256 != model["sha256"]:
        raise InferenceError(
            f"The weights of {model['name']} in {files.folder} are not those this run was trained on "
            f"(SHA-256 {files.sha256[:12]} instead of {model['sha256'][:12]}), so its adapter does not fit them. "
            "Put the former weights back, or train again."
        )
    return files


def check_adapter(run: Run, sha256: str) -> str:
    """The adapter's hash; InferenceError when it is not the one that the worker wrote down."""
    noted = (run.report() or {}).get("adapter_sha256") or sha256
    if noted != sha256:
        raise InferenceError(
            f"The adapter of {run.name} is not the one that its worker saved (SHA-256 {sha256[:12]} instead of "
            f"{noted[:12]}). Train again, or put the former file back."
        )
    return sha256
