"""The steps of recurrent layers as formulas, forward and back, for the kernels of recurrent.py.

A formula is a row of steps as in formula.py, between named places. A place is a row of ``hidden`` numbers: part ``part`` of
the ``width`` that an array has for each row of the packed sequences, or for each sequence of the batch. The mathematics is
nn/recurrence.py's; arrays and planes are those of tables/recurrent.py.

torch: ATen/native/RNN.cpp, lstm_cell and gru_cell of ATen/native/cuda/RNN.cu
"""

from dataclasses import dataclass

__all__ = ["BACKWARD", "FORWARD", "Pass", "Place", "Product"]


@dataclass(frozen=True)
class Place:
    """Where ``hidden`` numbers are. by: "row" of the packed sequences, "sequence" of the batch, or "all" for a vector.

    plane: of which plane of the planes' array; a "state" lies there behind the rows.
    """

    array: str
    by: str
    width: int = 1
    part: int = 0
    plane: int = 0


@dataclass(frozen=True)
class Product:
    """c = a W' + add for the rows of a step: so many parts of hidden numbers become so many. add: None for nothing."""

    a: Place
    a_parts: int
    add: Place | None
    c: Place
    c_parts: int


@dataclass(frozen=True)
class Pass:
    """One step of a layer: the arrays of the kernel in their order; which of product and formula comes first; the formula.

    places: {name: Place}, steps: (result, row of the table, operands…), stores: {place's name: operand}
    """

    arrays: tuple
    product_first: bool
    product: Product
    places: dict
    steps: tuple
    stores: dict

    def formula(self, planes):
        """(places, steps, stores) as formula.py has them, without what is stored beyond the first ``planes``."""
        stores = {name: x for name, x in self.stores.items() if self.places[name].plane < planes}
        used = {x for _, _, *operands in self.steps for x in operands} | set(stores) | set(stores.values())
        places = [name for name in self.places if name in used]
        names = {name: f"a{k}" for k, name in enumerate(places)} | {step[0]: f"t{k}" for k, step in enumerate(self.steps)}
        steps = tuple([(row, tuple([names.get(x, x) for x in operands])) for _, row, *operands in self.steps])
        return [self.places[name] for name in places], steps, tuple([(places.index(name), names[x]) for name, x in stores.items()])


def parts(array, by, names):
    """Places side by side, one for each word."""
    names = names.split()
    return {name: Place(array, by, len(names), k) for k, name in enumerate(names)}


def kept(names, first=0):
    """Places in planes that follow each other."""
    return {name: Place("planes", "row", plane=first + k) for k, name in enumerate(names.split())}


H, C = Place("planes", "state", plane=0), Place("planes", "state", plane=1)


def forward(width, add, places, steps, stores):
    """A step forward: z = h Wᵀ + add, then the formula. The planes are written to."""
    product = Product(H, 1, add, Place("work", "sequence", width), width)
    arrays = ("packed", *dict.fromkeys(["gates", add.array]), "work", "starts", "planes")
    return Pass(arrays, True, product, places, steps, stores)


def backward(written, a, a_parts, add, places, steps, stores):
    """A step back: the formula, then dh = a W + add. ``written``: the arrays that are written to."""
    product = Product(Place(a, "row", a_parts), a_parts, add, DH, 1)
    return Pass(("packed", "planes", "g_out", "starts", *written), False, product, places, steps, stores)


DH, G_OUT = Place("dh", "sequence"), Place("g_out", "row")


FORWARD = {
    "LSTM": forward(
        4, Place("gates", "row", 4),
        {"h": H, "c": C, **parts("work", "sequence", "zi zf zg zo"), **kept("out c_before h_before bent_kept i_kept f_kept g_kept o_kept")},
        (
            ("i", "sigmoid", "zi"), ("f", "sigmoid", "zf"), ("g", "tanh", "zg"), ("o", "sigmoid", "zo"),
            ("old", "mul", "c", "f"), ("new", "mul", "i", "g"), ("c'", "add", "old", "new"),
            ("bent", "tanh", "c'"), ("h'", "mul", "o", "bent"),
        ),
        {
            "h_before": "h", "c_before": "c", "h": "h'", "c": "c'", "out": "h'", "bent_kept": "bent",
            "i_kept": "i", "f_kept": "f", "g_kept": "g", "o_kept": "o",
        },
    ),
    "GRU": forward(
        3, Place("bias", "all", 3),
        {
            "h": H, **parts("gates", "row", "xr xu xn"), **parts("work", "sequence", "zr zu zn"),
            **kept("out h_before r_kept u_kept n_kept zn_kept"),
        },
        (
            ("r_sum", "add", "xr", "zr"), ("r", "sigmoid", "r_sum"), ("u_sum", "add", "xu", "zu"), ("u", "sigmoid", "u_sum"),
            ("reset", "mul", "r", "zn"), ("n_sum", "add", "reset", "xn"), ("n", "tanh", "n_sum"),
            ("difference", "sub", "h", "n"), ("part", "mul", "difference", "u"), ("h'", "add", "part", "n"),
        ),
        {"h_before": "h", "h": "h'", "out": "h'", "r_kept": "r", "u_kept": "u", "n_kept": "n", "zn_kept": "zn"},
    ),
    **{
        f"RNN_{name.upper()}": forward(
            1, Place("gates", "row"),
            {"h": H, "z": Place("work", "sequence"), **kept("out h_before h_after")},
            (("h'", name, "z"),),
            {"h_before": "h", "h": "h'", "out": "h'", "h_after": "h'"},
        )
        for name in ("tanh", "relu")
    },
}  # fmt: skip
"""The step forward. ``gates``: the input's part of z, or of the gates; ``work``: z of each sequence."""

BACKWARD = {
    "LSTM": backward(
        ("d_gates", "dh", "dc"), "d_gates", 4, None,
        {
            "dh": DH, "g_out": G_OUT, "dc": Place("dc", "sequence"), **parts("d_gates", "row", "di df dg do"),
            **kept("c_before", 1), **kept("bent i f g o", 3),
        },
        (
            ("dh'", "add", "dh", "g_out"),
            ("bent²", "mul", "bent", "bent"), ("s1", "sub", 1, "bent²"), ("s2", "mul", "s1", "o"), ("s3", "mul", "s2", "dh'"),
            ("dc'", "add", "dc", "s3"),
            ("i1", "sub", 1, "i"), ("i2", "mul", "i1", "i"), ("i3", "mul", "i2", "g"), ("di'", "mul", "i3", "dc'"),
            ("f1", "sub", 1, "f"), ("f2", "mul", "f1", "f"), ("f3", "mul", "f2", "c_before"), ("df'", "mul", "f3", "dc'"),
            ("g²", "mul", "g", "g"), ("g1", "sub", 1, "g²"), ("g2", "mul", "g1", "i"), ("dg'", "mul", "g2", "dc'"),
            ("o1", "sub", 1, "o"), ("o2", "mul", "o1", "o"), ("o3", "mul", "o2", "bent"), ("do'", "mul", "o3", "dh'"),
            ("dc''", "mul", "dc'", "f"),
        ),
        {"di": "di'", "df": "df'", "dg": "dg'", "do": "do'", "dc": "dc''"},
    ),
    "GRU": backward(
        ("d_gates", "d_state", "dh"), "d_state", 3, DH,
        {
            "dh": DH, "g_out": G_OUT, **kept("h_before r u n zn", 1),
            **parts("d_gates", "row", "dxr dxu dxn"), **parts("d_state", "row", "dzr dzu dzn"),
        },
        (
            ("dh'", "add", "dh", "g_out"),
            ("u1", "sub", 1, "u"), ("n1", "mul", "dh'", "u1"), ("n²", "mul", "n", "n"), ("n2", "sub", 1, "n²"), ("dn", "mul", "n1", "n2"),
            ("r1", "sub", 1, "r"), ("r2", "mul", "r1", "r"), ("r3", "mul", "r2", "zn"), ("dr", "mul", "r3", "dn"),
            ("u2", "mul", "u1", "u"), ("difference", "sub", "h_before", "n"), ("u3", "mul", "u2", "difference"), ("du", "mul", "u3", "dh'"),
            ("dn_state", "mul", "dn", "r"), ("dh''", "mul", "dh'", "u"),
        ),
        {"dxr": "dr", "dxu": "du", "dxn": "dn", "dzr": "dr", "dzu": "du", "dzn": "dn_state", "dh": "dh''"},
    ),
    "RNN_TANH": backward(
        ("d_gates", "dh"), "d_gates", 1, None,
        {"dh": DH, "g_out": G_OUT, "d": Place("d_gates", "row"), **kept("h_after", 2)},
        (("dh'", "add", "dh", "g_out"), ("h²", "mul", "h_after", "h_after"), ("slope", "sub", 1, "h²"), ("d'", "mul", "slope", "dh'")),
        {"d": "d'"},
    ),
    "RNN_RELU": backward(
        ("d_gates", "dh"), "d_gates", 1, None,
        {"dh": DH, "g_out": G_OUT, "d": Place("d_gates", "row"), **kept("h_after", 2)},
        (("dh'", "add", "dh", "g_out"), ("d'", "keep", "dh'", "h_after")),
        {"d": "d'"},
    ),
}  # fmt: skip
"""The step back. ``d_state``: the gradient of the state's part of the gates, where that is another."""
