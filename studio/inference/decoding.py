"""A growing list of token ids as text: whole characters only, ended by a run's stop tokens and stop texts."""

from collections.abc import Callable

from studio.templates.encoding import Stop

BROKEN = "\ufffd"  # what a decoder writes for bytes that are no character (yet)


class AnswerText:
    """The text of one answer while its tokens arrive.

    Byte-level tokenizers cut characters between tokens, so text is held back while its end may still become
    another character, and while its end may be the beginning of a stop text. Each step decodes only the tokens
    since the last whole character, after one group of tokens before them as context (some decoders treat the
    first token's space apart).
    """

    def __init__(self, decode: Callable[[list[int]], str], stop: Stop):
        self.decode = decode
        self.stop = stop
        self.ids: list[int] = []
        self.text = ""
        self.sent = 0
        self.stopped = False
        self.context_start = 0  # tokens [context_start, window_start) are decoded for context alone
        self.window_start = 0
        self.context = ""
        self.taken = 0  # characters of the window that are already in self.text

    def add(self, token: int) -> str:
        """The text that this token makes certain; sets `stopped` when it ends the answer."""
        if token in self.stop.ids:
            self.stopped = True
            return self.finish()
        self.ids.append(token)
        self.take_window(final=False)
        return self.cut_stop_text() or self.send(len(self.text) - self.held_back())

    def finish(self) -> str:
        """What was held back, when no more tokens come."""
        self.take_window(final=True)
        return self.cut_stop_text() or self.send(len(self.text))

    def take_window(self, final: bool) -> None:
        """Move the whole characters of the window into `text`; begin a new window when none is left over."""
        window = self.decode(self.ids[self.context_start :])[len(self.context) :]
        whole = window if final else window.rstrip(BROKEN)
        self.text += whole[self.taken :]
        self.taken = max(self.taken, len(whole))
        if whole == window and window:
            self.context_start, self.window_start = self.window_start, len(self.ids)
            self.context = self.decode(self.ids[self.context_start : self.window_start])
            self.taken = 0

    def cut_stop_text(self) -> str:
        """The text up to the first stop text, when there is one; it and what follows are dropped."""
        found = [place for text in self.stop.texts if (place := self.text.find(text, self.sent)) >= 0]
        if not found:
            return ""
        self.stopped = True
        self.text = self.text[: min(found)]
        return self.send(len(self.text))

    def held_back(self) -> int:
        """How many characters at the end may be the beginning of a stop text."""
        unsent = self.text[self.sent :]
        longest = 0
        for stop in self.stop.texts:
            for size in range(min(len(stop) - 1, len(unsent)), longest, -1):
                if unsent.endswith(stop[:size]):
                    longest = size
                    break
        return longest

    def send(self, end: int) -> str:
        """The unsent text up to `end`, now sent."""
        piece = self.text[self.sent : end]
        self.sent = max(self.sent, end)
        return piece
