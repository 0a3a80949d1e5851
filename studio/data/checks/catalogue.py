"""The quality checks by name: what each is called, why it matters, how bad it is, what is proposed."""

from dataclasses import dataclass

from studio.errors import DataError

SEVERITIES = ("error", "warning", "hint")


@dataclass(frozen=True)
class Check:
    """One check. `why`: a plain sentence; `repair`: what is proposed for its rows."""

    name: str
    title: str
    severity: str
    why: str
    repair: str


DRAFT = "Mark the row as a draft, so that it stays out of training until somebody has read it"

CATALOGUE = (
    Check(
        "unreadable",
        "Rows that cannot be read",
        "error",
        "Such a row cannot be turned into a prompt and an answer, so a run leaves it out.",
        "Delete the row",
    ),
    Check(
        "empty_answer",
        "Empty answers",
        "error",
        "Without an answer there is nothing to learn, or the model learns to say nothing.",
        "Delete the row",
    ),
    Check(
        "empty_prompt",
        "Empty prompts",
        "error",
        "The model would learn to give this answer to no question at all.",
        "Delete the row",
    ),
    Check(
        "placeholder_input",
        "Placeholders as input",
        "warning",
        "A cell that says 'No input' or 'N/A' is learned as if it were something to work on.",
        "Empty the cell",
    ),
    Check(
        "placeholder_output",
        "Placeholders as answer",
        "error",
        "The model would learn to answer 'undefined' or 'N/A'.",
        "Delete the row",
    ),
    Check(
        "duplicate_rows",
        "Duplicate rows",
        "warning",
        "A row that stands there twice counts twice, and may be in the training and in the test.",
        "Delete the later copies",
    ),
    Check(
        "duplicate_prompts",
        "Prompts asked again",
        "hint",
        "The same prompt occurs again with another answer, so the model is shown both.",
        "Delete the later rows",
    ),
    Check(
        "near_duplicates",
        "Near duplicates",
        "warning",
        "Rows that differ in a few letters teach little new, and make a test look better than the model is.",
        "Delete all but the first",
    ),
    Check(
        "conflicting_answers",
        "Conflicting answers",
        "warning",
        "The same prompt has different answers; unless all of them are right, the model learns to guess.",
        "Keep one of the answers, or merge them",
    ),
    Check(
        "leakage",
        "Prompts in two splits",
        "error",
        "A prompt that is trained and tested shows what the model remembers, not what it can do.",
        "Give the rows the same split, where a column decides; else keep duplicates together in the split settings",
    ),
    Check(
        "too_long",
        "Too long for the context",
        "warning",
        "What lies beyond the maximum length is cut off; often that is the end of the answer, or all of it.",
        "Delete rows of which nothing would be learned; mark the others as drafts",
    ),
    Check(
        "language_mismatch",
        "Prompt and answer in different languages",
        "warning",
        "The model would learn to answer in another language than it was asked in.",
        DRAFT,
    ),
    Check(
        "personal_data",
        "Personal data",
        "error",
        "Models repeat what they were trained on: addresses, phone numbers and account numbers too.",
        "Put a word such as [EMAIL] in its place",
    ),
    Check(
        "secrets",
        "Passwords and keys",
        "error",
        "Models repeat what they were trained on: a key in a row is a key given away.",
        "Put [SECRET] in its place, and have the key replaced where it is used",
    ),
    Check(
        "encoding",
        "Damaged characters",
        "warning",
        "Letters garbled by a wrong encoding, invisible characters and HTML codes are learned and written again.",
        "Restore the letters where that is possible, and remove what cannot be seen",
    ),
    Check(
        "boilerplate",
        "Refusals and stock phrases",
        "warning",
        "Answers that refuse, or begin with 'As an AI' or 'Certainly!', make the model do so too.",
        "Cut a stock opening off; mark refusals as drafts",
    ),
    Check(
        "structure",
        "Broken structure",
        "warning",
        "Rows run together, code blocks left open, or an answer that repeats the prompt teach a wrong form.",
        "Close code blocks, delete answers that repeat the prompt, mark the others as drafts",
    ),
    Check(
        "label_balance",
        "Rare and misspelt labels",
        "hint",
        "A label with few rows is hardly learned, and one label written in two ways is learned as two.",
        "Write labels in their usual way; rare ones need more rows",
    ),
    Check(
        "outlying_length",
        "Unusual lengths",
        "hint",
        "A text very much longer or shorter than the others is often a mistake of copying or cutting.",
        DRAFT,
    ),
    Check(
        "special_tokens",
        "Special tokens in the text",
        "error",
        "Markers such as <|im_end|> inside a text are read as the end of the turn, not as text.",
        "Remove them",
    ),
)

CHECKS = tuple(check.name for check in CATALOGUE)


def find_check(name: str) -> Check:
    """DataError, naming those there are, for a check that there is not."""
    for check in CATALOGUE:
        if check.name == name:
            return check
    raise DataError(f"There is no check {name[:80]!r}. There are {', '.join(CHECKS)}.")
