"""The form of a text: blocks left open, rows that ran together, tokens that are no text."""

import re

FENCE = re.compile(r"^[ \t]{0,3}(?:>[ \t]?)?(```+|~~~+)", re.MULTILINE)
THINKING = ("think", "thinking", "reasoning", "scratchpad")
HEADING = re.compile(
    r"^[ \t]*#{2,4}[ \t]*(?:instruction|input|response|human|user|assistant|question|answer)s?[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
ASKING = re.compile(r"^[ \t]*(?:human|user|instruction|prompt)[ \t]*:[ \t]*\S", re.IGNORECASE | re.MULTILINE)
ANSWERING = re.compile(r"^[ \t]*(?:assistant|response|ai|gpt|output|answer)[ \t]*:", re.IGNORECASE | re.MULTILINE)

# <|im_end|> and its like in any model's spelling; <s> and </s> where no HTML can be meant.
SPECIAL = re.compile(
    r"<\|[A-Za-z0-9_]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>|</?(?:start_of_turn|end_of_turn|start_of_image)>"
    r"|<(?:bos|eos|pad|unk|mask|extra_id_\d{1,3})>|\[/?INST\]|\[(?:CLS|SEP|PAD|MASK|gMASK)\]|<</?SYS>>|\A\s*<s>(?!(?s:.*)</s>\s*\S)|</s>\s*\Z"
)


def find_broken(text: str) -> list[str]:
    """What is broken in the form of a text, whichever side it stands on."""
    faults = ["a code block is not closed"] if has_open_fence(text) else []
    for tag in THINKING:
        opened, closed = text.count(f"<{tag}>"), text.count(f"</{tag}>")
        if opened != closed:
            missing = f"<{tag}> is not closed" if opened > closed else f"</{tag}> was never opened"
            faults.append(missing)
    return faults


def find_merged(answer: str) -> str:
    """Signs that an answer holds further rows, in words; "" if there are none."""
    heading = HEADING.search(answer)
    if heading:
        return f"the answer holds a heading of a template: '{heading[0].strip()}'"
    if ASKING.search(answer) and ANSWERING.search(answer):
        return "the answer holds another question and its answer"
    return ""


def has_open_fence(text: str) -> bool:
    """Whether a Markdown code block is opened and never closed (CommonMark 0.31, section 4.5)."""
    mark = ""
    for found in FENCE.finditer(text):
        fence = found[1]
        if not mark:
            mark = fence
        elif fence[0] == mark[0] and len(fence) >= len(mark):
            mark = ""
    return bool(mark)


def close_fence(text: str) -> str:
    """The text with its last code block closed."""
    if not has_open_fence(text):
        return text
    fence = [found[1] for found in FENCE.finditer(text)][-1]
    return f"{text.rstrip()}\n{fence}"


def find_special(text: str, more: frozenset[str] = frozenset()) -> list[str]:
    """Special tokens inside a text, each once; `more`: those of the tokenizer that is used."""
    found = [match[0].strip() for match in SPECIAL.finditer(text)]
    found += [token for token in more if token in text]
    return list(dict.fromkeys(found))


def remove_special(text: str, more: frozenset[str] = frozenset()) -> str:
    """The text without them."""
    text = SPECIAL.sub("", text)
    for token in more:
        text = text.replace(token, "")
    return text.strip() if text.strip() else text
