"""One row as the templates see it: a conversation, and the fields it came from."""

from dataclasses import dataclass

from studio.errors import DataError

ROLES = ("system", "user", "assistant", "tool")

Turn = dict[str, str]


@dataclass(frozen=True)
class Example:
    """A training example. `turns` are {"role", "content"}; the last assistant turn is the answer.

    `instruction` and `input` are kept apart for templates that place them apart; for a row that came as
    a conversation, `instruction` is the last user turn and `input` is empty.
    """

    turns: tuple[Turn, ...]
    instruction: str
    input: str = ""

    @property
    def system(self) -> str:
        return next((turn["content"] for turn in self.turns if turn["role"] == "system"), "")

    @property
    def output(self) -> str:
        return self.turns[-1]["content"] if self.turns and self.turns[-1]["role"] == "assistant" else ""

    @property
    def prompt_turns(self) -> tuple[Turn, ...]:
        """Everything before the answer."""
        return self.turns[:-1] if self.turns and self.turns[-1]["role"] == "assistant" else self.turns


def from_fields(instruction: str, input: str = "", output: str = "", system: str = "") -> Example:
    """An example from Alpaca-style fields; the user's turn is the instruction, a blank line, the input."""
    content = f"{instruction}\n\n{input}" if instruction and input else instruction or input
    turns = [{"role": "system", "content": system}] if system else []
    turns += [{"role": "user", "content": content}, {"role": "assistant", "content": output}]
    return Example(tuple(turns), instruction, input)


def from_turns(turns: list[Turn]) -> Example:
    """An example from a conversation; DataError for an unknown role or a content that is not text."""
    for number, turn in enumerate(turns, 1):
        if turn.get("role") not in ROLES or not isinstance(turn.get("content"), str):
            raise DataError(
                f"Turn {number} needs a role ({', '.join(ROLES)}) and a text as content; "
                f"found role {turn.get('role')!r} and {type(turn.get('content')).__name__}."
            )
    users = [turn["content"] for turn in turns if turn["role"] == "user"]
    kept = tuple({"role": turn["role"], "content": turn["content"]} for turn in turns)
    return Example(kept, users[-1] if users else "")


def to_record(example: Example) -> dict:
    """The example as JSON, for a run's pinned snapshot."""
    return {"turns": list(example.turns), "instruction": example.instruction, "input": example.input}


def from_record(record: dict) -> Example:
    """The inverse of `to_record`."""
    return Example(tuple(record["turns"]), record["instruction"], record["input"])
