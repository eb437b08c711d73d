"""What the settings of a draw do to the scores of the next token: pure functions of log-probabilities (B, V).

Each takes logits or log-probabilities z (B, V), whose p = softmax(z), and returns scores of the same shape, with −∞ for
tokens that may not be drawn. One token at least is always left: the likeliest.
"""

import numpy as np
import torch
from torch import Tensor

NEVER = -float("inf")
COLDEST = 1e-30  # temperature at which the likeliest token is drawn alone, and scores are still numbers in float32
NUCLEUS = 256  # tokens that most nuclei are smaller than; finding the likeliest few is cheaper than sorting all


def temperature(scores: Tensor, t: float) -> Tensor:
    """p^(1/t), up to a factor: below 1 likelier tokens, above 1 less likely ones.

    Source:
        Ackley, Hinton and Sejnowski (1985): https://doi.org/10.1207/s15516709cog0901_7
    """
    return scores if t == 1 else scores / min(max(t, COLDEST), 1 / COLDEST)


def top_k(scores: Tensor, k: int) -> Tensor:
    """Only the k likeliest tokens, and those as likely as the k-th; 0: all.

    Source:
        Fan, Lewis and Dauphin (2018): https://arxiv.org/abs/1805.04833
    """
    if not 0 < k < scores.shape[-1]:
        return scores
    kth = scores.topk(k).values[..., -1:]  # (B, 1)
    return scores.masked_fill(scores < kth, NEVER)


def top_p(scores: Tensor, p: float) -> Tensor:
    """The nucleus: the smallest set of the likeliest tokens whose probabilities add up to p or more; 1: all.

    A token stays where those likelier than it have less than p together:

        sum_{x likelier than x_i} P(x) < p

    Source:
        Holtzman, Buys, Du, Forbes and Choi (2020), equations 2 and 3: https://arxiv.org/abs/1904.09751
    """
    if p >= 1:
        return scores
    log_total = scores.logsumexp(-1, keepdim=True)
    ordered = scores.topk(min(NUCLEUS, scores.shape[-1])).values  # (B, NUCLEUS)
    if ordered.shape[-1] < scores.shape[-1] and ((ordered - log_total).exp().sum(-1) < p).any():
        ordered = _sorted(scores)
    share = (ordered - log_total).exp()
    n_kept = (share.cumsum(-1) - share < p).sum(-1, keepdim=True).clamp(min=1)
    return scores.masked_fill(scores < ordered.gather(-1, n_kept - 1), NEVER)


def _sorted(scores: Tensor) -> Tensor:
    """The largest first; NumPy's sort is many times faster than torch's on a CPU."""
    if scores.device.type != "cpu":
        return scores.sort(-1, descending=True).values
    return -torch.from_numpy(np.sort(-scores.numpy(), axis=-1))


def min_p(scores: Tensor, p: float) -> Tensor:
    """Only tokens at least p times as likely as the likeliest; 0: all.

    Source:
        Nguyen, Baker, Neo, Roush, Kirsch and Shwartz-Ziv (2024): https://arxiv.org/abs/2407.01082
    """
    if p <= 0:
        return scores
    share = scores.softmax(-1)
    return scores.masked_fill(share < p * share.max(-1, keepdim=True).values, NEVER)


def repetition_penalty(scores: Tensor, is_seen: Tensor, theta: float) -> Tensor:
    """Makes tokens that were there before less likely: z / θ where z > 0, z · θ elsewhere; 1: as they are.

    On log-probabilities, which are never above 0, this is p^θ up to a factor, whatever constant a family's logits
    carry; `decode` therefore hands in log-probabilities.

    Args:
        scores: z (B, V).
        is_seen: Which tokens were there (B, V).
        theta: θ, above 1 to avoid repetitions.

    Source:
        Keskar, McCann, Varshney, Xiong and Socher (2019), section 4.1, with the sign that keeps negative scores from
        being rewarded: https://arxiv.org/abs/1909.05858
    """
    if theta == 1:
        return scores
    return torch.where(is_seen, torch.where(scores > 0, scores / theta, scores * theta), scores)


def pick(scores: Tensor, u: Tensor) -> Tensor:
    """One token a row (B,), by the inverse of its distribution function.

    Args:
        scores: Logits (B, V), one at least finite in every row; of others, as of weights that ran away, the last token.
        u: Uniform numbers (B,) in [0, 1), float64.
    """
    share = scores.softmax(-1).cumsum(-1, dtype=torch.float64)  # (B, V)
    reached = u.clamp(max=1 - 2**-50).unsqueeze(-1) * share[..., -1:]  # below the last share even after rounding
    return torch.searchsorted(share, reached, right=True).squeeze(-1).clamp(max=scores.shape[-1] - 1)
