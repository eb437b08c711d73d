"""Integer hashing and keyed permutations on arrays, the same on every machine.

`mix` is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014): https://doi.org/10.1145/2714064.2660195
`permute` is a balanced Feistel network (Luby and Rackoff, 1988: https://doi.org/10.1137/0217022) with cycle walking
(Black and Rogaway, 2002: https://doi.org/10.1007/3-540-45760-7_9), which turns a permutation of [0, 4^h) into one of
[0, m).
"""

import numpy as np

ROUNDS = 4


def mix(x: np.ndarray) -> np.ndarray:
    """A well-mixed 64-bit hash of every number (uint64, a bijection)."""
    x = x.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def permute(x: np.ndarray, m: int, key: int) -> np.ndarray:
    """Where a keyed permutation of 0 … m−1 sends each x (uint64).

    Args:
        x: Numbers below m.
        m: Size of the permuted range, at most 2^62.
        key: Any 64-bit number.
    """
    half_bits = max(1, ((m - 1).bit_length() + 1) // 2)
    y = _feistel(x.astype(np.uint64), half_bits, key)
    while (outside := y >= np.uint64(m)).any():
        y[outside] = _feistel(y[outside], half_bits, key)
    return y


def _feistel(x: np.ndarray, half_bits: int, key: int) -> np.ndarray:
    bits, mask = np.uint64(half_bits), np.uint64((1 << half_bits) - 1)
    keys = mix(np.uint64(key & (2**64 - 1)) ^ np.arange(ROUNDS, dtype=np.uint64))
    left, right = x >> bits, x & mask
    for round_key in keys:
        left, right = right, left ^ (mix(right ^ round_key) & mask)
    return (left << bits) | right
