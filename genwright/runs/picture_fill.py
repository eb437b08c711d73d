"""What is not known of rows with pictures, drawn to fit what is known: pixels under a mask, cells, or both.

Each family has its own way, and all but the first are approximate:

- `marginals`: pixels are independent, so any draw of them fits;
- `flow_matching`: its own `inpaint`, along the flow (Lugmayr et al., 2022);
- `vae`: pseudo-Gibbs (Rezende et al., 2014, appendix F, https://arxiv.org/abs/1401.4082): z ~ q(z | x), then what is
  not known of x from p(x | z), again and again; the last time the mean;
- `vqvae`, `gpt`: codes of places, or pixels, one behind the other under what stands before them, known ones kept; of
  several such rows the likeliest, since what stands behind was not looked at;
- `gan`: the noise whose picture is nearest in what is known (Yeh et al., 2017, https://arxiv.org/abs/1607.07539).
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from genwright.core.dataset import n_rows
from genwright.core.errors import UnsupportedError
from genwright.core.model import Autoregressive, HasBound, HasLogProb, Model
from genwright.core.registry import MODELS
from genwright.core.space import OPEN, Batch
from genwright.models.flow_matching import FlowMatching
from genwright.models.gan import GAN
from genwright.models.gpt import GPT
from genwright.models.marginals import Marginals
from genwright.models.vae import VAE
from genwright.models.vqvae import VQVAE
from genwright.nn.picture_view import merged, picture_shape, pictures
from genwright.runs.picture_latents import decoded_rows, inverted, without_noise

N_ROUNDS, N_SETTLING = 60, 5  # of pseudo-Gibbs; the last of them towards the likeliest
N_CANDIDATES = 8  # rows of which the likeliest is kept
WAYS = {
    Marginals: "independent draws of pixels",
    FlowMatching: "draws along the flow, known pixels put in place at every step",
    VAE: f"{N_ROUNDS} rounds of encoding and decoding, known pixels put in place (pseudo-Gibbs)",
    VQVAE: f"codes under the mask drawn by the prior, the likeliest of {N_CANDIDATES}",
    GPT: f"pixels drawn behind each other between the known ones, the likeliest of {N_CANDIDATES}",
    GAN: "the noise whose picture is nearest to the known pixels",
}


def way(model: Model) -> str:
    """How a family fills, in words.

    Raises:
        UnsupportedError: it does not; names those that do.
    """
    for family, words in WAYS.items():
        if isinstance(model, family):
            return words
    there = ", ".join(MODELS.name_of(family) for family in WAYS)
    raise UnsupportedError(f"{MODELS.name_of(type(model))} cannot fill in parts of pictures; {there} can")


def filled(model: Model, rows: Batch, known: Mapping[str, Tensor], generator: torch.Generator) -> Batch:
    """Rows with their known parts kept and the rest drawn.

    Args:
        model: Of a family with a way.
        rows: All columns; what they hold in unknown parts is not looked at. The given ones are known.
        known: Column → what is known of it, True: cells (B,), pixels (B, H, W); absent columns are known wholly.
        generator: All randomness comes from it.
    """
    way(model)
    if all(bool(mask.all()) for mask in known.values()):
        return dict(rows)
    if isinstance(model, FlowMatching):
        return model.inpaint(rows, known, generator)
    if isinstance(model, VAE):
        return _pseudo_gibbs(model, rows, known, generator)
    if isinstance(model, VQVAE):
        return _by_codes(model, rows, known, generator)
    if isinstance(model, Autoregressive):
        return _by_pixels(model, rows, known, generator)
    given = {name: x for name, x in rows.items() if model.space[name].is_given}
    drawn = model.sample(n_rows(rows), given if isinstance(model, GAN) else {}, generator)
    if isinstance(model, GAN):
        drawn |= decoded_rows(model, inverted(model, rows, known, generator)[0], given, generator)
    return _merged(rows, drawn, known)


def _merged(rows: Batch, drawn: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> Batch:
    """Known parts of rows beside drawn ones."""
    return {name: merged(x, drawn[name], known[name]) if name in known else x for name, x in rows.items()}


@torch.no_grad()
def _pseudo_gibbs(model: VAE, rows: Batch, known: Mapping[str, Tensor], generator: torch.Generator) -> Batch:
    n = n_rows(rows)
    given = {name: x for name, x in rows.items() if model.space[name].is_given}
    quiet = without_noise(model)
    assert isinstance(quiet, VAE)
    found = _merged(rows, model.sample(n, given, generator), known)
    for k in range(N_ROUNDS):
        ready = model.prepare(found)
        mu, log_s = model.net.posterior(ready, model.net.embed_given.forward_given(ready, n))
        is_last = k >= N_ROUNDS - N_SETTLING
        z = mu if is_last else mu + log_s.exp() * torch.randn(mu.shape, generator=generator)
        found = _merged(rows, (quiet if is_last else model).decode(z, generator, given), known)
    return found


# -- one place behind the other -------------------------------------------------------------------------------------


def _by_codes(model: VQVAE, rows: Batch, known: Mapping[str, Tensor], generator: torch.Generator) -> Batch:
    """Codes of the grid whose places reach into the mask are drawn by the prior."""
    _check_prior(model.prior)
    quiet = without_noise(model)
    assert isinstance(quiet, VQVAE)
    given = {name: x for name, x in rows.items() if model.space[name].is_given}
    found = _merged(rows, model.sample(n_rows(rows), given, generator), known)
    for _ in range(N_SETTLING):  # codes beside the mask look into it, too
        found = _merged(found, quiet.from_tokens(model.tokens(found), generator), known_pixels(model, known))
    tokens = {**found, **model.tokens(found)}
    is_open = {}
    for name, mask in known.items():
        if name in model.net.of_name:
            share = F.adaptive_max_pool2d((~mask).float().unsqueeze(1), model.net.of_name[name].size)
            is_open[name] = share.flatten(1) > 0  # (B, h · w)
        else:
            is_open[name] = ~mask
    drawn = _forced(model.prior, tokens, is_open, generator)
    codes = {name: drawn[name] for name in model.net.of_name}
    return _merged(rows, {**drawn, **quiet.from_tokens(codes, generator)}, known)


def known_pixels(model: Model, known: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is known of columns of pictures."""
    return {name: mask for name, mask in known.items() if name in pictures(model.space)}


def _check_prior(prior: Model) -> None:
    if not (isinstance(prior, Autoregressive) and prior.completes and isinstance(prior, HasLogProb)):
        name = MODELS.name_of(type(prior))
        raise UnsupportedError(
            f"a vqvae whose prior is {name} cannot fill in parts; fit it with prior=gpt, rnn or ngram"
        )


def _by_pixels(model: Model, rows: Batch, known: Mapping[str, Tensor], generator: torch.Generator) -> Batch:
    is_open, lines = {}, {}
    for name, x in rows.items():
        if name in pictures(model.space):
            lines[name] = x.permute(0, 2, 3, 1).flatten(1).long()  # (B, H · W · C)
            channels = picture_shape(model.space, name)[0]
            if name in known:
                is_open[name] = (~known[name]).flatten(1).repeat_interleave(channels, 1)
        else:
            lines[name] = x
            if name in known:
                is_open[name] = ~known[name]
    drawn = _forced(model, lines, is_open, generator)
    return _merged(rows, {name: _as_picture(model, name, x) for name, x in drawn.items()}, known)


def _as_picture(model: Model, name: str, x: Tensor) -> Tensor:
    """A line of pixels (B, H · W · C) as a picture; other columns as they are, and open pixels stay open."""
    if name not in pictures(model.space) or x.dim() == 4:
        return x
    channels, height, width = picture_shape(model.space, name)
    picture = x.view(-1, height, width, channels).permute(0, 3, 1, 2)
    return picture if (picture == OPEN).any() else picture.to(torch.uint8)


def _forced(model: Model, rows: Batch, is_open: Mapping[str, Tensor], generator: torch.Generator) -> Batch:
    """Rows whose open places are drawn, each under what stands before it; the likeliest of some candidates.

    Args:
        model: Draws place by place, and completes what is begun.
        rows: Sequences as lines of codes (B, T), other columns (B,).
        is_open: Column → its open places (B, T), or cells (B,).
        generator: All randomness comes from it.
    """
    assert isinstance(model, HasLogProb)
    n = n_rows(rows)
    found = []
    for i in range(n):  # rows have masks of their own
        several = {name: x[i : i + 1].repeat_interleave(N_CANDIDATES, 0) for name, x in rows.items()}
        for name, mask in is_open.items():
            several = _drawn_places(model, several, name, mask[i], is_open, generator)
        score = model.log_prob({name: _as_picture(model, name, x) for name, x in several.items()})
        found.append({name: x[int(score.argmax())][None] for name, x in several.items()})
    return {name: torch.cat([row[name] for row in found]) for name in rows}


def _drawn_places(
    model: Model, rows: Batch, name: str, mask: Tensor, is_open: Mapping[str, Tensor], generator: torch.Generator
) -> Batch:
    """Rows whose open places in one column are drawn, the known ones between them read."""
    if mask.dim() == 0:  # a single value
        if not mask:
            return rows
        given = {k: x for k, x in rows.items() if k not in is_open}
        return {**rows, name: model.sample(n_rows(rows), given, generator)[name]}
    if not mask.any():
        return rows
    holed = rows[name].masked_fill(mask, OPEN)
    given = {**{k: _as_picture(model, k, x) for k, x in rows.items()}, name: _as_picture(model, name, holed)}
    drawn = model.sample(n_rows(rows), given, generator)[name]
    line = drawn.permute(0, 2, 3, 1).flatten(1) if drawn.dim() == 4 else drawn
    return {**rows, name: torch.where(mask, line.to(holed.dtype), holed)}


def fit_of(model: Model, rows: Batch, known: Mapping[str, Tensor], seed_generator: torch.Generator) -> Tensor:
    """How well rows fit the model (B,), higher is better: log p, a bound, or a gan's −distance of the nearest."""
    if isinstance(model, HasLogProb):
        return model.log_prob(rows)
    if isinstance(model, HasBound):
        return model.bound(rows, seed_generator)
    if isinstance(model, GAN):
        return -inverted(model, rows, known, seed_generator)[1].double()
    raise UnsupportedError(f"{MODELS.name_of(type(model))} cannot tell how likely pictures are; say what is given")
