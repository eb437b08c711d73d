"""One text as it is drawn, piece by piece.

The draw runs in a thread of its own and tells each token; what its tokens spell comes out as soon as nothing that
follows can change it: half a character waits for its other half, and the beginning of a stop string for what follows.
Whoever stops taking pieces ends the draw at its next token.
"""

import codecs
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Event, Thread

import torch

from genwright.core.errors import ConfigError
from genwright.core.space import OPEN, Tokens, is_open
from genwright.runs.beginnings import vocabularies
from genwright.runs.draw import Draw
from genwright.samplers.spelling import spelling
from genwright.samplers.stop import n_held


def live(draw: Draw) -> Iterator[str]:
    """The text of the first row in pieces; a missing text has none.

    Raises:
        ConfigError: there is no column of texts to be drawn, or there are several.
    """
    name = _drawn_text(draw)
    return _Live(draw, name).pieces()


def _drawn_text(draw: Draw) -> str:
    """The one column of texts that is drawn."""
    whole = [name for name, x in draw.fixed.items() if x.is_floating_point() or not is_open(x).any()]
    names = [name for name in vocabularies(draw.codec) if name not in whole]
    if len(names) != 1:
        found = f"several: {', '.join(names)}; give all but one" if names else "none that is left to be drawn"
        raise ConfigError(
            f"a text comes in pieces where one column of texts is drawn; found {found}, or ask for n rows"
        )
    return names[0]


class _Live:
    def __init__(self, draw: Draw, name: str):
        self.draw, self.name = draw, name
        support = draw.codec.codecs[name].field.support
        assert isinstance(support, Tokens)
        self.support = support
        self.spelling = spelling(tuple(vocabularies(draw.codec)[name].pieces()), support)
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.text = ""  # told so far
        self.n_out = 0  # characters of it that are out
        self.queue: SimpleQueue[int | BaseException | None] = SimpleQueue()  # codes, an error, and None at the end
        self.is_left = Event()  # nobody takes pieces any more
        self.whole = ""  # the text, when it is drawn

    def pieces(self) -> Iterator[str]:
        """The pieces, none of them empty."""
        given = self.draw.fixed.get(self.name)
        thread = Thread(target=self._work, daemon=True)
        thread.start()
        try:
            for code in given[0][given[0] != OPEN].tolist() if given is not None and not self.draw.rest else []:
                self._take(code)
            yield from self._new()
            while (code := self.queue.get()) is not None:
                if isinstance(code, BaseException):
                    raise code
                self._take(code)
                yield from self._new()
            if len(self.whole) > self.n_out:
                yield self.whole[self.n_out :]
        finally:
            self.is_left.set()
            thread.join()

    def _take(self, code: int) -> None:
        self.text += self.decoder.decode(self.spelling.in_bytes[code])

    def _new(self) -> Iterator[str]:
        """What cannot change any more and is not out yet."""
        stop = len(self.text) - n_held(self.text, self.draw.decoding.stop)
        if stop > self.n_out:
            yield self.text[self.n_out : stop]
            self.n_out = stop

    def _work(self) -> None:
        try:
            if self.draw.rest:
                table = next(self.draw.tables(1))
            else:
                table = self.draw.first(self._told)
            self.whole = table.column(self.name)[0].as_py() or ""
            self.queue.put(None)
        except BaseException as error:
            self.queue.put(error)

    def _told(self, place: int, name: str, codes: torch.Tensor) -> bool:
        """Whether to stop."""
        if name != self.name:
            return self.is_left.is_set()
        code = int(codes[0])
        self.queue.put(code)
        return self.is_left.is_set() or code in (self.support.end, self.support.pad)
