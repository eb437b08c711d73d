"""A sample of files of any number: those whose contents hash lowest, whatever order they come in."""

import hashlib
from bisect import insort

N, LIMIT = 256, 32_000_000  # files that are kept, and bytes of all of them together


class Lowest:
    """Keeps up to `n` different files, fewer where they are larger than `limit` together, but always one."""

    def __init__(self, n: int = N, limit: int = LIMIT):
        self.n, self.limit = n, limit
        self.n_bytes = 0
        self._bound = b"\xff" * 17  # the lowest hash that was let go; what hashes higher is not kept either
        self._kept: list[tuple[bytes, bytes]] = []  # (hash, content), the lowest hash first

    def add(self, content: bytes) -> None:
        """Takes in one."""
        key = hashlib.blake2b(content, digest_size=16).digest()
        if key >= self._bound or any(key == known for known, _ in self._kept):
            return
        insort(self._kept, (key, content))
        self.n_bytes += len(content)
        while len(self._kept) > self.n or (self.n_bytes > self.limit and len(self._kept) > 1):
            self._bound, gone = self._kept.pop()
            self.n_bytes -= len(gone)

    def contents(self) -> list[bytes]:
        """Those kept."""
        return [content for _, content in self._kept]
