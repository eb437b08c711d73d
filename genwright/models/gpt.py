"""The Transformer as a decoder: GPT (Radford et al., 2018 and 2019), on Vaswani et al. (2017).

https://arxiv.org/abs/1706.03762

    p(row) = Π_t p(w_t | w_<t),    p(w_t | w_<t) = softmax(E norm(h_t))
    h = blocks(E w),               each block: attention to what stands before, then a small network

A row is one sequence of tokens (`nn/row_tokens`): a text, or several columns one after the other, so that mixed tables
and texts with a label are read alike. Which columns come first may be drawn anew at each step (`any_order`), so that
any of them can be given later. A picture is read pixel by pixel, and each place is told where in it the next one stands
(Chen et al., 2020: https://proceedings.mlr.press/v119/chen20s.html). Positions are rotary and attention reaches
`context` places back; a row may be longer than that, in training (random windows), in `log_prob` and when drawn.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.core.config import check_least, check_positive
from genwright.core.dataset import Dataset
from genwright.core.decoding import Decoding
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.model import Autoregressive, Conditions, HasLogProb, HasLoss, Model, Vocabulary
from genwright.core.space import OPEN, Batch, Category, Field, Pixels, Real, Space, Tokens, is_open
from genwright.nn.cached_rows import CachedRows, ColumnStepper, length
from genwright.nn.decoder_net import DecoderNet
from genwright.nn.given_columns import GivenColumns, check_is_whole
from genwright.nn.mlp import initialise, untrained
from genwright.nn.one_place import as_many_threads_as_torch
from genwright.nn.packed_rows import packed
from genwright.nn.row_tokens import BEHIND, PAD, START, Place, RowTokens
from genwright.nn.transformer import Net, Norm
from genwright.samplers.decode import decode

MAX_CONTEXT, MAX_CONTEXT_OF_ROWS = 256, 1024  # places that attention reaches back in a text, in rows of several columns
MOST_PIXELS = 4096  # numbers of a row's pictures: attention to all of them costs their square
AT_ONCE = 1 << 14  # places whose likelihood is worked out together
CHUNK, TOKENS_A_CHUNK = (4, 512), 1 << 15  # rows drawn together: fewest and most, and about how many places
SIZES = ((4, 64), (4, 128), (4, 192), (6, 256), (6, 384), (8, 512))  # blocks and width, from the smallest up
TOKENS_A_STEP, TOKENS_WATCHED, WINDOWS_WATCHED = 3072, 16_384, 4
FLOPS_A_SECOND = 4e10  # of a training on one thread
TOKENS_A_WEIGHT, WEIGHTS_A_TOKEN = 0.5, 10  # that a training should see at least; that a token of the data carries
LOGITS_AT_ONCE = 1 << 20  # larger tensors are new memory from the system each time
BEGINNINGS = 8  # one window in so many is the beginning of its passage


@dataclass(frozen=True)
class GPTConfig:
    """Settings of `gpt`."""

    n_layers: int = 0  # blocks; 0: by the data and the time, else 4
    width: int = 0  # of the vectors between them; 0: likewise, else 128
    n_heads: int = 4  # heads of attention
    n_kv_heads: int = 0  # heads of keys and values; 0: as many as n_heads
    n_hidden: int = 0  # units of the small network; 0: as many weights as 4 times the width without a gate
    context: int = 0  # places that attention reaches back; 0: as long as rows are, at most 256 of a text
    net: Net = "swiglu"  # kind of the small network
    norm: Norm = "rms"  # kind of the norms
    positions: Literal["rotary", "learned"] = "rotary"  # how places are told apart
    has_unit_length: bool = False  # queries and keys of unit length
    has_bias: bool = False  # linear maps with one, as GPT-2
    norm_eps: float = 1e-5  # ε of the norms
    rotary_base: float = 10_000.0  # of rotary positions: larger ones tell places apart that lie further away
    is_tied: bool = True  # one matrix reads tokens and predicts them
    dropout: float = 0.0  # share of units that a training step leaves out
    any_order: bool = True  # single values in an order drawn anew at each step, so that any may be given

    def __post_init__(self) -> None:
        check_least(self, 1, "n_heads")
        check_least(self, 0, "n_layers", "width", "n_kv_heads", "n_hidden", "context")
        check_positive(self, "norm_eps", "rotary_base")
        if self.width % (2 * self.n_heads):
            raise ConfigError(f"width = {self.width} is no multiple of 2 · n_heads = {2 * self.n_heads}; change one")
        if self.n_kv_heads and self.n_heads % self.n_kv_heads:
            raise ConfigError(f"n_kv_heads = {self.n_kv_heads} does not divide n_heads = {self.n_heads}; change one")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout = {self.dropout}; expected a share from 0 up to but not 1")

    @property
    def hidden(self) -> int:
        """Units of the small network."""
        return self.n_hidden or (8 * self.width // 3 if self.net == "swiglu" else 4 * self.width)


class GPT(Model, HasLoss, HasLogProb, Conditions, Autoregressive):
    """Decoder Transformer over rows as tokens."""

    Config = GPTConfig
    supports = (Real, Category, Tokens, Pixels)
    takes_shapes = True
    completes = True
    usual_minutes = 3.0
    betas = (0.9, 0.95)
    training: ClassVar[Mapping[str, Any]] = {
        "optimizer": "muon",
        "batch_size": 32,
        "learning_rate": 6e-3,
        "weight_decay": 0.1,
        "clip": 1.0,
        "ema": 0.0,
        "n_evaluations": 20,
    }
    net: DecoderNet

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        c = self.config
        self.config = replace(c, n_layers=c.n_layers or SIZES[1][0], width=c.width or SIZES[1][1])
        _check_arrays(space)
        self.layout = RowTokens(space)
        self.has_pictures = any(c.shape for c in self.layout.columns)
        most = MAX_CONTEXT if self.layout.is_single else MAX_CONTEXT_OF_ROWS
        if self.config.positions == "learned" or self.has_pictures:  # the former end with the context
            most = self.layout.length
        self.context = self.looks_back = self.config.context or min(self.layout.length, most)
        self.given = GivenColumns(Space({n: f for n, f in space.items() if f.is_given and not _is_sequence(f)}))
        self.has_sequence = any(c.is_sequence for c in self.layout.columns)
        if self.config.positions == "learned" and self.layout.length > self.context and not self._is_cut:
            places = f"a row has {self.layout.length} places, which learned positions must all reach"
            raise ConfigError(f"context = {self.context}: {places}; leave context out, or use rotary positions")
        self.chunk = min(max(TOKENS_A_CHUNK // self.layout.length, CHUNK[0]), CHUNK[1])  # type: ignore[misc]
        self.net = untrained(lambda: DecoderNet(self.config, self.layout, self.context))
        self._mean_length = float(self.layout.length)

    @classmethod
    def suited(cls, config: GPTConfig, data: Dataset, minutes: float | None) -> tuple[GPTConfig, dict[str, Any]]:
        """Size by the time and the data, batches of about as many tokens, few rows set aside where rows are long."""
        layout = RowTokens(data.space)
        n = (layout.encode(data.take(slice(0, 1024))) != PAD).sum(1).double().mean()
        model = cls(data.space, replace(config, n_layers=1, width=2 * config.n_heads))
        window = min(float(n), model.context)
        n_layers, width = _size(minutes or cls.usual_minutes, float(n) * len(data))
        config = replace(config, n_layers=config.n_layers or n_layers, width=config.width or width)
        size = round(min(max(TOKENS_A_STEP / window, 8), 512))
        watched = round(min(max(TOKENS_WATCHED / (window * model.n_windows), 8), 2048))
        return config, {"batch_size": size, "n_validation": watched}

    # -- learning ---------------------------------------------------------------------------------------------------

    def start(self, generator: torch.Generator) -> None:
        """Small random weights."""
        initialise(self.net, generator)

    def matrices(self, phase: str) -> list[nn.Parameter]:
        """The weights of the blocks."""
        return [p for p in self.net.blocks.parameters() if p.dim() == 2]

    def look(self, data: Dataset) -> None:
        """How many places a row has on average, at most `context`."""
        self.given.look(data)
        rows = self.layout.encode(data.take(slice(0, 1024)))
        self._mean_length = float((rows != PAD).sum(1).clamp(max=self.context).double().mean())

    def prepare(self, batch: Batch) -> Batch:
        """Rows as tokens (B, L)."""
        return {"tokens": self.layout.encode(batch).int()}

    def loss(self, rows: Batch, generator: torch.Generator, phase: str = "model") -> Tensor:
        """−log p of each row, or of a window of it where it is longer than the context, over their mean length (B,)."""
        order = self._order(generator if self.config.any_order and self.net.training else None)
        tokens = rows["tokens"].long()[:, order]
        n = 1 if self.net.training else self.n_windows
        tokens = tokens.repeat_interleave(n, 0)
        if self._is_cut:
            nll = self._by_windows(tokens, order, generator)
        else:
            nll = self._from_start(tokens, order, self._own(generator))
        return nll.view(-1, n).mean(1) / self._mean_length

    def _own(self, generator: torch.Generator) -> torch.Generator | None:
        """Where units that a step leaves out are drawn from; None where none are."""
        return generator if self.net.training else None

    @property
    def _is_cut(self) -> bool:
        """Whether long rows are learnt from in windows."""
        is_long = self.layout.length > self.context and self.has_sequence
        return is_long and not self.layout.has_inner_padding and not self.has_pictures

    @property
    def n_windows(self) -> int:
        """Windows of a row that are watched: several where rows are long."""
        return max(1, min(WINDOWS_WATCHED, self.layout.length // self.context)) if self._is_cut else 1

    def _by_windows(self, tokens: Tensor, order: Tensor, generator: torch.Generator) -> Tensor:
        """−log p of the beginnings of rows, and of windows within those that are longer than the context (B,)."""
        u, own = torch.rand(len(tokens), 2, generator=generator), self._own(generator)
        is_inner = (length(tokens) > self.context) & (u[:, 0] >= 1 / BEGINNINGS)
        begun, inner = (~is_inner).nonzero()[:, 0], is_inner.nonzero()[:, 0]
        found = torch.zeros(len(tokens), dtype=None if self.net.training else torch.float64)
        if len(begun):
            found = found.index_put((begun,), self._from_start(tokens[begun, : self.context], order, own))
        if len(inner):
            windows = self._windows(tokens[inner], u[inner, 1])
            last = order[-1:].expand(self.context + 1)  # all of them in the last column
            x = self.net.embedded(windows[:, :-1], last, torch.arange(1, self.context + 1))
            nll = self._surprise_of_pieces(self.net(x, generator=own), windows[:, 1:], last[1:])
            found = found.index_put((inner,), nll)
        return found

    def _windows(self, tokens: Tensor, u: Tensor) -> Tensor:
        """`context` + 1 places behind each other in a row's last column, the first at u (B,) of all there are."""
        least = self.layout.columns[-1].places.start
        n = length(tokens) - self.context - least  # ways to lay a window
        first = least + (u * n).long().clamp(min=0)
        at = first.clamp(max=tokens.shape[1] - self.context - 1)[:, None] + torch.arange(self.context + 1)
        return tokens.gather(1, at)

    def _order(self, generator: torch.Generator | None) -> Tensor:
        """Places in the order in which they are read (L,): given ones first, sequences last."""
        places = torch.arange(self.layout.length)
        loose = [c.places.start for c in self.layout.columns if not c.is_given and not c.is_sequence]
        if generator is not None and len(loose) > 1:
            places[loose] = torch.tensor(loose)[torch.randperm(len(loose), generator=generator)]
        return places

    def _from_start(self, tokens: Tensor, order: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """−log p of rows (B,) from their beginning, packed: no place of padding is worked out."""
        p = packed(tokens, self.context, self.layout.has_inner_padding)
        x = self.net.embedded(p.read[None], order, p.place)
        h = self.net(x, p.rows, places=p.place, generator=generator)[0]
        return self._surprise(h, p.target, order[p.place], p.row, len(tokens))

    def _surprise(self, h: Tensor, target: Tensor, places: Tensor, row: Tensor, n: int) -> Tensor:
        """−log p of n rows (n,), read off h (N, width) for the targets (N,) at these places of the layout, by row."""
        total = h.new_zeros(n, dtype=None if self.net.training else torch.float64)
        index = self.layout.column_of[places]
        for column in self.layout.columns:
            if column.is_given:
                continue
            code = torch.where(index == column.index, column.in_head(target), BEHIND)
            at = (code != BEHIND).nonzero()[:, 0]
            E = self.net.rows_of_head(column)
            for some in at.split(max(1, LOGITS_AT_ONCE // max(len(E), 1))):
                logits = F.linear(h.index_select(0, some), E).to(total.dtype)
                total = total.index_add(0, row[some], F.cross_entropy(logits, code[some], reduction="none"))
        return total

    def _surprise_of_pieces(self, h: Tensor, target: Tensor, places: Tensor) -> Tensor:
        """The same of pieces of rows (B, T) at places (T,) that all of them share, without those of padding (B,)."""
        B, T = target.shape
        row = torch.arange(B).repeat_interleave(T)
        return self._surprise(h.flatten(0, 1), target.flatten(), places.repeat(B), row, B)

    # -- likelihood -------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def log_prob(self, batch: Batch) -> Tensor:
        """log p of each row (B,) in nats; a place sees the `context` places before it, however long the row is."""
        tokens = self.layout.encode(batch)
        size = max(1, AT_ONCE // self.layout.length)
        parts = [self._log_prob(tokens[i : i + size]) for i in range(0, len(tokens), size)]
        found = torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)
        return found + self.layout.log_inside(batch, len(found)) + self.given.log_prob(batch, len(found))

    def _log_prob(self, tokens: Tensor) -> Tensor:
        """log p of rows (B, L), those that are longer than the context piece by piece."""
        order = self._order(None)
        tokens = tokens[:, order]
        if not self._is_cut:
            return -self._from_start(tokens, order)
        read = F.pad(tokens[:, :-1], (1, 0), value=START)
        total = torch.zeros(len(tokens), dtype=torch.float64)
        cached = CachedRows(self.net, order)
        for first in range(0, int(length(tokens).max()), self.context):
            at = slice(first, first + self.context)
            total -= self._surprise_of_pieces(cached.read(read[:, at]), tokens[:, at], order[at])
        return total

    # -- drawing ----------------------------------------------------------------------------------------------------

    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Place by place."""
        return self.decode_rows(n, given, generator, Decoding(temperature=temperature))

    @torch.no_grad()
    def decode_rows(
        self,
        n: int,
        given: Batch,
        generator: torch.Generator,
        decoding: Decoding,
        texts: Mapping[str, Vocabulary] | None = None,
        told: Callable[[int, str, Tensor], bool] | None = None,
    ) -> Batch:
        """n rows: single values first, then sequences; see `Autoregressive.decode_rows`."""
        given = self._with_given(n, given, generator, decoding.temperature)
        order = self._order_for(given)
        tokens = self._given_tokens(n, given)
        u = torch.rand(n, len(self.layout.columns), 2, generator=generator, dtype=torch.float64)
        with as_many_threads_as_torch():
            self._draw_values(tokens, order, decoding.temperature, u[:, :, 0])
            for column in self.layout.columns:
                if column.is_sequence:
                    vocabulary = (texts or {}).get(column.name)
                    self._draw_sequence(tokens, column, order, generator, decoding, vocabulary, told)
        rows = self.layout.decode(tokens, u[:, :, 1])
        if self.layout.is_single:  # as many places as were asked for
            rows = {c.name: c.from_shared(tokens) for c in self.layout.columns}
        fixed = {name: x for name, x in given.items() if not (self.layout[name].is_sequence and is_open(x).any())}
        return {**rows, **fixed}

    def _with_given(self, n: int, given: Batch, generator: torch.Generator, temperature: float) -> Batch:
        """What is given, and draws of the columns that always are.

        Raises:
            GivenError: a sequence that is always given is not, or not all of it.
        """
        for c in self.layout.columns:
            if c.is_given and c.is_sequence:
                check_is_whole(c.name, given)
        return {**given, **self.given.complete(n, given, generator, temperature)}

    def _order_for(self, given: Batch) -> Tensor:
        """Places in the order in which they are drawn: known single values before the others."""
        order = self._order(None)
        if not self.config.any_order:
            return order
        loose = [c for c in self.layout.columns if not c.is_given and not c.is_sequence]
        at = [c.places.start for c in loose]
        order[at] = torch.tensor([c.places.start for c in sorted(loose, key=lambda c: c.name not in given)]).long()
        return order

    def _given_tokens(self, n: int, given: Batch) -> Tensor:
        """Rows with open places where nothing is given (n, L)."""
        parts = [
            c.to_shared(given[c.name])
            if c.name in given
            else torch.full((n, c.places.stop - c.places.start), OPEN, dtype=torch.int64)
            for c in self.layout.columns
        ]
        return torch.cat(parts, 1)

    def _draw_values(self, tokens: Tensor, order: Tensor, temperature: float, u: Tensor) -> None:
        """Fills in single values, which are read behind given sequences; u (n, number of columns) are uniforms."""
        stepper, start, n_read = CachedRows(self.net, order), torch.full((len(tokens), 1), START), 0
        for at, p in enumerate(order.tolist()):
            column = self.layout.columns[int(self.layout.column_of[p])]
            if column.is_sequence:
                continue
            read = torch.cat([start, tokens[:, order[:at]]], 1)[:, n_read:]
            logits = stepper.read(read)[:, -1] @ self.net.rows_of_head(column).T
            drawn = column.first + _inverse_cdf(logits.double() / temperature, u[:, column.index])
            tokens[:, p] = torch.where(tokens[:, p] == OPEN, drawn, tokens[:, p])
            n_read = at + 1

    def _draw_sequence(
        self,
        tokens: Tensor,
        column: Place,
        order: Tensor,
        generator: torch.Generator,
        decoding: Decoding,
        vocabulary: Vocabulary | None,
        told: Callable[[int, str, Tensor], bool] | None,
    ) -> None:
        """Fills in a sequence."""
        assert isinstance(column.support, Tokens)
        at = slice(0, None) if self.layout.is_single else column.places
        own = torch.where(tokens[:, at] == OPEN, OPEN, column.own_codes(tokens[:, at].clamp(min=0)))
        before = F.pad(tokens[:, order[: column.places.start]], (1, 0), value=START)
        stepper = ColumnStepper(column, before.shape[1], CachedRows(self.net, order))
        tell = (lambda t, codes: told(t, column.name, codes)) if told and not column.shape else None
        codes = decode(stepper, own, column.support, before, decoding, generator, vocabulary, tell)
        tokens[:, at] = column.to_shared(codes)

    def conditions_exactly(self, columns: list[str]) -> bool:
        """What is read before everything that is drawn: any single values, and sequences behind all of them."""
        wanted = {*columns, *(c.name for c in self.layout.columns if c.is_given)}
        if self.config.any_order and not any(self.layout[name].is_sequence for name in columns):
            return True
        return wanted == {c.name for c in self.layout.columns[: len(wanted)]}

    def state(self) -> dict[str, Tensor]:
        """Weights, and how often each value is given."""
        return {**self.net.state_dict(), **self.given.state()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.net.load_state_dict(self.given.load_state(state))

    def describe(self) -> dict[str, Any]:
        """Its size."""
        c = self.config
        size = {"blocks": c.n_layers, "width": c.width, "heads": c.n_heads, "context": self.context}
        return {**size, "parameters": sum(p.numel() for p in self.net.parameters())}


def _size(minutes: float, n_tokens: float) -> tuple[int, int]:
    """The largest size that sees enough tokens in the time, and that the data's do not leave to learn by heart.

    A token costs 6 operations a weight.
    """
    n_seen = [60 * minutes * FLOPS_A_SECOND / (6 * _n_weights(s)) for s in SIZES]
    fitting = [
        s
        for s, seen in zip(SIZES, n_seen, strict=True)
        if seen >= TOKENS_A_WEIGHT * _n_weights(s) and WEIGHTS_A_TOKEN * n_tokens >= _n_weights(s)
    ]
    return fitting[-1] if fitting else SIZES[0]


def _n_weights(size: tuple[int, int]) -> int:
    """Of the blocks, about."""
    return 12 * size[0] * size[1] ** 2


def _inverse_cdf(logits: Tensor, u: Tensor) -> Tensor:
    """The code (B,) at which the distribution function of logits (B, V) passes u (B,)."""
    cdf = logits.softmax(-1).cumsum(-1)
    return torch.searchsorted(cdf, (u * cdf[:, -1])[:, None], right=True)[:, 0].clamp(max=logits.shape[1] - 1)


def _is_sequence(f: Field) -> bool:
    return isinstance(f.support, Tokens | Pixels)


def _check_arrays(space: Space) -> None:
    """Refuses arrays that are no pictures, and pictures that are too large.

    Raises:
        UnsupportedError: there is one; says how large it may be.
    """
    for name, f in space.items():
        if f.event_shape and not isinstance(f.support, Pixels):
            raise UnsupportedError(f"gpt cannot model column {name!r}, an array of numbers")
    sizes = {name: math.prod(f.event_shape) for name, f in space.items() if isinstance(f.support, Pixels)}
    if sum(sizes.values()) > MOST_PIXELS:
        found = " and ".join(f"{n:,} of {name!r}" for name, n in sizes.items())
        raise UnsupportedError(
            f"gpt reads pictures pixel by pixel, at most {MOST_PIXELS:,} a row, and there are {found}; make them "
            "smaller, or use model=vqvae, whose codes it then reads"
        )
