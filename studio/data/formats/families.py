"""What is known about datasets in the wild: their column sets, and what column names mean in several languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Family:
    """Columns that must be there with their roles, and columns that may be."""

    name: str
    required: dict[str, str]
    optional: dict[str, str]
    instruction: str = ""
    """Asked in every row where no column asks"""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The names of integer labels, where a column set tells them"""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What to say about a column beside its role"""


META = dict.fromkeys(("id", "idx", "source", "category", "url", "title", "split"), "ignore")
EXTRA = {**META, "system": "system", "system_prompt": "system"}
READING = {**META, "is_impossible": "ignore", "type": "ignore", "level": "ignore"}
CHOSEN = {"chosen": "the better of two answers is learned, the other is left out"}
RATED = {**EXTRA, "score_chosen": "ignore", "score_rejected": "ignore", "margin": "ignore", "messages": "ignore"}

SUMMARIZE = "Summarize this text."
SUMMARIZE_TALK = "Summarize this conversation."
FOLLOWS = "Does the hypothesis follow from the premise?"
BLANK = "Which choice fits the blank?"

PROMPTED = (
    Family(
        "alpaca",
        {"instruction": "instruction", "input": "input", "output": "output"},
        {**EXTRA, "history": "ignore", "text": "ignore", "prompt": "ignore"},
    ),
    Family("dolly", {"instruction": "instruction", "context": "input", "response": "output"}, EXTRA),
    Family("openorca", {"system_prompt": "system", "question": "instruction", "response": "output"}, META),
    Family("preference", {"prompt": "instruction", "chosen": "output", "rejected": "ignore"}, RATED, notes=CHOSEN),
    Family("preference", {"question": "instruction", "chosen": "output", "rejected": "ignore"}, RATED, notes=CHOSEN),
    Family("preference", {"instruction": "instruction", "chosen": "output", "rejected": "ignore"}, RATED, notes=CHOSEN),
    Family("gpt4all", {"prompt": "instruction", "response": "output", "source": "ignore"}, EXTRA),
    Family("prompt/completion", {"prompt": "instruction", "completion": "output"}, EXTRA),
    Family("prompt/response", {"prompt": "instruction", "response": "output"}, EXTRA),
    Family("alpaca", {"instruction": "instruction", "output": "output"}, {**EXTRA, "history": "ignore"}),
    Family("instruction/response", {"instruction": "instruction", "response": "output"}, EXTRA),
    Family("input/target", {"input": "instruction", "target": "output"}, {**EXTRA, "kind": "ignore"}),
    Family("input/output", {"input": "instruction", "output": "output"}, EXTRA),
    Family("prompt/text", {"prompt": "instruction", "text": "output"}, META),
)

CHOICES = (
    Family("choices", {"question": "instruction", "choices": "choices", "answer": "output"}, META),
    Family("choices", {"question": "instruction", "choices": "choices", "answerkey": "output"}, META),
    Family("choices", {"question_stem": "instruction", "choices": "choices", "answerkey": "output"}, META),
    Family(
        "choices", {"question": "instruction", "options": "choices", "answer": "output"}, {**META, "article": "input"}
    ),
    Family(
        "choices",
        {"context": "input", "query": "instruction", "options": "choices", "correct_option": "output"},
        META,
    ),
    Family(
        "choices",
        {
            "question": "instruction",
            "distractor1": "choices",
            "distractor2": "choices",
            "distractor3": "choices",
            "correct_answer": "output",
        },
        {**META, "support": "ignore"},
    ),
    Family(
        "choices",
        {
            "question": "instruction",
            "opa": "choices",
            "opb": "choices",
            "opc": "choices",
            "opd": "choices",
            "cop": "output",
        },
        {**META, "exp": "ignore", "choice_type": "ignore"},
    ),
    Family(
        "choices",
        {
            "context": "input",
            "question": "instruction",
            "answera": "choices",
            "answerb": "choices",
            "answerc": "choices",
            "label": "output",
        },
        META,
    ),
    Family("choices", {"ctx": "input", "endings": "choices", "label": "output"}, META, "Which ending fits best?"),
    Family("choices", {"goal": "instruction", "sol1": "choices", "sol2": "choices", "label": "output"}, META),
    Family(
        "choices", {"sentence": "input", "option1": "choices", "option2": "choices", "answer": "output"}, META, BLANK
    ),
)

ANSWERED = (
    Family("reading", {"context": "input", "question": "instruction", "answers": "output"}, READING),
    Family("reading", {"context": "input", "question": "instruction", "answer": "output"}, READING),
    Family("reading", {"passage": "input", "question": "instruction", "answer": "output"}, READING),
    Family("question/answer", {"question": "instruction", "answer": "output"}, EXTRA),
    Family("question/answer", {"question": "instruction", "answers": "output"}, EXTRA),
    Family("question/answer", {"query": "instruction", "response": "output"}, {**EXTRA, "type": "ignore"}),
    Family("question/answer", {"query": "instruction", "answer": "output"}, EXTRA),
    Family("question/answer", {"problem": "instruction", "solution": "output"}, {**EXTRA, "answer": "ignore"}),
    Family("summary", {"article": "input", "highlights": "output"}, META, SUMMARIZE),
    Family("summary", {"article": "input", "summary": "output"}, META, SUMMARIZE),
    Family("summary", {"dialogue": "input", "summary": "output"}, META, SUMMARIZE_TALK),
    Family("summary", {"document": "input", "summary": "output"}, META, SUMMARIZE),
    Family("summary", {"text": "input", "summary": "output"}, META, SUMMARIZE),
    Family("content/summary", {"content": "input", "summary": "output"}, META, SUMMARIZE),
)

CLASSIFIED = (
    Family("classification", {"text": "input", "label_text": "label"}, {**META, "label": "ignore"}),
    Family("classification", {"text": "input", "label": "label"}, META),
    Family("classification", {"text": "input", "labels": "label"}, META),
    Family("classification", {"sentence": "input", "label": "label"}, META),
    Family("classification", {"premise": "input", "hypothesis": "input", "label": "label"}, META, FOLLOWS),
    Family("classification", {"sentence1": "input", "sentence2": "input", "label": "label"}, META),
    Family("classification", {"question1": "input", "question2": "input", "label": "label"}, META),
    Family("classification", {"title": "input", "content": "input", "label": "label"}, META),
    Family("classification", {"review": "input", "sentiment": "label"}, META),
    Family("classification", {"text": "input", "sentiment": "label"}, META),
    Family("classification", {"text": "input", "intent": "label"}, META),
)

CONLL_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC")
TAGGED = Family(
    "entities",
    {"tokens": "tokens", "pos_tags": "ignore", "chunk_tags": "ignore", "ner_tags": "tags"},
    META,
    labels={"ner_tags": CONLL_TAGS},
)
TREE = frozenset({"message_id", "parent_id", "text", "role"})

FAMILIES = (*PROMPTED, *CHOICES, *ANSWERED, *CLASSIFIED)
TEXT_ONLY = ("text", "content")

# Columns that hold whole conversations, best first; the names alone prove nothing, the values must agree.
CONVERSATIONS = ("messages", "conversations", "conversation", "chosen", "completion")

TRANSLATED = {
    "instruction": "anweisung aufgabe instrucción instruccion instrução istruzione consigne 指令 指示 инструкция 지시",
    "question": "frage pregunta domanda pergunta вопрос 问题 問題 提问 質問 질문 سؤال",
    "prompt": "提示 提示词 промпт eingabeaufforderung",
    "input": "eingabe entrada entrée entree ingresso 输入 輸入 入力 ввод 입력",
    "context": "kontext contexto contexte contesto контекст 上下文 背景 文脈 맥락",
    "output": "ausgabe salida sortie saída saida 输出 輸出 出力 вывод 출력",
    "answer": "antwort respuesta réponse reponse risposta resposta ответ 答案 回答 答え 답변 답 إجابة جواب",
    "response": "回复 回覆 応答 응답",
    "text": "texto texte testo текст 文本 テキスト 텍스트",
    "label": "etikett etiqueta étiquette etichetta метка 标签 ラベル 라벨",
    "summary": "zusammenfassung resumen résumé resume riassunto resumo 摘要 总结 要約 요약",
    "system": "系统 系統 システム",
}
WORDS = {foreign: english for english, words in TRANSLATED.items() for foreign in words.split()}

ROLE_WORDS = {
    "system": "system",
    "output": "output response answer completion target reply solution summary highlights chosen assistant",
    "instruction": "instruction prompt question query problem task request user",
    "input": "input context passage document article paragraph",
}
ROLE_OF_WORD = {word: role for role, words in ROLE_WORDS.items() for word in words.split()}
ROLE_ORDER = tuple(ROLE_WORDS)  # "system_prompt" is a system prompt, "input_question" a question

# Words for labels, and for the texts that bear them; weak ones count only where no column is the answer otherwise.
LABELLING = """
    label labels class classes sentiment emotion intent polarity stance verdict
    / category topic type genre tag rating stars score grade
    / text sentence content review comment tweet post body message headline email utterance
"""
LABEL_WORDS, WEAK_LABEL_WORDS, TEXT_WORDS = (frozenset(words.split()) for words in LABELLING.split("/"))
SUMMARY_WORDS = frozenset({"summary", "highlights", "abstract", "tldr"})

# A name with one of these words is about the text, not the text: "question_id", "answer_type", "prompt_length".
ABOUT_WORDS = """
    id ids idx index type kind category tag tags label length len count num number tokens score rank rating source url
    link date time timestamp lang language name author license licence hash split difficulty rejected level version
    metadata meta
"""
ABOUT = frozenset(ABOUT_WORDS.split())
