"""What the docs say is held against the code: front matter, tree, commands, links, settings."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from studio.docs import FILE, settings_table
from studio.settings import list_settings
from tests.source import ROOT, python_files

README = ROOT / "README.md"
HARDWARE = {
    "cpu-basic",
    "cpu-upgrade",
    "t4-small",
    "t4-medium",
    "l4x1",
    "l40sx1",
    "a10g-small",
    "a10g-large",
    "a100-large",
}
DRAWING = str.maketrans("│├└─", "    ")


def read_readme() -> tuple[dict, str]:
    """The front matter, and the text after it."""
    _, head, text = README.read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def code_blocks(text: str) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def find_tree(text: str) -> list[str]:
    """The lines of the README's tree of files."""
    blocks = [block for block in code_blocks(text) if re.search(r"^\W*studio/", block, re.MULTILINE)]
    assert len(blocks) == 1, "the README shows one tree, in a code block that has a line for studio/"
    return [line.translate(DRAWING) for line in blocks[0].splitlines() if line.strip()]


def read_tree(lines: list[str]) -> dict[str, str]:
    """Path -> clause. A name that ends in / holds what is indented under it; two spaces part names and clause."""
    found, open_folders = {}, []
    for line in lines:
        indent = len(line) - len(line.lstrip())
        open_folders = [(depth, path) for depth, path in open_folders if depth < indent]
        names, _, clause = line.strip().partition("  ")
        folder = open_folders[-1][1] if open_folders else ""
        for name in names.split():
            found[folder + name] = clause.strip()
        if names.endswith("/"):
            open_folders.append((indent, folder + names.split()[-1]))
    return found


def test_a_tree_is_read_with_its_folders():
    lines = [
        "app.py        starts it",
        "studio/       the core",
        "  data/       rows",
        "    a.py b.py  two",
        "docs/  guide",
    ]
    assert read_tree(lines) == {
        "app.py": "starts it",
        "studio/": "the core",
        "studio/data/": "rows",
        "studio/data/a.py": "two",
        "studio/data/b.py": "two",
        "docs/": "guide",
    }


def test_the_tree_names_every_file_with_a_clause():
    tree = read_tree(find_tree(read_readme()[1]))
    files = {str(path) for path in python_files("app.py", "studio", "components", "bench") if has_content(path)}
    folders = {f"{path.name}/" for path in ROOT.iterdir() if path.is_dir() and is_shown(path.name)}
    assert len(files) > 50
    assert sorted((files | folders) - set(tree)) == []
    assert [name for name in tree if not (ROOT / name).exists()] == []
    assert [name for name, clause in tree.items() if not clause] == []


def has_content(path: Path) -> bool:
    """Empty __init__.py files, and those of one line, only mark a package."""
    return path.name != "__init__.py" or len((ROOT / path).read_text(encoding="utf-8").splitlines()) > 1


def is_shown(name: str) -> bool:
    return not name.startswith((".", "__")) and name not in ("dist", "shared")


def test_the_front_matter_is_the_spaces():
    head, _ = read_readme()
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert head["sdk"] == "gradio"
    assert head["sdk_version"] == pins["gradio"]
    assert re.fullmatch(r"3\.1[1-9]", str(head["python_version"]))
    assert head["app_file"] == "app.py" and (ROOT / "app.py").is_file()
    assert head["suggested_hardware"] in HARDWARE
    assert head["license"] == "apache-2.0" and "Apache License" in (ROOT / "LICENSE").read_text()


def commands() -> set[str]:
    """Every command that the README or the guide shows, in a block or between backticks."""
    found = set()
    for path in [README, *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        shown = [line.strip().removeprefix("$ ") for block in code_blocks(text) for line in block.splitlines()]
        shown += re.findall(r"`([^`\n]+)`", text)
        found |= {line for line in shown if re.match(r"(make|python3?|pip) \S", line)}
    return found


def test_every_make_target_shown_exists_and_is_shown():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {word for line in commands() if line.startswith("make ") for word in line.split()[1:2]}
    assert shown, "no make target is shown"
    assert shown <= targets
    assert {"run", "test", "check", "bench"} <= shown


def test_every_file_and_module_shown_exists():
    for line in commands():
        words = line.split()
        if words[0] == "pip":
            assert all((ROOT / word).is_file() for word in words if word.endswith(".txt")), line
        elif words[0].startswith("python") and words[1] == "-m":
            module = ROOT / words[2].replace(".", "/")
            assert module.with_suffix(".py").is_file() or module.is_dir() or words[2] in ("venv", "pip"), line
        elif words[0].startswith("python"):
            assert (ROOT / words[1]).is_file(), line


def verbs() -> set[tuple[str, ...]]:
    """("train",), ("data", "import"), ...: the verbs of `python -m studio` that are shown."""
    found = set()
    for line in commands():
        words = re.sub(r"[^\w\s.-].*", "", line).split()
        if words[:3] == ["python", "-m", "studio"] and len(words) > 3 and words[3][0].isalpha():
            found.add(tuple(words[3:5]) if words[3] == "data" else (words[3],))
    return found


def test_every_verb_shown_has_help():
    assert len(verbs()) > 3
    for verb in sorted(verbs()):
        command = [sys.executable, "-m", "studio", *verb, "--help"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{verb}: {done.stderr}"
        assert verb[-1] in done.stdout


@pytest.mark.parametrize("path", [README, *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "#")):
            assert (path.parent / target.partition("#")[0]).exists(), f"{path.name}: {target}"


def test_the_settings_page_is_what_the_code_says():
    assert FILE.read_text(encoding="utf-8") == settings_table(), "run `make docs`"


def test_the_settings_page_names_every_setting():
    named = re.findall(r"^\| `([\w.]+)` \|", settings_table(), re.MULTILINE)
    assert len(named) > 20
    assert named == [setting.path for setting in list_settings()]
