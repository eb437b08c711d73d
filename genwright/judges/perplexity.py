"""Among how many equally likely tokens, or words, might the model as well be choosing? (Jelinek et al., 1977.)

https://doi.org/10.1121/1.2016299

    perplexity = exp(−Σ_i log p(x_i) / Σ_i n_i),   n_i: tokens of text i with the one that closes it, or words

Per token, only models with the same tokenizer compare; per word (words and punctuation marks, in scripts with spaces)
any two do, as by `bits_per_char`.
"""

import math
from dataclasses import replace
from typing import ClassVar

from genwright.core.judge import Measure, Part
from genwright.core.text_surprise import Surprise, SurpriseJudge

_LARGEST = 700.0  # nats whose exponential is still a number


class Perplexity(SurpriseJudge):
    """Perplexity of held-out texts; floor: of training texts, ceiling: under independent tokens."""

    parts: ClassVar[dict[str, Part]] = {
        "token": Part("tokens", "lower", "Equally likely tokens among which the model chooses; by its own tokenizer."),
        "word": Part("words", "lower", "The same in words and punctuation marks, whatever the tokenizer."),
        "token_bound": Part("tokens", "lower", "An upper bound of the perplexity per token."),
        "word_bound": Part("words", "lower", "An upper bound of the perplexity per word."),
    }
    source = "Jelinek et al. (1977), https://doi.org/10.1121/1.2016299"

    def parts_of(self, found: Surprise) -> dict[str, Measure]:
        """Per token, and per word where the script has spaces."""
        counts = {"token": found.n_tokens} | ({} if found.n_words is None else {"word": found.n_words})
        return {part: _exp(found.per(n)) for part, n in counts.items()}


def _exp(nats: Measure) -> Measure:
    """The exponential of a number and of its interval."""
    value, low, high = (math.exp(x) if x < _LARGEST else math.inf for x in (nats.value, nats.low, nats.high))
    return replace(nats, value=value, low=low, high=high)
