"""What is known about datasets in the wild: their column sets, and what column names mean in several languages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """Columns that must be there with their roles, and columns that may be; None: left out of training."""

    name: str
    required: dict[str, str]
    optional: dict[str, str]


META = {"id": "ignore", "source": "ignore", "category": "ignore"}
EXTRA = {**META, "system": "system", "system_prompt": "system"}

FAMILIES = (
    Family(
        "alpaca",
        {"instruction": "instruction", "input": "input", "output": "output"},
        {**EXTRA, "history": "ignore", "text": "ignore"},
    ),
    Family(
        "dolly",
        {"instruction": "instruction", "context": "input", "response": "output"},
        {**EXTRA},
    ),
    Family(
        "openorca",
        {"system_prompt": "system", "question": "instruction", "response": "output"},
        META,
    ),
    Family(
        "preference",
        {"prompt": "instruction", "chosen": "output", "rejected": "ignore"},
        {**EXTRA, "score_chosen": "ignore", "score_rejected": "ignore"},
    ),
    Family("gpt4all", {"prompt": "instruction", "response": "output", "source": "ignore"}, EXTRA),
    Family("prompt/completion", {"prompt": "instruction", "completion": "output"}, EXTRA),
    Family("prompt/response", {"prompt": "instruction", "response": "output"}, EXTRA),
    Family("alpaca", {"instruction": "instruction", "output": "output"}, EXTRA),
    Family("instruction/response", {"instruction": "instruction", "response": "output"}, EXTRA),
    Family("reading", {"context": "input", "question": "instruction", "answer": "output"}, {"title": "ignore"}),
    Family("question/answer", {"question": "instruction", "answer": "output"}, EXTRA),
    Family("question/answer", {"query": "instruction", "response": "output"}, {**EXTRA, "type": "ignore"}),
    Family("question/answer", {"problem": "instruction", "solution": "output"}, EXTRA),
    Family("input/target", {"input": "instruction", "target": "output"}, {**EXTRA, "kind": "ignore"}),
    Family("input/output", {"input": "instruction", "output": "output"}, EXTRA),
    Family("summary", {"article": "instruction", "highlights": "output"}, META),
    Family("summary", {"dialogue": "instruction", "summary": "output"}, META),
    Family("summary", {"document": "instruction", "summary": "output"}, META),
    Family("content/summary", {"content": "instruction", "summary": "output"}, META),
    Family("prompt/text", {"prompt": "instruction", "text": "output"}, META),
)

TEXT_ONLY = ({"text"}, {"content"})

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
    "summary": "zusammenfassung resumen résumé resume riassunto resumo 摘要 总结 要約 요약",
    "system": "系统 系統 システム",
}
WORDS = {foreign: english for english, words in TRANSLATED.items() for foreign in words.split()}

ROLE_WORDS = {
    "system": "system",
    "output": "output response answer completion target reply solution summary chosen assistant",
    "instruction": "instruction prompt question query problem task request user",
    "input": "input context passage document article paragraph",
}
ROLE_OF_WORD = {word: role for role, words in ROLE_WORDS.items() for word in words.split()}
ROLE_ORDER = tuple(ROLE_WORDS)  # "system_prompt" is a system prompt, "input_question" a question

# A name with one of these words is about the text, not the text: "question_id", "answer_type", "prompt_length".
ABOUT_WORDS = """
    id ids idx index type kind category tag tags label length len count num number tokens score rank rating source url
    link date time timestamp lang language name author license licence hash split difficulty rejected level version
    metadata meta
"""
ABOUT = frozenset(ABOUT_WORDS.split())
