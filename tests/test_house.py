"""The rules of the house that a program can check: who imports whom, and what no file may do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source import ROOT, calls_in, imports_any, imports_of, keyword, module_name, parse, place, python_files

OURS = ("app.py", "components", "studio", "bench")
HEAVY = {"torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets"}
# Where heavy libraries may be imported: code that runs in processes of its own.
HEAVY_PLACES = (
    "studio/training/",
    "studio/evaluation/",
    "studio/export/",
    "studio/models/convert.py",
    "studio/inference/engine.py",
    "studio/inference/loading.py",
    "studio/inference/sampling.py",
)
# Processes whose last word must tell what went wrong, whatever it was.
MAINS = (
    "studio/training/worker.py",
    "studio/templates/render_child.py",
    "studio/data/reading/child.py",
)
# The lower layers, and all of the studio that each may import.
BOTTOM = {
    "studio/errors.py": set(),
    "studio/events.py": set(),
    "studio/system.py": set(),
    "studio/home.py": {"studio.errors"},
    "studio/guard.py": {"studio.errors"},
    "studio/settings.py": {"studio.errors"},
    "studio/templates": {"studio.errors", "studio.settings", "studio.templates"},
}
RUNNING = {"studio.runs", "studio.training", "studio.inference", "studio.evaluation", "studio.export", "studio.cli"}
LIGHT = ("studio", "studio.cli", "studio.data.store", "studio.templates.encoding", "studio.models.sources")
LIGHT += ("studio.runs.start", "studio.inference.client", "studio.guard", "studio.docs")


def faults(found: list[str]) -> str:
    return "\n".join(found)


def test_the_core_knows_no_screen():
    wrong = {str(path): imports_any(path, {"gradio", "components", "app"}) for path in python_files("studio")}
    assert not {path: names for path, names in wrong.items() if names}


def test_the_screen_knows_no_app_and_nobody_imports_tests():
    wrong = {str(path): imports_any(path, {"app", "tests", "bench"}) for path in python_files("components", "studio")}
    assert not {path: names for path, names in wrong.items() if names}


def test_heavy_libraries_stay_in_their_own_processes():
    files = python_files("app.py", "components", "studio")
    importing = {str(path): imports_any(path, HEAVY) for path in files}
    importing = {path: names for path, names in importing.items() if names}
    assert len(importing) > 3, "the walk found too little to mean anything"
    assert not {path: names for path, names in importing.items() if not path.startswith(HEAVY_PLACES)}


@pytest.mark.parametrize("where", BOTTOM)
def test_the_lower_layers_import_nothing_above(where):
    for path in python_files(where):
        ours = {name for name in imports_of(path) if name.startswith("studio.")}
        above = {name for name in ours if not any(f"{name}.".startswith(f"{low}.") for low in BOTTOM[where])}
        assert not above, f"{path} imports {above}"


def test_data_and_models_know_nothing_of_runs():
    for path in python_files("studio/data", "studio/models", "studio/templates"):
        assert not imports_any(path, RUNNING), path


def test_tabs_do_not_import_each_other():
    tabs = {module_name(path): path for path in python_files("components") if builds_a_tab(path)}
    assert len(tabs) >= 5
    for name, path in tabs.items():
        assert not imports_any(path, set(tabs) - {name}), path


def builds_a_tab(path: Path) -> bool:
    names = [node.name for node in parse(path).body if isinstance(node, ast.FunctionDef)]
    return any(name.startswith("build_") and name.endswith("_tab") for name in names)


def loaded_by(code: str, *suspects: str) -> list[str]:
    """Which of the suspects are in sys.modules after running `code` in a fresh process."""
    report = f"import sys\nprint('loaded:', *[name for name in {suspects!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[1:]


def test_importing_the_core_loads_neither_torch_nor_gradio():
    code = "".join(f"import {name}\n" for name in LIGHT)
    assert loaded_by(code, "torch", "transformers", "gradio") == []
    assert loaded_by("import torch", "torch") == ["torch"]  # the check itself


def test_building_the_app_loads_no_torch(tmp_path):
    code = (
        "from pathlib import Path\nfrom app import build_app\nfrom studio.home import open_home\n"
        f"build_app(open_home(Path({str(tmp_path)!r})))"
    )
    assert loaded_by(code, "torch", "transformers", "gradio") == ["gradio"]


FORBIDDEN_CALLS = {
    "os.system": "argv lists, never a shell",
    "os.popen": "argv lists, never a shell",
    "eval": "text is never run as code",
    "exec": "text is never run as code",
    "yaml.load": "yaml.safe_load",
    "torch.load": "safetensors only",
    "pickle.load": "safetensors and JSON only",
    "pickle.loads": "safetensors and JSON only",
    "gr.Dataframe": "it reads a str as a path; pages of rows are gr.HTML",
    "gr.DataFrame": "it reads a str as a path; pages of rows are gr.HTML",
    "gr.load": "it runs what another server says",
}


def test_no_forbidden_calls():
    found, calls = [], 0
    for path in python_files(*OURS, "tests"):
        for name, call in calls_in(path):
            calls += 1
            if name in FORBIDDEN_CALLS:
                found.append(f"{place(path, call)} {name}: {FORBIDDEN_CALLS[name]}")
            shell = keyword(call, "shell")
            if shell is not None and not is_false(shell):
                found.append(f"{place(path, call)} shell: argv lists, never a shell")
            if name.startswith("subprocess.") and call.args and isinstance(call.args[0], ast.Constant | ast.JoinedStr):
                found.append(f"{place(path, call)} a command as text: argv lists")
    assert calls > 1000
    assert not found, faults(found)


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def test_remote_code_is_refused_wherever_a_model_is_loaded():
    found, loads = [], 0
    for path in python_files(*OURS, "tests"):
        for name, call in calls_in(path):
            said = keyword(call, "trust_remote_code")
            # PEFT's loader has no such option: it runs no code from an adapter's folder.
            asked = name.endswith(".from_pretrained") and not name.startswith("Peft")
            loads += asked
            if (asked and said is None) or (said is not None and not is_false(said)):
                found.append(f"{place(path, call)} {name} without trust_remote_code=False")
    assert loads > 3
    assert not found, faults(found)


def test_no_template_of_gradios_sees_a_row():
    """The result of an html_template is evaluated as a JavaScript template: text of a row in it would run as code."""
    found = []
    for path in python_files("components", "app.py"):
        for name, call in calls_in(path):
            template = keyword(call, "html_template")
            if template is None:
                continue
            text = template.value if isinstance(template, ast.Constant) else None
            if not isinstance(text, str) or "{" in text:
                found.append(f"{place(path, call)} {name}: html_template must be a literal without braces")
    assert not found, faults(found)


def test_nothing_is_caught_blindly_outside_a_process_main():
    found, handlers = [], 0
    for path in python_files(*OURS):
        for node in ast.walk(parse(path)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            handlers += 1
            if is_blind(node) and str(path) not in MAINS:
                found.append(place(path, node))
    assert handlers > 20
    assert not found, faults(found)


def is_blind(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException") for kind in types)


# Package -> module, where the names differ; and packages that only other packages import.
MODULES = {"pyyaml": "yaml", "python-calamine": "python_calamine", "detect-secrets": "detect_secrets"}
UNIMPORTED = {"accelerate", "bitsandbytes", "sentencepiece"}  # transformers' Trainer, quantization, GGUF reader


def test_requirements_are_pinned_and_used():
    """Every line is exact, every package imported is listed, and every package listed is imported."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    pins = [line for line in lines if line]
    assert len(pins) > 10
    assert all(line.count("==") == 1 and "*" not in line for line in pins)
    packages = {line.partition("==")[0].lower() for line in pins}
    modules = {MODULES.get(package, package) for package in packages - UNIMPORTED}
    files = python_files("app.py", "components", "studio")
    imported = {name.partition(".")[0] for path in files for name in imports_of(path)}
    imported -= sys.stdlib_module_names | {"", "studio", "components", "app"}
    assert modules == imported - UNIMPORTED
