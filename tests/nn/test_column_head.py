import numpy as np
import pytest
import torch

from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Field, Real, Space
from genwright.nn.column_head import ColumnHead, GaussianHead, uniforms
from genwright.nn.mlp import MLP, initialise, untrained
from genwright.nn.row_view import RowView

SMOOTH = Real(low=-4.0, high=4.0, quantiles=tuple(np.linspace(-4, 4, 17)))
STEPPED = Real(low=0.0, high=9.0, step=1.0, quantiles=tuple(np.arange(10.0)))
SIZES = (2, 3, 9, 40)


def _head(space: Space, n_in: int = 5) -> ColumnHead:
    head = ColumnHead(RowView(space), n_in, n_mixture=3)
    initialise(head, torch_generator(0, "head"))
    with torch.no_grad():
        head.codes.weight.mul_(10)
        if head.mixture is not None:
            head.mixture.weight.mul_(10)
    return head


def _h(n: int = 1) -> torch.Tensor:
    return torch.randn(1, 5, generator=torch_generator(3, "h")).expand(n, 5)


def _log_prob(head: ColumnHead, batch: Batch) -> np.ndarray:
    rows = head.view.rows(batch)
    with torch.no_grad():
        return head.log_prob(_h(len(rows["codes"])), rows).numpy()


def test_codes_of_every_size_sum_to_one() -> None:
    space = Space({f"c{n}": Field(Category(n)) for n in SIZES})
    head = _head(space)
    for j, n in enumerate(SIZES):
        every = {name: torch.zeros(n, dtype=torch.int64) for name in space} | {f"c{n}": torch.arange(n)}
        assert abs(np.exp(_log_prob(head, every)[:, j]).sum() - 1) < 1e-5


def test_a_density_integrates_to_one_in_the_columns_own_units() -> None:
    head = _head(Space({"x": Field(SMOOTH)}))
    edges = np.linspace(-4, 4, 40_001)
    middle = torch.from_numpy((edges[1:] + edges[:-1]) / 2)
    total = np.exp(_log_prob(head, {"x": middle})).sum() * (edges[1] - edges[0])
    assert abs(total - 1) < 1e-3


def test_masses_of_a_stepped_number_sum_to_one() -> None:
    head = _head(Space({"x": Field(STEPPED)}))
    assert abs(np.exp(_log_prob(head, {"x": torch.arange(10.0, dtype=torch.float64)})).sum() - 1) < 1e-4


def test_draws_agree_with_log_prob() -> None:
    space = Space({"c": Field(Category(5)), "n": Field(STEPPED)})
    head, n = _head(space), 40_000
    with torch.no_grad():
        drawn = head.view.batch(*head.sample(_h(n), uniforms(head, n, torch_generator(0, "u"))))
    for name, size in (("c", 5), ("n", 10)):
        every = {"c": torch.arange(size) if name == "c" else torch.zeros(size, dtype=torch.int64)}
        every["n"] = torch.arange(size).double() if name == "n" else torch.zeros(size, dtype=torch.float64)
        p = np.exp(_log_prob(head, every)[:, list(space).index(name)])
        share = np.bincount(drawn[name].numpy().astype(int), minlength=size) / n
        assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-4).all()


def test_smooth_draws_agree_with_the_density() -> None:
    head, n = _head(Space({"x": Field(SMOOTH)})), 40_000
    with torch.no_grad():
        x = head.view.batch(*head.sample(_h(n), uniforms(head, n, torch_generator(0, "u"))))["x"].numpy()
    edges = np.linspace(-4, 4, 9)
    fine = np.linspace(-4, 4, 8001)
    middle = torch.from_numpy((fine[1:] + fine[:-1]) / 2)
    mass = np.exp(_log_prob(head, {"x": middle})[:, 0]).reshape(8, -1).sum(1) * 0.001
    share = np.histogram(x, edges)[0] / n
    assert (np.abs(share - mass) < 5 * np.sqrt(mass * (1 - mass) / n) + 1e-3).all()


def test_relaxed_draws_are_codes_and_pass_gradients_on() -> None:
    head = _head(Space({f"c{n}": Field(Category(n)) for n in SIZES} | {"x": Field(SMOOTH)}))
    g = torch_generator(0, "gumbel")
    noise = -torch.log(-torch.log(torch.rand(50, head.groups.n_padded, generator=g)))
    shares, z = head.relaxed(_h(50), noise, torch.rand(50, 1, generator=g), tau=0.5)
    for share in shares:
        torch.testing.assert_close(share.sum(-1), torch.ones(share.shape[:2]))
        assert ((share - share.round()).abs() < 1e-5).all()
    (sum(s.square().sum() for s in shares) + z.sum()).backward()
    assert head.codes.weight.grad.abs().sum() > 0


def test_first_weights_come_from_the_generator_alone() -> None:
    def built() -> MLP:
        net = MLP(4, [8], 2, norm=True)
        initialise(net, torch_generator(1, "net"))
        return net

    torch.manual_seed(0)
    state = torch.random.get_rng_state()
    first = untrained(built)
    assert torch.equal(state, torch.random.get_rng_state())
    initialise(first, torch_generator(1, "net"))
    torch.manual_seed(99)
    for a, b in zip(first.parameters(), built().parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("head_type", [ColumnHead, GaussianHead])
@pytest.mark.parametrize("high", [1e4, 1e9, 4e10])
def test_masses_of_a_number_with_many_steps_do_not_exceed_one(head_type: type, high: float) -> None:
    """Summed over a sample of the multiples of its step, as if they stood for all."""
    support = Real(low=0.0, high=high, step=1.0, quantiles=tuple(np.round(np.linspace(0, high, 33))))
    view = RowView(Space({"x": Field(support)}), is_linear=head_type is GaussianHead)
    head = head_type(view, 5)
    initialise(head, torch_generator(0, "wide"))
    x = np.unique(np.round(np.linspace(0, high, 200_001)[1:-1]))
    with torch.no_grad():
        p = head.log_prob(_h(len(x)), view.rows({"x": torch.from_numpy(x)})).double().exp().numpy()[:, 0]
    total = p.mean() * high
    assert 0.5 < total < 1.02
