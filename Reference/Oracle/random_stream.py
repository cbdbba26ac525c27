"""The random numbers of the cases: xoshiro256** filled by SplitMix64, integers only.

Source: D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators", 2021, and
G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators", 2014.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

WORD = (1 << 64) - 1


class SplitMix64:
    """Turns one seed into a stream of 64-bit words."""

    def __init__(self, seed: int) -> None:
        self.state = seed & WORD

    def next(self) -> int:
        """Returns the next word."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & WORD
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
        return z ^ (z >> 31)


def word(index: int, seed: int) -> int:
    """Returns one word of the stream, from its index alone."""
    return SplitMix64(seed + index * 0x9E3779B97F4A7C15).next()


def uniform_numbers(seed: int, count: int) -> list[float]:
    """Returns the first numbers of the stream that dropout and sampling use: (word >> 40) · 2^-24 of SplitMix64."""
    words = SplitMix64(seed)
    return [(words.next() >> 40) * 2.0**-24 for _ in range(count)]


def uniform_numbers_by_index(seed: int, count: int) -> np.ndarray:
    """Returns the same numbers, each computed from its index alone."""
    # NumPy wraps around in silence: these are integers modulo 2^64.
    z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(np.float64) * 2.0**-24


def rotated(word: int, bits: int) -> int:
    """Returns a word rotated to the left."""
    return ((word << bits) | (word >> (64 - bits))) & WORD


class RandomStream:
    """xoshiro256** from its four words of state."""

    def __init__(self, state: Sequence[int]) -> None:
        self.state = list(state)

    @classmethod
    def from_seed(cls, seed: int) -> "RandomStream":
        """Returns the stream whose state is four SplitMix64 words."""
        seeder = SplitMix64(seed)
        return cls([seeder.next() for _ in range(4)])

    @classmethod
    def of_case(cls, case_id: str) -> "RandomStream":
        """Returns the stream seeded by the first 8 bytes, little-endian, of the id's SHA-256."""
        digest = hashlib.sha256(case_id.encode("utf-8")).digest()
        return cls.from_seed(int.from_bytes(digest[:8], "little"))

    def next(self) -> int:
        """Returns the next word."""
        s = self.state
        result = (rotated((s[1] * 5) & WORD, 7) * 9) & WORD
        shifted = (s[1] << 17) & WORD
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = rotated(s[3], 45)
        return result

    def uniform(self) -> float:
        """Returns a multiple of 2^-24 in [0, 1)."""
        return (self.next() >> 40) * 2.0**-24

    def normal(self) -> float:
        """Returns the sum of twelve uniform numbers minus 6: mean 0, variance 1, exact in float64."""
        return sum(self.uniform() for _ in range(12)) - 6.0
