"""Convolution by matrix products, for any number of dims: the three rows that are each other's derivatives.

    conv              out = W ⋆ x           the weights times the columns of x
    conv_input_grad   its adjoint in x      the weights times g, and each column added back to its place
    conv_weight_grad  its adjoint in W      g times the columns of x

The columns are x seen through each place of the kernel, (C · kernel, positions), for one or a few images at a time: they
stay in the cache, and their memory is used again. Here g is always the gradient of the output.

A geometry is (stride, padding, dilation, groups), the first three with an entry for each dim; padding's is (before, after).

With stride 1, a place of the kernel is a shift of the whole image, written as one flat row; so its column is that row from
``offset`` on, and needs no copy. Where it runs on from the end of a line of positions to the start of the next, g is 0.

    offset of place (i, j) = dilation · (i · width + j)        columns[place, q] = image[offset + q]

torch: ATen/native/Convolution.cpp and im2col.h.   Chellapilla, Puri & Simard 2006
"""

import math
from importlib import import_module

import numpy
from numpy.lib.stride_tricks import as_strided

from .threads import scratch, share

__all__ = ["conv", "conv_input_grad", "conv_weight_grad", "output_sizes"]

COLUMN_BYTES = 1 << 20
"""About how much memory one piece of columns may take: more would leave the cache."""

WORTH_SHARING = 1 << 27
"""Multiplications above which threads share them."""

WORTH_COMPILING, MANY_GROUPS = 1 << 21, 8
"""Multiplications above which a kernel in machine code is worth compiling; from so many groups on NumPy takes so many times longer."""

SLOTS = 16
"""Parts in which the images' weight gradients are summed: the order of addition is the same for any number of threads."""

EVERY = slice(None)


def output_sizes(sizes, kernel, geometry):
    """The number of positions of the kernel in each dim."""
    stride, padding, dilation, _ = geometry
    return tuple([
        (n + before + after - d * (k - 1) - 1) // s + 1
        for n, k, s, (before, after), d in zip(sizes, kernel, stride, padding, dilation, strict=True)
    ])  # fmt: skip


def in_machine_code(way, work, arrays, shapes, geometry, out):
    """Fill ``out`` by a kernel in machine code, and return True; False if the work, so many multiplications, is too small,
    or there is no such kernel. ``shapes``: those of the input and the weight."""
    if work * (MANY_GROUPS if geometry[-1] >= MANY_GROUPS else 1) < WORTH_COMPILING:
        return False
    native = import_module(".native_convolution", __package__)  # with all that it needs: most programs do without
    kernel = native.conv_kernel(way, *shapes, geometry, out.dtype.char, len(arrays) == 3)
    if kernel is None:
        return False
    arrays = [numpy.ascontiguousarray(array) for array in arrays]
    kernel(*arrays[:2], out, *arrays[2:])
    return True


# -------------------------------------------------------------------------------------------------------------- frames


def is_framed(geometry):
    return any([before or after for before, after in geometry[1]])


def unframed(x, geometry):
    """x in its frame of zeros, and the geometry that is left: for images that are used in several parts."""
    stride, padding, dilation, groups = geometry
    if not is_framed(geometry):
        return x, geometry
    frame = numpy.zeros((*x.shape[:2], *framed_sizes(x.shape[2:], padding)), x.dtype)
    frame[(..., *within(padding, x.shape[2:]))] = x
    return frame, (stride, ((0, 0),) * len(stride), dilation, groups)


def framed_sizes(sizes, padding):
    return [n + before + after for n, (before, after) in zip(sizes, padding, strict=True)]


def within(padding, sizes):
    """Where the image is in its frame."""
    return tuple([slice(before, before + n) for (before, _), n in zip(padding, sizes, strict=True)])


class Frame:
    """The images of x, some at a time, with the zeros around them: a view of x, or a copy in this thread's scratch."""

    def __init__(self, x, geometry, images):
        self.x = self.array = x
        self.copied = is_framed(geometry)
        if self.copied:
            padding = geometry[1]
            self.array = scratch("frame", (images, x.shape[1], *framed_sizes(x.shape[2:], padding)), x.dtype)
            self.array.fill(0)
            self.inside = self.array[(..., *within(padding, x.shape[2:]))]
        self.steps = [s // x.itemsize for s in self.array.strides[2:]]

    def windows(self, kernel, stride, dilation, positions):
        """Each element once for each place of the kernel that reads it: (n, C, *kernel, *positions), a view."""
        array = self.array
        places = [d * s for d, s in zip(dilation, array.strides[2:], strict=True)]
        moves = [s * step for s, step in zip(stride, array.strides[2:], strict=True)]
        return as_strided(array, (*array.shape[:2], *kernel, *positions), (*array.strides[:2], *places, *moves))

    def flat_windows(self, kernel, dilation, length):
        """The same for stride 1 and positions on the flat image: (n, C, *kernel, length), a view."""
        array = self.array
        places = [d * s for d, s in zip(dilation, array.strides[2:], strict=True)]
        return as_strided(array, (*array.shape[:2], *kernel, length), (*array.strides[:2], *places, array.itemsize))

    def take(self, windows, images):
        """Those images of a view of the frame."""
        if not self.copied:
            return windows[images]
        count = images.stop - images.start
        self.inside[:count] = self.x[images]
        return windows[:count]


class Spread:
    """The rows of g, some images at a time, as wide as the frame: flat, with zeros between the lines of positions."""

    def __init__(self, g, sizes, steps, images):
        self.g = g
        self.length = flat_length(g.shape[2:], steps)
        self.copied = tuple(sizes[1:]) != g.shape[3:]
        if self.copied:
            self.array = scratch("spread", (images, *g.shape[1:3], *sizes[1:]), g.dtype)
            self.array.fill(0)
            self.inside = self.array[(..., *[slice(0, n) for n in g.shape[2:]])]

    def take(self, images):
        """(n, O, length)"""
        rows = self.g[images]
        if self.copied:
            self.inside[: len(rows)] = rows
            rows = self.array[: len(rows)]
        return rows.reshape(*rows.shape[:2], -1)[..., : self.length]


def flat_length(positions, steps):
    """How far it is on the flat image from the first position to the last, both counted."""
    return sum([(n - 1) * step for n, step in zip(positions, steps, strict=True)]) + 1


# --------------------------------------------------------------------------------------------------------------- parts


def parts(stop, step, start=0):
    """Slices of ``step`` from ``start`` to ``stop``."""
    return [slice(i, min(i + step, stop)) for i in range(start, stop, step)]


def images_at_once(batch, bytes_each, shared):
    """So many that they fit; and if they are shared, that there are some pieces to share."""
    return max(1, min(COLUMN_BYTES // max(bytes_each, 1), -(-batch // SLOTS) if shared else batch))


def at_once(count, bytes_each, least=1):
    """So many of ``count`` that they fit."""
    return min(count, max(least, COLUMN_BYTES // bytes_each))


def split_groups(x, groups):
    """(n, groups · c, p) → (n, groups, c, p), as a view."""
    return x.reshape(x.shape[0], groups, -1, x.shape[2])


def gathered(windows, dims):
    """A window view (n, C, *kernel, *positions), copied to a matrix for each image, (n, C · kernel, positions).

    A power of two between its rows would put them all into the same few places of the cache.
    """
    shape = windows.shape
    places, positions = math.prod(shape[1 : 2 + dims]), math.prod(shape[2 + dims :])
    pitch = positions if positions % 128 else positions + 16
    columns = scratch("columns", (shape[0], places, pitch), windows.dtype)[:, :, :positions]
    columns.reshape(shape)[...] = windows  # the reshape splits dims, so it is a view
    return columns


# ------------------------------------------------------------------------------------------------------------- forward


def conv(x, weight, bias, geometry):
    """x: (N, C, *sizes), weight: (O, C / groups, *kernel), bias: (O) or None → (N, O, *positions)."""
    kernel = weight.shape[2:]
    positions = output_sizes(x.shape[2:], kernel, geometry)
    out = numpy.empty((len(x), len(weight), *positions), x.dtype)
    if not out.size or not weight.size:
        out[...] = 0 if bias is None else bias.reshape(-1, *[1] * len(kernel))
        return out

    work = out.size * math.prod(weight.shape[1:])
    arrays = (x, weight) if bias is None else (x, weight, bias)
    if not in_machine_code("forward", work, arrays, (x.shape, weight.shape), geometry, out):
        fill_with_products(numpy.ascontiguousarray(x), weight, bias, geometry, out)
    return out


def fill_with_products(x, weight, bias, geometry, out):
    """The convolution, into ``out``: pieces of it are products of the weight and columns."""
    groups, kernel, positions = geometry[-1], weight.shape[2:], out.shape[2:]
    places = math.prod(kernel) * x.shape[1]
    row_bytes = places * math.prod(positions[1:]) * x.itemsize
    shared = out.size * places // groups >= WORTH_SHARING
    images = images_at_once(len(x), row_bytes * positions[0], shared)
    height = positions[0] if images > 1 else at_once(positions[0], row_bytes)
    if height < positions[0]:
        x, geometry = unframed(x, geometry)
    matrix = weight.reshape(groups, len(weight) // groups, -1)
    pieces = [(some, rows) for some in parts(len(x), images) for rows in parts(positions[0], height)]
    share(pieces, lambda: multiplier(Frame(x, geometry, images), matrix, bias, out, kernel, geometry), shared)


def multiplier(frame, matrix, bias, out, kernel, geometry):
    """What computes one piece of ``out``: some rows of some images."""
    stride, _, dilation, groups = geometry
    positions = out.shape[2:]
    windows = frame.windows(kernel, stride, dilation, positions)
    direct = math.prod(kernel) == 1 and set(stride) == {1}
    before = (EVERY,) * (2 + len(kernel))
    target = out.reshape(*out.shape[:2], -1)
    width = math.prod(positions[1:])

    def multiply(piece):
        images, rows = piece
        seen = frame.take(windows, images)[(*before, rows)]
        columns = seen.reshape(*seen.shape[:2], -1) if direct else gathered(seen, len(kernel))
        result = target[images, :, rows.start * width : rows.stop * width]
        numpy.matmul(matrix, split_groups(columns, groups), out=split_groups(result, groups))
        if bias is not None:
            result += bias[:, None]

    return multiply


# ------------------------------------------------------------------------------------------- the gradient of the weight


def conv_weight_grad(x, g, shape, geometry):
    """The gradient of a weight of that shape. x: (N, C, *sizes), g: (N, O, *positions)."""
    stride, _, _, groups = geometry
    filters, per_group, *kernel = shape
    if not x.size or not g.size:
        return numpy.zeros(shape, x.dtype)

    out, work = numpy.empty(shape, x.dtype), g.size * per_group * math.prod(kernel)
    if in_machine_code("weight", work, (x, g), (x.shape, tuple(shape)), geometry, out):
        return out
    x, g = numpy.ascontiguousarray(x), numpy.ascontiguousarray(g)
    shared = work >= WORTH_SHARING
    slots = parts(len(x), -(-len(x) // SLOTS) if shared else len(x))
    # Flat, nothing of x is copied, but each place of the kernel is a product of its own: of few channels a poor one.
    if set(stride) == {1} and (filters // groups < 4 or (per_group >= 4 and filters // groups < 64)):
        sums = numpy.zeros((len(slots), groups, *kernel, filters // groups, per_group), x.dtype)
        share(range(len(slots)), lambda: accumulate_flat(x, g, sums, slots, geometry), shared)
        return places_last(sums.sum(0)).reshape(shape)

    sums = numpy.zeros((len(slots), groups, per_group * math.prod(kernel), filters // groups), x.dtype)
    channel_bytes = math.prod(kernel) * math.prod(g.shape[2:]) * x.itemsize
    width = at_once(x.shape[1], channel_bytes, 8) if groups == 1 else x.shape[1]
    if width < x.shape[1]:
        x, geometry = unframed(x, geometry)
    pieces = [(slot, channels) for slot in range(len(slots)) for channels in parts(x.shape[1], width)]
    share(pieces, lambda: accumulate_windows(x, g, sums, slots, tuple(kernel), geometry), shared)
    return numpy.ascontiguousarray(sums.sum(0).swapaxes(1, 2)).reshape(shape)


def places_last(sums):
    """(groups, *kernel, O / groups, C / groups) → (groups, O / groups, C / groups, *kernel)."""
    last = sums.ndim - 1
    return sums.transpose(0, last - 1, last, *range(1, last - 1))


def accumulate_windows(x, g, sums, slots, kernel, geometry):
    """To add up one piece of the sums, those of one slot's images for some channels: columns times g, the faster way round."""
    stride, _, dilation, groups = geometry
    places, positions = math.prod(kernel), g.shape[2:]
    images = images_at_once(slots[0].stop, x.shape[1] * places * math.prod(positions) * x.itemsize, False)
    frame = Frame(x, geometry, images)
    windows = frame.windows(kernel, stride, dilation, positions)
    flat = g.reshape(*g.shape[:2], -1)

    def accumulate(piece):
        slot, channels = piece
        total = sums[slot]
        if channels.stop - channels.start < x.shape[1]:
            total = total[:, channels.start * places : channels.stop * places]
        for some in parts(slots[slot].stop, images, slots[slot].start):
            columns = split_groups(gathered(frame.take(windows, some)[:, channels], len(kernel)), groups)
            for product in numpy.matmul(columns, split_groups(flat[some], groups).swapaxes(2, 3)):
                total += product

    return accumulate


def accumulate_flat(x, g, sums, slots, geometry):
    """The same with stride 1: g, spread to the frame's width with zeros in between, times x from each place's offset on."""
    _, _, dilation, groups = geometry
    kernel, positions = sums.shape[2:-2], g.shape[2:]
    frame_bytes = (x.shape[1] + g.shape[1]) * math.prod(framed_sizes(x.shape[2:], geometry[1])) * x.itemsize
    images = images_at_once(slots[0].stop, frame_bytes, False)
    frame = Frame(x, geometry, images)
    length = flat_length(positions, frame.steps)
    windows = frame.flat_windows(kernel, dilation, length)
    ones = (1,) * len(kernel)
    spread = Spread(g, frame.array.shape[2:], frame.steps, images)

    def accumulate(slot):
        for some in parts(slots[slot].stop, images, slots[slot].start):
            rows = spread.take(some)
            rows = rows.reshape(len(rows), groups, *ones, g.shape[1] // groups, length)
            seen = frame.take(windows, some)
            seen = seen.reshape(len(seen), groups, -1, *kernel, length)
            for product in numpy.matmul(rows, numpy.moveaxis(seen, 2, -1)):  # (groups, *kernel, O / groups, C / groups)
                sums[slot] += product

    return accumulate


# -------------------------------------------------------------------------------------------- the gradient of the input


def conv_input_grad(g, weight, shape, geometry):
    """The gradient of an input of that shape, (N, C, *sizes). g: (N, O, *positions), weight: (O, C / groups, *kernel)."""
    stride, padding, dilation, groups = geometry
    kernel = weight.shape[2:]
    if not g.size or not weight.size or not math.prod(shape):
        return numpy.zeros(shape, g.dtype)

    out, work = numpy.empty(shape, g.dtype), g.size * math.prod(weight.shape[1:])
    if in_machine_code("input", work, (g, weight), (tuple(shape), weight.shape), geometry, out):
        return out
    g = numpy.ascontiguousarray(g)
    if set(stride) != {1}:
        return added(Strided, g, weight, shape, geometry)
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    around = tuple([(r - before, r - after) for r, (before, after) in zip(reach, padding, strict=True)])
    # The columns to add up are those of C channels at g's positions; a convolution of g has those of O at x's.
    if shape[1] * math.prod(g.shape[2:]) < g.shape[1] * math.prod(shape[2:]) or min(map(min, around)) < 0:
        return added(Sliding, g, weight, shape, geometry)
    fill_with_products(g, turned(weight, groups), None, (stride, around, dilation, groups), out)
    return out


def turned(weight, groups):
    """The weight that goes back from outputs to inputs: in and out exchanged within each group, each dim reversed."""
    filters, per_group, *kernel = weight.shape
    split = weight.reshape(groups, filters // groups, per_group, *kernel).swapaxes(1, 2)
    split = numpy.flip(split, tuple(range(3, split.ndim)))
    return numpy.ascontiguousarray(split.reshape(groups * per_group, filters // groups, *kernel))


def added(way, g, weight, shape, geometry):
    """The columns of the gradient, each added to where it was taken, in one of two ways."""
    _, padding, _, groups = geometry
    kernel, channels = weight.shape[2:], shape[1]
    places = math.prod(kernel)
    out = numpy.empty(shape, g.dtype)
    sizes = framed_sizes(shape[2:], padding)
    channel_bytes = places * math.prod(sizes) * g.itemsize
    matrix = weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)
    shared = g.size * matrix.shape[1] >= WORTH_SHARING
    images = images_at_once(shape[0], channels * channel_bytes, shared)
    width = at_once(channels, channel_bytes, 8) if groups == 1 and images == 1 else channels

    def prepare():
        columns = way(g, kernel, sizes, geometry, images, width)

        def add(piece):
            some, some_channels = piece
            target = out[some, some_channels]
            frame = scratch("frame", (*target.shape[:2], *sizes), g.dtype) if is_framed(geometry) else target
            rows = matrix[:, some_channels.start * places : some_channels.stop * places] if width < channels else matrix
            columns.add(rows, some, frame)
            if frame is not target:
                target[...] = frame[(..., *within(padding, shape[2:]))]

        return add

    pieces = [(some, some_channels) for some in parts(shape[0], images) for some_channels in parts(channels, width)]
    share(pieces, prepare, shared)
    return out


class Strided:
    """The columns one place of the kernel after the other, with any stride."""

    def __init__(self, g, kernel, sizes, geometry, images, channels):
        stride, _, dilation, self.groups = geometry
        self.g, self.shape = g, (*kernel, *g.shape[2:])
        self.at = []
        for place in numpy.ndindex(*kernel):
            starts = [i * d for i, d in zip(place, dilation, strict=True)]
            reach = [s * (n - 1) + 1 for s, n in zip(stride, g.shape[2:], strict=True)]
            key = [slice(i, i + r, s) for i, r, s in zip(starts, reach, stride, strict=True)]
            self.at.append(((EVERY, EVERY, *place), (EVERY, EVERY, *key)))

    def add(self, matrix, images, frame):
        """Fill ``frame``, (n, c, *sizes), with the sums of the columns ``matrix`` g."""
        g = self.g[images]
        rows = split_groups(g.reshape(*g.shape[:2], -1), self.groups)
        columns = scratch("columns", (len(g), self.groups, matrix.shape[1], rows.shape[-1]), g.dtype)
        multiply(matrix, rows, columns)
        columns = columns.reshape(*frame.shape[:2], *self.shape)
        frame.fill(0)
        for place, key in self.at:
            frame[key] += columns[place]


class Sliding:
    """With stride 1, all columns at once: shifted by their offsets, they are one view, to be summed over its places.

    Rows have room for zeros at both ends, which the shifts bring in.   frame[q] = Σ columns[place, q - offset]
    """

    def __init__(self, g, kernel, sizes, geometry, images, channels):
        _, _, dilation, self.groups = geometry
        steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
        self.g = Spread(g, sizes, steps, images)

        offsets = [d * step for d, step in zip(dilation, steps, strict=True)]
        margin = sum([(k - 1) * offset for k, offset in zip(kernel, offsets, strict=True)])
        pitch = self.g.length + 2 * margin
        pitch += 0 if pitch % 128 else 16
        self.columns = scratch("columns", (images, channels * math.prod(kernel), pitch), g.dtype)
        self.columns.fill(0)
        self.used = slice(margin, margin + self.g.length)

        strides = [math.prod(kernel) * pitch]
        strides += [math.prod(kernel[i + 1 :]) * pitch - offset for i, offset in enumerate(offsets)]
        strides = [n * g.itemsize for n in (*strides, 1)]
        shape = (images, channels, *kernel, math.prod(sizes))
        self.shifted = as_strided(self.columns[:, :, margin:], shape, (self.columns.strides[0], *strides))
        self.places = tuple(range(2, 2 + len(kernel)))

    def add(self, matrix, images, frame):
        """Fill ``frame``, (n, c, *sizes), with the sums of the columns ``matrix`` g."""
        count, channels = frame.shape[:2]
        columns = self.columns[:count, : self.groups * matrix.shape[1], self.used]
        multiply(matrix, split_groups(self.g.take(images), self.groups), split_groups(columns, self.groups))
        numpy.add.reduce(self.shifted[:count, :channels], self.places, out=frame.reshape(count, channels, -1))


def multiply(matrix, rows, out):
    """Their product; of a column and a row, which BLAS has none for, by broadcasting."""
    (numpy.multiply if matrix.shape[-1] == 1 else numpy.matmul)(matrix, rows, out=out)
