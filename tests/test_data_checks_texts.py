"""What the checks see in a text: personal data, secrets, damage, phrases, structure, languages."""

import pytest

from studio.data.checks.damage import repair_damage
from studio.data.checks.keys import find_secrets
from studio.data.checks.languages import detect_language
from studio.data.checks.personal import find_personal
from studio.data.checks.phrases import cut_opening
from studio.data.checks.spots import list_kinds, mask_spots
from studio.data.checks.structure import close_fence, find_special, remove_special
from tests.test_data_checks import check, details

BELL = chr(7)

# Personal data and secrets


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to ann.lee+x@shop.example.co.uk, please", "Write to [EMAIL], please"),
        ("Ring (212) 736-5000 or +49 30 901820.", "Ring [PHONE] or [PHONE]."),
        ("My phone is 2127365000", "My phone is [PHONE]"),
        ("Card 4111 1111 1111 1111 it is", "Card [CARD] it is"),
        ("IBAN DE89 3704 0044 0532 0130 00 here", "IBAN [IBAN] here"),
    ],
)
def test_personal_data_is_found_and_masked(text, masked):
    assert mask_spots(text, find_personal(text, "en")) == masked
    assert check(("q", text, "a")) == {"personal_data": [1]}


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # the check digit is wrong
        "DE89 3704 0044 0532 0130 01",
        "on 2024-03-15 10:30 at 192.168.100.200, order 34426, version 1.20.300.4000",
        "2127365000 items",  # nothing says that it is a phone number
        "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10] and 3.14159265358979",
        "ISBN 978-3-16-148410-0, 05/12/2023",
        "import os @dataclass me@home",
    ],
)
def test_numbers_are_not_all_personal(text):
    assert find_personal(text, "en") == []


def test_a_national_number_is_found_in_its_language():
    assert list_kinds(find_personal("Rufen Sie 0170 1234567 an", "de")) == "phone number"
    assert find_personal("Rufen Sie 0170 1234567 an", "en") == []


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("token ghp_16C7e42F292c6912E7710c838347Ae178B4a!", "token [SECRET]!"),
        ("a\nkey AKIAIOSFODNN7EXAMPLE z", "a\nkey [SECRET] z"),
        ("hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "[SECRET]"),
        ("https://bob:s3cr3tpw@host.org/x", "https://bob:[SECRET]@host.org/x"),
        ("My password is Sommer2024!", "My password is [SECRET]"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEabc\n-----END PRIVATE KEY-----\nBye", "[SECRET]\nBye"),
    ],
)
def test_secrets_are_found_and_masked(text, masked):
    assert mask_spots(text, find_secrets(text)) == masked
    assert check(("q", "", text)) == {"secrets": [1]}


@pytest.mark.parametrize(
    "text",
    [
        'password = "root"',
        "password = generate_password(8)",
        "The password is long enough",
        "x = 'secret'",
        "tokens: 512",
    ],
)
def test_lessons_about_passwords_give_nothing_away(text):
    assert find_secrets(text) == []


def test_a_finding_never_repeats_what_must_not_be_seen():
    said = details(("mail ann@example.com", "", "the key AKIAIOSFODNN7EXAMPLE"))
    assert set(said) == {1}
    assert not any("ann@" in text or "AKIA" in text for text in said.values())


# Characters, phrases, structure


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("schÃ¶n und grÃ¼n", "schön und grün"),
        ("donâ€™t", "don’t"),
        (f"ring{BELL} the bell", "ring the bell"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\u200bb\ufeffc", "abc"),
        ("evil\u202etxt", "eviltxt"),
        ("Tom &amp; Jerry &#39;97", "Tom & Jerry '97"),
    ],
)
def test_damaged_characters_are_found_and_repaired(text, repaired):
    assert repair_damage(text) == repaired
    assert check(("q", "", text)) == {"encoding": [1]}


def test_lost_characters_are_found_and_left():
    assert check(("q", "", "caf\ufffd")) == {"encoding": [1]}
    assert repair_damage("caf\ufffd") == "caf\ufffd"


@pytest.mark.parametrize(
    "text",
    [
        "naïve café, “quoted”, ½ a²+b²",
        "👨\u200d👩\u200d👧 and 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "ก\u200bข",
        "<p>a &amp; b</p>",
        "tab\tand\r\nline",
        "سلام\u200cعلیکم",
    ],
)
def test_unusual_characters_are_not_damaged(text):
    assert check(("q", "", text)) == {}
    assert repair_damage(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I cannot help with that.",
        "As an AI language model, I have no opinion.",
        "Als KI habe ich keine Meinung.",
        "作为一个人工智能，我没有看法。",
        "Certainly! The capital is Paris.",
        "Great question! It is blue.",
    ],
)
def test_stock_phrases(text):
    assert check(("q", "", text)) == {"boilerplate": [1]}


@pytest.mark.parametrize(
    "text",
    ["I'm sorry, I love this song", "As an AI researcher, she is known", "Sure.", "Certainly not", "Of course it is"],
)
def test_what_only_looks_like_a_stock_phrase(text):
    assert check(("q", "", text)) == {}


def test_a_stock_opening_is_cut_off_and_a_refusal_is_not():
    assert cut_opening("Certainly! here it is.") == "Here it is."
    assert cut_opening("I'm sorry, but I cannot.") == "I'm sorry, but I cannot."
    assert cut_opening("Sure!") == "Sure!"


def test_broken_structure():
    found = details(
        ("q1", "", "```python\nprint(1)\n"),
        ("q2", "", "```\na\n```\n"),
        ("q3", "", "<think>hm"),
        ("q4", "", "4\n\n### Instruction:\nAdd"),
        ("q5", "", "4\nUser: and now?\nAssistant: 5"),
        ("Say this", "", "say  THIS"),
        ("q7", "", "Input: 3\nOutput: 4"),
    )
    assert found == {
        1: "a code block is not closed in the answer",
        3: "<think> is not closed in the answer",
        4: "the answer holds a heading of a template: '### Instruction:'",
        5: "the answer holds another question and its answer",
        6: "the answer repeats the prompt",
    }
    assert close_fence("```python\nprint(1)\n") == "```python\nprint(1)\n```"


def test_special_tokens():
    assert check(("[INST] hi [/INST]", "", "a"), ("q", "", "done</s>"), ("r", "", "<|im_end|>")) == {
        "special_tokens": [1, 2, 3]
    }
    assert find_special("<s>struck</s> out, a <| b |> c, <a>") == []
    assert remove_special("done<|im_end|>\n") == "done"


# Languages


def test_languages_are_told_apart_and_code_has_none():
    assert detect_language("Das hängt davon ab, wie groß die Datei ist.") == ("de", True)
    assert detect_language("谢谢你的帮助")[0] == "zh"
    assert detect_language("Merci beaucoup pour votre aide.")[0] == "fr"
    for text in ("SELECT name FROM users WHERE id = 3;", "positive", "x = 3 + 4", ""):
        assert detect_language(text) == ("", False)


QUESTION = "What should I pay attention to when I buy a used bicycle from a private person?"
GERMAN = "Achten Sie auf den Rahmen, die Bremsen und die Kette, und lassen Sie sich einen Kaufbeleg zeigen."


def test_an_answer_in_another_language_is_found_unless_it_was_asked_for():
    others = [
        (f"{QUESTION} ({number})", "", f"Look at the frame and at the brakes of it, {number}.") for number in range(9)
    ]
    assert check((QUESTION, "", GERMAN), *others)["language_mismatch"] == [1]
    assert details((QUESTION, "", GERMAN), *others)[1] == "asked in English, answered in German"
    assert "language_mismatch" not in check((f"Answer in German. {QUESTION}", "", GERMAN), *others)
    assert "language_mismatch" not in check(("Translate this.", QUESTION, GERMAN), *others)


def test_a_set_in_two_languages_is_meant_so():
    rows = [(f"{QUESTION} {word}", "", f"{GERMAN} {word}") for word in ("eins", "zwei", "drei", "vier")]
    assert "language_mismatch" not in check(*rows)
