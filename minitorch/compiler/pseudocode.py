"""A nest of loops as people write one down.

    for i in 32:
        for j in 16:  m = max(m, x[16i + j])
        for j in 16:  t[j] = exp(x[16i + j] - m);  s += t[j]
        for j in 16:  y[16i + j] = t[j] / s

An index counts elements from the start of what is named. Dims that are walked in step are one; ``t[j]`` is kept from one
pass to the next.

torch: TORCH_LOGS="output_code"
"""

from .nest import Count, Load, Op

__all__ = ["readable"]

LETTERS = "ijklmnopqrstuvw"
WIDTH = 100
"""Characters of a line from which on each statement gets a line of its own."""
LONG = 8
"""Ops in an expression from which on it is cut in pieces."""

INFIX = {
    "mul": ("*", 4), "div": ("/", 4), "add": ("+", 3), "sub": ("-", 3), "bitwise_and": ("&", 2.5), "bitwise_xor": ("^", 2),
    "bitwise_or": ("|", 1.5), "lt": ("<", 1), "le": ("<=", 1), "gt": (">", 1), "ge": (">=", 1), "eq": ("==", 1), "ne": ("!=", 1),
    "logical_and": ("and", 0.5), "logical_or": ("or", 0),
}  # fmt: skip
"""Row → its sign, and how strongly that binds, in Python's order."""
COMPARING, CHOOSING, NEGATING, ALONE = 1, -0.5, 5, 6
"""How strongly comparisons bind, which must not stand in a chain; ``x if c else y``; ``-x``; and what needs no brackets ever."""

TOTALS = {"sum": "{0} += {1}", "prod": "{0} *= {1}", "amax": "{0} = max({0}, {1})", "amin": "{0} = min({0}, {1})"}
INITIALS = {"sum": "s", "prod": "p", "amax": "m", "amin": "m"}


def readable(nest, names):
    """The lines.   names: of the buffers, in their order."""
    return Reading(nest, names).lines


class Reading:
    """``letters``: the index of each dim.   known: the name of an Op that has one.   named: the names that are given."""

    def __init__(self, nest, names):
        self.nest, self.names, self.lines, self.known, self.named = nest, names, [], {}, set()
        order = [*nest.outer, *nest.inner]
        self.letters = {d: LETTERS[k] for k, d in enumerate(order)}
        if nest.outer:
            side_by_side = "" if nest.by_rows else "  (columns, side by side)"
            self.lines.append(f"for {self.over(nest.outer)}:{side_by_side}")
        self.margin = "    " if nest.outer else ""
        for level in range(nest.passes + 1):
            self.outside(level)
            if level < nest.passes and nest.inner:
                self.one_pass(level)

    def over(self, dims):
        return ", ".join([f"{self.letters[d]} in {self.nest.shape[d]}" for d in dims])

    # ----------------------------------------------------------------------------------------------------- statements

    def outside(self, level):
        """What happens before a pass over the inner dims, or instead of one."""
        for op in self.nest.ops:
            if op.kind == "outer" and op.level == level and not plain(op) and self.readers(op) != ["outer"]:
                self.say([f"{self.give(op, 'a')} = {self.told(op)}"])
        stores = [s for s in self.nest.stores if s.op.kind != "full" and s.op.level + (s.op.kind == "reduction") == level]
        if not self.nest.inner:
            stores = self.nest.stores if level == 0 else []
        parts: list = []
        for op in repeated([s.op for s in stores], self.known):
            parts.append(f"{self.give(op, 't')} = {self.told(op)}")
        self.say([*parts, *[self.stored(s) for s in stores]])

    def readers(self, op):
        """The kinds of the Ops that read one, and "store" for each store."""
        return [x.kind for x in self.nest.ops for arg in x.args if arg is op] + ["store" for s in self.nest.stores if s.op is op]

    def one_pass(self, level):
        nest = self.nest
        totals = [op for op in nest.ops if op.kind == "reduction" and op.level == level]
        stores = [s for s in nest.stores if s.op.kind == "full" and s.op.level == level]
        kept = [op for op in nest.ops if op.kept is not None and op.level == level]
        before, parts = dict(self.known), []
        for op in repeated([op.args[0] for op in totals] + [s.op for s in stores] + kept, self.known):
            if op not in kept:
                parts.append(f"{self.give(op, 't')} = {self.told(op)}")
        inner = "".join([f"[{self.letters[d]}]" for d in nest.inner])
        for op in kept:
            text = self.told(op)
            parts.append(f"{self.give(op, 't')}{inner} = {text}")
            self.known[op] = before[op] = self.known[op] + inner
        for op in totals:
            text = self.said(op.args[0])
            before[op] = self.give(op, INITIALS[op.name])
            parts.append(TOTALS[op.name].format(before[op], text))
        parts += [self.stored(s) for s in stores]
        self.say(parts, f"for {self.over(nest.inner)}:")
        self.known = before  # other names hold within a turn of the loop

    def say(self, parts, head=""):
        """Statements, behind the head of their loop where there is room."""
        if not parts:
            return
        line = ";  ".join(parts)
        if head and len(head) + len(line) <= WIDTH:
            self.lines.append(f"{self.margin}{head}  {line}")
        else:
            self.lines += [f"{self.margin}{head}"] if head else []
            self.lines += [f"{self.margin}{'    ' if head else ''}{part}" for part in parts]

    def give(self, op, initial):
        """A name for an Op."""
        count = 1
        while f"{initial}{count}" in self.named:
            count += 1
        self.known[op] = f"{initial}{count}"
        self.named.add(self.known[op])
        return self.known[op]

    def stored(self, store):
        at = self.place(store.buffer, store.strides, store.offset, [(index, stride) for index, _, stride in store.at])
        return f"{at} {'+' if store.adds else ''}= {self.said(store.op)}"

    # ---------------------------------------------------------------------------------------------------- expressions

    def said(self, x, binding=-1):
        """An argument: by its name if it has one, in brackets if it binds less than what is around it."""
        if x.__class__ is Load:
            return self.place(x.buffer, x.strides, x.offset)
        if x.__class__ is Count:
            text = self.counted(x)
            return bracketed(text, INFIX["add"][1] if " + " in text else ALONE, binding)
        if x.__class__ is not Op:
            return f"{x:.6g}" if x.__class__ is float else repr(x)
        if x in self.known:
            return self.known[x]
        return bracketed(self.told(x), strength(x), binding)

    def told(self, op):
        """What an Op computes."""
        if op.name in INFIX:
            sign, strong = INFIX[op.name]
            left = strong + 0.25 if strong == COMPARING else strong
            return f"{self.said(op.args[0], left)} {sign} {self.said(op.args[1], strong + 0.25)}"
        if op.name == "neg":
            return f"-{self.said(op.args[0], NEGATING)}"
        if op.name == "where":
            args = [bool(x) if op.dtype == "bool" and x.__class__ in (int, float) else x for x in op.args]
            x, condition, y = [self.said(x, CHOOSING + 0.25) for x in args]
            return f"{x} if {condition} else {y}"
        if op.name in ("copy", "full", "arange"):
            return self.said(op.args[0])
        if op.name == "cast":
            return f"{op.dtype}({self.said(op.args[0])})"
        if op.name == "take":
            *indices, source = op.args
            return self.place(source.buffer, source.strides, source.offset, [(i, s) for i, (_, s) in zip(indices, op.params)])
        return f"{op.name}({', '.join([self.said(x) for x in (*op.args, *op.params)])})"

    def place(self, buffer, strides, offset, at=()):
        """An element of a buffer; ``at``: (index, stride) where values say where."""
        terms = self.terms(strides) + [scaled(self.said(index, ALONE), stride) for index, stride in at]
        return f"{self.names[buffer]}[{' + '.join(terms + ([str(offset)] if offset or not terms else []))}]"

    def terms(self, strides):
        return [scaled(self.letters[d], s) for d, s in enumerate(strides) if s and d in self.letters]

    def counted(self, count):
        """start + step * position."""
        terms = self.terms([s * count.step for s in count.strides])
        start = count.start + count.step * count.offset
        return " + ".join(terms + ([repr(start)] if start or not terms else []))


def scaled(text, factor):
    return text if factor == 1 else f"{factor:g}{text}" if len(text) == 1 else f"{factor:g} {text}"


def bracketed(text, strength, binding):
    return f"({text})" if strength < binding else text


def strength(op):
    """How strongly an Op's own text binds."""
    if plain(op):
        return strength(op.args[0]) if op.args and op.args[0].__class__ is Op else ALONE
    return INFIX[op.name][1] if op.name in INFIX else {"where": CHOOSING, "neg": NEGATING}.get(op.name, ALONE)


def plain(op):
    """Whether an Op only hands on something."""
    return op.name in ("copy", "full", "arange") or not op.args


def repeated(roots, known):
    """The Ops under ``roots`` that are read more than once, or whose text would be long, in the order of computing."""
    count, order = {}, []

    def visit(op):
        if op.__class__ is Op and op not in known and op.kind != "reduction":
            count[op] = count.get(op, 0) + 1
            if count[op] == 1:
                for x in op.args:
                    visit(x)
                order.append(op)

    for root in roots:
        visit(root)
    sizes, found = {}, []
    for op in order:
        sizes[op] = 1 + sum([sizes.get(x, 0) for x in op.args])
        if not plain(op) and (count[op] > 1 or (sizes[op] > LONG and op not in roots)):
            found.append(op)
            sizes[op] = 1
    return found
