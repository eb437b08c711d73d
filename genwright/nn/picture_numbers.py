"""Rows with their pictures as the numbers that judges see in them, for detectors that read numbers.

What gives drawn pictures away is spread over hundreds of pixels, of which trees look at a few at a time: the numbers of
`picture_features`, principal components of the pixels and what a network sees, hold it in fewer.
"""

import torch

from genwright.core.space import Batch, Field, Real, Space
from genwright.nn.picture_features import PictureFeatures

KINDS = ("pixels", "net")


class PictureNumbers:
    """Rows → rows of another space, in which numbers stand for all pictures.

    Args:
        space: Of the rows, with at least one column of pictures.
        features: Learnt from real ones.
    """

    def __init__(self, space: Space, features: PictureFeatures):
        self._features, (self._name, *others) = features, features.columns
        self._others = [name for name in space if name not in features.columns]
        probe = {name: torch.zeros((1, *space[name].event_shape), dtype=torch.uint8) for name in (self._name, *others)}
        width = self._numbers(probe).shape[1]
        self.space = Space({**{n: space[n] for n in self._others}, self._name: Field(Real(), (width,))})

    def __call__(self, rows: Batch) -> Batch:
        """Numbers under the first picture's name, (B, width) float64; other columns as they are."""
        return {**{name: rows[name] for name in self._others}, self._name: self._numbers(rows)}

    def _numbers(self, rows: Batch) -> torch.Tensor:
        return torch.cat([self._features.of(kind, rows) for kind in KINDS], 1).double()
