"""Renders Jinja templates in a warm child process, which is ended when it takes too long."""

import json
import selectors
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from studio.errors import TemplateError

SECONDS = 3.0
JINJA_LIMIT = 200_000
REPLY_LIMIT = 8_000_000
ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class Rendered:
    """Texts in the order of the jobs; `names`: the variables that the template reads."""

    texts: list[str]
    names: list[str]


class Renderer:
    """One warm child. Thread-safe: one request at a time. Close it, or use it as a context manager."""

    def __init__(self, seconds: float = SECONDS):
        self.seconds = seconds
        self.lock = threading.Lock()
        self.child: subprocess.Popen | None = None

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child; the next request starts another."""
        child, self.child = self.child, None
        if child is not None:
            child.kill()
            child.wait()
            child.stdin.close()
            child.stdout.close()

    def render(self, jinja: str, jobs: list[dict]) -> Rendered:
        """Render the template once per job (a dict of variables); TemplateError for the first that fails."""
        if len(jinja) > JINJA_LIMIT:
            raise TemplateError(
                f"The template is {len(jinja):,} characters long; at most {JINJA_LIMIT:,} are accepted. Shorten it."
            )
        texts: list[str] = []
        names: list[str] = []
        for start in range(0, max(len(jobs), 1), ROWS_AT_ONCE):
            with self.lock:
                reply = self.ask({"jinja": jinja, "jobs": jobs[start : start + ROWS_AT_ONCE]})
            for result in [reply, *reply["results"]]:
                if "error" in result:
                    raise fault(result["error"], result["line"])
            texts += [result["text"] for result in reply["results"]]
            names = reply["names"]
        return Rendered(texts, names)

    def ask(self, request: dict) -> dict:
        """One request to the child and its reply."""
        if self.child is None or self.child.poll() is not None:
            self.close()
            self.child = start_child()
        line = json.dumps(request).encode() + b"\n"
        writer = threading.Thread(target=write_all, args=(self.child, line), daemon=True)
        writer.start()  # a thread, since a child that hangs does not drain its pipe
        try:
            reply = read_line(self.child, self.seconds, REPLY_LIMIT + 8 * len(line))
        except TemplateError:
            self.close()
            raise
        writer.join()
        return json.loads(reply)


def start_child() -> subprocess.Popen:
    """A child with jinja2 alone: -I keeps the user's environment and folder out of it."""
    script = Path(__file__).with_name("render_child.py")
    return subprocess.Popen(
        [sys.executable, "-I", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def write_all(child: subprocess.Popen, line: bytes) -> None:
    """Write one request; a child that was ended meanwhile is not an error here."""
    try:
        child.stdin.write(line)
        child.stdin.flush()
    except (BrokenPipeError, ValueError):
        return


def read_line(child: subprocess.Popen, seconds: float, limit: int) -> bytes:
    """One line of the child's output; TemplateError when it takes too long, writes too much or dies."""
    deadline, data = time.monotonic() + seconds, bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while not data.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise fault(f"it was not done after {seconds:g} seconds, so it was ended; look for loops", None)
            piece = child.stdout.read1(1 << 20)
            if not piece:
                raise fault("it used too much memory, so it was ended", None)
            data += piece
            if len(data) > limit:
                raise fault("it writes too much text, so it was ended", None)
    return bytes(data)


def fault(message: str, line: int | None) -> TemplateError:
    """A TemplateError with its place."""
    place = f" (line {line})" if line else ""
    return TemplateError(f"The template cannot be rendered{place}: {message.rstrip('.')}.", line)
