"""Files that have gone wrong: by chance, by a wrong length, or by intent. All is drawn from one generator of random numbers."""

import io
import json
import pickle
import pickletools
import struct
import zipfile

ODD_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)


# ------------------------------------------------------------------------------------------------------------------ bytes


def flip_bit(random, content):
    at = random.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1 :]


def set_bytes(random, content):
    at = random.randrange(len(content))
    new = random.randbytes(random.choice([1, 1, 2, 4, 8]))
    return content[:at] + new + content[at + len(new) :]


def set_number(random, content):
    """An odd number where some number may stand."""
    size = random.choice([2, 4, 8])
    at = random.randrange(max(len(content) - size, 1))
    return content[:at] + (random.choice(ODD_NUMBERS) % (1 << 8 * size)).to_bytes(size, "little") + content[at + size :]


def cut(random, content):
    return content[: random.randrange(len(content))]


def piece(random, content):
    start = random.randrange(len(content))
    return start, min(start + random.choice([1, 2, 8, 64, 500]), len(content))


def remove(random, content):
    start, end = piece(random, content)
    return content[:start] + content[end:]


def repeat(random, content):
    start, end = piece(random, content)
    return content[:end] + content[start:end] * random.choice([1, 1, 3, 100]) + content[end:]


def move(random, content):
    start, end = piece(random, content)
    at = random.randrange(len(content))
    return content[:at] + content[start:end] + content[at:]


def insert(random, content):
    at = random.randrange(len(content) + 1)
    return content[:at] + random.randbytes(random.choice([1, 4, 30])) + content[at:]


BY_CHANCE = (flip_bit, flip_bit, set_bytes, set_number, cut, remove, repeat, move, insert)


def by_chance(random, content):
    for _ in range(random.choice([1, 1, 1, 2, 5])):
        if content:
            content = random.choice(BY_CHANCE)(random, content)
    return content


# ---------------------------------------------------------------------------------------------------------------- pickles


FRAGMENTS = (
    b"\x85" * 100_000, b"]" * 1000, b"(" * 1000, b"2" * 1000, b"(((t", b"}}s", b"\x8f", b"]\x94h\x00a", b"]q\x05h\x05a", b"h\x05\x85q\x06",
    b"h\x00h\x00\x86q\x00" * 60, b"}" + b"N" + b"\x85" * 50_000 + b"Ns",  # a tuple that holds itself twice, many times over; a deep key
    b"N" + b"h\x00h\x00\x86q\x00" * 60 + b"}h\x00Ns",
    b"r\xff\xff\xff\xff", b"j\xff\xff\xff\xff", b"q\xff", b"h\xff", b"X\xff\xff\xff\xff", b"\x8d" + b"\xff" * 8, b"\x8d" + (1 << 40).to_bytes(8, "little"), b"\x8b\xff\xff\xff\x7f",
    b"\x8b\xff\xff\xff\xff", b"\x8a\xff", b"\x96" + (1 << 40).to_bytes(8, "little"), b"B\xff\xff\xff\xff", b"T\xff\xff\xff\xff", b"U\xff", b"\x95" + b"\xff" * 8, b"C\xff", b"\x8e" + b"\xff" * 8,
    b"cos\nsystem\nX\x04\x00\x00\x00true\x85R", b"cbuiltins\neval\nX\x01\x00\x00\x001\x85R", b"cnowhere\nnothing\n)R", b"c" + b"a" * 10_000, b"ctorch\nload\nX\x01\x00\x00\x00x\x85R", b"ios\ngetcwd\n",
    b"c__builtin__\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R", b"c__builtin__\nset\n]\x85R", b"c__builtin__\nset\n]]a\x85R", b"ccollections\nOrderedDict\n)R}X\x01\x00\x00\x00aNsb",
    b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x08\x00\x00\x00punycode\x86R", b"X\xe8\x03\x00\x00" + b"a" * 1000 + b"q\x09" + b"c_codecs\nencode\nh\x09\x85R0" * 1000,
    b"ctorch\nFloatStorage\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R", b"ctorch\nFloatStorage\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85\x81", b"ctorch.nn.parameter\nParameter\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R", b"ctorch\nSize\n]K\x01a\x85R",
    b"ctorch\ndevice\nX\x04\x00\x00\x00cuda\x85R", b"ctorch._utils\n_rebuild_tensor_v2\n)R", b"K\x01Q", b"NQ", b")Q", b"(X\x07\x00\x00\x00storageNNNNtQ", b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7ftQ",
    b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\n]X\x03\x00\x00\x00cpuK\x01tQ", b"P1\n", b"I" + b"9" * 5000 + b"\n", b"L1L\n", b"F1e999\n", b"G" + b"\xff" * 8, b"S'a'\n", b"Vabc\n",
)  # fmt: skip
NUMBER_OPERATIONS = {"BININT": b"J", "BININT1": b"K", "BININT2": b"M"}
CODES = [op.code.encode("latin-1") for op in pickletools.opcodes]


def operations(text):
    """The pickle in parts, one for each operation."""
    starts = []
    try:
        for operation, _, at in pickletools.genops(text):
            starts.append((at, operation.name))
    except Exception:
        pass
    ends = [at for at, _ in starts[1:]] + [len(text)]
    return [(name, text[at:end]) for (at, name), end in zip(starts, ends)]


def odd_number(random):
    number = random.choice(ODD_NUMBERS) * random.choice([1, 1, -1])
    return pickle.dumps(number, 2)[2:-1] if random.random() < 0.9 else pickle.dumps(random.choice([1.5, None, "1", (), [2]]), 2)[2:-1]


def change_pickle(random, text):
    """One operation left out, done twice, changed for another, or with another number; or some from elsewhere put in."""
    parts = operations(text)
    if len(parts) < 3:
        return by_chance(random, text)
    at = random.randrange(1, len(parts))
    kind = random.randrange(7)
    chosen = [part for _, part in parts]
    if kind == 0:
        del chosen[at]
    elif kind == 1:
        chosen.insert(at, chosen[at])
    elif kind == 2:
        other = random.randrange(1, len(parts))
        chosen[at], chosen[other] = chosen[other], chosen[at]
    elif kind == 3:
        chosen[at] = random.choice(CODES) + chosen[at][1:]
    elif kind == 4:
        chosen.insert(at, random.choice(FRAGMENTS))
    else:
        numbers = [i for i, (name, _) in enumerate(parts) if name in NUMBER_OPERATIONS]
        if numbers:
            chosen[random.choice(numbers)] = odd_number(random)
    return b"".join(chosen)


def several(change, random, content):
    for _ in range(random.choice([1, 1, 2, 4])):
        content = change(random, content)
    return content


# ------------------------------------------------------------------------------------------------------------------ formats


def change_zip_pickle(random, content):
    """A whole archive, its sums right, with another pickle or another entry."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(made, "w", random.choice([0, 0, 0, zipfile.ZIP_DEFLATED])) as after:
        names = before.namelist()
        chosen = random.choice(names) if random.random() < 0.3 else next(name for name in names if name.endswith("data.pkl"))
        for name in names:
            entry = before.read(name)
            if name == chosen:
                entry = several(change_pickle, random, entry) if name.endswith("pkl") else by_chance(random, entry)
            if random.random() > 0.01:
                after.writestr(name if random.random() > 0.01 else random.choice(["../" + name, "/" + name, name + "/", "x", names[0] + "x"]), entry)
    return made.getvalue()


def change_zip_header(random, content):
    """An odd number in one field of an entry's header, of the directory, or of its end."""
    signature, fields = random.choice([
        (b"PK\x03\x04", [(4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)]),
        (b"PK\x01\x02", [(8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (34, 2), (42, 4)]),
        (b"PK\x05\x06", [(4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)]),
    ])  # fmt: skip
    places = [at for at in range(len(content)) if content.startswith(signature, at)]
    if not places:
        return by_chance(random, content)
    at, (offset, size) = random.choice(places), random.choice(fields)
    old = int.from_bytes(content[at + offset : at + offset + size], "little")
    new = random.choice([*ODD_NUMBERS, old + 1, old - 1, old * 2, old + 64, len(content), random.randrange(len(content))]) % (1 << 8 * size)
    return content[: at + offset] + new.to_bytes(size, "little") + content[at + offset + size :]


def change_legacy(random, content):
    """One of the pickles in the file changed, or a length behind them."""
    ends, at = [], 0
    stream = io.BytesIO(content)
    try:
        for _ in range(5):
            for _ in pickletools.genops(stream):
                pass
            ends.append(stream.tell())
    except Exception:
        pass
    if not ends:
        return by_chance(random, content)
    which = random.choice([len(ends) - 2] * 6 + [*range(len(ends))]) % len(ends)
    at = ends[which - 1] if which else 0
    if random.random() < 0.1:
        return content[: ends[-1]] + by_chance(random, content[ends[-1] :] or b"x")
    return content[:at] + several(change_pickle, random, content[at : ends[which]]) + content[ends[which] :]


JSON_VALUES = (None, True, -1, 0, 1.5, "", "F32", "F99", [], {}, [0], [0, 4], [4, 0], [-1, 3], 1 << 62, 1 << 70, [1 << 40], [[]], "\ud800", [0] * 1000)


def change_json(random, content):
    """A value in the header changed, an entry or a field left out, doubled or renamed; the header's length is right."""
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
    except ValueError:
        return by_chance(random, content)
    if not isinstance(header, dict) or not header:
        return by_chance(random, content)
    name = random.choice([*header])
    entry, kind = header[name], random.randrange(6)
    if kind == 0:
        del header[name]
    elif kind == 1:
        header[random.choice(["x", "", "__metadata__", name + name])] = entry
    elif kind == 2 or not isinstance(entry, dict) or not entry:
        header[name] = random.choice(JSON_VALUES)
    elif kind == 3:
        entry.pop(random.choice([*entry]))
    else:
        field = random.choice([*entry])
        numbers = entry[field] if isinstance(entry[field], list) and entry[field] else None
        if numbers and kind == 4:
            numbers[random.randrange(len(numbers))] = random.choice([*ODD_NUMBERS, -1, 1.0, None, True, "1"])
        else:
            entry[field] = random.choice(JSON_VALUES)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


MUTATIONS = {
    "zip": (by_chance, change_zip_pickle, change_zip_pickle, change_zip_header),
    "legacy": (by_chance, change_legacy, change_legacy),
    "safetensors": (by_chance, lambda random, content: several(change_json, random, content)),
}
"""By format: each is drawn as often as it stands here. The first changes bytes anywhere."""
