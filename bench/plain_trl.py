"""The peer of bench/train.py: LoRA fine-tuning as TRL's documentation shows it, and nothing more.

    python bench/plain_trl.py JOB.json

JOB.json: {"model": folder, "rows": JSONL of prompt and completion turns, "output": folder, "report": file, "steps": N,
"rank": R, "alpha": A, "dropout": D, "learning_rate": L, "seed": S}. The report holds {"steps": [{"tokens", "seconds",
"loss"}, ...], "peak_memory": bytes}, tokens and seconds from the start on. It knows nothing of the studio.
"""

import json
import resource
import sys
import time
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer


class Counter(TrainerCallback):
    """Per step: unpadded tokens so far, seconds since the start, loss."""

    def __init__(self):
        self.steps = []

    def on_train_begin(self, args, state, control, **_):
        self.began = time.monotonic()

    def on_log(self, args, state, control, logs=None, **_):
        if "loss" in (logs or {}):
            seconds = time.monotonic() - self.began
            self.steps.append({"tokens": logs["num_tokens"], "seconds": seconds, "loss": float(logs["loss"])})


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in Path(job["rows"]).read_text(encoding="utf-8").splitlines()]
    counter = Counter()
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(job["model"], dtype=torch.float32, trust_remote_code=False),
        args=SFTConfig(
            output_dir=job["output"],
            use_cpu=not torch.cuda.is_available(),
            bf16=False,
            per_device_train_batch_size=4,
            max_length=512,
            max_steps=job["steps"],
            learning_rate=job["learning_rate"],
            activation_checkpointing=False,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=job["seed"],
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(job["model"], trust_remote_code=False),
        peft_config=LoraConfig(
            r=job["rank"],
            lora_alpha=job["alpha"],
            lora_dropout=job["dropout"],
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        callbacks=[counter],
    )
    trainer.train()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = {"steps": counter.steps, "peak_memory": peak if sys.platform == "darwin" else peak * 1024}
    Path(job["report"]).write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main()
