"""A judge of pictures: it looks at columns of pixels and the categories beside them, silent where there are none."""

from genwright.core.judge import Evidence, Judge, Score
from genwright.core.space import Category, Pixels, Space, pictures


def modelled(evidence: Evidence) -> list[str]:
    """The columns that the model does not only read."""
    return [name for name in evidence.space if name not in evidence.given]


def is_of_pictures(evidence: Evidence) -> bool:
    """Whether surprise at a row is that at its pictures: nothing beside them is modelled but categories."""
    supports = [evidence.space[name].support for name in modelled(evidence)]
    has_pictures = any(isinstance(s, Pixels) for s in supports)
    return has_pictures and all(isinstance(s, Pixels | Category) for s in supports)


class PictureJudge(Judge):
    """Base of the metrics that look at pictures."""

    needs = frozenset({"train", "held_out", "fake", "features"})
    looks_at = "pictures"

    @classmethod
    def sees(cls, space: Space) -> Space:
        """Pictures, and categories beside them, which may be their labels."""
        if not pictures(space):
            return Space()
        return Space({n: f for n, f in space.items() if isinstance(f.support, Pixels | Category)})

    def scores(self, evidence: Evidence) -> list[Score]:
        """The numbers of the draws; none where no column is a picture."""
        return super().scores(evidence) if pictures(evidence.space) else []
