"""Every fault that is planted is told, and no good training is blamed."""

import numpy as np
import pytest
import torch

from genwright.core.dataset import Dataset
from genwright.core.space import Batch
from genwright.models.gan import GAN, GANConfig
from genwright.models.vae import VAE, VAEConfig
from genwright.training.loop import train
from genwright.training.monitors import astray, is_lost, speak
from tests.training.worlds import Line, plan, small_vae, table


def silent(done: float, line: str) -> None:
    pass


def _log(held: list[float], **more: float) -> list[dict]:
    return [{"step": 10 * i, "loss": v, "held_out": v, **more} for i, v in enumerate(held)]


def _draws(variety: list[float], distance: list[float] | None = None) -> list[dict]:
    """What adversaries' evaluations tell."""
    apart = distance or [0.01] * len(variety)
    return [
        {"step": 100 * i, "variety": v, "distance": d, "epochs": 10 * i}
        for i, (v, d) in enumerate(zip(variety, apart, strict=True))
    ]


GOOD = [5.0, 3.5, 2.6, 2.3, 2.2, 2.15, 2.12, 2.11, 2.1, 2.1, 2.1]


@pytest.mark.parametrize(
    ("log", "word"),
    [
        (_log(GOOD, largest_input=4000.0), "Data scale"),
        (_log([3.0, 4.0, 9.0, 20.0, 30.0]), "Divergence"),
        (_log(GOOD, n_rollbacks=2), "Divergence"),
        (_log([5.0, 4.5, 4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.0, 0.5, 0.0]), "Not converged"),
        (_log([5.0, 4.0]), "Not converged"),
        (_log(GOOD, kl=0.01), "Posterior collapse"),
        (_log(GOOD, variety=0.1), "Mode collapse"),
        (_draws([0.1, 0.9, 0.9], [0.9, 0.05, 0.3]), "Divergence"),
        (_draws([0.1, 0.9, 0.9], [0.9, 0.05, 0.04]), "Not learnt"),
        (_log(GOOD, columns_off=0.9), "Not learnt"),
        (_log(GOOD, dead_codes=0.9), "Dead codes"),
        (_log(GOOD, gain_over_marginals=-1.5), "Worse than independent columns"),
    ],
)
def test_each_fault_is_told_and_nothing_else(log: list[dict], word: str) -> None:
    notes = speak(log)
    assert len(notes) == 1
    assert notes[0].startswith(word)


def test_a_good_log_is_silent() -> None:
    assert speak(_log(GOOD, kl=3.0, variety=0.97, columns_off=0.1, gain_over_marginals=2.0, largest_input=3.0)) == []


@pytest.mark.parametrize("seed", range(3))
def test_good_fits_are_not_blamed(seed: int) -> None:
    outcome = train(small_vae(n_hidden=32), table(2000, seed), plan(500, seed=seed), silent)
    assert outcome.notes == []


@pytest.mark.parametrize("seed", range(2))
def test_posterior_collapse_is_found_in_a_real_fit(seed: int) -> None:
    outcome = train(small_vae(beta=50.0, warmup=0.0), table(2000, seed), plan(300, seed=seed), silent)
    assert any(note.startswith("Posterior collapse") for note in outcome.notes)


def test_a_fit_cut_short_is_found() -> None:
    outcome = train(small_vae(), table(), plan(25, learning_rate=1e-3), silent)
    assert any(note.startswith(("Not converged", "Worse than")) for note in outcome.notes)


def test_a_loss_that_rises_is_found() -> None:
    outcome = train(small_vae(), table(), plan(60, learning_rate=30.0, clip=1e9, lr_warmup=0.0, ema=0.0), silent)
    assert any(note.startswith("Divergence") for note in outcome.notes)


def test_a_collapsed_generator_is_found() -> None:
    model = GAN(table(50).space, GANConfig(n_hidden=16, n_layers=1))
    train(model, table(), plan(20), silent)
    with torch.no_grad():
        head = model.net.generator.head
        head.codes.bias[0] += 100  # always the same code
        head.mixture.bias[2::3] -= 100  # and number
        head.mixture.weight.zero_()
    rows = model.prepare(table().take(slice(None)))
    assert model.monitor(rows, torch.Generator().manual_seed(0))["variety"] < 0.5


def test_independent_columns_are_the_floor_of_what_counts() -> None:
    """A decoder that cannot read its latents is no better than independent columns."""
    rng = np.random.default_rng(0)
    data = table(600)
    shuffled = Dataset(data.space, {"c": rng.permutation(data.arrays["c"]), "x": data.arrays["x"]})
    outcome = train(VAE(data.space, VAEConfig(latent_dim=1, n_hidden=4, n_layers=0)), shuffled, plan(15), silent)
    note = next(note for note in outcome.notes if note.startswith("Worse than independent columns"))
    assert "bound may be loose" in note  # a vae has no more than a bound


def test_only_of_a_bound_looseness_is_a_reason() -> None:
    exact, bounded = (speak(_log(GOOD, gain_over_marginals=-1.5, **more)) for more in ({}, {"gain_is_bound": 1.0}))
    assert "bound" not in exact[0]
    assert "by 1.5 nats a row, by the model's lower bound" in bounded[0]
    assert speak(_log(GOOD, gain_over_marginals=1.5, gain_is_bound=1.0)) == []


def _planted(kind: str, seed: int) -> tuple[list[str], tuple[str, ...]]:
    """What is said about a training that must fail in one way, and how one of the sentences must begin."""
    if kind == "collapse":
        mute = small_vae(beta=50.0, warmup=0.0)
        return train(mute, table(2000, seed), plan(300, seed=seed), silent).notes, ("Posterior collapse",)
    if kind == "diverged":
        wild = plan(60, seed=seed, learning_rate=30.0, clip=1e9, lr_warmup=0.0, ema=0.0)
        return train(small_vae(), table(800, seed), wild, silent).notes, ("Divergence",)
    if kind == "infinite":
        calm = plan(60, seed=seed, learning_rate=0.1, ema=0.0, patience=0)
        return train(Line(table(50).space, poison=1), table(800, seed), calm, silent).notes, ("Divergence",)
    if kind == "short":
        short = plan(20, seed=seed, learning_rate=1e-3)
        return train(small_vae(), table(800, seed), short, silent).notes, ("Not converged", "Worse than")
    gan = GAN(table(50).space, GANConfig(n_hidden=16, n_layers=1, n_noise=1))
    bad = plan(200, seed=seed, learning_rate=5.0, clip=1e9, ema=0.0)
    return train(gan, table(800, seed), bad, silent).notes, ("Mode collapse", "Not learnt")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["collapse", "diverged", "infinite", "short", "mode"])
@pytest.mark.parametrize("seed", range(4))
def test_twenty_planted_faults_are_told(kind: str, seed: int) -> None:
    notes, beginnings = _planted(kind, seed)
    assert any(note.startswith(beginnings) for note in notes)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_twenty_good_fits_are_not_blamed(seed: int) -> None:
    model = small_vae(n_hidden=32) if seed % 2 else GAN(table(50).space, GANConfig(n_hidden=32, n_layers=1))
    assert train(model, table(2000, seed), plan(500, seed=seed), silent).notes == []


def test_adversaries_are_lost_only_where_it_is_certain() -> None:
    assert not is_lost(_draws([0.1] * 15))  # may still learn
    assert is_lost(_draws([0.1] * 21))
    assert not is_lost(_draws([0.1, 0.9, *[0.3] * 4]))
    assert is_lost(_draws([0.1, 0.9, *[0.3] * 5]))
    assert not is_lost([{**line, "step": line["step"] / 10} for line in _draws([0.1, 0.9, *[0.3] * 5])])  # few steps
    assert is_lost(_draws([0.9] * 9, [0.9, 0.05, 0.05, 0.05, *[0.4] * 5]))
    assert astray(_draws([0.9, 0.4, float("nan")])) == [False, True, True]
    said = speak(_draws([0.1, 0.9, *[0.3] * 5]))
    assert [sentence.split(":")[0] for sentence in said] == ["Mode collapse", "Ended early at step 600"]


class Collapsing(GAN):
    """Draws well until it is told that a third of the training is done."""

    done = 0.0

    def anneal(self, done: float) -> None:
        self.done = done if self.net.training else self.done

    def monitor(self, rows: Batch, generator: torch.Generator) -> dict[str, float]:
        return {"variety": 0.9 if self.done < 1 / 3 else 0.1}


def test_a_collapse_ends_training_and_earlier_weights_are_kept() -> None:
    data = table(400)
    model = Collapsing(data.space, GANConfig(n_hidden=4, n_layers=0, n_noise=2))
    outcome = train(model, data, plan(steps=900, batch_size=8, n_evaluations=30), silent)
    assert (outcome.n_steps, outcome.best_step) == (510, 300)  # evaluations come every 30 steps
    assert any(note.startswith("Ended early") for note in outcome.notes)
