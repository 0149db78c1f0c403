"""Run a script, and write down every tensor that its expressions come to.

    python recording.py '{"record": "a.rec", "told": "a.json", "seed": 0, "limit": 1e9}' script.py [args…]

The script's own source, and that of the modules beside it, is rewritten as it is loaded; nothing on disk changes:

    h = torch.tanh(x @ w)      becomes      h = see(4, torch.tanh(see(3, x @ w)))

``see(site, value)`` hands the value back and writes its tensors to the record. A site is an expression's place in the
source, so both libraries have the same sites whatever they call inside. Besides expressions, a site is what an assignment
wrote into (``x[0] = 1``, ``x += 1``), what a ``for`` hands out, the gradients after ``.backward()``, the parameters and
learning rates after ``.step()``, and the output of each module that the library calls.

This file is run by its path, by PyTorch's interpreter and by ours. So it imports nothing but the standard library, and
takes what ``import torch`` gives. Where "record" is empty it runs the script as it is and takes the time.
"""

import ast
import builtins
import contextlib
import functools
import importlib
import importlib.machinery
import json
import marshal
import os
import random
import struct
import sys
import sysconfig
import threading
import time
import types
import weakref

__all__: list[str] = []

SEE = "__minitorch_compare_see__"

SILENT = {
    "dict", "getattr", "hasattr", "int", "isinstance", "len", "open", "print", "range", "set", "str", "super", "zip",
}  # fmt: skip
"""Builtins whose results are no tensors, or must not be wrapped: ``super()``."""

UNFILLED = {"empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided"}
SIZED = {f"{kind}Tensor" for kind in ("", "Bool", "Byte", "Char", "Double", "Float", "Half", "Int", "Long", "Short")}
"""Calls that give memory as they find it: always, or where the arguments are sizes. Its contents are no result, so they
are set to zero on both sides."""

VIEWS = {"H", "T", "data", "grad", "imag", "mH", "mT", "real"}
"""Attributes that are worth a site of their own."""

NO_TENSORS = {
    bool, bytes, complex, float, int, str, type, types.BuiltinFunctionType, types.FunctionType, types.ModuleType,
}  # fmt: skip

ENTRIES = 64
"""How many entries of a list or dict are looked at."""

SHARE = 4096
"""A tensor takes at most one part in so many of the space that is left; a larger one is written as evenly spaced elements."""


# ------------------------------------------------------------------------------------------------- the script, rewritten


def last_name(node):
    """The name that a call is made by: "step" of ``self.optimizer.step()``."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def is_pure(node):
    """Whether the expression can be evaluated once more without consequence."""
    costly = (ast.Await, ast.Call, ast.GeneratorExp, ast.ListComp, ast.NamedExpr, ast.Yield, ast.YieldFrom)
    return not any(isinstance(part, costly) for part in ast.walk(node))


def written_root(target):
    """``x.data`` of the target ``x.data[0][1]``."""
    while isinstance(target, ast.Subscript):
        target = target.value
    return target


def read_of(node):
    """The expression once more, to be evaluated where it stands."""
    again = ast.parse(ast.unparse(node), mode="eval").body
    for part in ast.walk(again):
        ast.copy_location(part, node)
    return again


class Imports(ast.NodeTransformer):
    """A script written for minitorch imports ``torch`` instead: whichever library is being run answers."""

    def visit_Import(self, node):
        names = []
        for alias in node.names:
            root, _, rest = alias.name.partition(".")
            if root != "minitorch":
                names.append(alias)
            elif alias.asname:
                names.append(ast.alias("torch" + alias.name[len(root) :], alias.asname))
            else:
                names += [ast.alias(f"torch.{rest}")] * bool(rest) + [ast.alias("torch", "minitorch")]
        return ast.copy_location(ast.Import(names), node)

    def visit_ImportFrom(self, node):
        if not node.level and node.module.split(".")[0] == "minitorch":
            node.module = "torch" + node.module.removeprefix("minitorch")
        return node


class Marker(ast.NodeTransformer):
    """Puts ``see(site, …)`` around the expressions of a file. ``sites`` receives what each number stands for."""

    def __init__(self, path, sites):
        self.path, self.sites, self.label = path, sites, ""

    def seen(self, node, value, text, kind="value", others=()):
        label, self.label = self.label, ""
        self.sites.append((self.path, node.lineno, node.col_offset, kind, text, label))
        arguments = [ast.Constant(len(self.sites) - 1), value, *others]
        call = ast.copy_location(ast.Call(ast.Name(SEE, ast.Load()), arguments, []), node)
        return ast.fix_missing_locations(call)

    def inside(self, node):
        """Mark what the expression is made of; the label of an assignment is not for those."""
        label, self.label = self.label, ""
        self.generic_visit(node)
        self.label = label
        return node

    def mark(self, node):
        text = ast.unparse(node)
        return self.seen(node, self.inside(node), text)

    visit_BinOp = visit_Compare = mark

    def visit_UnaryOp(self, node):
        plain = isinstance(node.op, ast.Not) or isinstance(node.operand, ast.Constant)
        return self.inside(node) if plain else self.mark(node)

    def visit_Subscript(self, node):
        return self.mark(node) if isinstance(node.ctx, ast.Load) else self.inside(node)

    def visit_Attribute(self, node):
        wanted = node.attr in VIEWS and isinstance(node.ctx, ast.Load)
        return self.mark(node) if wanted else self.inside(node)

    def visit_Call(self, node):
        name, text = last_name(node.func), ast.unparse(node)
        kind, others = "value", []
        if name == "backward":
            kind = name
        elif name == "step":
            kind = name
            receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
            others = [read_of(part) for part in (*receiver, *node.args) if is_pure(part)]
        elif name in UNFILLED:
            kind = "unfilled"
        elif (name in SIZED or name == "new") and all(is_pure(part) for part in node.args):
            kind, others = "sized", [read_of(part) for part in node.args]
        self.inside(node)
        if name in SILENT and isinstance(node.func, ast.Name):
            return node
        return self.seen(node, node, text, kind, others)

    def after(self, node, targets, text):
        """The statement, and a look at what it wrote into."""
        roots = [written_root(target) for target in targets]
        return [node] + [ast.Expr(self.seen(node, read_of(root), text)) for root in roots if is_pure(root)]

    def visit_AugAssign(self, node):
        text = ast.unparse(node)
        return self.after(self.inside(node), [node.target], text)

    def visit_Assign(self, node):
        text = ast.unparse(node)
        if len(node.targets) == 1 and isinstance(node.targets[0], (ast.Name, ast.Attribute)):
            self.label = ast.unparse(node.targets[0])
        node.value = self.visit(node.value)
        self.label = ""
        node.targets = [self.visit(target) for target in node.targets]
        return self.after(node, [target for target in node.targets if isinstance(target, ast.Subscript)], text)

    def visit_For(self, node):
        head = ast.copy_location(ast.For(node.target, node.iter, [], []), node)
        text = ast.unparse(head).strip().rstrip(":")
        self.generic_visit(node)
        if is_pure(node.target):
            node.body.insert(0, ast.Expr(self.seen(node, read_of(node.target), text)))
        return node

    def visit_AnnAssign(self, node):
        node.value = node.value and self.visit(node.value)
        return node

    def visit_arg(self, node):
        return node

    def visit_FunctionDef(self, node):
        returns, node.returns = node.returns, None
        self.generic_visit(node)
        node.returns = returns
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_match_case(self, node):
        node.guard = node.guard and self.visit(node.guard)
        node.body = [part for old in node.body for part in self.listed(self.visit(old))]
        return node

    @staticmethod
    def listed(node):
        return node if isinstance(node, list) else [node]


# -------------------------------------------------------------------------------------------------------- what it came to


class Recorder:
    """Writes to ``file``, one after the other: ("site", number, what it is) and (number, optimizer steps so far, entries).

    An entry is (role, dtype, shape, every how many-th element, bytes). The bytes are None where the tensor was written
    before and hasn't changed, or can't be read, as inside ``vmap``.
    """

    def __init__(self, torch, file, limit):
        self.torch, self.file, self.left = torch, file, limit
        self.sites, self.files, self.told = [], set(), set()
        self.numbers = {}  # modules called by the library: site → its number
        self.written = {}  # id of a tensor → (weak reference, version) of when it was written last
        self.leaves = {}  # id of a tensor that collects a gradient → (weak reference, name)
        self.modules = weakref.WeakKeyDictionary()  # module → name
        self.steps, self.busy, self.stopped, self.lock = 0, False, False, threading.RLock()
        os.register_at_fork(after_in_child=self.stop)
        torch.nn.modules.module.register_module_forward_hook(self.called)

    def stop(self):
        """Write no more. In a child process this is another's record."""
        self.stopped = True

    @contextlib.contextmanager
    def pause(self):
        before, self.stopped = self.stopped, True
        try:
            yield
        finally:
            self.stopped = before

    def see(self, number, value, *others):
        kind = self.sites[number][3]
        if self.stopped or (kind == "value" and (value is None or type(value) in NO_TENSORS)):
            return value
        with self.lock:
            if not self.busy:
                self.busy = True
                try:
                    entries = self.entries(kind, self.sites[number], value, others)
                    if entries or isinstance(value, self.torch.nn.Module):  # a module may have changed on one side only
                        self.write(number, entries)
                finally:
                    self.busy = False
        return value

    def called(self, module, args, output):
        """A hook on all modules: one that the script didn't write has given ``output``."""
        frame = sys._getframe(1)
        own = getattr(type(module).forward, "__code__", None)
        if self.busy or self.stopped or (own is not None and own.co_filename in self.files):
            return
        while frame is not None and frame.f_code.co_filename not in self.files:
            frame = frame.f_back
        if frame is None:
            return
        kind = type(module).__name__
        key = (frame.f_code.co_filename, frame.f_lineno, kind)
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.sites)
            name = self.modules.get(module)
            self.sites.append((*key[:2], -1, "module", f"{name} ({kind})" if name else kind, ""))
        self.see(number, output)

    # ---- which tensors

    def entries(self, kind, site, value, others):
        found: list = []
        self.gather(site, "", value, found, 0)
        if kind == "unfilled" or (kind == "sized" and others and all(self.is_size(part) for part in others)):
            for _, x in found:
                x.data.zero_()
        entries = [self.entry(role, x, self.is_new(x, kind)) for role, x in found]
        if kind == "backward":
            entries += self.gradients()
        elif kind == "step":
            entries += [part for owner in others for part in self.stepped(owner)]
        return entries

    def is_size(self, value):
        return isinstance(value, (int, self.torch.Size)) and not isinstance(value, bool)

    def gather(self, site, role, value, found, depth):
        """Append (role, tensor) for each tensor in ``value``."""
        if isinstance(value, self.torch.Tensor):
            self.watch(value, (site[5] or site[4]) + role)
            found.append((role, value))
        elif isinstance(value, self.torch.nn.Module):
            found += self.of_module(site, value)
        elif isinstance(value, (list, tuple, dict)) and depth < 4:
            entries = list(value.items() if isinstance(value, dict) else enumerate(value))[:ENTRIES]
            for key, item in entries:
                if item is not None and type(item) not in NO_TENSORS:
                    self.gather(site, f"{role}[{key!r}]", item, found, depth + 1)

    def of_module(self, site, module):
        """The parameters and buffers that are new or changed. It and what it is made of get the name it is assigned to."""
        label, renamed = site[5], bool(site[5]) or module not in self.modules
        if renamed:
            for name, part in module.named_modules():
                self.modules[part] = ".".join(filter(None, (label or type(module).__name__, name)))
        lazy = getattr(self.torch.nn.parameter, "UninitializedTensorMixin", ())
        found = []
        for name, x in [*module.named_parameters(), *module.named_buffers()]:
            if not isinstance(x, lazy):
                self.watch(x, f"{self.modules.get(module)}.{name}", renamed)
                if self.is_new(x, "look"):
                    found.append((f".{self.modules.get(module)}.{name}", x))
        return found

    def watch(self, x, name, renamed=False):
        old = self.leaves.get(id(x))
        if (renamed or old is None or old[0]() is not x) and x.requires_grad and x.is_leaf:
            self.leaves[id(x)] = (weakref.ref(x), name)

    def is_new(self, x, kind):
        """Whether ``x`` was not written before as it is. What a module gave inside the library doesn't count as written."""
        try:
            version = x._version
        except RuntimeError:  # made in inference mode: nobody counts its versions
            return True
        old = self.written.get(id(x))
        if old is not None and old[1] == version and old[0]() is x:
            return False
        if kind not in ("look", "module"):
            self.written[id(x)] = (weakref.ref(x), version)
        return True

    def gradients(self):
        entries = []
        for key, (leaf, name) in list(self.leaves.items()):
            x = leaf()
            if x is None:
                del self.leaves[key]
            elif x.grad is None:
                entries.append((f"{name}.grad", "None", (), 1, b""))
            else:
                entries.append(self.entry(f"{name}.grad", x.grad, True))
        return entries

    def stepped(self, owner):
        """The parameters and learning rates of an optimizer; of a schedule, the rates."""
        groups = getattr(owner, "param_groups", None)
        entries = []
        if groups is not None:
            self.steps += 1
            for index, x in enumerate(x for group in groups for x in group["params"]):
                known = self.leaves.get(id(x))
                entries.append(self.entry(known[1] if known else f"parameter {index}", x, True))
        groups = groups or getattr(getattr(owner, "optimizer", None), "param_groups", ())
        rates = [float(group["lr"]) for group in groups if "lr" in group]
        told = [struct.pack("d", rate) for rate in rates]
        return entries + [(f"lr of group {i}", "float64", (), 1, data) for i, data in enumerate(told)]

    # ---- and their elements

    def entry(self, role, x, wanted):
        every, data = self.elements(x) if wanted else (1, None)
        return role, str(x.dtype).removeprefix("torch."), tuple(int(n) for n in x.shape), every, data

    def elements(self, x):
        """(every how many-th, their bytes)."""
        try:
            x = x.detach().to_dense() if str(x.layout) != "torch.strided" else x.detach()
            x = x.cpu().resolve_conj().resolve_neg().reshape(-1)
            every = 1
            while x.numel() * x.element_size() > max(64, self.left // SHARE) * every:
                every *= 2  # so the elements of a sparser choice are among those of a denser one
            return every, x[::every].contiguous().view(self.torch.uint8).numpy().tobytes()
        except (RuntimeError, NotImplementedError, TypeError, ValueError):
            return 1, None

    def write(self, number, entries):
        if number not in self.told:
            self.told.add(number)
            marshal.dump(("site", number, self.sites[number]), self.file)
        before = self.file.tell()
        marshal.dump((number, self.steps, entries), self.file)
        self.left -= self.file.tell() - before


# ------------------------------------------------------------------------------------------------------- running the script


class Neighbours(importlib.machinery.PathFinder):
    """Finds the script's own modules, and has them rewritten too."""

    def __init__(self, compiled):
        self.compiled = compiled
        libraries = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
        ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        self.foreign = tuple(os.path.join(folder, "") for folder in (*libraries, ours))

    def find_spec(self, fullname, path=None, target=None):  # type: ignore[override]
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        own = spec is not None and str(spec.origin).endswith(".py") and not spec.origin.startswith(self.foreign)
        if not own or "site-packages" in spec.origin:
            return None
        spec.loader = Rewritten(fullname, spec.origin, self.compiled)
        return spec


class Rewritten(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname, path, compiled):
        super().__init__(fullname, path)
        self.compiled = compiled

    def get_code(self, fullname):
        return self.compiled(self.path)


def compiler(recorder):
    """The function that compiles a file of the script, marked if there is a recorder."""

    def compiled(path):
        with open(path, "rb") as file:
            tree = Imports().visit(ast.parse(file.read(), path))
        if recorder is not None:
            recorder.files.add(path)
            tree = Marker(path, recorder.sites).visit(tree)
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)

    return compiled


class ImportClock:
    """Takes the place of ``__import__`` and counts the seconds spent in it."""

    def __init__(self):
        self.seconds, self.depth, self.plain = 0.0, 0, builtins.__import__
        builtins.__import__ = self

    def __call__(self, *args, **kwargs):
        start, self.depth = time.perf_counter(), self.depth + 1
        try:
            return self.plain(*args, **kwargs)
        finally:
            self.depth -= 1
            self.seconds += (time.perf_counter() - start) * (not self.depth)


def seed_all(torch, seed):
    random.seed(seed)
    importlib.import_module("numpy").random.seed(seed % 2**32)
    torch.manual_seed(seed)


TRANSFORMS = ["vmap", "jacfwd", "jacrev", "hessian"]
"""How often these call the function that they are given is the library's affair."""


def unseen(recorder, transform):
    """``transform`` with a function of the script in it that isn't recorded."""

    @functools.wraps(transform)
    def given(*args, **kwargs):
        made = transform(*args, **kwargs)

        @functools.wraps(made)
        def called(*args, **kwargs):
            with recorder.pause():
                return made(*args, **kwargs)

        return called

    return given


def uncompiled(model=None, **options):
    """Instead of ``torch.compile``: what isn't run as Python can't be seen."""
    return uncompiled if model is None else model


def hide_frames(hook):
    """An excepthook that leaves out this file's frames."""

    def shown(kind, error, trace):
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        hook(kind, error.with_traceback(trace), trace)

    return shown


def execute(compiled, path, how):
    """Run the script as ``__main__``. ``how`` receives its time, its exit code and the first line of what it raised."""
    main = types.ModuleType("__main__")
    main.__file__, main.__builtins__ = path, builtins  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    clock, start = ImportClock(), time.perf_counter()
    try:
        code = compiled(path)
        start = time.perf_counter()
        exec(code, main.__dict__)
    except SystemExit as end:
        how["status"] = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise
    except BaseException as error:
        how.update(status=1, error=f"{type(error).__name__}: {error}".splitlines()[0])
        raise
    finally:
        how["seconds"] = time.perf_counter() - start - clock.seconds


def recorder_for(torch, options):
    """A recorder that all marked code finds among the builtins."""
    recorder = Recorder(torch, open(options["record"], "wb"), options["limit"])
    setattr(builtins, SEE, recorder.see)
    torch.compile = uncompiled
    for name in TRANSFORMS:
        setattr(torch.func, name, unseen(recorder, getattr(torch.func, name)))
    torch.vmap = torch.func.vmap
    return recorder


def main():
    options, path = json.loads(sys.argv[1]), os.path.abspath(sys.argv[2])
    torch = importlib.import_module("torch")
    for name in ("torch.nn.modules.module", "torch.optim", "torch.func", "torch.utils.data"):
        importlib.import_module(name)

    recorder = recorder_for(torch, options) if options["record"] else None
    compiled = compiler(recorder)
    sys.meta_path.insert(0, Neighbours(compiled))
    sys.excepthook = hide_frames(sys.excepthook)
    sys.argv, sys.path[0] = sys.argv[2:], os.path.dirname(path)
    seed_all(torch, options["seed"])

    how = {"seconds": 0.0, "status": 0, "error": ""}
    try:
        execute(compiled, path, how)
    finally:
        if recorder is not None:
            recorder.stop()
            recorder.file.close()
        with open(options["told"], "w") as file:
            json.dump(how, file)


if __name__ == "__main__":
    main()
