"""The inference server's process: `python -m studio.inference.server RUN_DIR --ready-file PATH --parent PID`.

It listens on 127.0.0.1 alone, wants the bearer token of STUDIO_INFERENCE_TOKEN with every request, is up at once
while the model loads, and ends itself when its parent is gone.
"""

import argparse
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

import uvicorn

from studio.home import Home
from studio.inference.api import build_api
from studio.inference.service import Service
from studio.system import calm_threads

TOKEN_NAME = "STUDIO_INFERENCE_TOKEN"
SECONDS_TO_END = 3.0


def main(argv: list[str] | None = None) -> None:
    """Serve until told to stop."""
    options = parse_arguments(argv)
    token = take_token()
    calm_threads()
    run = options.run.resolve()
    listener = socket.create_server(("127.0.0.1", options.port))
    port = listener.getsockname()[1]
    service = Service(Home(run.parents[1]), run.name)
    settings = uvicorn.Config(
        build_api(service, token, port),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(settings)
    if options.parent:
        threading.Thread(target=follow_parent, args=(options.parent, server), daemon=True).start()
    if options.ready_file:
        write_ready(options.ready_file, port)
    server.run(sockets=[listener])
    leave(service)


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m studio.inference.server", description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of the run, HOME/runs/NAME")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0: any that is free")
    parser.add_argument("--ready-file", type=Path, help="written when the server listens: its port and process id")
    parser.add_argument("--parent", type=int, help="process id; the server ends when that process does")
    return parser.parse_args(argv)


def take_token() -> str:
    """The bearer token, taken out of the environment so that no child inherits it; exits without one."""
    token = os.environ.pop(TOKEN_NAME, "")
    if len(token) < 16:
        sys.exit(f"The inference server needs a token of at least 16 characters in {TOKEN_NAME}.")
    return token


def write_ready(path: Path, port: int) -> None:
    """Tell the port, in a file that is there whole or not at all."""
    aside = path.with_name(path.name + ".new")
    aside.write_text(json.dumps({"port": port, "pid": os.getpid()}), encoding="utf-8")
    aside.replace(path)


def follow_parent(parent: int, server: uvicorn.Server, pause: float = 0.5) -> None:
    """End the server when the process `parent` is gone."""
    direct = os.getppid() == parent
    while os.getppid() == parent if direct else is_alive(parent):
        time.sleep(pause)
    server.should_exit = True
    time.sleep(SECONDS_TO_END)
    os._exit(0)  # a round or a loading in C code does not listen


def is_alive(pid: int) -> bool:
    """Whether a process with that id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def leave(service: Service) -> None:
    """End without waiting for the model's thread: a loading cannot be interrupted, and the system frees it all."""
    service.stop()
    service.renderer.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
