"""Answers that refuse, or begin with words that say nothing."""

import re

HEAD = 240
QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})
REFUSAL_PATTERNS = (
    r"\bas an? (?:ai|artificial intelligence)(?=[,.]| i\b| (?:language |chat )?(?:model|bot|assist))",
    r"\bas an? (?:large |helpful )?language model\b",
    r"\bi(?:'m| am) (?:just |only )?an ai\b",
    r"^(?:(?:i'm|i am|we're) )?(?:very |really |so |deeply )?sorry,?(?: but)?,? "
    r"(?:as an ai|i (?:can|could|do)(?:n.t|.t|not| not)|i am (?:not|un)|i'm (?:not able|un))",
    r"^i (?:can(?:'t|not| not)|am (?:unable|not able) to|won't|will not) (?:assist|help|fulfil|comply|provide|answer)",
    r"\bi apologi[sz]e,? but i\b",
    r"\bas of my (?:last|latest) (?:knowledge )?(?:update|training)|\bmy knowledge cut-?off\b",
    r"\bals (?:ki|künstliche intelligenz|(?:großes )?sprachmodell)\b|^(?:es )?tut mir leid,? (?:aber )?ich kann",
    r"\ben tant qu(?:e modèle de langage|'(?:ia|intelligence artificielle))|^(?:je suis )?désolée?,? (?:mais )?je ne",
    r"\bcomo (?:una? )?(?:modelo de (?:lenguaje|linguagem)|ia\b|inteligencia artificial)|^lo siento,? (?:pero )?no",
    r"作为(?:一个|一款|一名)?(?:人工智能|大?语言模型|ai)|^(?:很|非常)?抱歉[,，]?我(?:无法|不能)",
    r"как (?:языковая модель|ии\b)",
)
REFUSALS = re.compile("|".join(REFUSAL_PATTERNS), re.IGNORECASE)
OPENINGS = re.compile(
    r"(?:certainly|sure(?: thing)?|of course|absolutely|great question|good question|no problem"
    r"|(?:i'd be|i'm|i am) (?:happy|glad) to help(?: you)?(?: with that)?"
    r"|gerne|natürlich|selbstverständlich|bien sûr|certainement|claro(?: que sí)?|por supuesto|com certeza|certamente"
    r"|конечно|当然(?:可以)?|好的)(?:[!！.。:：]|[,，](?=\s*(?:here|i|let|below|hier|voici|aquí|以下))) *\n*(?=.)",
    re.IGNORECASE,
)


def find_stock_phrase(answer: str) -> str:
    """A refusal or a stock opening with which an answer begins, in words; "" if there is none."""
    head = answer.lstrip()[:HEAD].translate(QUOTES)
    refusal = REFUSALS.search(head)
    if refusal:
        return f"a refusal: '{refusal[0].strip()}'"
    opening = OPENINGS.match(head)
    return f"a stock opening: '{opening[0].strip()}'" if opening else ""


def cut_opening(answer: str) -> str:
    """The answer without its stock opening; as it is if nothing but that is in it, or it refuses."""
    text = answer.lstrip()
    opening = OPENINGS.match(text.translate(QUOTES))
    if not opening or not find_stock_phrase(answer).startswith("a stock"):
        return answer
    rest = text[opening.end() :]
    return rest[:1].upper() + rest[1:] if rest.strip() else answer
