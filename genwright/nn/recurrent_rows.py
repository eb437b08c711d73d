"""Rows as sequences through a recurrent network: the network, and how a row is read on and on while it is drawn.

    h_t = cell(h_{t−1}, E w_{t−1}),    p(w_t | w_<t) = softmax(W h_t + b)

A row is one sequence of tokens (`row_tokens`), or of tokens and the steps of one series (`mixture_density`). Each token
is predicted among those of its own column.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.core.space import Tokens, Vectors
from genwright.nn.mixture_density import MixtureDensity
from genwright.nn.recurrent import Ragged, Recurrent, State
from genwright.nn.row_tokens import PAD, START, Place, RowTokens


class RowNet(nn.Module):
    """Embedding, recurrent layers, heads.

    Args:
        rnn: The recurrent layers.
        n_embed: Width of the vector that stands for a token or a step.
        n_mixture: Normal distributions a step of a series.
        layout: How rows are tokens.
        series: The series behind the tokens, if there is one.
    """

    def __init__(self, rnn: Recurrent, n_embed: int, n_mixture: int, layout: RowTokens, series: Vectors | None):
        super().__init__()
        self.layout, self.allowed = layout, _tokens_of_columns(layout)
        n_columns = len(layout.columns) + (series is not None)
        self.embed = nn.Embedding(layout.n, n_embed)
        self.embed_next = nn.Embedding(n_columns, n_embed) if n_columns > 1 else None  # the column to come
        self.rnn = rnn
        self.head = nn.Linear(rnn.n_hidden, layout.n) if layout.columns else None
        self.embed_step = nn.Linear(2 * series.dim, n_embed) if series else None
        self.density = MixtureDensity(rnn.n_hidden, series.dim, n_mixture, series.has_missing) if series else None

    def reset(self, generator: torch.Generator) -> None:
        """Every token begins as equally likely."""
        if self.head is not None:
            nn.init.zeros_(self.head.weight)

    def embedded(self, tokens: Tensor, column: Tensor) -> Tensor:
        """Tokens and the columns to come, (M,) and (M,) → (M, n_embed)."""
        x = self.embed(tokens)
        return x if self.embed_next is None else x + self.embed_next(column)

    def embedded_steps(self, x: Tensor, column: int) -> Tensor:
        """Standard scores of steps (M, D), NaN where missing → (M, n_embed)."""
        assert self.embed_step is not None
        is_missing = x.isnan()
        found = self.embed_step(torch.cat([torch.where(is_missing, 0.0, x), is_missing.to(x)], 1))
        return found if self.embed_next is None else found + self.embed_next.weight[column]

    def log_p(self, h: Tensor, column: Tensor, dtype: torch.dtype) -> Tensor:
        """log p of all tokens (M, V), −∞ for those that the column does not have."""
        assert self.head is not None
        logits = self.head(h).to(dtype)
        never = ~(self.allowed if len(self.allowed) == 1 else self.allowed[column])
        return logits.masked_fill(never, -torch.inf).log_softmax(1)


def _tokens_of_columns(layout: RowTokens) -> Tensor:
    """Which tokens each column may have (columns, V); a running text never ends."""
    allowed = torch.zeros(len(layout.columns), layout.n, dtype=torch.bool)
    for c in layout.columns:
        allowed[c.index, c.first : c.last] = True
        allowed[c.index, START] = isinstance(c.support, Tokens) and not c.support.runs_on
    return allowed


class Stream:
    """Reads rows on and on, and remembers the state."""

    def __init__(self, net: RowNet):
        self.net = net
        self.state: State = []

    def begin(self, tokens: Tensor, column: int) -> Tensor:
        """Reads the start and all tokens behind it (B, t), padding left out → what the heads read (B, H).

        Args:
            tokens: Of the columns before one, and of its own first places.
            column: Number of that column.
        """
        order = (tokens == PAD).int().argsort(dim=1, stable=True)
        ragged = Ragged((tokens != PAD).sum(1))
        row, place = ragged.at
        next_column = self._columns(tokens.shape[1], column)[F.pad(order, (0, 1))[row, place + 1]]
        is_last = place == ragged.lengths[row] - 1
        next_column = next_column.masked_fill(is_last, column)
        h, self.state = self.net.rnn(self.net.embedded(tokens[row, order[row, place]], next_column), ragged)
        return torch.empty(len(tokens), h.shape[1]).index_copy(0, row[is_last], h[is_last])

    def _columns(self, n: int, column: int) -> Tensor:
        """The column of each of n tokens, of which the first is the start."""
        columns = self.net.layout.columns
        first = columns[column].places.start if column < len(columns) else self.net.layout.length
        found = torch.full((n,), column)
        found[1 : first + 1] = self.net.layout.column_of[:first]
        return found

    def read(self, x: Tensor) -> Tensor:
        """The next thing read (B, n_embed) → what the heads read (B, H)."""
        h, self.state = self.net.rnn.step(x, self.state)
        return h

    def keep(self, rows: Tensor) -> None:
        """Forgets all rows but these."""
        self.state = [s[rows] for s in self.state]


class OfColumn:
    """What `samplers/decode` asks for, in a column's own codes.

    Args:
        net: The network.
        column: The text.
        n_before: Places read before it, which come as codes of the whole vocabulary.
    """

    def __init__(self, net: RowNet, column: Place, n_before: int):
        self.net, self.column, self.n_before, self.stream = net, column, n_before, Stream(net)
        support = column.support
        assert isinstance(support, Tokens)
        self.n, self.own = support.n, torch.tensor([support.end, *column.own.tolist()])

    def start(self, codes: Tensor) -> Tensor:
        """Codes (B, t) → logits (B, n) of the next."""
        tokens = torch.cat([codes[:, : self.n_before], self.column.to_shared(codes[:, self.n_before :])], 1)
        return self._logits(self.stream.begin(tokens, self.column.index))

    def step(self, codes: Tensor) -> Tensor:
        """The codes drawn last (B,) → logits (B, n) of the next."""
        tokens = self.column.to_shared(codes[:, None])[:, 0]
        x = self.net.embedded(tokens, torch.full((len(codes),), self.column.index))
        return self._logits(self.stream.read(x))

    def keep(self, rows: Tensor) -> None:
        """Forgets all rows but these."""
        self.stream.keep(rows)

    def _logits(self, h: Tensor) -> Tensor:
        column = torch.full((len(h),), self.column.index)
        log_p = self.net.log_p(h, column, torch.float32)
        found = log_p.new_full((len(h), self.n), -torch.inf)
        inner = log_p[:, self.column.first : self.column.last]
        return found.index_copy(1, self.own, torch.cat([log_p[:, START : START + 1], inner], 1))
