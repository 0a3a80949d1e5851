"""What the run reports while it trains, and how it is stopped."""

import math
import time

from transformers import TrainerCallback

from studio.events import append_event
from studio.runs.folder import Run

# The trainer's names -> ours.
LOG_NAMES = {"loss": "loss", "learning_rate": "learning_rate", "grad_norm": "grad_norm", "epoch": "epoch"}
EVAL_NAMES = {"eval_loss": "loss", "eval_token_accuracy": "token_accuracy"}


class Reporter(TrainerCallback):
    """Writes events; ends the training when a stop was asked for or the loss is no longer a number."""

    def __init__(self, run: Run, trainer):
        self.run = run
        self.trainer = trainer
        self.stopped = False
        self.diverged = False
        self.losses: dict[str, float] = {}
        self.began: float | None = None
        self.ended: float | None = None
        self.evaluating = 0.0
        self.last_log = (0.0, 0)

    def start(self, facts: dict) -> None:
        """The `started` event."""
        append_event(self.run.events, "started", time.time(), steps=self.planned_steps(), **facts)

    def planned_steps(self) -> int:
        """Optimizer steps as the trainer will count them."""
        arguments, trainer = self.trainer.args, self.trainer
        if arguments.max_steps > 0:
            return arguments.max_steps
        per_epoch = math.ceil(len(trainer.get_train_dataloader()) / arguments.gradient_accumulation_steps)
        return math.ceil(per_epoch * arguments.num_train_epochs)

    def seconds(self) -> float:
        """Seconds of training, evaluation of the eval split included."""
        return (self.ended or time.monotonic()) - self.began if self.began else 0.0

    def last_words(self) -> dict:
        """What the last event adds."""
        if self.diverged:
            return {
                "reason": "The loss became infinite or not a number, so the training was ended and nothing was saved. "
                "Lower train.learning_rate (a third is a good try), and look for damaged rows."
            }
        return {}

    def on_train_begin(self, args, state, control, **_):
        self.began = time.monotonic()
        self.last_log = (self.began, 0)

    def on_train_end(self, args, state, control, **_):
        self.ended = time.monotonic()

    def on_log(self, args, state, control, logs=None, **_):
        logs = logs or {}
        if "eval_loss" in logs:
            self.note_eval(state.global_step, logs)
        elif "loss" in logs:
            self.note_log(state, logs, control)

    def note_eval(self, step: int, logs: dict) -> None:
        values = {ours: logs[theirs] for theirs, ours in EVAL_NAMES.items() if theirs in logs}
        self.losses["eval"] = values["loss"]
        self.losses.setdefault("eval_first", values["loss"])
        append_event(self.run.events, "eval", time.time(), step=step, **values)
        self.last_log = (time.monotonic(), self.trainer.real_tokens)  # evaluation does not count as training speed

    def note_log(self, state, logs: dict, control) -> None:
        now, tokens = time.monotonic(), self.trainer.real_tokens
        since, before = self.last_log
        values = {ours: logs[theirs] for theirs, ours in LOG_NAMES.items() if theirs in logs}
        self.losses["train"] = values["loss"]
        append_event(
            self.run.events,
            "log",
            time.time(),
            step=state.global_step,
            steps=state.max_steps,
            tokens=tokens,
            tokens_per_s=(tokens - before) / (now - since) if now > since else 0.0,
            seconds=self.seconds(),
            **values,
        )
        self.last_log = (now, tokens)
        if not math.isfinite(values["loss"]):
            self.diverged = control.should_training_stop = True

    def on_step_end(self, args, state, control, **_):
        self.check_stop(control)

    def on_substep_end(self, args, state, control, **_):
        self.check_stop(control)

    def check_stop(self, control) -> None:
        """A stop is asked for by a file: it reaches a worker under any launcher, and asking twice is the same."""
        if self.run.stop_file.exists() and not self.stopped:
            self.stopped = control.should_training_stop = True
            append_event(self.run.events, "progress", time.time(), message="Stopping: saving what was learned")
