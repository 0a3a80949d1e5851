"""A tiny model, and a stand-in for the model hub on a port of this machine, for the tests of studio/models."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

COMMIT = "a" * 40
LINEAR = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]


def write_model(folder: Path, *, shards: int = 1) -> Path:
    """Write a Llama of one layer, hidden size 8, with a byte-level tokenizer; a few kilobytes."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 8,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vocab_size": 300,
        "max_position_embeddings": 64,
        "eos_token_id": 0,
    }
    (folder / "config.json").write_text(json.dumps(config))
    write_weights(folder, shards)
    return folder


def write_tokenizer(folder: Path) -> None:
    """Train a BPE tokenizer on one sentence; its first token is the end of text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<|end|>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(["the quick brown fox jumps over the lazy dog"], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"eos_token": "<|end|>", "chat_template": "{{ messages[0]['content'] }}"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def write_weights(folder: Path, shards: int) -> None:
    """Zeros in the shapes that the config states, as one file or as shards with their index."""
    layer = "model.layers.0."
    tensors = {
        "model.embed_tokens.weight": numpy.zeros((300, 8), numpy.float32),
        "lm_head.weight": numpy.zeros((300, 8), numpy.float32),
        "model.norm.weight": numpy.zeros(8, numpy.float32),
        layer + "input_layernorm.weight": numpy.zeros(8, numpy.float32),
        **{f"{layer}self_attn.{name}.weight": numpy.zeros((8, 8), numpy.float32) for name in LINEAR[2:5]},
        layer + "self_attn.v_proj.weight": numpy.zeros((8, 8), numpy.float32),
        layer + "mlp.up_proj.weight": numpy.zeros((16, 8), numpy.float32),
        layer + "mlp.gate_proj.weight": numpy.zeros((16, 8), numpy.float32),
        layer + "mlp.down_proj.weight": numpy.zeros((8, 16), numpy.float32),
    }
    if shards == 1:
        save_file(tensors, folder / "model.safetensors")
        return
    table = {}
    for number in range(shards):
        name = f"model-{number + 1:05d}-of-{shards:05d}.safetensors"
        part = dict(list(tensors.items())[number::shards])
        save_file(part, folder / name)
        table.update(dict.fromkeys(part, name))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))


class Hub:
    """What the stand-in serves, and what was asked of it."""

    def __init__(self):
        self.models: dict[str, Path] = {}
        self.gated: set[str] = set()
        self.asked: list[str] = []
        self.endpoint = ""

    def fetched(self) -> list[str]:
        """Names of the files that were downloaded, in order."""
        return [line.split("/")[-1] for line in self.asked if line.startswith("GET") and "/resolve/" in line]


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """Run a stand-in hub on a free port of 127.0.0.1 while the block lasts."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            """Keep the tests' output clean."""

        def do_HEAD(self):
            answer(self, hub, body=False)

        def do_GET(self):
            answer(self, hub, body=True)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def answer(request: BaseHTTPRequestHandler, hub: Hub, *, body: bool) -> None:
    """One request: the address itself, a model's description, or a file of it."""
    path = request.path.split("?")[0]
    hub.asked.append(f"{request.command} {path}")
    if path == "/":
        reply(request, 200, b"", body=body)
    elif path.startswith("/api/models/"):
        name, _, revision = path.removeprefix("/api/models/").partition("/revision/")
        describe(request, hub, name, revision)
    else:
        name, _, rest = path.removeprefix("/").partition("/resolve/")
        send_file(request, hub, name, rest.partition("/")[2], body)


def describe(request: BaseHTTPRequestHandler, hub: Hub, name: str, revision: str) -> None:
    """The JSON of /api/models/NAME/revision/REVISION."""
    if name not in hub.models:
        return reply(request, 401, b"", {"X-Error-Message": "Invalid username or password."})
    if revision not in ("", "main", COMMIT):
        return reply(request, 404, b"", {"X-Error-Code": "RevisionNotFound"})
    files = [{"rfilename": p.name, "size": p.stat().st_size} for p in hub.models[name].iterdir()]
    content = {"id": name, "sha": COMMIT, "siblings": files, "gated": "manual" if name in hub.gated else False}
    return reply(request, 200, json.dumps(content).encode(), {"Content-Type": "application/json"})


def send_file(request: BaseHTTPRequestHandler, hub: Hub, name: str, file: str, body: bool) -> None:
    """A file of a model, with the headers that huggingface_hub reads."""
    if name in hub.gated:
        return reply(request, 403, b"", {"X-Error-Code": "GatedRepo"}, body=body)
    path = hub.models.get(name, Path("nowhere")) / file
    if not path.is_file():
        return reply(request, 404, b"", {"X-Error-Code": "EntryNotFound"}, body=body)
    headers = {"ETag": f'"{name.replace("/", "-")}-{file}"', "X-Repo-Commit": COMMIT}
    return reply(request, 200, path.read_bytes(), headers, body=body)


def reply(request, status: int, content: bytes, headers: dict | None = None, *, body: bool = True) -> None:
    """Send one answer."""
    request.send_response(status)
    for key, value in (headers or {}).items():
        request.send_header(key, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    if body:
        request.wfile.write(content)
