"""Any row as one vector: a learnt vector for every code, beside the scores of the numbers.

h = [E_1[code_1] … E_J[code_J], z_1 … z_R, sin and cos of known cycles]
"""

import math

import torch
from torch import Tensor, nn

from genwright.core.space import Batch
from genwright.nn.code_groups import CodeGroups
from genwright.nn.row_view import RowView, given_part


class ColumnEmbed(nn.Module):
    """Rows as vectors.

    Args:
        view: The columns.
        n_embed: Width of an element's vector.
    """

    def __init__(self, view: RowView, n_embed: int = 8):
        super().__init__()
        self.view, self.groups, self.n_embed = view, CodeGroups(view.sizes), n_embed
        self.vectors = nn.Embedding(max(self.groups.n_padded, 1), n_embed)
        self.n_out = view.n_codes * n_embed + view.n_scores

    def reset(self, generator: torch.Generator) -> None:
        """Small vectors; the first entry begins at the score of an atom, so that order is known from the start."""
        scores = torch.zeros(len(self.vectors.weight))
        for place in self.view.places:
            if place.number is None:
                continue
            known = torch.from_numpy(place.number.atom_scores).float()
            for j in range(place.codes.start, place.codes.stop):
                at = int(self.groups.offsets[j])
                scores[at : at + len(known)] = known
        with torch.no_grad():
            self.vectors.weight.mul_(1 / math.sqrt(self.n_embed))
            self.vectors.weight[:, 0] += scores

    def forward(self, rows: Batch) -> Tensor:
        """Prepared rows → (B, n_out)."""
        vectors = self.vectors(rows["codes"] + self.groups.offsets)  # (B, J, n_embed)
        return torch.cat([vectors.flatten(1), rows["z"]], 1)

    def forward_given(self, rows: Batch, n: int) -> Tensor:
        """What stands under `given.` in prepared rows (n, n_out); nothing where no column is given."""
        return self(given_part(rows)) if self.view.places else torch.zeros(n, 0)
