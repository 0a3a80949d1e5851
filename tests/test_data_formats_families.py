"""Every family of datasets: what its columns are found to be, and what a row of it teaches."""

from dataclasses import dataclass, field

import pytest

from studio.data.formats import detect
from studio.data.roles.conversations import to_example, why_untrainable


@dataclass(frozen=True)
class Case:
    """Rows of a family; `roles`: those that are not ignore; what its first row teaches."""

    family: str
    rows: list[dict]
    roles: dict[str, str]
    prompt: str
    answer: str
    options: dict = field(default_factory=dict)


def repeat(row: dict, **more: list) -> list[dict]:
    """250 rows like this one, in which some columns take turns."""
    return [{**row, **{name: values[n % len(values)] for name, values in more.items()}} for n in range(250)]


QA = {"question": "instruction", "answer": "output"}
LETTERED = "A. Mercury\nB. Venus\nC. Mars"
PLANETS = ["Mercury", "Venus", "Mars"]
NEAREST = "Which planet is nearest to the Sun?"
SUN = {"question": NEAREST, "choices": PLANETS}
TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
ADA = ["Ada", "Lovelace", "was", "born", "in", "London", "."]
ADA_TAGS = ["B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"]
ENTITIES = "List the named entities (LOC, PER) in this text, one on each line, as TYPE: entity."

CASES = {
    "alpaca": Case(
        "alpaca",
        repeat({"instruction": "Add", "input": "1, 2", "output": "3", "text": "Below is ... ### Response:\n3"}),
        {"instruction": "instruction", "input": "input", "output": "output"},
        "Add\n\n1, 2",
        "3",
    ),
    "alpaca with history": Case(
        "alpaca",
        repeat({"instruction": "And 4?", "input": "", "output": "16", "history": [["2 squared?", "4"]]}),
        {"instruction": "instruction", "input": "input", "output": "output", "history": "messages"},
        "2 squared?|4|And 4?",
        "16",
    ),
    "dolly": Case(
        "dolly",
        repeat({"instruction": "Who?", "context": "Ann came [1].", "response": "Ann", "category": "closed_qa"}),
        {"instruction": "instruction", "context": "input", "response": "output"},
        "Who?\n\nAnn came [1].",
        "Ann",
    ),
    "sharegpt": Case(
        "sharegpt",
        repeat({"id": "x", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}),
        {"conversations": "messages"},
        "q",
        "a",
    ),
    "sharegpt in lists": Case(
        "sharegpt",
        repeat({"conversations": {"from": ["human", "gpt"], "value": ["q", "a"]}}),
        {"conversations": "messages"},
        "q",
        "a",
    ),
    "messages": Case("messages", repeat({"prompt": "q", "messages": TURNS}), {"messages": "messages"}, "q", "a"),
    "messages as text": Case(
        "messages",
        repeat({"messages": ' [ {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]'}),
        {"messages": "messages"},
        "q",
        "a",
    ),
    "singular": Case(
        "messages",
        repeat({"conversation": [{"input": "1", "output": "2"}, {"input": "3", "output": "4"}], "source": "s"}),
        {"conversation": "messages"},
        "1|2|3",
        "4",
    ),
    "list of strings": Case(
        "messages", repeat({"conversations": ["q", "a"], "source": "s"}), {"conversations": "messages"}, "q", "a"
    ),
    "prompt and completion": Case(
        "prompt/completion",
        repeat({"prompt": "The sky is", "completion": " blue"}),
        {"prompt": "instruction", "completion": "output"},
        "The sky is",
        " blue",
    ),
    "prompt and completion as messages": Case(
        "messages",
        repeat({"completion": TURNS[1:], "prompt": TURNS[:1]}),
        {"prompt": "messages", "completion": "messages"},
        "q",
        "a",
    ),
    "gpt4all": Case(
        "gpt4all",
        repeat({"prompt": "q", "response": "a", "source": "s"}),
        {"prompt": "instruction", "response": "output"},
        "q",
        "a",
    ),
    "openorca": Case(
        "openorca",
        repeat({"id": "1", "system_prompt": "Be brief.", "question": "q", "response": "a"}),
        {"system_prompt": "system", "question": "instruction", "response": "output"},
        "Be brief.|q",
        "a",
    ),
    "question and answer": Case(
        "question/answer",
        repeat({"question": "48 / 2?", "answer": "<<48/2=24>>24\n#### 24"}),
        QA,
        "48 / 2?",
        "<<48/2=24>>24\n#### 24",
    ),
    "problem and solution": Case(
        "question/answer",
        repeat({"problem": "p", "level": "5", "type": "Algebra", "solution": "s"}),
        {"problem": "instruction", "solution": "output"},
        "p",
        "s",
    ),
    "several right answers": Case(
        "question/answer",
        repeat({"question": "Who?", "answer": ["Ann Lee", "Ann"]}),
        QA,
        "Who?",
        "Ann Lee",
        {"several": ["answer"]},
    ),
    "choices by number": Case(
        "choices",
        repeat({**SUN, "subject": "astronomy"}, answer=[0, 1, 2]),
        {"question": "instruction", "choices": "choices", "answer": "output"},
        f"{NEAREST}\n\n{LETTERED}",
        "A. Mercury",
    ),
    "choices by letter, with a text": Case(
        "choices",
        repeat({"article": "Long ago.", "question": NEAREST, "options": PLANETS, "answer": "C"}),
        {"article": "input", "question": "instruction", "options": "choices", "answer": "output"},
        f"{NEAREST}\n\nLong ago.\n\n{LETTERED}",
        "C. Mars",
    ),
    "choices with keys of their own": Case(
        "choices",
        repeat({"question": NEAREST, "choices": {"text": PLANETS, "label": ["1", "2", "3"]}, "answerKey": "2"}),
        {"question": "instruction", "choices": "choices", "answerKey": "output"},
        f"{NEAREST}\n\n{LETTERED}",
        "B. Venus",
    ),
    "choices counted from 1": Case(
        "choices",
        repeat({"sentence": "_ is hot.", "option1": "Ice", "option2": "Fire"}, answer=["2", "1"]),
        {"sentence": "input", "option1": "choices", "option2": "choices", "answer": "output"},
        "Which choice fits the blank?\n\n_ is hot.\n\nA. Ice\nB. Fire",
        "B. Fire",
        {"instruction": "Which choice fits the blank?", "first_choice": 1},
    ),
    "wrong answers in columns": Case(
        "choices",
        repeat(
            {
                "question": "q",
                "distractor1": "Venus",
                "distractor2": "Earth",
                "distractor3": "Io",
                "correct_answer": "Mars",
                "support": "",
            }
        ),
        {
            "question": "instruction",
            "distractor1": "choices",
            "distractor2": "choices",
            "distractor3": "choices",
            "correct_answer": "output",
        },
        "q\n\nA. Earth\nB. Io\nC. Mars\nD. Venus",
        "C. Mars",
    ),
    "reading": Case(
        "reading",
        repeat(
            {
                "id": "1",
                "title": "t",
                "context": "Ann came.",
                "question": "Who came?",
                "answers": {"text": ["Ann", "Ann Lee"], "answer_start": [0, 0]},
            }
        ),
        {"context": "input", "question": "instruction", "answers": "output"},
        "Who came?\n\nAnn came.",
        "Ann",
    ),
    "reading with yes and no": Case(
        "reading",
        repeat({"question": "is it hot", "passage": "It is hot."}, answer=[True, False]),
        {"question": "instruction", "passage": "input", "answer": "label"},
        "is it hot\n\nIt is hot.",
        "yes",
        {"labels": {"answer": {"true": "yes", "false": "no"}}},
    ),
    "input and target": Case(
        "input/target",
        repeat({"kind": "NLI", "input": "问", "target": "答"}),
        {"input": "instruction", "target": "output"},
        "问",
        "答",
    ),
    "summaries": Case(
        "summary",
        repeat({"id": "1", "article": "A long story.", "highlights": "Short."}),
        {"article": "input", "highlights": "output"},
        "Summarize this text.\n\nA long story.",
        "Short.",
        {"instruction": "Summarize this text."},
    ),
    "content that is summarized": Case(
        "content/summary",
        repeat({"content": "A long story. " * 9, "summary": "Short."}),
        {"content": "input", "summary": "output"},
        "Summarize this text.\n\n" + "A long story. " * 9,
        "Short.",
        {"instruction": "Summarize this text."},
    ),
    "content that asks": Case(
        "content/summary",
        repeat({"content": "类型#裤*版型#宽松", "summary": "宽松的版型让这条裤子穿起来很舒适，也不挑身材。"}),
        {"content": "instruction", "summary": "output"},
        "类型#裤*版型#宽松",
        "宽松的版型让这条裤子穿起来很舒适，也不挑身材。",
    ),
    "prompt and text": Case(
        "prompt/text",
        repeat({"prompt": "Write.", "text": "Once upon a time.", "seed_data": "web"}),
        {"prompt": "instruction", "text": "output"},
        "Write.",
        "Once upon a time.",
    ),
    "one string": Case(
        "one string",
        repeat({"text": "### Human: Hi### Assistant: Hello.### Human: More### Assistant: No."}),
        {"text": "messages"},
        "Hi|Hello.|More",
        "No.",
    ),
    "preference": Case(
        "preference",
        repeat({"prompt": "q", "chosen": "good", "rejected": "bad"}),
        {"prompt": "instruction", "chosen": "output"},
        "q",
        "good",
    ),
    "preference in conversations": Case(
        "preference",
        repeat({"prompt": "q", "chosen": TURNS, "rejected": [TURNS[0], {"role": "assistant", "content": "b"}]}),
        {"chosen": "messages"},
        "q",
        "a",
    ),
    "preference between answers": Case(
        "preference",
        repeat({"prompt": "q", "chosen": TURNS[1:], "rejected": [{"role": "assistant", "content": "b"}]}),
        {"prompt": "instruction", "chosen": "messages"},
        "q",
        "a",
    ),
    "preference in one string": Case(
        "preference",
        repeat({"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"}),
        {"chosen": "messages"},
        "q",
        "a",
    ),
    "labels by name": Case(
        "classification",
        repeat({"text": "It rained."}, label=["bad", "good"]),
        {"text": "input", "label": "label"},
        "Classify this text. Answer with one of: bad, good.\n\nIt rained.",
        "bad",
        {"instruction": "Classify this text. Answer with one of: bad, good."},
    ),
    "labels by number": Case(
        "classification",
        repeat({"sentence": "It rained."}, label=[1, 0, -1]),
        {"sentence": "input", "label": "label"},
        "Classify this text and answer with its label alone.\n\nIt rained.",
        "1",
        {"instruction": "Classify this text and answer with its label alone."},
    ),
    "inference": Case(
        "classification",
        repeat({"premise": "It rains.", "hypothesis": "It is wet."}, label=["yes", "no"]),
        {"premise": "input", "hypothesis": "input", "label": "label"},
        "Does the hypothesis follow from the premise? Answer with one of: no, yes.\n\n"
        "Premise: It rains.\n\nHypothesis: It is wet.",
        "yes",
        {"instruction": "Does the hypothesis follow from the premise? Answer with one of: no, yes."},
    ),
    "labels that bring their names": Case(
        "classification",
        repeat({"text": "It rained.", "label": 0, "label_text": "weather"}, label_text=["weather", "sport"]),
        {"text": "input", "label_text": "label"},
        "Classify this text. Answer with one of: sport, weather.\n\nIt rained.",
        "weather",
        {"instruction": "Classify this text. Answer with one of: sport, weather."},
    ),
    "labels that name tells": Case(
        "classification",
        repeat({"review_body": "Fine."}, product_sentiment=["good", "bad"]),
        {"review_body": "input", "product_sentiment": "label"},
        "Classify this text. Answer with one of: bad, good.\n\nFine.",
        "good",
        {"instruction": "Classify this text. Answer with one of: bad, good."},
    ),
    "entities": Case(
        "entities",
        repeat({"id": "1", "tokens": ADA, "tags": ADA_TAGS, "split": "train"}, split=["train", "test"]),
        {"tokens": "tokens", "tags": "tags", "split": "split"},
        f"{ENTITIES}\n\nAda Lovelace was born in London.",
        "PER: Ada Lovelace\nLOC: London",
        {"instruction": ENTITIES},
    ),
    "entities as in CoNLL": Case(
        "entities",
        repeat(
            {
                "id": "0",
                "tokens": ADA,
                "pos_tags": [22, 22, 38, 40, 15, 22, 7],
                "chunk_tags": [11, 12, 21, 22, 13, 11, 0],
                "ner_tags": [1, 2, 0, 0, 0, 5, 0],
            }
        ),
        {"tokens": "tokens", "ner_tags": "tags"},
        f"{ENTITIES}\n\nAda Lovelace was born in London.",
        "PER: Ada Lovelace\nLOC: London",
    ),
    "translation": Case(
        "translation",
        repeat({"id": "1", "translation": {"de": "Hallo", "en": "Hello"}}),
        {"translation": "translation"},
        "Translate this text from German into English.\n\nHallo",
        "Hello",
        {"direction": ["de", "en"]},
    ),
    "translation in columns": Case(
        "translation",
        repeat({"id": "x", "English": "Hello", "French": "Bonjour"}),
        {"English": "input", "French": "output"},
        "Translate this text from English into French.\n\nHello",
        "Bonjour",
        {"instruction": "Translate this text from English into French."},
    ),
    "foreign names": Case(
        "reading",
        repeat({"kontext": "Anna kam.", "frage": "Wer?", "antwort": "Anna"}),
        {"kontext": "input", "frage": "instruction", "antwort": "output"},
        "Wer?\n\nAnna kam.",
        "Anna",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_family_is_found_and_read(name):
    case = CASES[name]
    found = detect(list(case.rows[0]), case.rows)
    assert found.family == case.family
    assert {column: role for column, role in found.roles.items() if role != "ignore"} == case.roles
    assert all(kept.reason and 0 < kept.confidence <= 1 for kept in found.columns.values())
    if name != "entities as in CoNLL":  # whose nine names are told below
        assert found.options.to_json() == case.options
    example = to_example(case.rows[0], found.roles)
    assert "|".join(turn["content"] for turn in example.prompt_turns) == case.prompt
    assert example.output == case.answer
    assert why_untrainable(example) is None


IGNORED = {
    "text only": ({"text": "Once upon a time."}, "text alone cannot be trained on yet"),
    "text with details": ({"text": "Once.", "timestamp": "2020", "url": "x"}, "text alone cannot be trained on yet"),
    "tree": ({"message_id": "1", "parent_id": None, "text": "q", "role": "prompter"}, "threads cannot be put together"),
}


@pytest.mark.parametrize("name", IGNORED)
def test_what_cannot_be_learned_yet_says_so(name):
    row, reason = IGNORED[name]
    found = detect(list(row), repeat(row))
    assert found.family == name.replace(" with details", " only")
    assert set(found.roles.values()) == {"ignore"}
    assert any(reason in kept.reason for kept in found.columns.values())


def test_the_names_of_conll_and_of_the_file():
    found = detect(list(CASES["entities as in CoNLL"].rows[0]), CASES["entities as in CoNLL"].rows)
    assert found.options.labels["ner_tags"]["1"] == "B-PER"
    assert "CoNLL 2003" in found.columns["ner_tags"].reason
    rows = repeat({"text": "It rained."}, label=[0, 1, -1])
    found = detect(["text", "label"], rows, {"label": ["bad", "good"], "text": []})
    assert found.options.labels == {"label": {"0": "bad", "1": "good"}}
    assert found.options.instruction == "Classify this text. Answer with one of: bad, good."
    assert "the file names what its numbers mean" in found.columns["label"].reason
    assert [to_example(row, found.roles).output for row in rows[:2]] == ["bad", "good"]
    assert why_untrainable(to_example(rows[2], found.roles)) == "the label is -1, which stands for no label"
    unnamed = detect(["text", "label"], rows)
    assert "its values are numbers (-1, 0, 1), which can be given names" in unnamed.columns["label"].reason


def test_preference_says_which_answer_is_learned():
    for name in ("preference", "preference in conversations", "preference in one string"):
        rows = CASES[name].rows
        assert "the better of two answers is learned" in detect(list(rows[0]), rows).columns["chosen"].reason


def test_a_label_that_never_comes_again_is_an_answer():
    rows = [{"text": f"Text {n}", "label": f"A long answer of its own, number {n}"} for n in range(250)]
    found = detect(["text", "label"], rows)
    assert found.roles == {"text": "input", "label": "output"}
    assert found.options.instruction == ""


def test_rare_labels_are_named_too():
    rows = repeat({"text": "x"}, label=["a", "b"]) * 20
    rows[1001] = {"text": "x", "label": "rare"}
    assert detect(["text", "label"], rows).options.instruction.endswith("one of: a, b, rare.")


def test_statistics_find_labels_that_no_name_tells():
    rows = [{"a": f"A remark of some length, number {n}", "b": ("good", "bad")[n % 2]} for n in range(40)]
    found = detect(["a", "b"], rows)
    assert (found.family, found.roles) == ("classification", {"a": "input", "b": "label"})
    assert {kept.confidence for kept in found.columns.values()} == {0.4}


def test_an_input_that_the_family_does_not_know_is_kept():
    rows = repeat({"question": "q", "answer": "a", "document": "d", "license": "x"})
    assert detect(list(rows[0]), rows).roles == {**QA, "document": "input", "license": "ignore"}


def test_lists_that_only_look_alike_prove_nothing():
    tests = [{"input": "1", "output": "2"}]
    rows = repeat({"question": "Double it.", "solution": "2 * n", "tests": tests})
    assert detect(list(rows[0]), rows).roles == {"question": "instruction", "solution": "output", "tests": "ignore"}
    rows = repeat({"question": "q", "options": PLANETS, "scores": [3, 1, 2], "answer": "A"})
    found = detect(list(rows[0]), rows)
    assert (found.family, found.roles["options"], found.roles["scores"]) == ("choices", "choices", "ignore")


def test_a_few_rows_are_enough_for_labels():
    rows = [{"text": "x", "label": "good"}, {"text": "y", "label": "bad"}, {"text": "z", "label": "fair"}]
    assert detect(["text", "label"], rows).roles == {"text": "input", "label": "label"}
