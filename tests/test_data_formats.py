"""Which column plays which role, and rows as examples."""

import pytest

from studio.data.formats import detect_format, detect_mapping, to_example, why_untrainable
from studio.errors import DataError


def roles(columns, rows):
    return {column: kept.role for column, kept in detect_mapping(columns, rows).items()}


def text_rows(*columns, n=3):
    return [{column: f"{column} {number}" for column in columns} for number in range(n)]


KNOWN = {
    "alpaca": {"instruction": "instruction", "input": "input", "output": "output"},
    "dolly": {"instruction": "instruction", "context": "input", "response": "output", "category": "ignore"},
    "prompt/completion": {"prompt": "instruction", "completion": "output"},
    "question/answer": {"question": "instruction", "answer": "output"},
    "openorca": {"id": "ignore", "system_prompt": "system", "question": "instruction", "response": "output"},
    "gpt4all": {"prompt": "instruction", "response": "output", "source": "ignore"},
    "preference": {"prompt": "instruction", "chosen": "output", "rejected": "ignore"},
    "summary": {"article": "input", "highlights": "output", "id": "ignore"},
    "text only": {"text": "ignore"},
}
FOREIGN = {
    ("frage", "antwort"): ["instruction", "output"],
    ("Frage", "Antwort"): ["instruction", "output"],
    ("pregunta", "respuesta"): ["instruction", "output"],
    ("问题", "答案"): ["instruction", "output"],
    ("指令", "输入", "输出"): ["instruction", "input", "output"],
    ("Anweisung", "Eingabe", "Ausgabe"): ["instruction", "input", "output"],
    ("вопрос", "ответ"): ["instruction", "output"],
}
BY_NAME = {
    ("userQuestion", "botAnswer"): ["instruction", "output"],
    ("user_prompt", "model_response_text", "model", "model_name"): ["instruction", "output", "ignore", "ignore"],
    ("question_id", "question", "gold_answer", "answer_type"): ["ignore", "instruction", "output", "ignore"],
    ("system_prompt", "user_prompt", "target"): ["system", "instruction", "output"],
    ("contextual", "outputs_dir", "questionable"): ["ignore", "ignore", "ignore"],
    ("die Frage", "die Antwort", "Kontext"): ["instruction", "output", "input"],
    ("instruction", "input", "output", "response"): ["instruction", "input", "output", "ignore"],
    ("instruction", "question", "reply"): ["instruction", "input", "output"],
}


@pytest.mark.parametrize("family", KNOWN)
def test_known_column_sets(family):
    columns = list(KNOWN[family])
    assert detect_format(columns, text_rows(*columns)) == family
    assert roles(columns, text_rows(*columns)) == KNOWN[family]
    assert all(kept.reason and 0 < kept.confidence <= 1 for kept in detect_mapping(columns, text_rows()).values())


@pytest.mark.parametrize("columns", FOREIGN)
def test_names_in_other_languages(columns):
    assert list(roles(columns, text_rows(*columns)).values()) == FOREIGN[columns]
    assert detect_format(columns, text_rows(*columns)) == ("alpaca" if len(columns) == 3 else "question/answer")


@pytest.mark.parametrize("columns", BY_NAME)
def test_whole_words_in_names_never_parts(columns):
    assert list(roles(columns, text_rows(*columns)).values()) == BY_NAME[columns]


def test_the_shape_of_many_values_decides_never_the_first_row():
    turns = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
    rows = [{"talk": None, "output": "x"}] + [{"talk": turns, "output": "x"}] * 250
    assert detect_format(["talk", "output"], rows) == "sharegpt"
    assert roles(["talk", "output"], rows) == {"talk": "messages", "output": "ignore"}
    named_only = [{"messages": "hello", "reply": "x"}] * 250
    assert roles(["messages", "reply"], named_only)["messages"] == "ignore"


def test_messages_and_their_system_prompt():
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    rows = [{"id": 1, "system": "Be brief.", "messages": messages}] * 3
    assert detect_format(list(rows[0]), rows) == "messages"
    assert roles(list(rows[0]), rows) == {"id": "ignore", "system": "system", "messages": "messages"}


def test_confidence_falls_where_the_values_speak_against_it():
    sure = detect_mapping(["prompt", "completion"], [{"prompt": "a", "completion": "b"}] * 10)
    empty = detect_mapping(["prompt", "completion"], [{"prompt": "a", "completion": ""}] * 10)
    assert empty["completion"].confidence < sure["completion"].confidence
    assert "empty in 100% of the rows" in empty["completion"].reason


def test_statistics_come_last():
    rows = [{"a": f"What is {n}?", "b": f"It is {n}."} for n in range(40)]
    found = detect_mapping(["a", "b"], rows)
    assert {column: kept.role for column, kept in found.items()} == {"a": "instruction", "b": "output"}
    assert found["a"].confidence == 0.4
    assert roles(["a", "b"], text_rows("a", "b", n=40)) == {"a": "ignore", "b": "ignore"}


ALPACA = {"instruction": "instruction", "input": "input", "output": "output"}


def test_fields_become_an_example():
    example = to_example({"instruction": "Add", "input": "1, 2", "output": "3"}, ALPACA)
    assert example.turns == (
        {"role": "user", "content": "Add\n\n1, 2"},
        {"role": "assistant", "content": "3"},
    )
    assert (example.instruction, example.input, example.output) == ("Add", "1, 2", "3")


def test_columns_with_one_role_are_joined_and_values_written_as_json():
    mapping = {"a": "instruction", "b": "instruction", "c": "output", "d": "output", "s": "system", "x": "ignore"}
    values = {"a": "one", "b": None, "c": True, "d": {"é": [1, 2.5]}, "s": "Be brief.", "x": "unseen"}
    example = to_example(values, mapping)
    assert example.system == "Be brief."
    assert example.instruction == "one"
    assert example.output == 'true\n\n{"é": [1, 2.5]}'


TURNS = {
    "sharegpt": [
        {"from": "system", "value": "s"},
        {"from": "human", "value": "q"},
        {"from": "gpt", "value": "a"},
    ],
    "chatgpt": [
        {"from": "System", "value": "s"},
        {"from": "user", "value": "q"},
        {"from": "chatgpt", "value": "a"},
    ],
    "messages": [
        {"role": "developer", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "q"}]},
        {"role": "assistant", "content": "a", "thinking": "hm"},
    ],
    "json text": '[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"}]',
}


@pytest.mark.parametrize("kind", TURNS)
def test_conversations_are_normalised(kind):
    example = to_example({"talk": TURNS[kind]}, {"talk": "messages"})
    assert [(turn["role"], turn["content"]) for turn in example.turns] == [
        ("system", "s"),
        ("user", "q"),
        ("assistant", "a"),
    ]


def test_tool_turns_pairs_and_lists_of_texts():
    tool = [{"role": "user", "content": "q"}, {"role": "tool", "content": "t"}, {"from": "gpt", "value": "a"}]
    assert [turn["role"] for turn in to_example({"m": tool}, {"m": "messages"}).turns] == [
        "user",
        "tool",
        "assistant",
    ]
    pairs = to_example({"m": [{"input": "1", "output": "2"}, {"input": "3", "output": "4"}]}, {"m": "messages"})
    texts = to_example({"m": ["1", "2", "3", "4"]}, {"m": "messages"})
    assert pairs == texts
    assert texts.output == "4"


def test_prompt_and_completion_as_messages_follow_each_other():
    row = {"completion": [{"role": "assistant", "content": "a"}], "prompt": [{"role": "user", "content": "q"}]}
    found = roles(list(row), [row] * 3)
    assert found == {"completion": "messages", "prompt": "messages"}
    assert [turn["content"] for turn in to_example(row, found).turns] == ["q", "a"]


def test_a_mapping_without_an_answer_is_refused():
    with pytest.raises(DataError) as error:
        to_example({"foo": "x", "bar": "y"}, {"foo": "instruction", "bar": "ignore"})
    assert str(error.value) == (
        "No column holds the answer to learn: the columns are 'foo', 'bar'. Say which one does: "
        "set its role to 'output' in the Data tab, or pass --map output=COLUMN."
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([{"role": "narrator", "content": "x"}], "Turn 1 needs a role"),
        ([{"role": "user", "content": {"path": "/etc/passwd"}}], "content of turn 1 must be text; found dict"),
        ([{"role": "user", "content": [{"type": "image", "image": "x"}]}], "a part that is not text"),
        ([{"role": "assistant", "content": None, "tool_calls": [{}]}], "Turn 1 calls tools"),
        ([{"role": "user", "content": "x"}, 7], "Turn 2 must have a role and a content; found int"),
        ("[{oops", "text that is not valid JSON"),
        ("hello", "must be a list of turns; found str"),
    ],
)
def test_conversations_that_cannot_be_read(value, message):
    with pytest.raises(DataError, match=message):
        to_example({"m": value}, {"m": "messages"})


def test_why_a_row_cannot_be_learned():
    def why(turns):
        return why_untrainable(to_example({"m": turns}, {"m": "messages"}))

    user, answer = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
    assert why([]) == why(None) == "the conversation is empty"
    assert why([user]) == "no assistant turn"
    assert why([user, answer, user]) == "the last turn is not the assistant's"
    assert why([{"role": "system", "content": "s"}, answer]) == "the prompt is empty"
    assert why([user, answer]) is None
    assert why_untrainable(to_example({"instruction": "q", "output": " "}, ALPACA)) == "the answer is empty"
    assert why_untrainable(to_example({"instruction": "", "output": "a"}, ALPACA)) == "the prompt is empty"
