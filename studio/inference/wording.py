"""How a question is put to base and tuned: by which template, ended by what. Imports no torch."""

from dataclasses import dataclass
from typing import Literal, Self

from studio.templates.encoding import Prompt, Stop, Template, encode_prompt, stop_of, with_system
from studio.templates.example import Example
from studio.templates.rendering import Renderer
from studio.templates.tokenizer import Tokenizer

Mode = Literal["own", "same"]
OWN, SAME = "own template", "same tokens"


@dataclass(frozen=True)
class Question:
    """A prompt and what ends its answer."""

    prompt: Prompt
    stop: Stop


@dataclass(frozen=True)
class Wording:
    """A run's template with its stop tokens, and the base's own chat template if it has one."""

    template: Template
    stop: Stop
    system: str
    own: Template | None
    own_stop: Stop
    tokenizer: Tokenizer
    renderer: Renderer

    @classmethod
    def of_run(cls, resolved: dict, tokenizer: Tokenizer, renderer: Renderer) -> Self:
        """From a run's resolved.yaml. The model's own template is read from there too, as it was when it trained."""
        said = resolved["template"]
        template = Template(said["name"], said["jinja"])
        stop = Stop(list(said["stop"]["ids"]), list(said["stop"]["texts"]))
        own = Template("model", said["own_jinja"]) if said["own_jinja"] else None
        own_stop = stop_of(own, tokenizer, renderer) if own else stop
        return cls(template, stop, said["system"], own, own_stop, tokenizer, renderer)

    def ask_tuned(self, example: Example) -> Question:
        """As the run was trained."""
        return Question(self.render(example, self.template), self.stop)

    def ask_base(self, example: Example, mode: Mode) -> Question:
        """In the base's own chat template ("own"), or with the very tokens of the tuned model ("same")."""
        if self.base_prompt(mode) == SAME:
            return self.ask_tuned(example)
        return Question(self.render(example, self.own), self.own_stop)

    def base_prompt(self, mode: Mode) -> str:
        """What the base is really asked: a model without a chat template of its own gets the same tokens."""
        return OWN if mode == "own" and self.own else SAME

    def render(self, example: Example, template: Template) -> Prompt:
        """The prompt for an example; the run's system prompt stands in where the example has none."""
        return encode_prompt(with_system(example, self.system), template, self.tokenizer, self.renderer)
