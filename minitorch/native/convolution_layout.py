"""The layout of a convolution's input as LLVM text: each plane with its borders, and with one smaller image for each phase."""

from .text import Text

__all__ = ["round_up", "write_layout", "write_row", "write_table"]


def round_up(number, unit):
    return -(-number // unit) * unit


def write_table(text: Text, name, numbers):
    """A constant array of integers."""
    text.lines.append(f"@{name} = internal constant [{len(numbers)} x i64] [{', '.join(f'i64 {n}' for n in numbers)}]")


def write_layout(text, v, name, sliding):
    """The function ``@name``: one plane of the input, laid out. ``%first``: the row of outputs that a band begins with."""
    grid, size = sliding.grid, sliding.size
    with text.function(f"internal fastcc void @{name}(ptr %x, ptr %to, i64 %first)", "noinline nounwind"):
        for number, part in enumerate(sliding.parts):
            every = sliding.step[0] == 1 and part[0] == sliding.low[0] and grid[0] <= size[0]  # depth is inside
            with text.loop("depth", 0, grid[0]) as depth:
                if sliding.bands == 1 and every:  # then it is known which rows are outside
                    begin, end = inside_of(grid[1], size[1], sliding.step[1], part[1] - sliding.low[1])
                    for start, stop in ((0, begin), (begin, end), (end, grid[1])):
                        with text.loop("row", start, stop) as row:
                            write_layout_row(text, v, sliding, number, (depth, row), (start, stop) == (begin, end))
                else:
                    with text.loop("row", 0, grid[1]) as row:
                        write_layout_row(text, v, sliding, number, (depth, row), None)


def inside_of(places, size, step, shift):
    """The range of those of ``places`` whose source, i * step + shift, is one of ``size``.

    >>> inside_of(6, 4, 1, -1), inside_of(3, 4, 2, -1)
    ((1, 5), (1, 3))
    """
    begin = min(places, -(-max(0, -shift) // step))
    return begin, max(begin, min(places, -(-max(0, size - shift) // step)))


def write_layout_row(text, v, sliding, number, place, inside):
    """One row of a part of the layout. ``inside``: whether it has a source; None if only the program can tell."""
    grid, size, part, places = sliding.grid, sliding.size, sliding.parts[number], list(place)
    places[sliding.axis] = text.add(places[sliding.axis], "%first")
    source = [
        text.add(text.multiply(i, step), before - low)
        for i, step, before, low in zip(places, sliding.step, part, sliding.low)
    ]
    start = text.add(text.multiply(source[0], sliding.depth_in), text.multiply(source[1], size[2]))
    start = text.at("%x", start, sliding.kind)
    to = text.add(text.multiply(text.add(number * grid[0], place[0]), grid[1]), place[1])
    to = text.at("%to", text.multiply(to, grid[2]), sliding.kind)
    range_of_row = inside_of(grid[2], size[2], sliding.step[2], part[2] - sliding.low[2])
    row = grid[2], range_of_row, sliding.step[2], part[2] - sliding.low[2]
    if inside is None:
        bits = [text.let("in", f"icmp ult i64 {i}, {n}") for i, n in zip(source, size)]
        inside = text.let("in", f"and i1 {bits[0]}, {bits[1]}")
        with text.when(inside):
            write_row(text, v, row, start, to)
        with text.when(text.let("out", f"xor i1 {inside}, true")):
            write_row(text, v, (grid[2], (0, 0), 1, 0), start, to)
    else:
        write_row(text, v, row if inside else (grid[2], (0, 0), 1, 0), start, to)


def write_row(text, v, row, source, to):
    """(columns, (begin, end), step, shift): column i is the source's i * step + shift, and 0 where it isn't in the range.

    The last vector runs over into the next row, which is written after it.
    """
    columns, (begin, end), step, shift = row

    def write(first, count, skip):
        place = text.at(source, text.add(text.multiply(first, step), shift), v.kind)
        value = v.load(place, count, step, skip) if count > skip else v.zero
        v.store(value, text.at(to, first, v.kind))

    whole, until = -(-begin // v.lanes) * v.lanes, end // v.lanes * v.lanes
    for first in range(0, columns, v.lanes):
        if first == whole < until:
            with text.loop("column", whole, until, v.lanes) as column:
                write(column, v.lanes, 0)
        elif not whole <= first < until:
            write(first, max(0, min(v.lanes, end - first)), max(0, begin - first))
