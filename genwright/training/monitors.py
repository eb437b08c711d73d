"""What went wrong in a training, in sentences that say what to do.

Each monitor reads the log of a training: one line an evaluation, with `step`, `loss`, `held_out`, and what the family's
own `monitor` told. They speak at the end, for the model card and the screen; an empty list is a good sign.
"""

import math
from collections.abc import Callable
from typing import Any

Line = dict[str, Any]

FALLING = 0.1  # share of all progress that may come in the last fifth of the steps
COLLAPSED_KL = 0.1  # nats that all latents together say about a row
FEW_EPOCHS = 5  # times that adversaries must see the rows at least
FAR_OFF = 0.4  # share of rows, or standard scores, that a column may be off
LITTLE_VARIETY = 0.5  # of real rows' variety, below which draws have collapsed
APART, FURTHER = 0.2, 2.0  # energy distance by which draws may move away from real rows, and how many times further
AWAY = 0.025  # energy distance above which draws are told to lie apart from real rows
N_ASTRAY, N_HOPELESS = 5, 20  # evaluations in a row: after better ones, and where there were none
MIN_ASTRAY_STEPS = 500  # before which nothing is certain
WIDE_SCORE = 50.0  # a standardised number this far out


def speak(log: list[Line]) -> list[str]:
    """What all monitors say."""
    return [sentence for monitor in MONITORS for sentence in monitor(log)]


def scale(log: list[Line]) -> list[str]:
    """Inputs that are far from what networks expect."""
    widest = max((line.get("largest_input", 0.0) for line in log), default=0.0)
    if widest <= WIDE_SCORE:
        return []
    return [f"Data scale: an input of the networks reaches {widest:,.0f}, and about 3 is usual; look for outliers."]


def divergence(log: list[Line]) -> list[str]:
    """A loss that became NaN on the way, or ended above where it began."""
    found = []
    n_back = max((line.get("n_rollbacks", 0) for line in log), default=0)
    if n_back:
        times = "once" if n_back == 1 else f"{n_back} times"
        found.append(f"Divergence: the loss became infinite {times} and training went back; lower learning_rate.")
    held = _series(log, "held_out")
    if len(held) >= 4 and min(v for _, v in held[1:]) > held[0][1]:
        found.append("Divergence: the held-out loss never fell below where it began; lower learning_rate.")
    return found


def convergence(log: list[Line]) -> list[str]:
    """A loss that was still falling at the end."""
    held, epochs = _series(log, "held_out"), _series(log, "epochs")
    if not held and epochs and epochs[-1][1] < FEW_EPOCHS:
        return [f"Not converged: every row was seen {epochs[-1][1]:.2g} times; allow more minutes or steps."]
    if len(held) < 4:
        return ["Not converged: too few evaluations to tell; allow more minutes or steps."] if held else []
    best = min(v for _, v in held)
    early = [v for step, v in held if step <= 0.8 * held[-1][0]]
    gained, late = held[0][1] - best, min(early) - best
    if gained > 0 and late > FALLING * gained:
        return [
            f"Not converged: {late / gained:.0%} of the progress came in the last fifth of the steps; "
            "allow more minutes or steps."
        ]
    return []


def posterior_collapse(log: list[Line]) -> list[str]:
    """Latents that say nothing about a row."""
    kl = _series(log, "kl")
    if not kl or kl[-1][1] >= COLLAPSED_KL:
        return []
    return [
        f"Posterior collapse: the latents say {kl[-1][1]:.2g} nats about a row, so all rows come from one "
        "distribution; lower beta, raise free_bits or warmup."
    ]


def mode_collapse(log: list[Line]) -> list[str]:
    """Draws that lack what real rows have."""
    variety = _series(log, "variety")
    if not variety or variety[-1][1] >= LITTLE_VARIETY:
        return []
    return [
        f"Mode collapse: draws show {variety[-1][1]:.0%} of the variety of real rows; "
        "lower learning_rate, raise gradient_penalty, or train longer."
    ]


def drift(log: list[Line]) -> list[str]:
    """Draws that were near real rows and moved away."""
    apart = _series(log, "distance")
    if not apart or not _is_far(apart[-1][1], min(v for _, v in apart)):
        return []
    step, best = min(apart, key=lambda pair: pair[1])
    return [
        f"Divergence: draws are {apart[-1][1]:.2g} away from real rows, as a share of the distance between these, "
        f"and were {best:.2g} away at step {step:,}; lower learning_rate, or raise gradient_penalty."
    ]


def astray(log: list[Line]) -> list[bool]:
    """Of each evaluation, whether draws had collapsed or moved away: such weights are not worth keeping."""
    found, best = [], math.inf
    for line in log:
        variety, distance = line.get("variety", 1.0), line.get("distance", 0.0)
        best = min(best, distance)
        found.append(not variety >= LITTLE_VARIETY or _is_far(distance, best))
    return found


def is_lost(log: list[Line]) -> bool:
    """Whether adversaries have been astray for so long that more steps are in vain."""
    if not log or log[-1]["step"] < MIN_ASTRAY_STEPS:
        return False
    found = astray(log)
    n = N_HOPELESS if all(found) else N_ASTRAY
    return len(log) > n and all(found[-n:])


def lost(log: list[Line]) -> list[str]:
    """A training that was ended for that reason."""
    if not is_lost(log):
        return []
    good = [line["step"] for line, is_astray in zip(log, astray(log)) if not is_astray]
    kept = f"the weights of step {good[-1]:,} are kept" if good else "nothing better came before"
    return [f"Ended early at step {log[-1]['step']:,}: the draws had been astray for long, and {kept}."]


def _is_far(distance: float, best: float) -> bool:
    """Whether draws are much further from real rows than they were."""
    return not distance <= max(APART, FURTHER * best)


def resemblance(log: list[Line]) -> list[str]:
    """Draws of which single columns are far off, or that stayed apart from real rows."""
    off, apart = _series(log, "columns_off"), _series(log, "distance")
    if apart and apart[-1][1] > AWAY and not _is_far(apart[-1][1], min(v for _, v in apart)):
        return [
            f"Not learnt: draws are {apart[-1][1]:.2g} away from real rows, as a share of the distance between these: "
            f"kinds of rows may be lacking; look at draws, train longer, or use another network."
        ]
    if not off or off[-1][1] <= FAR_OFF:
        return []
    return [
        f"Not learnt: the worst column of the draws is {off[-1][1]:.2g} off, as a share of rows or in standard scores; "
        "train longer, or lower learning_rate."
    ]


def dead_codes(log: list[Line]) -> list[str]:
    """A codebook of which most is unused."""
    dead = _series(log, "dead_codes")
    if not dead or dead[-1][1] <= 0.5:
        return []
    return [f"Dead codes: {dead[-1][1]:.0%} of the codebook is unused; lower its size, or reset codes more often."]


def baseline(log: list[Line]) -> list[str]:
    """A likelihood below that of independent columns; of a mere bound, looseness is a possible reason."""
    gains = _series(log, "gain_over_marginals")
    if not gains or gains[-1][1] > 0:
        return []
    worse = f"Worse than independent columns (in texts: tokens) by {-gains[-1][1]:.3g} nats a row"
    if _series(log, "gain_is_bound"):
        return [
            f"{worse}, by the model's lower bound of its likelihood: the bound may be loose, or nothing about how they "
            "depend on each other was learnt; look at the scores of draws before you train longer or use another model."
        ]
    return [f"{worse}: nothing about how they depend on each other was learnt; train longer, or use another model."]


MONITORS: tuple[Callable[[list[Line]], list[str]], ...] = (
    scale,
    divergence,
    convergence,
    posterior_collapse,
    mode_collapse,
    drift,
    lost,
    resemblance,
    dead_codes,
    baseline,
)


def _series(log: list[Line], key: str) -> list[tuple[int, float]]:
    """(step, number) of the lines that have the number."""
    known = [line for line in log if isinstance(line.get(key), (int, float))]
    return [(line["step"], line[key]) for line in known if math.isfinite(line[key])]
