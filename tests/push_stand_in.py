"""A stand-in for the hub to which datasets are pushed, on a port of this machine: it keeps what it is sent."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_canary"


@dataclass
class Repository:
    """A dataset's repository: its files, and whether only its owner sees it."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0


@dataclass
class PushHub:
    """What the stand-in holds, and what was asked of it. `breaking`: requests whose path holds it are cut off."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    owner: str = "acme"
    breaking: str = ""
    public_by_policy: bool = False
    endpoint: str = ""


@contextmanager
def serve_push_hub() -> Iterator[PushHub]:
    """Run it on a free port of 127.0.0.1 while the block lasts."""
    hub = PushHub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            """Keep the tests' output clean."""

        def do_HEAD(self):
            reply(self, 200, b"")

        def do_GET(self):
            answer(self, hub)

        do_POST = do_PUT = do_GET

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def answer(request: BaseHTTPRequestHandler, hub: PushHub) -> None:
    """One request, by its path."""
    body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
    path = request.path.split("?")[0]
    hub.asked.append(f"{request.command} {path}")
    if hub.breaking and hub.breaking in path:
        return request.connection.close()
    if path.startswith("/objects/"):
        hub.objects[path.removeprefix("/objects/")] = body
        return reply(request, 200, b"")
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return reply(request, 401, b'{"error": "Invalid credentials in Authorization header"}')
    if path == "/api/validate-yaml":
        return send(request, {"errors": [], "warnings": []})
    if path == "/api/repos/create":
        return create(request, hub, json.loads(body))
    if path.endswith("/info/lfs/objects/batch"):
        return send(request, {"objects": [upload_of(hub, entry) for entry in json.loads(body)["objects"]]})
    name, _, verb = path.removeprefix("/api/datasets/").partition("/preupload/main")
    if verb == "" and path.endswith("/preupload/main"):
        return send(request, {"files": [mode_of(file) for file in json.loads(body)["files"]]})
    if path.endswith("/commit/main"):
        return commit(request, hub, name.removesuffix("/commit/main"), body)
    return describe(request, hub, name)


def create(request: BaseHTTPRequestHandler, hub: PushHub, wanted: dict) -> None:
    """Make a repository of this owner's; 409 if it is there, 403 for any other owner."""
    name = f"{wanted['organization']}/{wanted['name']}"
    if wanted["organization"] != hub.owner:
        return reply(request, 403, b'{"error": "You do not have the rights to create a dataset here"}')
    address = {"url": f"{hub.endpoint}/datasets/{name}"}
    if name in hub.repositories:
        return send(request, {**address, "error": "You already created this dataset repo"}, 409)
    assert wanted["type"] == "dataset"
    hub.repositories[name] = Repository(wanted.get("visibility") == "private" and not hub.public_by_policy)
    return send(request, address)


def describe(request: BaseHTTPRequestHandler, hub: PushHub, name: str) -> None:
    """What a repository holds."""
    if name not in hub.repositories:
        return reply(request, 404, b"", {"X-Error-Code": "RepoNotFound"})
    repository = hub.repositories[name]
    siblings = [{"rfilename": file} for file in repository.files]
    return send(request, {"id": name, "sha": "a" * 40, "private": repository.private, "siblings": siblings})


def mode_of(file: dict) -> dict:
    """Parquet goes to the large file storage, text into the commit."""
    mode = "lfs" if file["path"].endswith(".parquet") else "regular"
    return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}


def upload_of(hub: PushHub, entry: dict) -> dict:
    address = f"{hub.endpoint}/objects/{entry['oid']}"
    return {**entry, "actions": {"upload": {"href": address}}}


def commit(request: BaseHTTPRequestHandler, hub: PushHub, name: str, body: bytes) -> None:
    """Take in the files of a commit and forget those it deletes."""
    repository = hub.repositories[name]
    repository.commits += 1
    for line in map(json.loads, body.decode().splitlines()):
        value = line["value"]
        if line["key"] == "file":
            repository.files[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            repository.files[value["path"]] = hub.objects[value["oid"]]
        elif line["key"] == "deletedFile":
            del repository.files[value["path"]]
    send(request, {"commitUrl": f"{hub.endpoint}/datasets/{name}/commit/1", "commitOid": "b" * 40})


def send(request: BaseHTTPRequestHandler, content: dict, status: int = 200) -> None:
    reply(request, status, json.dumps(content).encode(), {"Content-Type": "application/json"})


def reply(request: BaseHTTPRequestHandler, status: int, content: bytes, headers: dict | None = None) -> None:
    request.send_response(status)
    for key, value in (headers or {}).items():
        request.send_header(key, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)
