"""Rows in tokens: how long they are with the chosen tokenizer and template, what is cut, and what special tokens mean.

Options of a run of the checks, all of them or none:

    model        the folder of the model, for its tokenizer
    template     the recipe's template settings, such as {"name": "chatml"}
    max_length   how many tokens of a row are trained
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.data.checks.survey import Finding
from studio.errors import DataError, SettingsError, TemplateError
from studio.settings import TemplateSettings
from studio.templates.encoding import Template, encode_many, with_system
from studio.templates.example import Example, from_fields
from studio.templates.library import find_template
from studio.templates.rendering import Renderer
from studio.templates.tokenizer import Tokenizer, load_tokenizer

CHUNK = 256


@dataclass(frozen=True)
class Counted:
    """A row in tokens. `special`: tokens of this tokenizer inside its texts; `problem`: why it has no tokens."""

    prompt: int = 0
    total: int = 0
    special: str = ""
    problem: str = ""


@dataclass(frozen=True)
class TokenCounter:
    """A tokenizer with a template. `basis` says what the counts depend on."""

    tokenizer: Tokenizer
    template: Template
    system: str
    renderer: Renderer
    max_length: int
    basis: str

    def count(self, examples: list[Example]) -> list[Counted]:
        """Every row in tokens; a row that the template refuses gets its reason."""
        examples = [with_system(example, self.system) for example in examples]
        try:
            found = list(encode_many(examples, self.template, self.tokenizer, self.renderer))
        except TemplateError as error:
            if len(examples) == 1:
                return [Counted(problem=str(error))]
            return [counted for example in examples for counted in self.count([example])]
        return [
            Counted(encoded.prompt_tokens, len(encoded.ids), self.find_special(example))
            for example, encoded in zip(examples, found, strict=True)
        ]

    def find_special(self, example: Example) -> str:
        """Tokens that the tokenizer reads as more than text, inside a row's own texts."""
        pattern = special_pattern(self.tokenizer)
        found = [token for turn in example.turns for token in (pattern.findall(turn["content"]) if pattern else ())]
        return ", ".join(dict.fromkeys(found))


def special_pattern(tokenizer: Tokenizer) -> re.Pattern | None:
    """Any special token; None if there are none."""
    tokens = [token.content for token in tokenizer.core.get_added_tokens_decoder().values() if token.special]
    return re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True)))) if tokens else None


def make_counter(options: Mapping, renderer: Renderer) -> TokenCounter | None:
    """What the options ask for; None if they ask for no tokens.

    ModelError or TemplateError if there is no such tokenizer or template, or the template renders no row at all.
    """
    if not options.get("model"):
        return None
    given = {key: options.get(key) for key in ("model", "template", "max_length")}
    try:
        settings = TemplateSettings(**(given["template"] or {}))
    except ValueError as error:
        raise SettingsError(f"The template settings for the checks are not valid ({error}).") from None
    if not isinstance(given["max_length"], int) or given["max_length"] < 1:
        raise DataError("The checks need the maximum length of a row in tokens, a number above 0.")
    folder = Path(given["model"])
    tokenizer = load_tokenizer(folder)
    template = find_template(settings, tokenizer)
    stamp = (folder / "tokenizer.json").stat()
    basis = repr([given["model"], stamp.st_size, stamp.st_mtime_ns, template.jinja, settings.system])
    counter = TokenCounter(tokenizer, template, settings.system, renderer, given["max_length"], basis)
    list(encode_many([from_fields("A question", output="An answer")], template, tokenizer, renderer))
    return counter


def find_long(counted: Iterable[tuple[int, Counted]], max_length: int) -> Iterator[Finding]:
    """What the counts show, row by row."""
    for row_id, row in counted:
        if row.problem:
            yield Finding(row_id, None, row.problem, "unreadable")
        if row.special:
            yield Finding(row_id, None, f"{row.special} (a special token of this model)", "special_tokens")
        if row.total > max_length:
            yield Finding(row_id, None, describe_cut(row, max_length), "too_long")


def describe_cut(row: Counted, max_length: int) -> str:
    """What is cut, and whether the answer survives."""
    cut, answer = row.total - max_length, row.total - row.prompt
    kept = max(0, max_length - row.prompt)
    what = f"{row.total:,} tokens, of which the last {cut:,} are cut"
    if kept == 0:
        return f"{what}: nothing of the answer is left"
    return f"{what}: {kept:,} of the {answer:,} tokens of the answer are left"
