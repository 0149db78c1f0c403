"""Whether a number that Python asks for passes on to what the function returns, and nobody looks at it on the way: its source says it.

    correct = (scores.argmax(1) == y).sum().item()
    return loss, correct / len(y)              it does
    if correct > best: …                       here it doesn't, and neither where it is printed, an index, an argument, an attribute

A float can notice who looks (traced_numbers.py). An integer can't: lists and C code take its value without a word. So where the source is
there, and is that of the code that runs, the expression is followed upwards: through tuples, lists, dicts and plain arithmetic, by
local names to wherever they are read, out of the function into the one that called it, to the end. What isn't listed here is a look.

torch: torch/_dynamo/symbolic_convert.py reads bytecode instead
"""

import ast
import inspect
import linecache
from functools import lru_cache
from itertools import islice
from types import CodeType

__all__ = ["passes_on"]

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
UNSEEN = frozenset(["locals", "vars", "eval", "exec"])
"""Whoever calls these may see any name."""
COUNTS = ("item", "size", "numel", "dim")
"""Methods of tensors that give a number, if they are given what they need."""


def passes_on(frame, package, arithmetic):
    """Whether what the call that ``frame`` is in gives is only returned, from frame to frame, up to the recorder's.

    package: where our files lie.   arithmetic: whether it may be computed with on the way.
    """
    below = None  # the code that was called
    while True:
        code = frame.f_code
        source = source_of(tuple(linecache.getlines(code.co_filename)))
        call = source and source.call(code, frame.f_lasti)
        if call is None or not (asks(call) if below is None else calls(call.func, frame, below)):
            return False
        if not Flow(source, code, call, arithmetic).ends_well():
            return False
        frame, below = frame.f_back, code
        while frame.f_code.co_filename == package + "/modes.py":  # a function that is decorated with no_grad, say
            frame, below = frame.f_back, frame.f_code
        if frame.f_code.co_filename.startswith(package):
            return frame.f_code.co_filename == package + "/compiling/recording.py"


def asks(call):
    """Whether a call in the source asks a tensor for numbers, and nobody else does it for its own ends, as ``max(map(Tensor.item, …))``."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in ("item", "tolist") and not call.args and not call.keywords
    return is_name(call.func, "float") and len(call.args) == 1 and not call.keywords


def calls(function, frame, code):
    """Whether an expression in a frame is the function of that code, and not one that calls it for its own ends."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        found = inspect.getattr_static(named(function.value.id, frame), function.attr, None)
    else:
        found = named(function.id, frame) if isinstance(function, ast.Name) else None
    return getattr(getattr(found, "__func__", found), "__code__", None) is code


def named(name, frame):
    return frame.f_locals.get(name, frame.f_globals.get(name))


class Source:
    """A file's tree.   parents: of its nodes; codes: what it compiles to."""

    def __init__(self, text):
        self.tree, self.codes = ast.parse(text), []
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.calls = {place_of(node): node for node in ast.walk(self.tree) if isinstance(node, ast.Call)}
        todo = [compile(text, "source", "exec", dont_inherit=True)]
        while todo:
            code = todo.pop()
            self.codes.append(code)
            todo += [x for x in code.co_consts if isinstance(x, CodeType)]

    def call(self, code, at):
        """The call in the tree that code is in at an instruction; None if the code isn't this source's."""
        if not any([code.co_code == x.co_code and code.co_firstlineno == x.co_firstlineno for x in self.codes]):
            return None
        line, last, column, end = next(islice(code.co_positions(), at // 2, None))
        return self.calls.get((line, column, last, end))


@lru_cache(4)
def source_of(lines):
    """The Source of a file's lines, or None."""
    try:
        return Source("".join(lines)) if lines else None
    except (SyntaxError, ValueError):
        return None


def place_of(node):
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


class Flow:
    """Where the number goes that a call gives, within one function.   names: those that were followed."""

    def __init__(self, source, code, call, arithmetic):
        self.parents, self.code, self.call, self.arithmetic = source.parents, code, call, arithmetic
        self.names: set = set()
        function = call
        while not isinstance(function, (*FUNCTIONS, ast.Module)):
            function = self.parents[function]
        self.body = [] if isinstance(function, ast.Module) else list(within(function))

    def ends_well(self):
        hidden = UNSEEN & set(self.code.co_names) or any([isinstance(x, (ast.Yield, ast.YieldFrom, ast.Await)) for x in self.body])
        return bool(self.body) and not hidden and self.passes(self.call, self.arithmetic)

    def passes(self, node, number=False):
        """Whether all that sees what a node gives passes it on.   number: it is one, and not what holds one."""
        parent = self.parents[node]
        if isinstance(parent, (ast.Return, ast.Expr)) or (isinstance(parent, ast.Lambda) and node is parent.body):
            return True
        target = next((target for target, value in pairs(self.parents[parent], parent) if value is node), None)
        if target is not None:
            return self.follow(target, number)
        if isinstance(parent, (ast.Tuple, ast.List)) or (isinstance(parent, ast.Dict) and node in parent.values):
            return self.passes(parent)
        if isinstance(parent, ast.BinOp) and number:  # where it stands first, it is asked first, whatever the other is
            return isinstance(parent.op, ARITHMETIC) and (node is parent.left or self.plain(parent.left)) and self.passes(parent, True)
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            return self.follow(parent.targets[0], number)
        if isinstance(parent, ast.NamedExpr) and node is parent.value:
            return self.follow(parent.target, number) and self.passes(parent, number)
        if isinstance(parent, ast.AugAssign) and node is parent.value and number:
            return isinstance(parent.op, ARITHMETIC) and self.plain_name(parent.target) and self.follow(parent.target, True)
        return False

    def follow(self, target, number):
        """Whether all who read a local name pass on what it holds, and who changes it computes with it."""
        if not isinstance(target, ast.Name) or not self.is_local(target.id):
            return False
        if target.id in self.names:
            return True
        self.names.add(target.id)
        changes = [x for x in self.body if isinstance(x, ast.AugAssign) and is_name(x.target, target.id)]
        reads = [x for x in self.body if is_name(x, target.id) and isinstance(x.ctx, ast.Load)]
        allowed = all([number and isinstance(x.op, ARITHMETIC) for x in changes])
        return allowed and all([self.passes(x, number) for x in reads])

    def is_local(self, name):
        """Whether a name is this function's, and no function within sees it."""
        return name in self.code.co_varnames and name not in self.code.co_cellvars

    def plain(self, node):
        """Whether an expression surely gives a number."""
        if isinstance(node, ast.Constant):
            return node.value.__class__ in (int, float)
        if isinstance(node, ast.Name):
            return self.plain_name(node)
        if isinstance(node, ast.UnaryOp):
            return isinstance(node.op, ast.USub) and self.plain(node.operand)
        if isinstance(node, ast.BinOp):
            return isinstance(node.op, ARITHMETIC) and self.plain(node.left) and self.plain(node.right)
        if isinstance(node, ast.Call):
            of = node.func
            method = isinstance(of, ast.Attribute) and of.attr in COUNTS and bool(node.args) == (of.attr == "size")
            return (is_name(of, "len") and not self.is_local("len")) or method
        shape = node.value if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice) else None
        return isinstance(shape, ast.Attribute) and shape.attr == "shape"

    def plain_name(self, node):
        """Whether a local name holds numbers, whoever gives it any."""
        if not isinstance(node, ast.Name) or not self.is_local(node.id):
            return False
        if node.id in self.names or ("plain", node.id) in self.names:
            return True
        self.names.add(("plain", node.id))
        given = []
        for x in self.body:
            if is_name(x, node.id) and not isinstance(x.ctx, ast.Load):
                parent = self.parents[x]
                one_of = [value for target, value in pairs(self.parents[parent], parent) if target is x]
                single = isinstance(parent, ast.Assign) and parent.targets == [x]
                if not one_of and not single and not isinstance(parent, (ast.AugAssign, ast.NamedExpr)):
                    return False
                given += one_of or [parent.value]
        return bool(given) and all([self.plain(x) for x in given]) and not self.is_argument(node.id)

    def is_argument(self, name):
        flags = bool(self.code.co_flags & 4) + bool(self.code.co_flags & 8)  # *args, **kwargs
        return name in self.code.co_varnames[: self.code.co_argcount + self.code.co_kwonlyargcount + flags]


def within(function):
    """The nodes of a function, without those of functions within."""
    todo = list(function.body) if isinstance(function.body, list) else [function.body]
    while todo:
        node = todo.pop()
        yield node
        inner = node.body if isinstance(node, (*FUNCTIONS, ast.ClassDef)) else ()  # but what is worked out outside of it counts
        inner = inner if isinstance(inner, (list, tuple)) else [inner]
        todo += [x for x in ast.iter_child_nodes(node) if x not in inner]


def pairs(assign, side):
    """(target, value) of an assignment of several things to as many names, of which ``side`` is one side."""
    both = [*assign.targets, assign.value] if isinstance(assign, ast.Assign) else []
    if len(both) != 2 or side not in both or not all([isinstance(x, ast.Tuple) for x in both]):
        return []
    (targets, values) = [x.elts for x in both]
    starred = any([isinstance(x, ast.Starred) for x in (*targets, *values)])
    return [] if starred or len(targets) != len(values) else list(zip(targets, values))


def is_name(node, name):
    return isinstance(node, ast.Name) and node.id == name
