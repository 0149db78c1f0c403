"""Types of 16 bits in registers: their bits as an i16, widened to a float to compute with, and rounded to be stored.

    bfloat16    the upper half of a float32        x = bits << 16
    float16     5 bits of exponent, 10 of fraction

In integer instructions of any processor, so that loops over them become vector code everywhere. Rounding is to the nearest,
to even where two are as near; NaN stays NaN, with its sign.

torch: c10/util/BFloat16.h, Half.h.   Giesen, "half to float done quick"
"""

__all__ = ["NARROW", "narrowed", "widened"]

NARROW = frozenset(["bfloat16", "float16"])


def chosen(text, condition, x, y, kind="i32"):
    return text.let("chosen", f"select i1 {condition}, {kind} {x}, {kind} {y}")


def widened(text, bits, source):
    """The float that ``bits``, an i16, stand for."""
    wide = text.let("wide", f"zext i16 {bits} to i32")
    if source == "bfloat16":
        return text.let("x", f"bitcast i32 {text.let('upper', f'shl i32 {wide}, 16')} to float")
    sign = text.let("sign", f"shl i32 {text.let('sign', f'and i32 {wide}, 32768')}, 16")
    moved = text.let("moved", f"shl i32 {text.let('rest', f'and i32 {wide}, 32767')}, 13")
    normal = text.let("normal", f"add i32 {moved}, {(127 - 15) << 23}")
    endless = text.let("endless", f"or i32 {moved}, {255 << 23}")
    small = text.let("up", f"bitcast i32 {text.let('up', f'add i32 {moved}, {113 << 23}')} to float")  # 2^-14 (1 + fraction)
    small = text.let("less", f"fsub float {small}, 6.103515625e-05")
    small = text.let("small", f"bitcast float {small} to i32")
    value = chosen(text, text.let("is_small", f"icmp ult i32 {moved}, {1 << 23}"), small, normal)
    value = chosen(text, text.let("is_endless", f"icmp uge i32 {moved}, {31 << 23}"), endless, value)
    return text.let("x", f"bitcast i32 {text.let('signed', f'or i32 {value}, {sign}')} to float")


def to_nearest(text, bits, places):
    """``bits`` without the last ``places``, rounded: half of a step less one, and the last bit that stays, are added."""
    odd = text.let("odd", f"and i32 {text.let('kept', f'lshr i32 {bits}, {places}')}, 1")
    raised = text.let("raised", f"add i32 {bits}, {text.let('half', f'add i32 {odd}, {(1 << (places - 1)) - 1}')}")
    return text.let("rounded", f"lshr i32 {raised}, {places}")


def narrowed(text, x, target):
    """A float as the nearest of a narrow type: its bits, an i16."""
    bits = text.let("bits", f"bitcast float {x} to i32")
    sign = text.let("sign", f"and i32 {text.let('sign', f'lshr i32 {bits}, 16')}, 32768")
    size = text.let("size", f"and i32 {bits}, 2147483647")
    strange = text.let("strange", f"icmp ugt i32 {size}, {255 << 23}")
    if target == "bfloat16":
        value, nan = to_nearest(text, size, 16), 0x7FC0
    else:
        value, nan = nearest_half(text, size), 0x7E00
    value = chosen(text, strange, nan, value)
    return text.let("narrow", f"trunc i32 {text.let('signed', f'or i32 {value}, {sign}')} to i16")


def nearest_half(text, size):
    """The bits of a float without sign as those of a float16. What is below 2^-14 is rounded by an addition of 0.5, whose
    last place is the step of float16 there."""
    normal = to_nearest(text, text.let("moved", f"sub i32 {size}, {(127 - 15) << 23}"), 13)
    added = text.let("added", f"fadd float {text.let('number', f'bitcast i32 {size} to float')}, 5.000000e-01")
    small = text.let("small", f"sub i32 {text.let('bits', f'bitcast float {added} to i32')}, {126 << 23}")
    value = chosen(text, text.let("is_small", f"icmp ult i32 {size}, {113 << 23}"), small, normal)
    return chosen(text, text.let("too_large", f"icmp uge i32 {size}, {143 << 23}"), 31 << 10, value)
