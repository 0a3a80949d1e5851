"""What Compare asks and shows, without a browser: figures, badge, messages, choice of runs, test rows."""

import json
import time

import pytest
import yaml

from components import compare_view as view
from components.compare_tab import read_drawer, stream_round, told_stream
from components.compare_view import Answer, Question, Round
from studio.errors import DataError, InferenceError
from studio.events import append_event
from studio.home import open_home
from studio.inference.requests import read_request
from studio.runs.folder import Run
from studio.settings import Recipe
from studio.system import try_lock
from studio.templates.example import from_fields, from_turns, to_record

SHA = "3fa2b1c9" + "0" * 56
INTEGRITY = {"verdict": "base verified, tuned verified", "max_logit_difference": 12.3456, "adapter_sha256": SHA}
HOSTILE = '<img src=x onerror="alert(1)">'


def last_line(base="Paris is it", tuned="Paris", **changes):
    said = {"tokens": 3, "seconds": 1.5, "tokens_per_s": 4.25, "first_token_s": 0.5, "reason": "stop"}
    return {
        "done": True,
        "base": {"text": base, **said},
        "tuned": {"text": tuned, **said},
        "integrity": {**INTEGRITY, **changes},
        "seed": 7,
        "base_prompt": "own template",
    }


def delta(column, text, tokens, reason=""):
    return {"column": column, "text": text, "tokens": tokens, "done": bool(reason), "reason": reason}


def finished(expected=None, **changes):
    return view.follow(Round("Capital?", expected), last_line(**changes), 2.0)


@pytest.mark.parametrize(
    "seconds, shown",
    [(None, "–"), (0.0, "0.00 s"), (0.4321, "0.43 s"), (12.34, "12.3 s"), (59.96, "1 min 00 s"), (125.4, "2 min 05 s")],
)
def test_seconds_read_as_people_say_them(seconds, shown):
    assert view.show_seconds(seconds) == shown


def test_a_round_grows_line_by_line():
    round_ = Round("Capital?")
    for line, seconds in ((delta("base", "Pa", 1), 0.5), (delta("tuned", "x", 1), 0.6), (delta("base", "ris", 2), 0.9)):
        round_ = view.follow(round_, line, seconds)
    assert round_.base == Answer("Paris", 2, 0.9, "", 0.5)
    assert round_.tuned == Answer("x", 1, 0.6, "", 0.6)
    assert round_.verdict is None
    whole = view.follow(round_, last_line(), 2.0)
    assert whole.base == Answer("Paris is it", 3, 1.5, "stop", 0.5, 4.25)
    assert whole.verdict == {"integrity": INTEGRITY, "seed": 7, "base_prompt": "own template"}


@pytest.mark.parametrize("said", [{"path": "/etc/hosts"}, ["a", {"path": "/etc/hosts"}], 3, HOSTILE])
def test_messages_hold_text_only(said):
    """A dict or list as content would be published as a file."""
    rounds = (Round(said, base=Answer(said, 1), tuned=Answer(said, 1)),)
    messages = [message for name in ("base", "tuned") for message in view.column_messages(rounds, name)]
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2
    assert [message["content"] for message in messages] == [str(said).replace("<", "&lt;")] * 4
    assert all(type(message["content"]) is str for message in messages)


def test_tags_are_seen_as_text_and_code_is_left_alone():
    assert view.keep_tags("<a> `<b>` ```\n<c>\n``` <d>") == "&lt;a> `<b>` ```\n<c>\n``` &lt;d>"
    assert view.keep_tags("```html\n<unfinished") == "```html\n<unfinished"
    assert view.fence("# one") == "```text\n# one\n```"
    assert view.fence("````\nx\n````").startswith("`````text\n")
    assert view.column_messages((finished(),), "tuned", as_written=True)[1]["content"] == "```text\nParis\n```"


def test_an_answer_that_has_not_begun_has_no_message_and_an_empty_one_has():
    assert [message["role"] for message in view.column_messages((Round("Hi"),), "base")] == ["user"]
    assert view.column_messages((finished(base=""),), "base")[1]["content"] == "(an empty answer)"


def test_figures_tell_tokens_times_and_the_ending():
    html = view.draw_figures(finished(), "base")
    for part in ("<dd>3</dd>", "<dd>1.5 s</dd>", "<dd>0.50 s</dd>", "<dd>4.2</dd>", "ended by itself", "tabular"):
        assert part in html
    assert "reading the question" in view.draw_figures(Round("Hi"), "base")
    assert view.draw_figures(None, "base").count("–") == 4


def test_an_exact_answer_is_marked_per_column():
    round_ = finished(expected=" Paris\n")
    assert "exact match" in view.draw_figures(round_, "tuned")
    assert "not the expected answer" in view.draw_figures(round_, "base")
    assert "mark" not in view.draw_figures(finished(), "tuned")  # not a test row
    assert "mark" not in view.draw_figures(Round("Hi", "Paris"), "tuned")  # not over


def test_the_badge_tells_the_servers_verdict():
    html = view.draw_badge(finished())
    for part in ("verified", "Base verified, tuned verified", "<code>3fa2b1c9</code>", "difference 12.3", "seed 7"):
        assert part in html
    assert "Base asked in its own chat template" in html
    alike = view.draw_badge(finished(verdict="both columns answer alike, because ...", max_logit_difference=None))
    assert "warned" in alike and "Both columns answer alike" in alike and "difference" not in alike
    assert "Same tokens for both" in view.draw_badge(
        view.follow(Round("x"), last_line() | {"base_prompt": "same tokens"}, 1)
    )


def test_nothing_from_outside_becomes_html():
    hostile = [
        view.draw_badge(finished(verdict=HOSTILE)),
        view.draw_head("tuned", HOSTILE),
        view.draw_expected(1, from_fields("a", "", HOSTILE)),
        view.draw_state({"state": "failed", "message": HOSTILE, "run": "a"}, "a"),
        view.draw_state({"state": "loading", "message": HOSTILE, "run": "a"}, "a"),
        view.draw_state({"state": "closed", "message": "", "run": HOSTILE}, "a"),
    ]
    assert all("<img" not in html and "&lt;img" in html for html in hostile)


def test_the_state_names_device_dtype_and_a_training_beside_it():
    health = {"state": "ready", "run": "a", "message": "", "seconds": 2.04, "base": {"name": "owner/tiny"}}
    health |= {"device": "cpu", "dtype": "bfloat16", "quantization": "nf4"}
    line = view.draw_state(health, "a", "tickets-3")
    assert "Ready · tiny · cpu, bfloat16 · nf4 · loaded in 2.0 s" in line
    assert "slower while tickets-3 trains" in line
    assert "slower" not in view.draw_state(health | {"device": "cuda"}, "a", "tickets-3")
    assert "b was opened in another page" in view.draw_state(health | {"run": "b"}, "a")


def make_run(home, name, last="finished", adapter=True):
    folder = home.run(name)
    (folder / "adapter").mkdir(parents=True)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(Recipe().model_dump()), encoding="utf-8")
    append_event(folder / "events.jsonl", "started", time.time(), steps=3)
    if last:
        append_event(folder / "events.jsonl", last, time.time())
    if adapter:
        (folder / "adapter" / view.ADAPTER_WEIGHTS).write_bytes(b"x")
    return Run(folder)


def test_only_trained_runs_can_be_chosen(tmp_path):
    home = open_home(tmp_path)
    for name, last, adapter in (
        ("done", "finished", True),
        ("halted", "stopped", True),
        ("bare", "finished", False),
        ("broken", "failed", True),
        ("cut", None, True),
    ):
        make_run(home, name, last, adapter)
    assert sorted(view.list_comparable(home)) == [("done", "done"), ("halted (stopped)", "halted")]
    names = ["halted", "done"]
    assert view.choose_run(home, names, "done") == "done"
    assert view.choose_run(home, names, None) == "halted"
    assert view.choose_run(home, names, "gone") == "halted"
    assert view.choose_run(home, names, "broken") is None
    assert view.choose_run(home, [], None) is None
    for odd in ("../../etc", {"a": 1}, 7, "A"):
        assert view.choose_run(home, names, odd) == "halted"


def test_why_no_run_is_chosen(tmp_path):
    home = open_home(tmp_path)
    assert "No finished run yet" in view.why_none(home, None)
    make_run(home, "broken", "failed")
    assert "broken is failed" in view.why_none(home, "broken")
    run = make_run(home, "busy", None, adapter=False)
    with try_lock(run.lock):
        assert "busy is still preparing" in view.why_none(home, "busy")
        assert view.find_training(home) == "busy"
    assert view.find_training(home) is None


def test_a_test_row_is_asked_as_it_was_trained(tmp_path):
    run = make_run(open_home(tmp_path), "done")
    with pytest.raises(DataError, match="no rows"):
        view.read_rows(run)
    turns = [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Capital?"),
        ("assistant", "Paris"),
    ]
    talk = from_turns([{"role": role, "content": content} for role, content in turns])
    plain = from_fields("Translate", "line\r\nline", "Zeile")
    run.split("test").parent.mkdir()
    lines = [json.dumps({"id": id, **to_record(example)}) for id, example in ((4, talk), (9, plain))]
    run.split("test").write_text("\n".join(lines), encoding="utf-8")
    rows = view.read_rows(run)
    assert rows == {4: talk, 9: plain}
    assert view.draw_row(rows, 4) == 9 and view.draw_row({4: talk}, 4) == 4

    asked = view.word_question(rows[9], "Translate", "line\nline")  # as a browser gives it back
    assert asked == Question(
        {"instruction": "Translate", "input": "line\r\nline"}, "Translate\n\nline\r\nline", "Zeile"
    )
    asked = view.word_question(rows[4], "Capital?", "")
    assert [turn["content"] for turn in asked.fields["messages"]] == ["Hi", "Hello", "Capital?"]
    assert asked.expected == "Paris"
    assert read_request(asked.fields).example("Be brief.").prompt_turns == talk.prompt_turns
    assert view.word_question(rows[4], "Capital of Peru?", "").expected is None
    with pytest.raises(InferenceError, match="no question yet"):
        view.word_question(None, "  \n", "")


def test_an_update_at_most_every_pause_and_always_the_last():
    lines = [delta("base", "a", count + 1) for count in range(500)] + [last_line()]
    shown = list(stream_round(Question({}, "Hi", "Paris"), (line for line in lines)))
    assert shown[0] == Round("Hi", "Paris")
    assert shown[-1].verdict and shown[-1].tuned.text == "Paris"
    assert len(shown) < 50


def test_a_reader_who_leaves_ends_the_generation():
    closed = []

    def lines():
        try:
            while True:
                yield delta("base", "a", 1)
                time.sleep(0.02)
        finally:
            closed.append(True)

    reader = stream_round(Question({}, "Hi"), lines())
    next(reader), next(reader)
    reader.close()
    assert closed == [True]


def test_an_error_in_the_middle_is_shown_after_what_was_yielded():
    import gradio as gr

    @told_stream
    def handler(data):
        yield data
        raise InferenceError("The server is gone.")

    stream = handler("first")
    assert next(stream) == "first"
    with pytest.raises(gr.Error, match="The server is gone"):
        next(stream)


def test_settings_go_to_the_server_as_they_are():
    import gradio as gr

    from components.compare_layout import build_drawer

    with gr.Blocks():
        drawer = build_drawer()
    data = {part: part.value for part in drawer.all()}
    request = read_request({"instruction": "x", **read_drawer(drawer, data)})
    assert request == read_request({"instruction": "x"})  # the defaults of the request itself
    assert read_drawer(drawer, data | {drawer.same: True})["mode"] == "same"
    with pytest.raises(InferenceError, match=r"options\.seed"):
        read_request({"instruction": "x", **read_drawer(drawer, data | {drawer.options["seed"]: None})})
