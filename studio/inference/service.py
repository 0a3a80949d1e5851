"""A run's model behind the server: it loads in the background and answers one round at a time. Imports no torch."""

import threading
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor

from studio.errors import InferenceError, StudioError
from studio.home import Home
from studio.inference.loaded import FACTS, Loaded, load_run
from studio.inference.requests import TwinsRequest
from studio.inference.rounds import Round, answer_round, word_round
from studio.templates.rendering import Renderer


class Busy(InferenceError):
    """Another round is being answered."""


class NotReady(InferenceError):
    """The model is still loading, or could not be loaded."""


class Service:
    """One thread loads the model and then answers with it, so that the server can always say how it is."""

    def __init__(self, home: Home, run_name: str):
        self.run_name = run_name
        self.state, self.message = "loading", "Starting"
        self.started, self.seconds = time.monotonic(), 0.0
        self.lock = threading.Lock()
        self.current: Round | None = None
        self.renderer = Renderer()
        self.model_thread = ThreadPoolExecutor(1, "model")
        self.loading: Future[Loaded] = self.model_thread.submit(load_run, home, run_name, self.renderer, self.say)
        self.loading.add_done_callback(self.note_loaded)

    def say(self, message: str) -> None:
        self.message = message

    def note_loaded(self, loading: Future[Loaded]) -> None:
        """Remember how the loading ended."""
        self.seconds = time.monotonic() - self.started
        error = loading.exception()
        self.message = describe_failure(error) if error else f"Loaded in {self.seconds:.1f} s"
        log_unforeseen(error)
        self.state = "failed" if error else "ready"

    def health(self) -> dict:
        """State, how far the loading is, and what is loaded."""
        state = self.state
        return {
            "state": state,
            "message": self.message,
            "seconds": time.monotonic() - self.started if state == "loading" else self.seconds,
            "run": self.run_name,
            "busy": self.current is not None,
            **(self.loading.result().facts if state == "ready" else dict.fromkeys(FACTS)),
        }

    def start_round(self, request: TwinsRequest) -> Round:
        """Begin to answer; NotReady, Busy, or another StudioError when it cannot be asked like this."""
        if self.state == "loading":
            raise NotReady(f"{self.run_name} is still loading ({self.message}). Ask again when it is ready.")
        if self.state == "failed":
            raise NotReady(self.message)
        loaded = self.loading.result()
        round_ = word_round(loaded, request)
        with self.lock:
            if self.current is not None:
                raise Busy("Another answer is being written. Wait until it is done, or stop it.")
            self.current = round_
        answering = self.model_thread.submit(answer_round, loaded, round_)
        answering.add_done_callback(lambda done: self.end_round(round_, done))
        return round_

    def end_round(self, round_: Round, answering: Future[None]) -> None:
        """Free the model for the next round, then tell the reader that this one is over."""
        with self.lock:
            self.current = None
        error = answering.exception()
        log_unforeseen(error)
        if error:
            round_.written.put({"error": describe_failure(error)})
        round_.written.put(None)

    def stop(self) -> bool:
        """End the current round within a step; False when none is going on."""
        with self.lock:
            if self.current is not None:
                self.current.cancelled.set()
            return self.current is not None


def log_unforeseen(error: BaseException | None) -> None:
    """A traceback for what has no sentence of its own."""
    if error and not isinstance(error, StudioError):
        traceback.print_exception(error)


def describe_failure(error: BaseException) -> str:
    """A sentence for any failure; what was not foreseen is named by its kind and first line."""
    if isinstance(error, StudioError):
        return str(error)
    first = (str(error).strip().splitlines() or [""])[0][:300]
    if type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError):
        return (
            f"The model does not fit into the memory that is free ({first}). Wait until the training is done, or "
            "choose a smaller model."
        )
    return f"The inference server failed unexpectedly ({type(error).__name__}: {first}). Its log says more."
