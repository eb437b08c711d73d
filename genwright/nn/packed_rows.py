"""Rows of tokens of different lengths, one behind the other without padding (packing).

    row 0    the beginning and what it foretells, place by place
    row 1    …                                                     each seen by itself alone, from place 0 on

Whatever works on single places, which is nearly all of a Transformer, sees one long line of them; attention takes the
rows of one length together. The sum of a row's losses is that of the row alone, and so are its gradients.
"""

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from genwright.nn.attention import Rows
from genwright.nn.cached_rows import seen
from genwright.nn.row_tokens import START


class PackedRows(NamedTuple):
    """N places of B rows."""

    read: Tensor  # the token that is read (N,)
    target: Tensor  # the one that it is to foretell (N,)
    row: Tensor  # whose it is (N,)
    place: Tensor  # how far behind its row's start it stands (N,)
    rows: list[Rows]  # for attention


def packed(tokens: Tensor, context: int, has_inner_padding: bool) -> PackedRows:
    """Rows (B, L) from their beginning, those with fewer places first.

    Args:
        tokens: What is to be foretold, each from those before it.
        context: Places that attention reaches back.
        has_inner_padding: Padding may stand before something.
    """
    is_there = _is_there(tokens, has_inner_padding)
    by_length = is_there.sum(1).argsort(stable=True)
    row, place = is_there[by_length].nonzero(as_tuple=True)
    row = by_length[row]
    read, target = F.pad(tokens[:, :-1], (1, 0), value=START)[row, place], tokens[row, place]
    rows, first = [], 0
    lengths = is_there.sum(1)[by_length].unique_consecutive(return_counts=True)
    for T, n in zip(*(x.tolist() for x in lengths), strict=True):
        at = slice(first, first := first + n * T)
        rows.append(Rows(n, T, _mask(read[at].view(n, T), place[at].view(n, T), context)))
    return PackedRows(read, target, row, place, rows)


def _is_there(tokens: Tensor, has_inner_padding: bool) -> Tensor:
    """Places (B, L) at which something is foretold, or read that later ones see; the first always."""
    found = seen(tokens)
    if has_inner_padding:  # the end of a sequence is foretold at its place and read at the next
        found |= F.pad(found[:, :-1], (1, 0))
    found[:, 0] = True
    return found


def _mask(read: Tensor, place: Tensor, context: int) -> Tensor | None:
    """Which places (n, T) see which (n, 1, T, T), where it is not simply all that stand before."""
    is_known = seen(read)
    if bool(is_known.all()) and int(place[:, -1].max()) < context:
        return None
    gap = place[:, :, None] - place[:, None, :]
    return ((gap >= 0) & (gap < context) & is_known[:, None, :])[:, None]
