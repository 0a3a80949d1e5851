"""A base model and its adapter, loaded the one way that training and inference share."""

import hashlib
import logging
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel

from studio.errors import ModelError, SettingsError
from studio.settings import QuantizationSettings

ADAPTER_WEIGHTS = "adapter_model.safetensors"
LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "tokenizers", "safetensors")

# Flags of /proc/cpuinfo that mean a matrix product in bfloat16 without a detour: x86 (two names) and arm64.
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def choose_device(setting: str) -> str:
    """ "cpu", "cuda" or "mps"; `auto` takes a GPU if there is one. SettingsError when the one asked for is absent."""
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if setting == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if present[name])
    if not present[setting]:
        raise SettingsError(f"launch.device is {setting}, but torch finds no such device here. Choose auto or cpu.")
    return setting


def choose_dtype(setting: str, device: str) -> torch.dtype:
    """The format of the weights: as set, or for `auto` bfloat16 where the device computes it natively, else float32.

    On a CPU whose matrix products in bfloat16 are native they are 5 to 13 times as fast as in float32; where they
    are emulated they are slower. macOS tells neither for its CPUs nor for mps, so float32 is taken there.
    """
    if setting != "auto":
        return {"bfloat16": torch.bfloat16, "float32": torch.float32}[setting]
    native = {
        "cuda": lambda: torch.cuda.is_bf16_supported(including_emulation=False),
        "cpu": lambda: bool(BFLOAT16_FLAGS & read_cpu_flags()),
        "mps": lambda: False,
    }
    return torch.bfloat16 if native[device]() else torch.float32


def read_cpu_flags(path: Path = Path("/proc/cpuinfo")) -> set[str]:
    """What the first CPU can do, by the kernel's names; empty where there is no such file (macOS)."""
    if not path.exists():
        return set()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return set(value.split())
    return set()


def load_base(folder: Path, quantization: QuantizationSettings, dtype: torch.dtype, device: str) -> PreTrainedModel:
    """The causal language model in `folder` (safetensors), in eval mode; ModelError when it cannot be loaded.

    Attention is left to transformers: sdpa where the architecture has it, else eager (BLOOM).
    """
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it warns of every cast, in every layer
    if not list(folder.glob("*.safetensors")):
        raise ModelError(
            f"{folder} has no weights as safetensors, and no other format is read because it could run code. "
            "Choose a model that offers safetensors."
        )
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=dtype,
            device_map={"": device},
            quantization_config=describe_quantization(quantization, dtype),
        )
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(f"The model in {folder} cannot be loaded: {first_line(error)}") from error
    forbid_repacking(model)
    return model.eval()


def describe_quantization(settings: QuantizationSettings, dtype: torch.dtype) -> BitsAndBytesConfig | None:
    """bitsandbytes' own defaults are fp4 computed in float32; QLoRA (Dettmers et al. 2023) is this."""
    if settings.kind == "nf4":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=settings.double_quantization,
            bnb_4bit_compute_dtype=dtype,
        )
    if settings.kind == "int8":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_threshold=settings.threshold)
    return None


def forbid_repacking(model: torch.nn.Module) -> int:
    """Keep NF4 weights as they are on CPUs with AVX512-BF16; returns how many layers were told.

    There bitsandbytes repacks the weight in place at the first forward without gradients. Afterwards no gradient
    passes through the layer, silently, and dequantizing it returns garbage.
    """
    layers = [module for module in model.modules() if hasattr(module, "support_avx512bf16_for_cpu")]
    for layer in layers:
        layer.support_avx512bf16_for_cpu = False
    return len(layers)


def load_adapter(base: PreTrainedModel, folder: Path) -> PeftModel:
    """`base` with the adapter in `folder` beside it, as adapter "default", in eval mode.

    The adapter is computed in the base's own dtype: mixed formats would cast every layer's input back and forth.
    """
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise ModelError(f"{folder} has no {ADAPTER_WEIGHTS}, so there is no adapter to load; did the run finish?")
    try:
        model = PeftModel.from_pretrained(base, folder, is_trainable=False, autocast_adapter_dtype=False)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"The adapter in {folder} does not fit its base: {first_line(error)}") from error
    for name, parameter in model.named_parameters():
        if ".default." in name:
            parameter.data = parameter.data.to(base.dtype)
    return model.eval()


def hash_adapter(folder: Path) -> str:
    """SHA-256 of the adapter's weights, as `sha256sum` prints it for adapter_model.safetensors."""
    with (folder / ADAPTER_WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Python and the libraries that decide what a run computes."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def first_line(error: BaseException) -> str:
    """The first line of an error's text, short enough for a sentence."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]


def check_room(weights_bytes: int, device: str) -> None:
    """On a GPU, ModelError when the weights do not fit beside what is there already (a training, say)."""
    if device != "cuda":
        return
    free, _ = torch.cuda.mem_get_info()
    if weights_bytes > free * 0.9:  # the rest: the cache of keys and values
        raise ModelError(
            f"The model needs {weights_bytes / 1e9:.1f} GB on the GPU, but only {free / 1e9:.1f} GB are free. "
            "Wait until the training is done, or choose a smaller model."
        )
