"""The project's own source files and what they import, read without running them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def python_files(*places: str) -> list[Path]:
    """Every .py file in these folders (or these files themselves), relative to the project's folder."""
    found = []
    for place in places:
        path = ROOT / place
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    assert found, f"no Python files in {places}"
    return [path.relative_to(ROOT) for path in found]


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), str(path))


def module_name(path: Path) -> str:
    """studio/data/store.py -> studio.data.store"""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Dotted names that a file imports, inside functions too; `from a import b` gives a and a.b."""
    found = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = absolute(node, path)
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def absolute(node: ast.ImportFrom, path: Path) -> str:
    """The module of a `from` import, relative ones made absolute."""
    if not node.level:
        return node.module or ""
    package = module_name(path).split(".") if path.name == "__init__.py" else module_name(path).split(".")[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def imports_any(path: Path, modules: set[str]) -> set[str]:
    """Those of `modules` of which the file imports the module itself or something in it."""
    return {module for module in modules for name in imports_of(path) if f"{name}.".startswith(f"{module}.")}


def calls_in(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call with its dotted name as written ("gr.HTML", "from_pretrained" of a longer expression)."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def place(path: Path, node: ast.AST) -> str:
    return f"{path}:{node.lineno}"


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((item.value for item in call.keywords if item.arg == name), None)
