"""How the rows of the table are said in ONNX: row name → ONNX operator, or a function that writes some.

A spelling gets the writer, the row's operands and its params, and returns what it made: ``relu`` is "Relu",
``rsqrt`` is ``lambda o, x: o.Reciprocal(o.Sqrt(x))``. A row that is in none of these tables can't be exported.

elementwise, reductions     numbers on their own, and many brought to one
movement, places            shapes and views; elements picked and written by index
products, windows           matrices and convolutions; pooling and resampling
"""

from .elementwise import ELEMENTWISE
from .movement import MOVEMENT
from .places import PLACES
from .products import PRODUCTS
from .reductions import REDUCTIONS
from .windows import WINDOWS

__all__ = ["SPELLINGS"]

SPELLINGS = {**ELEMENTWISE, **REDUCTIONS, **MOVEMENT, **PLACES, **PRODUCTS, **WINDOWS}
