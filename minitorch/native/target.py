"""The machine that a program is written for: what its vector registers hold, and how many there are.

    target = Target.avx2()
    target.lanes("float")      8 floats in a register of 32 bytes
    target.registers           16 of them: a tile of 6 x 16 sums fills 12, the rest hold what is multiplied

`link.host` finds the machine we run on. The same source serves all of them: it asks the target for its numbers.
"""

from dataclasses import dataclass

__all__ = ["SIZES", "Target"]

SIZES = {"float": 4, "double": 8, "i1": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8, "half": 2, "bfloat": 2}
"""LLVM's element types, and their bytes."""


def is_arm(triple):
    return triple.split("-")[0] in ("aarch64", "arm64")


@dataclass(frozen=True)
class Target:
    """A machine. ``triple``, ``cpu`` and ``features`` are LLVM's names for it; a register has ``width`` bytes."""

    triple: str
    cpu: str
    features: str
    width: int
    registers: int

    @classmethod
    def of(cls, triple, cpu="", features=""):
        """The machine that LLVM calls so.

        >>> Target.of("x86_64-unknown-linux-gnu", features="+avx2,+fma").width
        32
        """
        present = set(features.split(","))
        if "+avx512f" in present:
            return cls(triple, cpu, features, 64, 32)
        if "+avx2" in present and "+fma" in present:
            return cls(triple, cpu, features, 32, 16)
        return cls(triple, cpu, features, 16, 32 if is_arm(triple) else 16)

    @classmethod
    def avx512(cls):
        """x86-64 with AVX-512: 32 registers of 16 floats."""
        features = "+avx512f,+avx512vl,+avx512dq,+avx512bw,+avx2,+fma,-prefer-256-bit"
        return cls.of("x86_64-unknown-linux-gnu", "x86-64-v4", features)

    @classmethod
    def avx2(cls):
        """x86-64 with AVX2: 16 registers of 8 floats."""
        return cls.of("x86_64-unknown-linux-gnu", "x86-64-v3", "+avx2,+fma")

    @classmethod
    def generic(cls):
        """x86-64 of any age: 16 registers of 4 floats, and no fused multiply-add."""
        return cls.of("x86_64-unknown-linux-gnu", "x86-64")

    @classmethod
    def aarch64(cls):
        """64-bit ARM with NEON: 32 registers of 4 floats."""
        return cls.of("aarch64-unknown-linux-gnu", "generic", "+neon")

    @property
    def is_arm(self):
        """Whether it is of the 64-bit ARM family."""
        return is_arm(self.triple)

    @property
    def fused(self):
        """Whether a * b + c is one instruction."""
        return self.is_arm or "+fma" in self.features.split(",")

    @property
    def dots(self):
        """Whether one instruction adds the products of two pairs of bfloat16 to a float32."""
        return self.width == 64 and "+avx512bf16" in self.features.split(",")

    def lanes(self, kind):
        """How many elements of an LLVM type one register holds.

        >>> Target.avx512().lanes("double")
        8
        """
        return self.width // SIZES[kind]
