"""Tokenizers kept ready for the screen: fetched in the background, looked up at once."""

import threading
import time
from dataclasses import dataclass
from typing import Literal

from studio.errors import StudioError
from studio.home import Home
from studio.models.sources import ModelFiles, resolve_files
from studio.templates.tokenizer import Tokenizer, load_tokenizer

RETRY_SECONDS = 20.0


@dataclass(frozen=True)
class Shelved:
    """What is known of a model at this moment. `tokenizer` and `files` are there when it is ready."""

    state: Literal["loading", "ready", "failed"]
    message: str
    fraction: float | None = None
    tokenizer: Tokenizer | None = None
    files: ModelFiles | None = None
    at: float = 0.0


class ModelShelf:
    """Config and tokenizer of the models asked for. `look` never waits; a thread per model fetches."""

    def __init__(self, home: Home):
        self.home = home
        self.lock = threading.Lock()
        self.models: dict[tuple[str, str], Shelved] = {}

    def look(self, name: str, revision: str = "main") -> Shelved:
        """The model's state now; the first look starts fetching it, and so does one some time after a failure."""
        key = (name, revision)
        with self.lock:
            found = self.models.get(key)
            failed_long_ago = found and found.state == "failed" and time.monotonic() - found.at > RETRY_SECONDS
            if found is None or failed_long_ago:
                self.models[key] = Shelved("loading", f"Looking for {name}")
                threading.Thread(target=self.fetch, args=key, daemon=True).start()
            return self.models[key]

    def fetch(self, name: str, revision: str) -> None:
        """Fetch config and tokenizer, noting the progress."""
        key = (name, revision)
        try:
            files = resolve_files(
                self.home,
                name,
                revision=revision,
                weights=False,
                progress=lambda message, fraction: self.note(key, Shelved("loading", message, fraction)),
            )
            shelved = Shelved("ready", "", tokenizer=load_tokenizer(files.folder), files=files)
        except StudioError as error:
            shelved = Shelved("failed", str(error), at=time.monotonic())
        self.note(key, shelved)

    def note(self, key: tuple[str, str], shelved: Shelved) -> None:
        with self.lock:
            self.models[key] = shelved

    def wait(self, name: str, revision: str = "main", seconds: float = 600.0) -> Shelved:
        """The model when it is ready; StudioError when it cannot be had."""
        deadline = time.monotonic() + seconds
        while (found := self.look(name, revision)).state == "loading" and time.monotonic() < deadline:
            time.sleep(0.05)
        if found.state != "ready":
            raise StudioError(found.message)
        return found
