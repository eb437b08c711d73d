"""How surprised is the model by real texts it has not seen, in bits per character? (Shannon, 1951.)

https://doi.org/10.1002/j.1538-7305.1951.tb01366.x

    bits per character = −Σ_i log p(x_i) / (ln 2 · Σ_i n_i),   n_i: characters of text i

Tokens do not appear in it: models with different tokenizers are compared by it, where a perplexity per token is not
comparable. What closes a text is paid for and is not a character. A model with a lower bound of log p answers an upper
bound of this number, and its part says so by name.
"""

import math
from dataclasses import replace
from typing import ClassVar

from genwright.core.judge import Measure, Part
from genwright.core.text_surprise import Surprise, SurpriseJudge


class BitsPerChar(SurpriseJudge):
    """Bits per character of held-out texts; floor: of training texts, ceiling: under independent tokens."""

    parts: ClassVar[dict[str, Part]] = {
        "": Part("bits per character", "lower", "Surprise of the model at a character of a text it has not seen."),
        "bound": Part("bits per character", "lower", "An upper bound of the model's surprise at a character."),
    }
    source = "Shannon (1951), https://doi.org/10.1002/j.1538-7305.1951.tb01366.x"

    def parts_of(self, found: Surprise) -> dict[str, Measure]:
        """Nats become bits."""
        nats = found.per(found.n_characters)
        value, low, high = (x / math.log(2) for x in (nats.value, nats.low, nats.high))
        return {"": replace(nats, value=value, low=low, high=high)}
