"""The vector-quantised auto-encoder against enumeration, its own parts, and trainings that were killed."""

import dataclasses
import itertools
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from genwright.core.config import configure, to_json
from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, RunError, UnknownNameError, UnsupportedError
from genwright.core.model import HasLogProb
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Field, Pixels, Real, Space, Tokens
from genwright.models.vqvae import VQVAE, VQVAEConfig
from genwright.pipeline import fit
from genwright.training import loop
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.learn import learn
from genwright.training.plan import Outcome, Plan

SMALL = {"n_codes": 16, "width": 8, "prior_settings": ("n_layers=1", "width=16", "n_heads=2", "n_evaluations=4")}
PRIORS = ("gpt", "rnn", "ngram", "marginals")


def silent(done: float, line: str) -> None:
    pass


def _digits(n: int = 400, is_given: bool = True, n_levels: int = 17) -> Dataset:
    """8 × 8 pictures with their digit."""
    found = load_digits()
    x = (found.images[:n] * (n_levels - 1) / 16).round().astype(np.uint8)[:, None]
    space = Space(
        {"image": Field(Pixels(n_levels), (1, 8, 8)), "label": Field(Category(10), is_given=is_given)},
    )
    return Dataset(space, {"image": x, "label": found.target[:n].astype(np.int64)})


def _plan(steps: int = 40, **more: object) -> Plan:
    config = TrainingConfig(batch_size=32, learning_rate=5e-3, n_evaluations=4, checkpoint_seconds=0.0)
    return Plan(config, Budget(steps=steps), **more)  # type: ignore[arg-type]


def _model(data: Dataset, **settings: object) -> VQVAE:
    prior = settings.get("prior", "gpt")
    own = {} if prior == "gpt" else {"prior_settings": ("n_hidden=16", "n_embed=8") if prior == "rnn" else ()}
    return VQVAE(data.space, configure(VQVAEConfig, {**SMALL, **own, **settings}))


def _fitted(data: Dataset, steps: int = 40, **settings: object) -> tuple[VQVAE, Outcome]:
    model = _model(data, **settings)
    return model, learn(model, data, _plan(steps), silent)


@pytest.fixture(scope="module")
def gpt() -> tuple[VQVAE, Outcome]:
    return _fitted(_digits(), 240)


def _equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def _tiny(is_given: bool = False) -> Dataset:
    """All 16 pictures of 2 × 2 dark and bright pixels, some more often, with a category that leans on them."""
    rng = np.random.default_rng(0)
    x = rng.choice(16, 800, p=np.arange(1, 17) / 136)
    bits = ((x[:, None] >> np.arange(4)) & 1).astype(np.uint8).reshape(-1, 1, 2, 2)
    label = ((x > 7) ^ (rng.random(800) < 0.2)).astype(np.int64)
    space = Space({"image": Field(Pixels(2), (1, 2, 2)), "label": Field(Category(2), is_given=is_given)})
    return Dataset(space, {"image": bits, "label": label})


def _all_tiny() -> dict[str, torch.Tensor]:
    rows = torch.tensor(list(itertools.product(range(2), repeat=5)))
    return {"image": rows[:, :4].reshape(-1, 1, 2, 2).to(torch.uint8), "label": rows[:, 4]}


@pytest.mark.parametrize(("prior", "is_given"), [("gpt", False), ("gpt", True), ("marginals", False)])
def test_the_bound_lies_below_what_all_codes_together_say(prior: str, is_given: bool) -> None:
    """p(x) = Σ_c p(c) p(x | c) by enumeration sums to one over all rows, and each row's bound is one of its terms."""
    data = _tiny(is_given)
    model, _ = _fitted(data, 60, prior=prior, n_codes=3, levels=1)
    assert isinstance(model.prior, HasLogProb)
    rows, part = _all_tiny(), model.net.of_name["image"]
    codes = torch.tensor(list(itertools.product(range(3), repeat=part.n_places)))
    total = torch.zeros(32, dtype=torch.float64)
    with torch.no_grad():
        for c in codes:
            same = c.expand(32, -1)
            log_p = part.head.log_prob(part.from_tokens(same), rows["image"])
            total += (model.prior.log_prob({"image": same, "label": rows["label"]}) + log_p).exp()
    assert float(total.sum()) == pytest.approx(1 if prior == "gpt" else float(total.sum()), abs=1e-4)
    bound = model.bound(rows, torch_generator(0))
    assert (bound <= total.log() + 1e-6).all()
    own = model.prior.log_prob({"image": part.tokens(rows["image"]), "label": rows["label"]})
    inside = part.head.log_prob(part.from_tokens(part.tokens(rows["image"])), rows["image"])
    torch.testing.assert_close(bound, own + inside.double(), rtol=1e-6, atol=1e-6)


def test_draws_have_the_probabilities_that_the_parts_say() -> None:
    """Shares of all 32 rows among draws are those of Σ_c p(c) p(x | c)."""
    model, _ = _fitted(_tiny(), 60, n_codes=3, levels=1, noise="draw")
    assert isinstance(model.prior, HasLogProb)
    rows, part, n = _all_tiny(), model.net.of_name["image"], 8000
    p = torch.zeros(32, dtype=torch.float64)
    with torch.no_grad():
        for c in torch.tensor(list(itertools.product(range(3), repeat=part.n_places))):
            same = c.expand(32, -1)
            log_p = part.head.log_prob(part.from_tokens(same), rows["image"])
            p += (model.prior.log_prob({"image": same, "label": rows["label"]}) + log_p).exp()
    drawn = model.sample(n, {}, torch_generator(1))
    bits = torch.cat([drawn["image"].flatten(1).long(), drawn["label"][:, None]], 1)
    share = (bits * torch.tensor([16, 8, 4, 2, 1])).sum(1).bincount(minlength=32) / n
    assert ((share - p).abs() < 5 * (p * (1 - p) / n).sqrt() + 1e-9).all()


def test_draws_lie_in_the_space_and_keep_what_is_given(gpt: tuple[VQVAE, Outcome]) -> None:
    model, label = gpt[0], torch.arange(20) % 10
    assert model.conditions_exactly(["label"])
    assert not model.conditions_exactly(["image"])
    drawn = model.sample(20, {"label": label}, torch_generator(0))
    assert model.space.check(drawn) == 20
    assert torch.equal(drawn["label"], label)
    assert list(drawn) == list(model.space)
    assert _equal(drawn, model.sample(20, {"label": label}, torch_generator(0)))


def test_codes_and_pictures_there_and_back(gpt: tuple[VQVAE, Outcome]) -> None:
    """Pictures of codes are those of the decoder; latents lead to the same ones, and these resemble what was read."""
    model, batch = gpt[0], _digits().take(slice(0, 64))
    codes = model.tokens(batch)
    assert codes["image"].shape == (64, 16)
    assert int(codes["image"].max()) < 16
    again = model.from_tokens(codes, torch_generator(0))["image"]
    decoded = model.decode(model.encode(batch), torch_generator(0), {"label": batch["label"]})
    assert torch.equal(decoded["image"], again)
    assert torch.equal(decoded["label"], batch["label"])
    assert model.space.check(model.decode(model.encode(batch), torch_generator(0))) == 64
    error = (again.float() - batch["image"].float()).square().mean()
    mean = batch["image"].float().mean(0, keepdim=True)
    assert float(error) < 0.7 * float((batch["image"].float() - mean).square().mean())


@pytest.mark.parametrize("prior", PRIORS)
def test_any_family_of_sequences_is_a_prior(prior: str) -> None:
    data = _digits(200, is_given=prior != "marginals")
    model, outcome = _fitted(data, 20, prior=prior)
    batch = data.take(slice(0, 8))
    assert torch.isfinite(model.bound(batch, torch_generator(0))).all()
    assert model.space.check(model.sample(8, {}, torch_generator(0))) == 8
    assert outcome.n_planned == 20


@pytest.mark.parametrize("prior", PRIORS)
def test_a_run_holds_training_data_where_the_prior_does(prior: str) -> None:
    model = _model(_digits(20), prior=prior)
    assert model.holds_rows == (prior == "ngram") == MODELS.get(prior).holds_rows


def test_hidden_states_are_a_prior_of_pictures_alone() -> None:
    data = _digits(200)
    alone = Dataset(Space({"image": data.space["image"]}), {"image": data.arrays["image"]})
    model, _ = _fitted(alone, 20, prior="hmm", prior_settings=("n_states=3",))
    assert model.space.check(model.sample(8, {}, torch_generator(0))) == 8
    assert torch.isfinite(model.bound(alone.take(slice(0, 8)), torch_generator(0))).all()
    with pytest.raises(UnsupportedError, match="the prior of vqvae: hmm cannot model column 'label'"):
        _model(data, prior="hmm", prior_settings=())


def test_saved_is_loaded(gpt: tuple[VQVAE, Outcome]) -> None:
    model = gpt[0]
    again = VQVAE(Space.from_json(model.space.to_json()), configure(VQVAEConfig, to_json(model.config)))
    again.load_state({k: x.clone() for k, x in model.state().items()})
    assert _equal(model.sample(10, {}, torch_generator(3)), again.sample(10, {}, torch_generator(3)))
    batch = _digits().take(slice(0, 10))
    assert torch.equal(model.bound(batch, torch_generator(0)), again.bound(batch, torch_generator(0)))


def test_both_stages_share_budget_log_and_notes(gpt: tuple[VQVAE, Outcome]) -> None:
    model, outcome = gpt
    assert outcome.n_planned == 240
    assert model.config.prior_share == 0.5
    firsts = [line["step"] for line in outcome.log if "held_out" in line]
    seconds = [line["step"] for line in outcome.log if "gpt.held_out" in line]
    assert firsts[-1] <= 120
    assert seconds[0] == outcome.n_steps - seconds[-1] + seconds[0] >= firsts[-1]
    assert outcome.log[-1]["gpt.gain_over_marginals"] > 0
    assert "dead_codes" in outcome.log[0]


def test_minutes_become_steps_that_repeat_the_fit() -> None:
    data = _digits(200)
    timed = _model(data)
    plan = dataclasses.replace(_plan(), budget=Budget(minutes=0.02))
    outcome = learn(timed, data, plan, silent)
    again = VQVAE(data.space, timed.config)
    repeated = learn(again, data, _plan(outcome.n_planned), silent)
    assert repeated.n_planned == outcome.n_planned
    if repeated.n_steps == outcome.n_steps:  # neither was cut short by the clock
        assert _equal(timed.state(), again.state())


class _Killed(Exception):
    pass


def _kill_behind(share: float):
    def progress(done: float, line: str) -> None:
        if done > share:
            raise _Killed

    return progress


@pytest.mark.parametrize("share", [0.2, 0.49, 0.7, 0.99])
def test_a_kill_in_either_stage_is_gone_on_from_with_the_same_bits(tmp_path: Path, share: float) -> None:
    data, path = _digits(200), tmp_path / "x.checkpoint"
    whole, killed = _model(data), _model(data)
    learn(whole, data, _plan(), silent)
    with pytest.raises(_Killed):
        learn(killed, data, _plan(checkpoint=path), _kill_behind(share))
    resumed = _model(data)
    outcome = learn(resumed, data, _plan(checkpoint=path, resume=True), silent)
    assert _equal(whole.state(), resumed.state())
    assert outcome.n_steps == 40
    with pytest.raises(RunError, match="cannot resume"):
        learn(_model(data), data, _plan(30, checkpoint=path, resume=True), silent)


def test_a_fit_that_was_killed_in_its_second_stage_is_told_nothing_again(tmp_path: Path) -> None:
    settings = {"n_codes": 8, "width": 4, "prior_settings": "n_layers=1,width=16,n_heads=2", "checkpoint_seconds": 0}
    asked = {"model": "vqvae", "steps": 20, "settings": settings, "judge": False}
    whole = fit("digits-pictures", **asked)
    with pytest.raises(_Killed):
        fit("digits-pictures", **asked, out=tmp_path / "run", progress=_kill_behind(0.8))
    assert (tmp_path / "run.checkpoint.second").exists()
    resumed = fit("digits-pictures", out=tmp_path / "run", resume=True, judge=False)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert _equal(whole.model.state(), resumed.model.state())
    assert resumed.sample(3, given="label = '3'").equals(whole.sample(3, given="label = '3'"))


@pytest.mark.parametrize("at", [0, 10, 12])
def test_ctrl_c_ends_the_stage_it_comes_in(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in its first step, of which nothing is kept."""
    step, n_calls = loop._Training._step, [-1]

    def stop(self: loop._Training, k: int) -> bool:
        n_calls[0] += 1
        if n_calls[0] == at:
            raise KeyboardInterrupt
        return step(self, k)

    monkeypatch.setattr(loop._Training, "_step", stop)
    data = _digits(100)
    model = _model(data)
    outcome = learn(model, data, _plan(20), silent)
    assert (outcome.n_planned, outcome.n_steps, outcome.cut_by) == (20, 10 if at < 12 else 12, "hand")
    assert model.config.prior_share == (0.5 if at < 12 else 2 / 12)
    assert len(model.sample(3, {}, torch_generator(0))["image"]) == 3


_RANKS = """
    import os
    import sys
    from pathlib import Path
    from tests.models.test_vqvae import in_shards

    model = in_shards()
    told = " ".join(f"{float(x.double().sum()):.17g}" for x in model.state().values())
    (Path(sys.argv[1]) / f"rank-{os.environ['RANK']}").write_text(told)
"""


def in_shards() -> VQVAE:
    """A fit of which every batch has two shards."""
    data = _digits(200)
    model, plan = _model(data, prior="ngram"), _plan(20)
    learn(model, data, dataclasses.replace(plan, config=dataclasses.replace(plan.config, shards=2)), silent)
    return model


@pytest.mark.slow
def test_two_processes_have_the_codebook_that_one_has(tmp_path: Path) -> None:
    script, root = tmp_path / "ranks.py", Path(__file__).parents[2]
    script.write_text(textwrap.dedent(_RANKS))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [*torchrun, script, tmp_path], cwd=root, env=environment, check=True, capture_output=True, timeout=400
    )
    ranks = [np.array(path.read_text().split(), float) for path in sorted(tmp_path.glob("rank-*"))]
    assert len(ranks) == 2
    assert (ranks[0] == ranks[1]).all()
    alone = np.array([float(x.double().sum()) for x in in_shards().state().values()])
    np.testing.assert_allclose(ranks[0], alone, rtol=1e-3, atol=1e-3)


def test_watching_moves_no_code() -> None:
    data = _digits(200)
    model, _ = _fitted(data, 20, prior="marginals")
    before = {k: x.clone() for k, x in model.net.state_dict().items()}
    rows = model.prepare(data.take(slice(0, 50)))
    model.net.eval()
    model.loss(rows, torch_generator(0))
    model.monitor(rows, torch_generator(0))
    model.stepped()
    assert _equal(before, model.net.state_dict())


def test_a_codebook_without_resets_says_that_codes_are_dead() -> None:
    """At one place all pictures of two kinds need two codes; without resets few of many are ever chosen."""
    x = np.zeros((300, 1, 4, 4), np.uint8)
    x[::2] = 1
    data = Dataset(Space({"image": Field(Pixels(2), (1, 4, 4))}), {"image": x})
    _, outcome = _fitted(data, 40, prior="marginals", n_codes=64)
    assert any(note.startswith("Dead codes") for note in outcome.notes)


def test_other_columns_and_two_pictures_are_one_row() -> None:
    digits = _digits(200)
    rng = np.random.default_rng(0)
    size = digits.arrays["label"] + rng.normal(size=200)
    field = Field(
        Real(low=float(size.min()), high=float(size.max()), quantiles=tuple(np.quantile(size, np.arange(9) / 8)))
    )
    colour = rng.integers(0, 4, (200, 3, 10, 6)).astype(np.uint8)
    space = Space({"size": field, **digits.space, "other": Field(Pixels(4), (3, 10, 6))})
    data = Dataset(space, {"size": size, **digits.arrays, "other": colour})
    model, _ = _fitted(data, 20)
    assert isinstance(model.prior.space["other"].support, Tokens)
    assert model.space.check(drawn := model.sample(6, {}, torch_generator(0))) == 6
    assert torch.isfinite(model.bound(drawn, torch_generator(0))).all()
    given = {"size": torch.from_numpy(size[:6])}
    assert model.conditions_exactly(["size"])
    assert torch.equal(model.sample(6, given, torch_generator(0))["size"], given["size"])


def test_a_picture_that_is_always_given_is_read_as_its_codes() -> None:
    digits = _digits(200, is_given=False)
    data = Dataset(digits.space.given(["image"]), digits.arrays)
    model, _ = _fitted(data, 40)
    assert model.conditions_exactly(["image"])
    given = {"image": data.take(slice(0, 5))["image"]}
    drawn = model.sample(5, given, torch_generator(0))
    assert torch.equal(drawn["image"], given["image"])
    assert model.space.check(drawn) == 5


def test_what_it_cannot_do_is_told() -> None:
    with pytest.raises(UnsupportedError, match="there is none among"):
        VQVAE(Space({"x": Field(Category(3))}))
    with pytest.raises(ConfigError, match="bernoulli"):
        _model(_digits(), pixels="bernoulli")
    for prior in PRIORS:
        model = _model(_digits(), prior=prior)
        assert model.proposes == (prior in ("ngram", "marginals"))
        if not model.proposes:  # rare values are not said to be weighed, and what cannot is called by its name
            with pytest.raises(UnsupportedError, match=f"vqvae with the prior {prior} cannot weigh"):
                model.propose(2, {"label": torch.zeros(2, dtype=torch.int64)}, torch_generator(0))
    with pytest.raises(UnknownNameError, match="widht"):
        _model(_digits(), prior="ngram", prior_settings=("widht=3",))
    with pytest.raises(UnknownNameError, match="width"):
        _fitted(_digits(), 10, prior_settings=("widht=3",))
    model = _model(_digits())
    with pytest.raises(UnsupportedError, match="cannot weigh rows by pictures"):
        model.propose(2, {"image": torch.zeros(2, 1, 8, 8, dtype=torch.uint8)}, torch_generator(0))


def test_the_prior_is_sized_by_its_share_of_the_time() -> None:
    data = _digits()
    data = Dataset(data.space, {name: np.resize(x, (60_000, *x.shape[1:])) for name, x in data.arrays.items()})
    few, _ = VQVAE.suited(VQVAEConfig(), data, 1.0)
    many, _ = VQVAE.suited(VQVAEConfig(prior_settings=("batch_size=7",)), data, 600.0)
    assert "n_layers=6" in many.prior_settings
    assert "n_layers=6" not in few.prior_settings
    assert [s for s in many.prior_settings if s.startswith("batch_size")] == ["batch_size=7"]
    assert VQVAE(data.space, many).prior.config.n_layers == 6


def test_draws_show_no_augmentation() -> None:
    """Pictures bright on the left, mirrored while codes learn: mirrored ones are known then, and none is drawn."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.integers(180, 256, (400, 1, 8, 4)), rng.integers(0, 60, (400, 1, 8, 4))], 3)
    data = Dataset(Space({"image": Field(Pixels(256), (1, 8, 8))}), {"image": x.astype(np.uint8)})
    mirrored, error = {"image": data.take(slice(0, 50))["image"].flip(3)}, {}
    for augment in ((), ("flip",)):
        model, _ = _fitted(data, 60, prior="ngram", levels=3, prior_settings=(), augment=augment)
        again = model.from_tokens(model.tokens(mirrored), torch_generator(0))["image"]
        error[augment] = float((again.float() - mirrored["image"].float()).abs().mean())
    assert error[("flip",)] < 40 < 100 < error[()]  # levels; a picture and its mirror are 188 apart
    seen = model.second_rows(data).arrays["image"]
    assert sorted(map(tuple, seen)) == sorted(map(tuple, model.tokens(data.take(slice(None)))["image"].numpy()))
    drawn = model.sample(200, {}, torch_generator(0))["image"].float()
    is_left = drawn[..., :4].mean((1, 2, 3)) > drawn[..., 4:].mean((1, 2, 3)) + 60
    assert float(is_left.float().mean()) > 0.95  # not all: smoothed counts give every code a chance


def test_codes_of_rows_that_are_sorted_by_class_come_in_an_order_by_chance() -> None:
    data = _digits(200)
    data = data.subset(np.argsort(data.arrays["label"], kind="stable"))
    model = _model(data)
    model.start(torch_generator(0))
    rows = model.second_rows(data)
    labels = rows.arrays["label"]
    assert sorted(labels.tolist()) == data.arrays["label"].tolist()
    assert len(np.unique(labels[:50])) > 5
    again = model.tokens(data.take(np.flatnonzero(data.arrays["label"] == 3)))["image"]
    assert sorted(map(tuple, rows.arrays["image"][labels == 3])) == sorted(map(tuple, again.numpy()))


def test_many_watched_pictures_are_read_a_few_at_a_time() -> None:
    """A logistic mixture has forty numbers a pixel, so that a thousand pictures at once would take gigabytes."""
    model, sizes = _model(_digits(100)), [0]
    model.start(torch_generator(0))
    model._at_once = 16
    rows = model.prepare(_digits(100).take(slice(None)))
    whole = model.loss(rows, torch_generator(0))
    part = model.net.of_name["image"]
    part.register_forward_pre_hook(lambda _, x: sizes.append(len(x[0])))
    with torch.no_grad():
        found = model.loss(rows, torch_generator(0))
    assert max(sizes) == 16
    torch.testing.assert_close(found, whole.detach(), rtol=1e-4, atol=1e-3)
