"""The app's and the command line's way to the inference server: starts it, asks it, ends it. Imports no torch."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from studio.errors import InferenceError
from studio.home import Home
from studio.inference.requests import TwinsRequest
from studio.runs.folder import open_run
from studio.system import project_folder

LOG_LIMIT = 1_000_000
LOG_TAIL = 1500
SECONDS_TO_END = 5.0
PROMPT_SECONDS = 300.0  # a long prompt on a slow CPU, before the first line comes


@dataclass
class Server:
    """A server process for one run. `folder` holds its ready file and goes with it."""

    run_name: str
    process: subprocess.Popen
    token: str
    folder: tempfile.TemporaryDirectory
    log_start: int
    port: int | None = None

    @property
    def ready_file(self) -> Path:
        return Path(self.folder.name) / "ready.json"


class InferenceHost:
    """At most one inference server, for one run at a time. Thread-safe; the app holds one and closes it at the end."""

    def __init__(self, home: Home):
        self.home = home
        self.log = home.path / "inference.log"
        self.lock = threading.RLock()
        self.server: Server | None = None

    def open(self, run_name: str) -> None:
        """Have a server for that run; returns at once, `state` tells how far it is. Another run's server is ended.

        A server that failed or died is started anew. RunError when there is no such run.
        """
        run = open_run(self.home, run_name)
        with self.lock:
            if self.server and self.server.run_name == run_name and self.state()["state"] != "failed":
                return
            self.close()
            self.server = self.start(run.path)

    def start(self, run: Path) -> Server:
        """Start the process; the token goes through its environment, which other users cannot read."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.unlink()
        folder = tempfile.TemporaryDirectory(prefix="sft-studio-")
        token = secrets.token_urlsafe(32)
        ready = Path(folder.name) / "ready.json"
        options = ["--port", "0", "--ready-file", str(ready), "--parent", str(os.getpid())]
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "studio.inference.server", str(run), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for the parent, which then closes it
                cwd=project_folder(),
                env={**os.environ, "STUDIO_INFERENCE_TOKEN": token},
            )
            return Server(run.name, process, token, folder, log_start=output.tell())

    def state(self) -> dict:
        """The server's /health, with `state` also "closed" (none was opened) or "failed" when the process died."""
        with self.lock:
            server = self.server
        if server is None:
            return {"state": "closed", "message": "No run is open.", "run": None}
        if server.process.poll() is not None:
            return {"state": "failed", "message": self.describe_death(server), "run": server.run_name}
        port = read_port(server)
        if port is None:
            return {"state": "loading", "message": "Starting the inference server", "run": server.run_name}
        try:
            with self.connect(server, 5.0) as client:
                return client.get("/health").json()
        except InferenceError as error:
            over = server.process.poll() is not None
            return {"state": "failed" if over else "loading", "message": str(error), "run": server.run_name}

    def wait_ready(self, timeout: float = 900.0, progress: Callable[[str], None] = lambda message: None) -> dict:
        """The state once the model is loaded; InferenceError when it fails, closes or takes longer than `timeout`."""
        deadline, told = time.monotonic() + timeout, ""
        while time.monotonic() < deadline:
            state = self.state()
            if state["state"] == "ready":
                return state
            if state["state"] in ("failed", "closed"):
                raise InferenceError(state["message"])
            if state["message"] != told:
                told = state["message"]
                progress(told)
            time.sleep(0.1)
        raise InferenceError(f"The model was not loaded after {timeout:g} seconds (last: {told}). See {self.log}.")

    def twins(self, request: TwinsRequest) -> Iterator[dict]:
        """Ask base and tuned; the server's lines as they come, the last with `done`. Leaving early stops the round.

        Each line is {"column": "base" | "tuned", "text": what was added, "tokens", "done", "reason"}; the last
        {"done": True, "base": {...}, "tuned": {...}, "integrity": {...}, "seed", "base_prompt"}.
        """
        server = self.opened()
        with (
            self.connect(server, PROMPT_SECONDS) as client,
            client.stream("POST", "/twins", json=request.model_dump()) as reply,
        ):
            if reply.status_code != 200:
                raise InferenceError(read_error(reply))
            for line in reply.iter_lines():
                said = json.loads(line)
                if "error" in said:
                    raise InferenceError(said["error"])
                yield said

    def stop(self) -> bool:
        """End the answer that is being written; False when none is, or no server is open."""
        with self.lock:
            server = self.server
        if server is None or server.process.poll() is not None or read_port(server) is None:
            return False
        with self.connect(server, 10.0) as client:
            return client.post("/stop").json()["stopped"]

    def close(self) -> None:
        """End the server, if there is one."""
        with self.lock:
            server, self.server = self.server, None
        if server is None:
            return
        server.process.terminate()
        try:
            server.process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()
        server.folder.cleanup()

    def opened(self) -> Server:
        """The server that listens; InferenceError when there is none."""
        with self.lock:
            server = self.server
        if server is None:
            raise InferenceError("No run is open, so nobody can answer. Choose a run first.")
        if server.process.poll() is not None:
            raise InferenceError(self.describe_death(server))
        if read_port(server) is None:
            raise InferenceError("The inference server is still starting. Ask again in a moment.")
        return server

    @contextmanager
    def connect(self, server: Server, seconds: float) -> Iterator[httpx.Client]:
        """A client for one exchange; a connection that breaks because the server ended becomes a sentence."""
        headers = {"Authorization": f"Bearer {server.token}"}
        address = f"http://127.0.0.1:{read_port(server)}"
        timeout = httpx.Timeout(seconds, connect=5.0)
        try:
            # trust_env: a proxy from the environment must not be asked for an address on this machine
            with httpx.Client(base_url=address, headers=headers, timeout=timeout, trust_env=False) as client:
                yield client
        except httpx.TransportError as error:
            if self.server is not server:
                raise InferenceError(f"The answer broke off, because {server.run_name} was closed.") from error
            if is_over(server):
                raise InferenceError(self.describe_death(server)) from error
            raise InferenceError(
                f"The inference server does not answer ({type(error).__name__}). Wait, or choose the run again."
            ) from error

    def describe_death(self, server: Server) -> str:
        """How the process ended, with the last lines it wrote."""
        with self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(server.log_start, size - LOG_TAIL))
            tail = file.read().decode(errors="replace").strip()
        code = server.process.returncode
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        if code == -9:
            how += " (perhaps for want of memory)"
        return f"The inference server of {server.run_name} {how}. " + (
            f"Its log ends: {tail}" if tail else f"It wrote nothing to {self.log}."
        )


def read_port(server: Server) -> int | None:
    """The port, once the server has written it down."""
    if server.port is None and server.ready_file.exists():
        server.port = json.loads(server.ready_file.read_text(encoding="utf-8"))["port"]
    return server.port


def is_over(server: Server, patience: float = 1.0) -> bool:
    """Whether the process has ended; a connection breaks a moment before the process is gone."""
    try:
        server.process.wait(patience)
    except subprocess.TimeoutExpired:
        return False
    return True


def read_error(reply: httpx.Response) -> str:
    """The sentence of an error reply."""
    reply.read()
    try:
        return reply.json()["error"]
    except (ValueError, KeyError):
        return f"The inference server answered with status {reply.status_code}. Its log says more."
