"""Tokens to text: whole characters only, ended by stop tokens and stop texts."""

import pytest

from studio.inference.decoding import AnswerText
from studio.templates.encoding import Stop
from studio.templates.tokenizer import load_tokenizer
from tests.tiny import make_tiny_tokenizer

TEXT = "Grüße 😀👩‍👩‍👧 von 日本語, 12 < 30; \ufffd kept"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return load_tokenizer(make_tiny_tokenizer(tmp_path_factory.mktemp("tokenizer")))


def read(tokenizer, ids, stop):
    answer = AnswerText(tokenizer.decode, stop)
    pieces = []
    for id in ids:
        pieces.append(answer.add(id))
        if answer.stopped:
            return pieces, answer
    pieces.append(answer.finish())
    return pieces, answer


def test_no_piece_holds_half_a_character(tokenizer):
    ids, _ = tokenizer.encode(TEXT)
    assert len(ids) > len(TEXT), "the emoji must be cut into several tokens, or this tests nothing"
    pieces, answer = read(tokenizer, ids, Stop([2], []))
    assert "".join(pieces) == TEXT == answer.text
    assert [piece.count("\ufffd") for piece in pieces if "\ufffd" in piece] == [1], "only the one that TEXT holds"


def test_bytes_that_never_become_a_character_are_shown_at_the_end(tokenizer):
    half = tokenizer.encode("😀")[0][:2]
    pieces, _ = read(tokenizer, half, Stop([], []))
    assert pieces[:-1] == ["", ""]
    assert set(pieces[-1]) == {"\ufffd"}


def test_broken_bytes_in_the_middle_do_not_hold_up_what_follows(tokenizer):
    ids = tokenizer.encode("😀")[0][:2] + tokenizer.encode("Paris")[0]
    pieces, answer = read(tokenizer, ids, Stop([], []))
    assert answer.text.endswith("Paris") and answer.text.startswith("\ufffd")
    assert "".join(pieces) == answer.text == tokenizer.decode(ids)


def test_a_stop_token_ends_the_answer_and_is_not_shown(tokenizer):
    ids = [*tokenizer.encode("Paris")[0], 2, *tokenizer.encode(" and more")[0]]
    pieces, answer = read(tokenizer, ids, Stop([2], []))
    assert ("".join(pieces), answer.stopped) == ("Paris", True)


def test_a_stop_text_over_several_tokens_is_never_shown_in_part(tokenizer):
    ids, _ = tokenizer.encode("Paris\n### Instruction: more")
    pieces, answer = read(tokenizer, ids, Stop([], ["### Instruction"]))
    assert ("".join(pieces), answer.stopped) == ("Paris\n", True)


def test_what_only_looked_like_a_stop_text_is_shown(tokenizer):
    ids, _ = tokenizer.encode("a ## b ### c")
    pieces, answer = read(tokenizer, ids, Stop([], ["### Instruction"]))
    assert ("".join(pieces), answer.stopped) == ("a ## b ### c", False)


def test_of_two_stop_texts_the_first_in_the_text_counts(tokenizer):
    ids, _ = tokenizer.encode("one STOP two END")
    pieces, _ = read(tokenizer, ids, Stop([], ["END", "STOP"]))
    assert "".join(pieces) == "one "


def test_tokens_beyond_the_tokenizer_are_nothing(tokenizer):
    pieces, _ = read(tokenizer, [511, *tokenizer.encode("Paris")[0], 511], Stop([2], []))
    assert "".join(pieces) == "Paris"
