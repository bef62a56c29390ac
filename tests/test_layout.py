"""
Which folder of the package may import which: every import statement is read, wherever it stands.

docs/design.md gives the reasons.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "lowresource_ner"
FEWEST_FILES = 30

# What a folder may import of the package besides itself: whole folders or single files. `ANYTHING` stands for all of it.
ANYTHING = {""}
MAY_IMPORT = {
    "__init__": ANYTHING,
    "_compatibility": set(),
    "version": set(),
    "common": set(),
    "tagging": {"common"},
    "archives": {"common"},
    "encoding": {"common", "archives"},
    "data": {"common", "tagging", "encoding"},
    "modules": {"common", "tagging", "encoding"},
    "metrics": {"common", "tagging"},
    "models": {"common", "tagging", "archives", "encoding", "modules", "metrics"},
    "training": {"common", "tagging", "archives", "metrics", "modules.encoder_parameters", "models", "data.batching"},
    "predictors": {"common", "tagging", "data", "models"},
    "distillation": {
        "common",
        "tagging",
        "archives",
        "encoding",
        "data",
        "modules",
        "metrics",
        "models",
        "predictors",
    },
    "projection": {"common", "tagging", "encoding", "data", "predictors", "distillation"},
    "configs": {"common"},
    "experiments": {"common", "tagging", "archives", "configs", "data.conll", "data.text_lines", "pretraining.options"},
    "pretraining": {"common", "archives", "encoding", "data.text_lines"},
    "commands": ANYTHING,
}

MOST_FILES_OF_A_FOLDER = 16

# Packages that a file must do without, so that it can be read, tested and used without them.
MUST_NOT_KNOW = {
    "common/text_rules.py": {"torch", "transformers", "allennlp"},
    "tagging/*.py": {"torch", "transformers", "allennlp"},
    "data/conll/*.py": {"torch", "transformers"},
    "predictors/*.py": {"transformers"},
    "projection/*.py": {"torch", "transformers"},
    "projection/projectors/*.py": {"torch", "transformers"},
    "_compatibility.py": {"torch", "transformers", "allennlp", "numpy"},
}
EXCEPT = {"allennlp.common", "allennlp.common.checks"}
"""Where `ConfigurationError` lives: an error for users is no dependence."""


class Import(NamedTuple):
    source: Path
    line: int
    module: str
    """Absolute and dotted, down to the name where that is a module: `lowresource_ner.tagging.tag_scheme`, `torch.nn`."""


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports_of(source: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"), str(source))):
        if isinstance(node, ast.Import):
            yield from (Import(source, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(source, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(source, node.lineno, inner if file_of(inner) else base)


def absolute(source: Path, node: ast.ImportFrom) -> str:
    if node.level == 0:
        assert node.module is not None
        return node.module
    package = source.relative_to(PACKAGE.parent).parent.parts
    above = package[: len(package) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def file_of(module: str) -> Path | None:
    """The file of a module of ours, `None` for a module of others and for a name that is no module."""
    if module.split(".")[0] != PACKAGE.name:
        return None
    path = PACKAGE.parent.joinpath(*module.split("."))
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


def within(path: Path) -> str:
    """The dotted name of a file below the package: `tagging.tag_scheme`, `data` for its `__init__`, `__init__` for the root's."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts)


def allowed(folder: str, target: str) -> bool:
    names = MAY_IMPORT[folder] | {folder}
    return any(name == "" or target == name or target.startswith(name + ".") for name in names)


def show(found: Import) -> str:
    return f"{found.source.relative_to(PACKAGE.parent)}:{found.line} imports {found.module}"


def test_every_file_was_looked_at() -> None:
    assert len(files()) >= FEWEST_FILES
    ours = [found for source in files() for found in imports_of(source) if file_of(found.module)]
    assert len(ours) >= FEWEST_FILES


def test_every_folder_has_its_rule() -> None:
    folders = {within(source).split(".")[0] for source in files()}
    assert folders <= set(MAY_IMPORT), "say in MAY_IMPORT and docs/design.md what the new folder may import"


def test_imports_run_one_way() -> None:
    wrong = [
        show(found)
        for source in files()
        for found in imports_of(source)
        if (target := file_of(found.module)) and not allowed(within(source).split(".")[0], within(target))
    ]
    assert wrong == []


def test_a_wrong_import_would_be_found() -> None:
    assert not allowed("modules", "data.text_lines")
    assert not allowed("training", "distillation") and not allowed("models", "training")
    assert not allowed("data", "commands")
    assert not allowed("data", "data_of_others")
    assert allowed("training", "modules.encoder_parameters") and not allowed("training", "modules.tag_heads")
    assert allowed("models", "tagging.tag_scheme")


def test_no_folder_has_too_many_files() -> None:
    """Larger ones are hard to survey: divide them."""
    sizes = Counter(source.parent for source in files() if source.name != "__init__.py")
    too_large = {
        str(folder.relative_to(PACKAGE)): size for folder, size in sizes.items() if size > MOST_FILES_OF_A_FOLDER
    }
    assert too_large == {}


def test_no_import_of_ours_is_relative() -> None:
    """One way of writing them, so that a search for `lowresource_ner.data` finds all that use it."""
    wrong = [
        f"{source.relative_to(PACKAGE.parent)}:{node.lineno}"
        for source in files()
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert wrong == []


@pytest.mark.parametrize("pattern", sorted(name for name in MUST_NOT_KNOW if (PACKAGE / name).parent.is_dir()))
def test_files_do_without(pattern: str) -> None:
    sources = sorted(PACKAGE.glob(pattern))
    assert sources, f"nothing matches {pattern}: name the file as it is called now"
    wrong = [
        show(found)
        for source in sources
        for found in imports_of(source)
        if found.module.split(".")[0] in MUST_NOT_KNOW[pattern] and found.module not in EXCEPT
    ]
    assert wrong == []


def test_no_file_imports_itself_by_way_of_others() -> None:
    graph = {source: {file_of(found.module) for found in imports_of(source)} - {None} for source in files()}
    assert find_cycle(graph) is None


def find_cycle(graph: dict) -> list[str] | None:
    """The files of one cycle in their order, `None` where there is none. Depth first; `path` holds the files under way."""
    done: set = set()

    def visit(node: Path, path: list[Path]) -> list[str] | None:
        if node in path:
            return [within(step) for step in [*path[path.index(node) :], node]]
        if node in done:
            return None
        for neighbour in sorted(graph[node]):
            if cycle := visit(neighbour, [*path, node]):
                return cycle
        done.add(node)
        return None

    return next((cycle for node in sorted(graph) if (cycle := visit(node, []))), None)


def test_a_cycle_would_be_found() -> None:
    a, b, c = (PACKAGE / name for name in ("a.py", "b.py", "c.py"))
    assert find_cycle({a: {b}, b: {c}, c: set()}) is None
    assert find_cycle({a: {b}, b: {c}, c: {b}}) == ["b", "c", "b"]
    assert find_cycle({a: {a}, b: set(), c: set()}) == ["a", "a"]
