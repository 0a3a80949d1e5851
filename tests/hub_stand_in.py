"""A stand-in for the hub's datasets on a port of this machine, for tests; it serves folders, and pieces of files."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40
CONVERTED = "refs/convert/parquet"
CONVERTED_COMMIT = "d" * 40


@dataclass
class Repository:
    """A dataset's folder, its card as the hub has read it, and the folder of the branch with Parquet files.

    `stored_apart`: its files are on another host, to which the hub leads.
    """

    folder: Path
    card: dict = field(default_factory=dict)
    converted: Path | None = None
    gated: bool = False
    stored_apart: bool = False


class DatasetHub:
    """What the stand-in serves, and what was asked of it: (method, path, bytes sent).

    `tokens`: what stood in the Authorization of requests to the hub; `stray_tokens`: to the other host.
    """

    def __init__(self):
        self.datasets: dict[str, Repository] = {}
        self.asked: list[tuple[str, str, int]] = []
        self.tokens: set[str | None] = set()
        self.stray_tokens: set[str | None] = set()
        self.endpoint = ""

    def sent(self) -> int:
        """Bytes of files that were sent."""
        return sum(size for _, path, size in self.asked if "/resolve/" in path)


@contextmanager
def serve_datasets() -> Iterator[DatasetHub]:
    """Run a stand-in hub on a free port of 127.0.0.1 while the block lasts."""
    hub = DatasetHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            """Keep the tests' output clean."""

        def do_HEAD(self):
            answer(self, hub)

        def do_GET(self):
            answer(self, hub)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def answer(request: BaseHTTPRequestHandler, hub: DatasetHub) -> None:
    """One request: the address itself, a dataset's description, or a piece of a file."""
    path = unquote(urlsplit(request.path).path)
    elsewhere = request.headers.get("Host", "").startswith("localhost")
    (hub.stray_tokens if elsewhere else hub.tokens).add(request.headers.get("Authorization"))
    if path.startswith("/api/datasets/"):
        name, _, revision = path.removeprefix("/api/datasets/").partition("/revision/")
        size = describe(request, hub, name, revision)
    elif path.startswith("/datasets/"):
        name, _, rest = path.removeprefix("/datasets/").partition("/resolve/")
        size = send_file(request, hub, name, rest)
    else:
        size = reply(request, 200, b"")
    hub.asked.append((request.command, path, size))


def describe(request, hub: DatasetHub, name: str, revision: str) -> int:
    """The JSON of /api/datasets/NAME/revision/REVISION."""
    if name not in hub.datasets:
        return reply(request, 401, b"", {"X-Error-Message": "Invalid username or password."})
    kept = hub.datasets[name]
    folder, commit = kept.folder, COMMIT
    if revision == CONVERTED:
        folder, commit = kept.converted, CONVERTED_COMMIT
    if folder is None or revision not in ("", "main", COMMIT, CONVERTED):
        return reply(request, 404, b"", {"X-Error-Code": "RevisionNotFound"})
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    siblings = [{"rfilename": path.relative_to(folder).as_posix(), "size": path.stat().st_size} for path in files]
    content = {"id": name, "sha": commit, "siblings": siblings, "cardData": kept.card}
    content["gated"] = "manual" if kept.gated else False
    return reply(request, 200, json.dumps(content).encode(), {"Content-Type": "application/json"})


def send_file(request, hub: DatasetHub, name: str, rest: str) -> int:
    """A file of a dataset, or the range of it that is asked for."""
    kept = hub.datasets.get(name)
    if kept is None:
        return reply(request, 404, b"", {"X-Error-Code": "RepoNotFound"})
    if kept.gated:
        return reply(request, 403, b"", {"X-Error-Code": "GatedRepo"})
    if kept.stored_apart and request.headers["Host"].startswith("127.0.0.1"):
        place = hub.endpoint.replace("127.0.0.1", "localhost")
        return reply(request, 302, b"", {"Location": f"{place}/datasets/{name}/resolve/{rest}"})
    commit, _, file = rest.partition("/")
    path = {COMMIT: kept.folder, CONVERTED_COMMIT: kept.converted}[commit] / file
    if not path.is_file():
        return reply(request, 404, b"", {"X-Error-Code": "EntryNotFound"})
    content = path.read_bytes()
    wanted = request.headers.get("Range", "").removeprefix("bytes=")
    if not wanted:
        return reply(request, 200, content)
    first, last = (int(place) for place in wanted.split("-"))
    piece = content[first : last + 1]
    return reply(request, 206, piece, {"Content-Range": f"bytes {first}-{last}/{len(content)}"})


def reply(request, status: int, content: bytes, headers: dict | None = None) -> int:
    """Send one answer; returns the bytes of its body."""
    request.send_response(status)
    for key, value in (headers or {}).items():
        request.send_header(key, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(content)
    return len(content)
