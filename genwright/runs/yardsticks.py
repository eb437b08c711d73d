"""What families are ranked by, for each kind of data: one score, the smallest on top.

    rows        AUC of a boosted detector: how well draws are told from real rows
    texts       bits a character of unseen texts; of a model with a bound, at most so many
    pictures    Fréchet distance to unseen pictures, by what one small network sees of both, the same for all families
    sequences   nats a step of unseen sequences; of a model with a bound, at most so many

Draws of texts are told apart by words that no reader stumbles over, and a detector of pictures finds nearly every
family's draws, so that neither orders families well; what a character costs, and how far features are off, does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from genwright.core.judge import Score
from genwright.core.space import Category, Pixels, Space, pictures
from genwright.runs.copy_checks import COPIED, PICTURE_EXACT, PICTURE_TAIL, TAIL

DETECTOR = "detectability.boosting"
UNSEEN, SEEN = "text_detectability.unseen", "text_detectability.seen"
PICTURES = "picture_detectability.svm_net"
COVERAGE = "precision_recall.coverage_net"
FRECHET = "frechet_net"
BITS, BITS_BOUND = "bits_per_char", "bits_per_char.bound"
NATS, NATS_BOUND = "nats_per_step", "nats_per_step.bound"
USEFUL = ("utility.auc", "utility.r2")
ELSEWHERE = 0.6  # AUC of training against unseen texts above which these are about other things


@dataclass(frozen=True)
class Yardstick:
    """How families are ranked on one kind of data.

    Args:
        kind: Of the data.
        scores: The first of these that a family has ranks it; of `rows`, the largest of all detectors.
        what: The score, in words.
        best: What is said of the first.
        real: What the floor is.
        independent: What the ceiling is.
        lacks: Why a family without the score is not ranked.
        checked: A score without which draws were not checked for copies; empty: any check will do; None: there is none.
        beside: Other scores worth showing, the most telling first.
        needs: Supports of columns that a family must not leave out, if its score is to compare; None: of all columns.
    """

    kind: str
    scores: tuple[str, ...]
    what: str
    best: str
    real: str
    independent: str
    lacks: str
    checked: str | None = ""
    beside: tuple[str, ...] = ()
    needs: tuple[type, ...] | None = ()

    def of(self, scores: Mapping[str, Score]) -> Score | None:
        """The score by which a family is ranked."""
        if self.kind == "rows":
            return strongest_detector(scores)
        return next((scores[name] for name in self.scores if name in scores), None)

    def name_of(self, score: Score) -> str:
        """The score in words, with what its bound makes of it."""
        what = _DETECTORS.get(score.name, self.what)
        return f"{what} at most" if score.name.endswith("bound") else what

    def needed(self, names: Iterable[str], space: Space) -> tuple[str, ...]:
        """Of some columns those without which a family's score does not compare."""
        return tuple(n for n in names if self.needs is None or isinstance(space[n].support, self.needs))


ROWS = Yardstick(
    "rows",
    (DETECTOR,),
    "AUC of a boosted detector",
    "is hardest to tell from real rows",
    "real rows",
    "independent columns",
    "no detector could judge it",
    beside=(TAIL, *USEFUL),
)
TEXTS = Yardstick(
    "texts",
    (BITS, BITS_BOUND),
    "bits a character of unseen texts",
    "foretells unseen texts best",
    "its training texts",
    "independent tokens",
    "it has no likelihood, which families of texts are ranked by",
    checked=COPIED,
    beside=(UNSEEN, SEEN, COPIED),
    needs=None,
)
OF_PICTURES = Yardstick(
    "pictures",
    (FRECHET,),
    "Fréchet distance by the judges' own network",
    "draws the pictures that are closest to real ones",
    "real pictures",
    "independent pixels",
    "its pictures could not be measured",
    checked=PICTURE_EXACT,
    beside=(PICTURES, COVERAGE, PICTURE_TAIL),
    needs=(Pixels, Category),
)
SEQUENCES = Yardstick(
    "sequences",
    (NATS, NATS_BOUND),
    "nats a step of unseen sequences",
    "foretells unseen sequences best",
    "its training sequences",
    "independent steps",
    "it has no likelihood, which families of sequences are ranked by",
    checked=None,
    beside=("likelihood.nats", "tagging.accuracy"),
    needs=None,
)
YARDSTICKS = {y.kind: y for y in (ROWS, TEXTS, OF_PICTURES, SEQUENCES)}
_OF_CHOICE = {"gpt": TEXTS, "ngram": TEXTS, "hmm": SEQUENCES}
_DETECTORS = {
    UNSEEN: "AUC of a detector of texts",
    SEEN: "AUC of a detector of texts",
    PICTURES: "AUC of a linear SVM on pictures",
}


def yardstick(space: Space, chosen: str) -> Yardstick:
    """Of rows of a space, for which the rule of `fit` takes the family `chosen`."""
    return OF_PICTURES if pictures(space) else _OF_CHOICE.get(chosen, ROWS)


def strongest_detector(scores: Mapping[str, Score]) -> Score | None:
    """Of rows, of texts and of pictures, the one that tells most."""
    found = [s for s in (scores.get(DETECTOR), text_detector(scores), scores.get(PICTURES)) if s is not None]
    return max(found, key=lambda score: score.value, default=None)


def text_detector(scores: Mapping[str, Score]) -> Score | None:
    """Against unseen texts; against those learnt from where the unseen ones are about other things."""
    unseen = scores.get(UNSEEN)
    return scores.get(SEEN, unseen) if unseen is not None and unseen.floor > ELSEWHERE else unseen


def is_within(score: Score, best: Score) -> bool:
    """Whether a value is no larger than the interval of the best one allows."""
    return score.value <= best.high
