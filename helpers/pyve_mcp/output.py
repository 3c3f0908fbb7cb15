"""What a command printed, within a limit: its beginning and its end."""

from __future__ import annotations


class HeadTail:
    """Takes bytes, and keeps the first and the last of them.

    Attributes:
        total: how many bytes were taken.
    """

    def __init__(self, limit: int) -> None:
        self._head_size = limit // 2
        self._tail_size = limit - self._head_size
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        """Take more bytes."""
        self.total += len(data)
        room = self._head_size - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        # (Not each time: cutting moves what stays.)
        if len(self._tail) > 2 * self._tail_size + 65536:
            del self._tail[: -self._tail_size]

    @property
    def cut(self) -> int:
        """How many bytes in the middle are left out."""
        return self.total - len(self._head) - min(len(self._tail), self._tail_size)

    def text(self) -> str:
        """What was kept, with a line in the middle that says what is left out."""
        if not self.cut:
            return (self._head + self._tail).decode("utf-8", "replace")
        head = self._head.decode("utf-8", "replace")
        tail = self._tail[-self._tail_size :].decode("utf-8", "replace")
        return f"{head}\n[... {self.cut} bytes left out ...]\n{tail}"
