"""The child that finds and replaces: patterns that users write may take endless time or memory, so they run here.

Started by studio/data/store/replacing.py as a script; Python alone, nothing of the studio. One JSON request a line on
stdin, one JSON reply a line on stdout. The first request is {"find", "replace", "regex", "ignore_case", "whole_words",
"columns": [positions] or null}; each further one is a list of rows, a row being the list of its cells. A reply is
{"error": [fault, how to mend it]} or {"rows": [null for a row that stays, else [cells changed, the row as JSON text]]}.
"""

import json
import re
import resource
import sys

MEMORY = 512 * 1024 * 1024
LARGEST_CELL = 20_000_000
# Keys inside a cell whose texts name things (who speaks, which kind) instead of saying something.
NAMES = {"role", "from", "type", "id", "name", "label", "tool_call_id"}


class Refusal(Exception):
    """Why nothing can be replaced, to go behind "Finding 'x' ", and how to mend it."""


def compile_pattern(asked):
    body = asked["find"] if asked["regex"] else re.escape(asked["find"])
    re.compile(body)  # alone, so that it cannot close the group around it
    whole = rf"(?<!\w)(?:{body})(?!\w)" if asked["whole_words"] else body
    pattern = re.compile(whole, re.IGNORECASE if asked["ignore_case"] else 0)
    if asked["regex"]:
        pattern.sub(asked["replace"], "")  # reads the text to put in, which may name groups
    return pattern


class Replacer:
    def __init__(self, asked):
        self.pattern = compile_pattern(asked)
        self.text, self.regex = asked["replace"], asked["regex"]
        self.columns = asked["columns"]

    def change_row(self, cells):
        positions = range(len(cells)) if self.columns is None else self.columns
        changed = {}
        for position in positions:
            after = self.change_cell(cells[position])
            if after != cells[position]:
                changed[position] = after
        if not changed:
            return None
        after = [changed.get(position, cell) for position, cell in enumerate(cells)]
        text = json.dumps(after, ensure_ascii=False, separators=(",", ":"))
        try:
            text.encode()
        except UnicodeEncodeError:
            half = "puts in half of a character (a lone surrogate), which cannot be stored"
            raise Refusal(half, "Put in whole characters.") from None
        return [len(changed), text]

    def change_cell(self, value):
        if isinstance(value, str):
            return self.change_text(value)
        if isinstance(value, list):
            return [self.change_cell(item) for item in value]
        if isinstance(value, dict):
            return {key: item if key in NAMES else self.change_cell(item) for key, item in value.items()}
        return value

    def change_text(self, text):
        if self.pattern.search(text) is None:
            return text
        pieces, end, length = [], 0, len(text)
        for match in self.pattern.finditer(text):
            put = match.expand(self.text) if self.regex else self.text
            pieces += (text[end : match.start()], put)
            end = match.end()
            length += len(put)
            if length > LARGEST_CELL:
                raise Refusal("makes a cell longer than 20 million characters", "Put in a shorter text.")
        return "".join([*pieces, text[end:]]) if pieces else text


def answer(replacer, request):
    """The reply to one request, and the replacer for the next."""
    try:
        if replacer is None:
            return {"rows": []}, Replacer(request)
        return {"rows": [replacer.change_row(cells) for cells in request]}, replacer
    except Refusal as refusal:
        return {"error": refusal.args}, replacer
    except (re.error, IndexError, OverflowError) as error:
        fault = f"is not possible, since it cannot be read as a regular expression ({error})"
        return {"error": [fault, "Mend it, or look for it as plain text."]}, replacer
    except (MemoryError, RecursionError):
        return {"error": ["takes too much memory", "Make it simpler, or choose fewer rows."]}, replacer


def main():
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    replacer = None
    for line in sys.stdin.buffer:
        reply, replacer = answer(replacer, json.loads(line))
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
