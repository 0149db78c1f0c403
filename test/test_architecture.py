"""The laws of docs/design/layers.md, read off the source: no file is run but for the last test."""

import ast
import graphlib
import importlib
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "minitorch"
FILES = sorted(PACKAGE.rglob("*.py"))

FILE_LIMIT, FUNCTION_LIMIT = 400, 40
LONGER = {
    "minitorch/primitives.py": 500,  # the table is one file
    "minitorch/engine.py:apply": 59,  # the gate is one function: a call more would cost every operation
}

ARRAY_PACKAGES = {"numpy", "cupy", "scipy", "ml_dtypes"}

STAGES = {"trace", "simplify", "fuse", "plan", "lower", "llvm", "cuda"}
"""Of the compiler: none knows another. What they are made of (graph, text, target, gemm, link…) is for all of them."""

LATE_PACKAGES = {
    "PIL", "cupy", "llvmlite", "matplotlib", "ml_dtypes", "mpi4py", "onnx", "onnxruntime", "sklearn", "tensorboardX", "torch", "tqdm",
}  # fmt: skip
LATE_STDLIB = {"difflib", "inspect", "multiprocessing", "pickle", "queue", "tempfile", "traceback", "zipfile"}

# Not loaded by `import minitorch`, unless NumPy itself loads them.
HEAVY = {
    "asyncio", "click", "concurrent.futures", "cupy", "doctest", "email", "http", "inspect", "llvmlite", "logging", "matplotlib",
    "ml_dtypes", "multiprocessing", "onnx", "onnxruntime", "pdb", "scipy", "sklearn", "socket", "sqlite3", "ssl", "subprocess", "tempfile",
    "torch", "tqdm", "unittest", "urllib", "xml", "zipfile",
}  # fmt: skip


def each_file(test):
    return pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))(test)


def tree_of(path):
    return ast.parse(path.read_text(), filename=str(path))


# ---------------------------------------------------------------------------------------------------------
# Who imports whom


def module_name(path):
    """minitorch/nn/linear.py is "nn.linear", minitorch/nn/__init__.py is "nn", and the package itself "__init__"."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def for_types_only(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(tree):
    """Each import that runs, and whether it stands inside a function."""
    todo = [(tree, False)]
    while todo:
        node, inside = todo.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node, inside
        if not for_types_only(node):
            inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            todo += [(child, inside) for child in ast.iter_child_nodes(node)]


def outside_names(node):
    """The foreign packages that an import names: "numpy" of ``from numpy.lib import x``."""
    if isinstance(node, ast.ImportFrom):
        return {node.module.split(".")[0]} if node.level == 0 else set()
    return {alias.name.split(".")[0] for alias in node.names}


def own_targets(path, node):
    """The modules of ours that an import loads: "nn.module" of ``from .module import Module`` in nn/."""
    if isinstance(node, ast.Import):
        dotted = [alias.name.split(".") for alias in node.names if alias.name.split(".")[0] == "minitorch"]
        return {".".join(parts[1:]) or "__init__" for parts in dotted}

    if node.level:
        folder = path.relative_to(PACKAGE).parent.parts
        base = list(folder[: len(folder) - (node.level - 1)])
    elif node.module.split(".")[0] == "minitorch":
        base = []
    else:
        return set()

    module = (node.module or "").split(".") if node.level else node.module.split(".")[1:]
    base += [part for part in module if part]

    # `from . import functional` may name modules, or things that the package defines.
    found = set()
    for alias in node.names:
        whole = ".".join([*base, alias.name])
        found.add(whole if whole in MODULES else ".".join(base) or "__init__")
    return found


def import_graph():
    graph = {}
    for name, path in MODULES.items():
        targets = [own_targets(path, node) for node, _ in imports(tree_of(path))]
        graph[name] = set().union(*targets) - {name}
    return graph


GRAPH = import_graph()
EDGES = [(name, target) for name, targets in sorted(GRAPH.items()) for target in sorted(targets)]


def layers():
    """{"dtypes": 0, ..., "__init__": 7}, from the table in the docs."""
    table = (ROOT / "docs/design/layers.md").read_text().replace("\\", "")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", table, re.MULTILINE)
    return {name.strip(): int(layer) for layer, names in rows for name in names.split(",")}


LAYERS = layers()


def layer_of(name):
    return LAYERS[name.split(".")[0]]


def test_every_file_has_a_layer():
    assert [name for name in MODULES if name.split(".")[0] not in LAYERS] == []


def test_every_import_of_ours_leads_to_a_file():
    assert [edge for edge in EDGES if edge[1] not in MODULES] == []


def loaded_late(path):
    """The modules of ours that a file loads by their literal names, when they are needed: ``import_module("..native.scatter", …)``."""
    calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module")]
    names = [node.args[0].value for node in calls if isinstance(node.args[0], ast.Constant) and node.args[0].value.startswith(".")]
    folder = path.relative_to(PACKAGE).parent.parts
    for name in names:
        dots = len(name) - len(name.lstrip("."))
        yield ".".join([*folder[: len(folder) - dots + 1], name[dots:]])


def test_every_module_that_is_loaded_late_is_there():
    late = {name for path in FILES for name in loaded_late(path)}
    assert len(late) > 10 and late - set(MODULES) == set()


def test_layers_look_down_only():
    assert [(name, target) for name, target in EDGES if layer_of(name) < layer_of(target)] == []


def test_the_lowest_layer_imports_nothing_else_of_ours():
    lowest = {name for name, layer in LAYERS.items() if layer == 0}
    assert [edge for edge in EDGES if edge[0] in lowest and edge[1] not in lowest] == []


def test_leaves_are_imported_by_the_package_and_the_command_line_only():
    above = [edge for edge in EDGES if edge[0].split(".")[0] not in ("__init__", "__main__", "cli")]
    assert [edge for edge in above if layer_of(edge[1]) == 7 and edge[0].split(".")[0] != edge[1].split(".")[0]] == []


def test_a_stage_of_the_compiler_imports_no_other_stage():
    within = [edge for edge in EDGES if all(name.startswith("compiler.") for name in edge)]
    assert [(name, target) for name, target in within if target.split(".")[1] in STAGES] == []


def test_no_circle():
    order = list(graphlib.TopologicalSorter(GRAPH).static_order())  # raises CycleError, with the circle
    assert len(order) >= len(MODULES)


@each_file
def test_no_import_inside_a_function(path):
    late = [node for node, inside in imports(tree_of(path)) if inside]
    names = set().union(*[outside_names(node) or {ast.unparse(node)} for node in late])
    assert names - LATE_PACKAGES - LATE_STDLIB == set()


@each_file
def test_only_backends_name_array_packages(path):
    if module_name(path).split(".")[0] != "backends":
        names = set().union(*[outside_names(node) for node, _ in imports(tree_of(path))])
        assert names & ARRAY_PACKAGES == set()


# ---------------------------------------------------------------------------------------------------------
# What a file says and how much


def assigned_all(tree):
    """The file's ``__all__``: its strings, "computed" where it isn't a plain list, None where it has none."""
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
                try:
                    return ast.literal_eval(node.value)
                except ValueError:
                    return "computed"
    return None


def imported_from_each():
    """{module: the names that other files import from it}."""
    found = {name: set() for name in MODULES}
    for path in FILES:
        for node, _ in imports(tree_of(path)):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            for alias in node.names:
                single = ast.ImportFrom(module=node.module, names=[alias], level=node.level)
                for target in own_targets(path, single) & set(MODULES):
                    if target.split(".")[-1] != alias.name:  # else it's the module that is imported
                        found[target].add(alias.name)
    return found


IMPORTED = imported_from_each()


@each_file
def test_all_is_sorted_and_complete(path):
    """What a file lists is what others may import from it: all that they do import, and in order."""
    listed, name = assigned_all(tree_of(path)), module_name(path)
    if listed is None:
        assert IMPORTED[name] == set(), "others import from it, but it has no __all__"
        return
    if listed == "computed":
        listed = importlib.import_module("minitorch" if name == "__init__" else f"minitorch.{name}").__all__

    assert list(listed) == sorted(set(listed))
    assert IMPORTED[name] - set(listed) == set()


@pytest.mark.parametrize("package", ["compiler", "native", "compiling"])
def test_a_package_of_many_files_lists_them(package):
    """Its docstring is the table of contents."""
    told = set(re.findall(r"\w+", ast.get_docstring(tree_of(PACKAGE / package / "__init__.py"))))
    assert {path.stem for path in (PACKAGE / package).glob("*.py")} - told - {"__init__"} == set()


def test_all_names_only_what_is_there():
    package = importlib.import_module("minitorch")
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


def docstring_lines(tree):
    """Docstrings, and the bare strings that stand under an assignment to describe it."""
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    strings = [node for node in texts if isinstance(node.value.value, str)]
    return {number for node in strings for number in range(node.lineno, node.end_lineno + 1)}


def code_lines(path):
    """The numbers of the lines that hold code: no docstring, no comment, no blank line."""
    text = path.read_text()
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}

    numbers = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent:
            numbers |= set(range(token.start[0], token.end[0] + 1))
    return numbers - docstring_lines(ast.parse(text))


@each_file
def test_a_file_is_short(path):
    assert len(code_lines(path)) <= LONGER.get(str(path.relative_to(ROOT)), FILE_LIMIT)


@each_file
def test_a_function_fits_a_screen(path):
    code = code_lines(path)
    functions = [node for node in ast.walk(tree_of(path)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    lengths = {node.name: len(code & set(range(node.lineno, node.end_lineno + 1))) for node in functions}
    limits = {name: LONGER.get(f"{path.relative_to(ROOT)}:{name}", FUNCTION_LIMIT) for name in lengths}
    assert {name: length for name, length in lengths.items() if length > limits[name]} == {}


def is_class_name(node):
    return isinstance(node, ast.Name) and node.id[:1].isupper() and not node.id.isupper()


def changed_classes(node):
    """The names of classes that a statement gives an attribute, by assignment or by setattr."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr" and node.args:
        return [node.args[0].id] if is_class_name(node.args[0]) else []

    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    attributes = [target for target in targets if isinstance(target, ast.Attribute)]
    return [target.value.id for target in attributes if is_class_name(target.value)]


@each_file
def test_classes_get_their_attributes_in_their_own_body(path):
    guilty, todo = [], [(tree_of(path), ())]
    while todo:
        node, within = todo.pop()
        guilty += [f"{name}, line {node.lineno}" for name in changed_classes(node) if name not in within]
        within += (node.name,) if isinstance(node, ast.ClassDef) else ()
        todo += [(child, within) for child in ast.iter_child_nodes(node)]
    assert guilty == []


# ---------------------------------------------------------------------------------------------------------
# What loading it costs


def loaded_by(statement):
    script = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize("statement", ["import minitorch", "import minitorch.nn, minitorch.optim"])
def test_import_loads_nothing_heavy(statement):
    loaded = loaded_by(statement)
    assert "minitorch" in loaded
    assert (loaded - loaded_by("import numpy")) & HEAVY == set()
    assert not {name for name in loaded if name.startswith(("minitorch.native.", "minitorch.compiler."))} - {"minitorch.native.constants"}
