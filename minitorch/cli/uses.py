"""Which names of PyTorch's a source uses, and where, told from its text alone.

Imports are followed, with the names they are given (``from torch.nn import functional as F``), and so are assignments
that give one more (``F = torch.nn.functional``); where a name is bound to something else it counts no more. A method is a
tensor's for certain where it stands behind a call of PyTorch's, ``torch.ones(3).view(1, 3)``; elsewhere only its name is known.
"""

import ast
from collections import Counter, namedtuple

from ..absent import OURS, lacking, names_of

__all__ = ["uses_of"]

Use = namedtuple("Use", ["name", "line", "keywords", "told"])
"""``name`` such as "torch.nn.Linear" stands in ``line``, and is called there with ``keywords``; ``told`` is False of a method
that may be something else's."""

ROOTS = {**{name: name for name in OURS}, "minitorch": "torch"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

OTHER, FOREIGN = "", "another package"
"""What a name means that is nothing of PyTorch's; FOREIGN if it is a package, whose attributes are no tensor's."""


def uses_of(tree):
    """The uses in a syntax tree.

    >>> [use.name for use in uses_of(ast.parse("from torch import nn; nn.Linear(2, 1, bias=False)"))]
    ['torch.nn', 'torch.nn.Linear']
    """
    reader = Reader()
    reader.visit_scope(tree, tree.body)
    return reader.uses


def is_pytorch(path):
    return path.partition(".")[0] in OURS


class Reader(ast.NodeVisitor):
    """Walks a tree, knowing what the names of the scopes around mean."""

    def __init__(self):
        self.scopes, self.uses, self.keywords = [], [], {}

    def path(self, node):
        """PyTorch's name for an expression such as ``F.relu``; OTHER or FOREIGN where it has none."""
        if isinstance(node, ast.Name):
            return next((names[node.id] for names in reversed(self.scopes) if node.id in names), OTHER)
        if isinstance(node, ast.Attribute):
            start = self.path(node.value)
            return f"{start}.{node.attr}" if is_pytorch(start) else start
        return OTHER

    def is_tensor(self, node):
        """Whether an expression is a call of one of PyTorch's functions, or of a method of that."""
        if not isinstance(node, ast.Call):
            return False
        path = self.path(node.func)
        if is_pytorch(path):
            place, _, name = path.rpartition(".")
            return place in ("torch", "torch.nn.functional") and (name.islower() or name == "Tensor")
        return isinstance(node.func, ast.Attribute) and self.is_tensor(node.func.value)

    def record(self, name, node, told=True):
        if name not in OURS:
            self.uses.append(Use(name, node.lineno, self.keywords.get(node, ()), told))

    # ------------------------------------------------------------------------------------------------------ scopes

    def visit_scope(self, node, parts):
        """Visit the ``parts`` of ``node`` that see the names it binds."""
        self.scopes.append(bound(node))
        self.scopes[-1].update(self.aliases(node))
        for part in parts:
            self.visit(part)
        self.scopes.pop()

    def aliases(self, node):
        """What assignments such as ``F = torch.nn.functional`` give another name to, where it's the only thing of that name."""
        stored = Counter(n.id for n in nodes_of(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        assigned = [n for n in nodes_of(node) if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)]
        found = {n.targets[0].id: self.path(n.value) for n in assigned if len(n.targets) == 1}
        return {name: path for name, path in found.items() if is_pytorch(path) and stored[name] == 1}

    def visit_FunctionDef(self, node):
        for part in (*node.decorator_list, node.args, node.returns):
            if part is not None:
                self.visit(part)
        self.visit_scope(node, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node):
        self.visit(node.args)
        self.visit_scope(node, [node.body])

    def visit_comprehension_of(self, node):
        self.visit_scope(node, list(ast.iter_child_nodes(node)))

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_comprehension_of

    # -------------------------------------------------------------------------------------------------------- uses

    def visit_Import(self, node):
        for path in (ours(alias.name) for alias in node.names):
            if is_pytorch(path):
                self.record(path, node)

    def visit_ImportFrom(self, node):
        if not node.level and is_pytorch(module := ours(node.module)):
            for alias in node.names:
                self.record(module if alias.name == "*" else f"{module}.{alias.name}", node)

    def visit_Call(self, node):
        self.keywords[node.func] = tuple(keyword.arg for keyword in node.keywords if keyword.arg)
        self.generic_visit(node)

    def visit_Name(self, node):
        path = self.path(node)
        if is_pytorch(path) and isinstance(node.ctx, ast.Load):
            self.record(path, node)

    def visit_Attribute(self, node):
        path = self.path(node)
        if is_pytorch(path):
            written = not isinstance(node.ctx, ast.Load)  # torch.mine = 1 uses nothing but torch
            self.record(path.rpartition(".")[0] if written else path, node)
            return
        if path != FOREIGN and isinstance(node.ctx, ast.Load):
            self.record(f"Tensor.{node.attr}", node, told=self.is_tensor(node.value))
        self.visit(node.value)


# ------------------------------------------------------------------------------------------------------------- bindings


def nodes_of(scope):
    """The nodes of a scope without those of the scopes in it."""
    if isinstance(scope, COMPREHENSIONS):
        todo = [generator.target for generator in scope.generators]
    else:
        todo = [scope.body] if isinstance(scope, ast.Lambda) else list(scope.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, *COMPREHENSIONS, ast.ClassDef)):
            todo += ast.iter_child_nodes(node)


def bound(scope):
    """{name: what it means} of the names that a scope binds: what an import gives it, or else OTHER."""
    names, imports = {}, {}
    if isinstance(scope, FUNCTIONS):
        names.update((arg.arg, OTHER) for arg in ast.walk(scope.args) if isinstance(arg, ast.arg))
    for node in nodes_of(scope):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports.update((name, path) for path, name in imported(node))
        elif isinstance(node, (*FUNCTIONS[:2], ast.ClassDef, ast.ExceptHandler)) and node.name:
            names[node.name] = OTHER
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names[node.id] = OTHER
    return names | imports


def imported(node):
    """(PyTorch's name, or OTHER or FOREIGN; the name it is bound to) of what an import statement binds."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            path = ours(alias.name)
            yield (path if alias.asname else path.partition(".")[0], alias.asname or alias.name.partition(".")[0])
        return
    module = OTHER if node.level else ours(node.module)
    for alias in node.names:
        if not is_pytorch(module):
            yield OTHER, alias.asname or alias.name
        elif alias.name == "*":
            yield from ((f"{module}.{name}", name) for name in (*lacking().get(module, ()), *names_of(module)))
        else:
            yield f"{module}.{alias.name}", alias.asname or alias.name


def ours(module):
    """ "torch.nn" of "torch.nn" and of "minitorch.nn"; FOREIGN of other packages."""
    top, dot, rest = module.partition(".")
    return f"{ROOTS[top]}{dot}{rest}" if top in ROOTS else FOREIGN
