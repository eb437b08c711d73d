"""Do drawn pictures show what their label says? A classifier trained on real pictures is asked.

    agreement = mean_i 1[ĉ(x_i) = c_i],   c_i: the label that a draw was asked for or came with

As the "GAN-test" of Shmelkov et al. (2018), https://arxiv.org/abs/1807.09499. The classifier is the small network
behind the features (see `nn/feature_net`), trained on real training pictures and their labels. It errs itself: the
floor is its accuracy on held-out pictures. Draws can agree more often than that, where a model draws typical pictures
only; coverage (`precision_recall`) tells what that costs.
"""

from typing import Any, ClassVar

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.judge import Evidence, Measure, Part, Score
from genwright.core.picture_judge import PictureJudge
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Space
from genwright.core.statistics import share_measure
from genwright.nn.picture_features import categories, counts, features_of, label_of, n_each

SHOWN = 50  # classes whose own shares are in the details


class ClassFidelity(PictureJudge):
    """Share of draws that a classifier of real pictures gives the label that they have."""

    parts: ClassVar[dict[str, Part]] = {
        "": Part("share", "higher", "Draws in which a classifier trained on real pictures sees what their label says.")
    }
    source = "Shmelkov, Schmid and Alahari (2018), https://arxiv.org/abs/1807.09499"
    max_rows = 10_000
    looks_at = "pictures and a category beside them"

    @classmethod
    def sees(cls, space: Space) -> Space:
        """Pictures and categories; nothing where one of the two is missing."""
        seen = super().sees(space)
        return seen if categories(seen) else Space()

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """The share; `details["classes"]` has each label's own, `details["seen"]` what was seen most in its place."""
        model = features_of(evidence)
        if model.label is None:
            return {}
        n = n_each(fake, evidence, self.max_rows, evidence.held_out)
        rows = numpy_generator(evidence.seed, "class_fidelity").permutation(n_rows(fake))[:n]
        chosen = {name: x[rows] for name, x in fake.items() if name in (*model.columns, model.label)}
        seen, label = model.classify(chosen).numpy(), chosen[model.label].numpy()
        return {"": share_measure(float((seen == label).sum()), len(label), _by_class(seen, label))}

    def protocol(self, evidence: Evidence) -> str:
        """Pictures, classifier and interval."""
        return (
            f"{counts(evidence, self.max_rows, evidence.held_out)} (at most {self.max_rows:,} draws); agreement of "
            "that network with the label that draws have; Wilson's interval; floor: held-out pictures in place of draws"
        )

    def anchors(self, evidence: Evidence) -> tuple[Batch, Batch]:
        """The floor is held-out pictures, which the classifier has not seen."""
        return evidence.held_out, evidence.trivial

    def scores(self, evidence: Evidence) -> list[Score]:
        """Nothing where no category is a label."""
        return super().scores(evidence) if label_of(evidence.space, n_rows(evidence.train)) else []


def _by_class(seen: np.ndarray, label: np.ndarray) -> dict[str, Any]:
    """Label → share of agreement, and label → what was seen most instead, as codes."""
    shares, instead = {}, {}
    for code in np.unique(label)[:SHOWN].tolist():
        there = seen[label == code]
        shares[str(code)] = float((there == code).mean())
        wrong = there[there != code]
        if len(wrong):
            instead[str(code)] = int(np.bincount(wrong).argmax())
    return {"classes": shares, "seen": instead}
