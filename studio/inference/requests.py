"""What may be asked of the inference server, checked; imports no torch, so that the client can share it."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from studio.errors import InferenceError
from studio.templates.encoding import with_system
from studio.templates.example import Example, from_fields, from_turns

TEXT_LIMIT = 200_000


class Asked(BaseModel):
    """Base of all requests: frozen, an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class GenerationOptions(Asked):
    """How an answer is drawn."""

    max_new_tokens: Annotated[int, Field(ge=1, le=8192)] = 256
    """Longest answer in tokens."""
    temperature: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] = 0.0
    """0: always the most likely token. Higher: more varied."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Draw from the likeliest tokens that together have this probability."""
    top_k: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Draw from this many of the likeliest tokens; 0: from all."""
    repetition_penalty: Annotated[float, Field(ge=0.5, le=5)] = 1.0
    """Above 1: tokens that already stand in prompt or answer become less likely."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1234
    """The same seed draws the same random numbers, for every column."""


class Message(Asked):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Annotated[str, Field(max_length=TEXT_LIMIT)]


class TwinsRequest(Asked):
    """One round of Compare: a conversation or an instruction, asked of base and tuned."""

    messages: Annotated[list[Message], Field(max_length=500)] = []
    instruction: Annotated[str, Field(max_length=TEXT_LIMIT)] = ""
    input: Annotated[str, Field(max_length=TEXT_LIMIT)] = ""
    system: Annotated[str, Field(max_length=TEXT_LIMIT)] = ""
    options: GenerationOptions = GenerationOptions()
    mode: Literal["own", "same"] = "own"
    """own: the base is asked in its own chat template. same: both get the run's template, token for token."""

    @model_validator(mode="after")
    def check_question(self) -> Self:
        if bool(self.messages) == bool(self.instruction or self.input):
            raise ValueError("give either messages or an instruction, not both and not neither")
        if self.messages and self.messages[-1].role not in ("user", "tool"):
            raise ValueError("the last message must be the user's, for it is what is answered")
        return self

    def example(self, default_system: str = "") -> Example:
        """The question as an example without an answer; `default_system` is used when it has no system prompt."""
        if self.messages:
            example = from_turns([message.model_dump() for message in self.messages])
        else:
            example = from_fields(self.instruction, self.input)
        return with_system(example, self.system or default_system)


def read_request(values: dict) -> TwinsRequest:
    """A request from plain values; InferenceError names everything that is wrong with them."""
    try:
        return TwinsRequest.model_validate(values)
    except ValidationError as error:
        raise InferenceError(describe_faults(error.errors())) from None


def describe_faults(errors: list[dict]) -> str:
    """Everything wrong with a request (pydantic's errors), in one sentence."""
    faults = []
    for fault in errors:
        path = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            faults.append(f"there is no {path}")
        else:
            message = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
            faults.append(f"{path} {message}" if path else message)
    return f"The request cannot be answered: {'; '.join(faults)}."
