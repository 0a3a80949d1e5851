"""Imports that wait for the user: read in the background, looked at, corrected, then made a dataset or dropped.

Nothing of it is stored: a preview's rows lie in a file without a name, which goes with the preview.
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from studio.data.importing import ImportPreview
from studio.data.reading import BadRowsError, ReadOptions
from studio.errors import DataError, StudioError

MOST_WAITING = 8

Progress = Callable[[str, float | None], None]


class Read(Protocol):
    """Reads the rows once more, each time as asked."""

    def __call__(
        self, drop_bad_rows: bool, options: ReadOptions | None, progress: Progress, should_stop: Callable[[], bool]
    ) -> ImportPreview: ...


@dataclass(frozen=True)
class Pending:
    """An import as it stands. `fraction`: 0 to 1, None where it is not known; `bad`: which rows cannot be used;
    `options`: how it was asked to be read, None for as found."""

    state: Literal["reading", "ready", "refused", "failed"]
    message: str = ""
    fraction: float | None = None
    preview: ImportPreview | None = None
    bad: BadRowsError | None = None
    options: ReadOptions | None = None


class ImportDesk:
    """The imports of all pages of this process, by ticket; the oldest goes where there are too many."""

    def __init__(self):
        self.lock = threading.Lock()
        self.pending: dict[str, Pending] = {}
        self.reads: dict[str, Read] = {}

    def begin(self, read: Read) -> str:
        """Start reading in a thread; returns the ticket to `look` with."""
        ticket = secrets.token_hex(8)
        with self.lock:
            self.reads[ticket] = read
            while len(self.reads) > MOST_WAITING:
                oldest = next(iter(self.reads))
                del self.reads[oldest]
                self.pending.pop(oldest, None)
        self.read_again(ticket)
        return ticket

    def read_again(self, ticket: str, drop_bad_rows: bool = False, options: ReadOptions | None = None) -> None:
        """Read the same rows once more, without the bad ones or with other options; DataError if they are gone."""
        with self.lock:
            read = self.reads.get(ticket)
            if read is None:
                raise gone()
            started = self.pending[ticket] = Pending("reading", "Reading", options=options)
        threading.Thread(target=self.run, args=(ticket, started, read, drop_bad_rows, options), daemon=True).start()

    def run(self, ticket: str, started: Pending, read: Read, drop_bad_rows: bool, options: ReadOptions | None) -> None:
        """Read and note how it went; a later reading of the same ticket makes this one's end unheard."""
        last = started

        def note(now: Pending) -> None:
            nonlocal last
            with self.lock:
                if self.pending.get(ticket) is last:
                    self.pending[ticket] = last = now

        def should_stop() -> bool:
            with self.lock:
                return self.pending.get(ticket) is not last

        def progress(message: str, fraction: float | None) -> None:
            note(Pending("reading", message, fraction, options=options))

        try:
            preview = read(drop_bad_rows, options, progress, should_stop)
            note(Pending("ready", preview=preview, options=options))
        except BadRowsError as error:
            note(Pending("refused", str(error), bad=error, options=options))
        except StudioError as error:
            note(Pending("failed", str(error), options=options))
        except OSError as error:  # such as a full disk: else it would seem to be read for ever
            fault = f"The rows could not be read ({error.strerror or error}). Free some disk space if it is full"
            note(Pending("failed", f"{fault}, and try again.", options=options))

    def look(self, ticket: str) -> Pending:
        """How an import stands; DataError if there is none of that ticket any more."""
        with self.lock:
            found = self.pending.get(ticket)
        if found is None:
            raise gone()
        return found

    def correct(self, ticket: str, preview: ImportPreview) -> None:
        """Put a corrected preview in the place of the one that was looked at."""
        with self.lock:
            if ticket in self.pending:
                self.pending[ticket] = replace(self.pending[ticket], preview=preview)

    def drop(self, ticket: str) -> None:
        """Forget an import; reading that still goes on stops soon."""
        with self.lock:
            self.pending.pop(ticket, None)
            self.reads.pop(ticket, None)


def gone() -> DataError:
    why = "the studio was restarted, or too many imports waited"
    return DataError(f"What was to be imported is no longer there ({why}). Choose it again.")
