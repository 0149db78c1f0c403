"""A convolution's weight gradient once more, number by number, where NaN came out of it.

The kernel of convolution_weight.py multiplies the zeros of borders by whatever x has there: with an infinite or NaN x that
makes NaN of numbers that x doesn't reach. So the gradient is looked through, which costs one addition for a vector of it, and
what is NaN is summed up again, over the places alone that its tap reaches. Where it is rightly NaN it is so again.
"""

from math import prod

from .text import Text

__all__ = ["write_exact", "write_mending"]


def write_exact(text: Text, name, conv):
    """The function ``@name.exact``: the gradient at one tap, of one channel of x and one of dy."""
    with text.function(f"internal fastcc void @{name}.exact(ptr %x, ptr %dy, ptr %to, i64 %a, i64 %b, i64 %c)", "noinline nounwind"):
        with text.loop("image", 0, conv.batch, carry=[(conv.kind, "0.0")]) as image:
            x = text.at("%x", text.multiply(image, conv.channels * prod(conv.size)), conv.kind)
            dy = text.at("%dy", text.multiply(image, conv.outputs * prod(conv.out)), conv.kind)
            image.carry(summed(text, conv, (x, dy), image.values[0], (0, 0, "true"), ("%a", "%b", "%c")))
        text.store(conv.kind, image.values[0], "%to")


def summed(text, conv, planes, total, where, taps):
    """``total`` and the products at all places, whose first coordinates are in ``where``: (in x, in dy, whether x has such)."""
    d = 3 - len(taps)
    with text.loop("place", 0, conv.out[d], carry=[(conv.kind, total)]) as place:
        tap, *rest = taps
        at = text.add(text.multiply(place, conv.stride[d]), text.multiply(tap, conv.dilation[d]))
        at = text.subtract(at, conv.padding[d]) if conv.padding[d] else at
        inside = text.let("inside", f"icmp ult i64 {at}, {conv.size[d]}")
        inside = text.let("inside", f"and i1 {inside}, {where[2]}")
        here = text.add(text.multiply(where[0], conv.size[d]), at), text.add(text.multiply(where[1], conv.out[d]), place), inside
        (so_far,) = place.values
        place.carry(summed(text, conv, planes, so_far, here, rest) if rest else with_product(text, conv, planes, so_far, here))
    return place.values[0]


def with_product(text, conv, planes, total, where):
    """``total`` and one product, if x has a number there."""
    (x, dy), (in_x, in_dy, inside) = planes, where
    in_x = text.let("in_x", f"select i1 {inside}, i64 {in_x}, i64 0")
    a, b = text.load(conv.kind, text.at(x, in_x, conv.kind)), text.load(conv.kind, text.at(dy, in_dy, conv.kind))
    product = text.let("product", f"fmul {conv.kind} {a}, {b}")
    product = text.let("product", f"select i1 {inside}, {conv.kind} {product}, {conv.kind} 0.0")
    return text.let("total", f"fadd {conv.kind} {total}, {product}")


def write_mending(text, v, name, conv, where):
    """Look through a chunk's part of the gradient, row by row, and sum up again what is NaN.

    where: (group, first and last number of a row, first and last output of the group). A row has all taps of all channels.
    """
    group, j0, j1, o0, o1 = where
    area, inner, outputs = prod(conv.kernel), conv.channels // conv.groups, conv.outputs // conv.groups
    with text.loop("o", o0, o1) as o:
        output = text.add(text.multiply(group, outputs), o)
        row = text.at("%C", text.add(text.multiply(output, inner * area), j0), v.kind)
        length = text.subtract(j1, j0)
        with text.when(text.let("odd", f"fcmp uno {v.kind} {of_zeros(text, v, row, length)}, 0.0")):
            with text.loop("number", 0, length) as number:
                place = text.at(row, number, v.kind)
                value = text.load(v.kind, place)
                with text.when(text.let("nan", f"fcmp uno {v.kind} {value}, {value}")):
                    channel, tap = text.divide(text.add(number, j0), area)
                    channel = text.add(text.multiply(group, inner), channel)
                    rest, c = text.divide(tap, conv.kernel[2])
                    a, b = text.divide(rest, conv.kernel[1])
                    x = text.at("%A", text.multiply(channel, prod(conv.size)), v.kind)
                    dy = text.at("%B", text.multiply(output, prod(conv.out)), v.kind)
                    text.do(f"call fastcc void @{name}.exact(ptr {x}, ptr {dy}, ptr {place}, i64 {a}, i64 {b}, i64 {c})")


def of_zeros(text, v, row, length):
    """The sum of a row's numbers, each times 0: NaN if one of them is NaN or infinite, else 0."""
    whole = text.multiply(text.divide(length, v.lanes)[0], v.lanes)
    zeros = v.zero
    with text.loop("j", 0, whole, v.lanes, carry=[(v.type, v.zero)]) as j:
        j.carry(v.multiply_add(v.load(text.at(row, j, v.kind)), zeros, j.values[0]))
    total = v.sums([j.values[0], *[v.zero] * (v.lanes - 1)])
    total = text.let("total", f"extractelement {v.type} {total}, i64 0")
    with text.loop("j", whole, length, carry=[(v.kind, total)]) as j:
        product = text.let("product", f"fmul {v.kind} {text.load(v.kind, text.at(row, j, v.kind))}, 0.0")
        j.carry(text.let("total", f"fadd {v.kind} {j.values[0]}, {product}"))
    return j.values[0]
