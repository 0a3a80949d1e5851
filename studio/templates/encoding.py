"""The one encoder: example + template + tokenizer -> token ids and loss mask.

The screen shows its result and the worker trains on its result. Two kinds of templates:

- One that reads `messages` is a chat template as transformers knows them. The prompt is the conversation without
  the answer, rendered with `add_generation_prompt`; the rest of the full rendering is trained (as TRL does for
  prompt-completion rows).
- One that reads `output` writes the answer where it wants it. The prompt is all text before that place.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from studio.errors import TemplateError
from studio.templates.example import Example
from studio.templates.rendering import Renderer
from studio.templates.tokenizer import Tokenizer

ANSWER_PLACE = "\ue000the answer stands here\ue001"
FIELDS = ("instruction", "input", "output", "system")
CHAT_NAMES = ("messages", "add_generation_prompt", "tools", "documents")
TOKEN_NAMES = ("bos_token", "eos_token", "pad_token")
CHUNK = 256


@dataclass(frozen=True)
class Template:
    """A template's name and its Jinja source."""

    name: str
    jinja: str


@dataclass(frozen=True)
class Prompt:
    """What the model is given to go on from."""

    text: str
    ids: list[int]


@dataclass(frozen=True)
class Stop:
    """What ends an answer: any of these token ids, or any of these texts."""

    ids: list[int]
    texts: list[str]


@dataclass(frozen=True)
class Encoded:
    """A row as the model will see it.

    `spans[i]` is the range of characters of `text` that token i stands for. Tokens from `max_length` on are cut.
    `method` says how the answer's first token was found: "prefix" (the prompt's tokens begin the row's tokens,
    verified), "boundary" (they would not, so prompt and answer are tokenised apart, as they are when the model
    answers), or "all" (every token is trained).
    """

    text: str
    ids: list[int]
    spans: list[tuple[int, int]]
    prompt_tokens: int
    max_length: int
    method: str

    def state(self, index: int) -> str:
        """trained | context | cut"""
        if index >= self.max_length:
            return "cut"
        return "trained" if self.method == "all" or index >= self.prompt_tokens else "context"

    def pieces(self) -> list[str]:
        """The text of each token. A character made of several tokens (an emoji, say) stands whole at its first."""
        pieces, end = [], 0
        for start, stop in self.spans:
            pieces.append(self.text[max(start, end) : stop])
            end = max(end, stop)
        return pieces

    def count(self, state: str) -> int:
        """How many tokens are in that state."""
        return sum(self.state(index) == state for index in range(len(self.ids)))

    def training_columns(self) -> dict[str, list[int]]:
        """input_ids and labels (-100: not trained), cut to max_length; what the trainer receives."""
        ids = self.ids[: self.max_length]
        labels = [id if self.state(index) == "trained" else -100 for index, id in enumerate(ids)]
        return {"input_ids": ids, "labels": labels}


def encode(example: Example, template: Template, tokenizer: Tokenizer, renderer: Renderer, **options) -> Encoded:
    """One row; options as in `encode_many`."""
    return next(encode_many([example], template, tokenizer, renderer, **options))


def encode_many(
    examples: Iterable[Example],
    template: Template,
    tokenizer: Tokenizer,
    renderer: Renderer,
    *,
    max_length: int = 1_048_576,
    train_on: str = "answer",
) -> Iterator[Encoded]:
    """Rows in order. TemplateError when the template cannot be rendered or writes no answer."""
    for chunk in chunks(examples, CHUNK):
        pairs = render_pairs(chunk, template, tokenizer, renderer)
        fulls = tokenizer.encode_many([full for _, full in pairs])
        prompts = tokenizer.encode_many([prompt for prompt, _ in pairs])
        for (prompt, full), (ids, spans), (prompt_ids, _) in zip(pairs, fulls, prompts, strict=True):
            method = "prefix"
            if ids[: len(prompt_ids)] != prompt_ids:
                ids, spans = encode_apart(prompt, full, tokenizer)
                method = "boundary"
            if train_on == "all":
                method = "all"
            yield Encoded(full, ids, spans, len(prompt_ids), max_length, method)


def encode_apart(prompt: str, full: str, tokenizer: Tokenizer) -> tuple[list[int], list[tuple[int, int]]]:
    """Prompt and answer tokenised each for itself."""
    (ids, spans), (more, more_spans) = tokenizer.encode(prompt), tokenizer.encode(full[len(prompt) :])
    shifted = [(start + len(prompt), end + len(prompt)) for start, end in more_spans]
    return ids + more, spans + shifted


def encode_prompt(example: Example, template: Template, tokenizer: Tokenizer, renderer: Renderer) -> Prompt:
    """The prompt alone, as a model is asked: whatever answer the example holds is left out."""
    if reads_output(template, renderer):
        job = fields_job(example, template, tokenizer)
        text = renderer.render(template.jinja, [job]).texts[0].partition(ANSWER_PLACE)[0]
        text = begin(text, tokenizer)
    else:
        text = renderer.render(template.jinja, [prompt_job(example, tokenizer)]).texts[0]
    return Prompt(text, tokenizer.encode(text)[0])


def stop_of(template: Template, tokenizer: Tokenizer, renderer: Renderer) -> Stop:
    """What ends an answer under this template: the eos tokens, and what the template writes after the answer."""
    turns = ({"role": "user", "content": "x"}, {"role": "assistant", "content": ANSWER_PLACE})
    [(_, full)] = render_pairs([Example(turns, instruction="x")], template, tokenizer, renderer)
    after = full.rpartition(ANSWER_PLACE)[2].strip()
    ids = tokenizer.encode(after)[0] if after else []
    if ids and not tokenizer.decode(ids[:1]):  # a special token: decoding skips it
        return Stop(list(dict.fromkeys([ids[0], *tokenizer.eos_ids])), [])
    return Stop(list(tokenizer.eos_ids), [after] if after else [])


def with_system(example: Example, system: str) -> Example:
    """The example with a system prompt, unless it has its own or `system` is empty."""
    if not system or example.system:
        return example
    return replace(example, turns=({"role": "system", "content": system}, *example.turns))


def render_pairs(
    examples: list[Example], template: Template, tokenizer: Tokenizer, renderer: Renderer
) -> list[tuple[str, str]]:
    """(prompt, prompt and answer) as text, for each example."""
    if reads_output(template, renderer):
        return render_fields(examples, template, tokenizer, renderer)
    return render_chats(examples, template, tokenizer, renderer)


def reads_output(template: Template, renderer: Renderer) -> bool:
    """Whether the template places {{ output }} itself; False for a chat template."""
    names = renderer.render(template.jinja, []).names
    if "output" in names:
        # A misspelt variable would render as nothing, unseen.
        unknown = [name for name in names if name not in FIELDS + CHAT_NAMES + TOKEN_NAMES]
        if unknown:
            raise TemplateError(
                f"The template {template.name} uses {', '.join(unknown)}, which no row has. "
                f"There are: {', '.join(FIELDS + TOKEN_NAMES)}."
            )
        return True
    if "messages" in names:
        return False
    raise TemplateError(
        f"The template {template.name} writes neither {{{{ output }}}} nor messages, so it holds no answer to "
        "learn. Write {{ output }} where the answer belongs."
    )


def variables(example: Example, tokenizer: Tokenizer) -> dict:
    """What every template can read."""
    tokens = {name: getattr(tokenizer, name) or "" for name in TOKEN_NAMES}
    return {**tokens, "messages": list(example.turns), "tools": None, "documents": None}


def prompt_job(example: Example, tokenizer: Tokenizer) -> dict:
    """The conversation before the answer, for a chat template."""
    given = variables(example, tokenizer)
    return {**given, "messages": list(example.prompt_turns), "add_generation_prompt": True}


def fields_job(example: Example, template: Template, tokenizer: Tokenizer) -> dict:
    """The fields, with a mark in the answer's place to find where it stands."""
    if sum(turn["role"] != "system" for turn in example.turns) > 2:
        raise TemplateError(
            f"The template {template.name} has one place for one answer, but this row is a conversation of "
            "several turns. Choose a chat template, such as the model's own or chatml."
        )
    fields = {"instruction": example.instruction, "input": example.input, "system": example.system}
    return {**variables(example, tokenizer), **fields, "output": ANSWER_PLACE}


def render_fields(
    examples: list[Example], template: Template, tokenizer: Tokenizer, renderer: Renderer
) -> list[tuple[str, str]]:
    """Each row twice: with the mark, and with its answer."""
    jobs = []
    for example in examples:
        marked = fields_job(example, template, tokenizer)
        jobs += [marked, {**marked, "output": example.output}]
    texts = renderer.render(template.jinja, jobs).texts
    pairs = []
    for marked, full in zip(texts[::2], texts[1::2], strict=True):
        prompt, found, after = marked.partition(ANSWER_PLACE)
        if not found or not full.startswith(prompt):
            raise TemplateError(
                f"The template {template.name} does not write {{{{ output }}}} as it is, so where the answer "
                "begins cannot be known. Write {{ output }} once, unchanged, after everything the model is shown."
            )
        # Where nothing follows the answer, eos does; else the model would never learn to stop (TRL does so too).
        end = "" if after.strip() else tokenizer.eos_token or ""
        pairs.append((begin(prompt, tokenizer), begin(full, tokenizer) + end))
    return pairs


def begin(text: str, tokenizer: Tokenizer) -> str:
    """The text with the bos token that the tokenizer would put before a bare text."""
    if tokenizer.adds_bos and not text.startswith(tokenizer.bos_token):
        return tokenizer.bos_token + text
    return text


def render_chats(
    examples: list[Example], template: Template, tokenizer: Tokenizer, renderer: Renderer
) -> list[tuple[str, str]]:
    """Each row twice: the conversation before the answer, and the whole."""
    jobs = []
    for example in examples:
        whole = {**variables(example, tokenizer), "add_generation_prompt": False}
        jobs += [prompt_job(example, tokenizer), whole]
    texts = renderer.render(template.jinja, jobs).texts
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    if not all(full.startswith(prompt) for prompt, full in pairs):
        raise TemplateError(
            f"The template {template.name} renders the prompt differently when the answer follows, so where "
            "the answer begins cannot be known. It must write the same text up to the answer either way."
        )
    return pairs


def chunks(items: Iterable, size: int) -> Iterator[list]:
    """Lists of at most `size` items."""
    chunk = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
