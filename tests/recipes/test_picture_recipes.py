"""interpolate, traverse, reconstruct, inpaint and edit on made-up pictures."""

import io
import shutil
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression

import genwright as gw
from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, DataError
from genwright.data.film import ENDINGS, film, write_film
from genwright.data.labelled_sheet import labelled_sheet
from genwright.recipes.traverse import main_directions, noise_directions
from genwright.runs.picture_rows import mask_of, picture_rows
from genwright.runs.picture_sample import some_rows
from tests.pictures import run_of, shapes


@pytest.fixture(scope="module")
def vae() -> gw.Run:
    return run_of("vae", 250)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return list(shapes(12, seed=7)["image"])


LABELS = ["disc", "bar"] * 6
ENTRIES = "stream=nb_read_frames,width,height"


# -- pictures from outside -------------------------------------------------------------------------------------------


def test_files_images_and_arrays_are_the_same_picture(vae, pictures, tmp_path):
    image = Image.fromarray(pictures[0])
    image.save(tmp_path / "a.png")
    given = {"label": "disc"}
    sources = [tmp_path / "a.png", str(tmp_path / "a.png"), image, pictures[0], [image]]
    rows = [picture_rows(vae, source, given).rows["image"] for source in sources]
    for x in rows:
        assert (x == torch.from_numpy(pictures[0])).all()
    shutil.copy(tmp_path / "a.png", tmp_path / "b.png")
    (tmp_path / "folder" / "disc").mkdir(parents=True)
    shutil.copy(tmp_path / "a.png", tmp_path / "folder" / "disc" / "a.png")
    found = picture_rows(vae, tmp_path / "folder")
    assert found.guessed == {}  # the folder's name says it
    assert (found.rows["image"] == rows[0]).all()


def test_files_are_brought_to_few_levels():
    """A run of arrays from 0 to 16 reads files from 0 to 255."""
    frame = shapes(40)
    frame["image"] = [(x // 16).astype(np.uint8).clip(0, 16) for x in frame["image"]]
    frame.loc[0, "image"][0, 0] = 16
    run = gw.fit(frame, model="marginals", judge=False, seed=1)
    white = picture_rows(run, Image.fromarray(np.full((8, 8), 255, np.uint8)), {"label": "bar"}).rows["image"]
    assert (white == run.model.space["image"].support.n - 1).all()


def test_classes_are_guessed(vae, pictures):
    found = picture_rows(vae, pictures)
    right = sum(a == b for a, b in zip(found.guessed["label"], LABELS, strict=True))
    assert right >= 10
    assert picture_rows(vae, pictures, "label = 'bar'").guessed == {}


def test_what_is_no_picture_is_told(vae, tmp_path):
    with pytest.raises(gw.GenwrightError, match=r"nothing.png: the picture cannot be read \(No such file"):
        gw.reconstruct(vae, tmp_path / "nothing.png")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(gw.GenwrightError, match=r"a.png is"):
        gw.reconstruct(vae, tmp_path / "a.png")
    with pytest.raises(gw.GenwrightError, match=r"no value 'cat'; its values are disc, bar"):
        gw.reconstruct(vae, np.zeros((8, 8), np.uint8), given="label = 'cat'")
    with pytest.raises(gw.GenwrightError, match="expected column = value"):
        gw.reconstruct(vae, np.zeros((8, 8), np.uint8), given="label != 'bar'")


# -- recipes ---------------------------------------------------------------------------------------------------------


def test_interpolation_begins_and_ends_at_the_reconstructions(vae, pictures):
    frames = gw.interpolate(vae, pictures[0], pictures[1], 5)
    back = gw.reconstruct(vae, pictures[:2]).pictures
    assert frames.shape == (5, 1, 8, 8)
    assert np.abs(frames[[0, -1]].astype(int) - back).max() <= 1
    steps = np.abs(np.diff(frames.astype(float), axis=0)).mean((1, 2, 3))
    assert steps.max() < np.abs(frames[0].astype(float) - frames[-1]).mean()  # no jump


def test_a_gan_goes_from_draw_to_draw():
    run = run_of("gan", width=8)
    frames = gw.interpolate(run, 1, 2, 4)
    for k, seed in ((0, 1), (-1, 2)):
        assert (frames[k, 0] == run.sample(1, seed=seed)["image"][0]).all()


def test_reconstructions_are_close_and_their_errors_true(vae, pictures, tmp_path):
    found = gw.reconstruct(vae, pictures, given=None, out=tmp_path / "sheet.png")
    assert (found.originals[:, 0] == np.stack(pictures)).all()
    own = ((found.originals / 255 - found.pictures / 255) ** 2).mean((1, 2, 3))
    np.testing.assert_allclose(found.error, own)
    spread = ((np.stack(pictures) / 255 - np.stack(pictures).mean(0) / 255) ** 2).mean()
    assert found.error.mean() < 0.4 * spread
    assert found.bits_per_dim is not None
    assert (found.bits_per_dim > 0).all()
    assert Image.open(tmp_path / "sheet.png").size[0] > 12 * 8


def test_bits_are_those_of_the_picture_given_its_class(vae):
    rows = shapes(4, seed=3)
    found = gw.reconstruct(vae, list(rows["image"]), given="label = 'bar'")
    rows["label"] = "bar"
    share = np.log([np.mean(vae.train.arrays["label"] == 0), np.mean(vae.train.arrays["label"] == 1)])
    of_picture = -vae.log_prob(rows) / (64 * np.log(2))
    apart = of_picture - found.bits_per_dim  # −log p(label), in bits a pixel
    assert np.allclose(apart, apart[0], atol=1e-9)
    assert min(abs(apart[0] * 64 * np.log(2) + s) for s in share) < 0.1


def test_known_pixels_come_back(vae, pictures, tmp_path):
    mask = np.zeros((8, 8), bool)
    mask[2:5, 3:] = True
    found = gw.inpaint(vae, pictures[1], mask, n=3, out=tmp_path / "filled.png")
    assert found.pictures.shape == (3, 1, 8, 8)
    assert (found.pictures[:, 0][:, ~mask] == pictures[1][~mask]).all()
    assert (found.known == ~mask).all()
    assert "pseudo-Gibbs" in found.way
    again = gw.inpaint(vae, pictures[1], mask, n=3)
    assert (again.pictures == found.pictures).all()
    single = gw.inpaint(vae, pictures[1], mask, given="label = 'bar'", out=tmp_path / "one.png")
    assert (np.asarray(Image.open(tmp_path / "one.png")) == single.pictures[0, 0]).all()


def test_masks_are_white_where_they_are_drawn(vae, tmp_path):
    mask = np.zeros((80, 80), np.uint8)
    mask[:40] = 255
    Image.fromarray(mask).save(tmp_path / "m.png")
    known = mask_of(vae, tmp_path / "m.png")
    assert not known[:4].any()
    assert known[5:].all()
    with pytest.raises(gw.GenwrightError, match="black all over"):
        mask_of(vae, np.zeros((8, 8), bool))


@pytest.mark.parametrize("form", [bool, np.uint8, np.int64, np.float32])
@pytest.mark.parametrize("white", [1, 255])
def test_masks_may_be_of_any_numbers(vae, form, white):
    mask = np.zeros((8, 8), bool)
    mask[2:5, 3:] = True
    for array in (mask.astype(form) * form(white), np.repeat(mask[..., None], 3, -1).astype(form) * form(white)):
        assert (mask_of(vae, array) == torch.from_numpy(~mask)).all()
    assert (mask_of(vae, Image.fromarray(mask)) == torch.from_numpy(~mask)).all()


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (None, "the mask is None; expected a path"),
        ([[True, False]], "the mask is a list; expected a path"),
        (np.ones(64, bool), r"the mask has the shape \(64,\); expected"),
        (np.ones((1, 8, 8, 1), bool), r"the mask has the shape \(1, 8, 8, 1\); expected"),
        (np.ones((1, 8, 8), bool), r"the mask has the shape \(1, 8, 8\); expected"),
        (np.ones((0, 8), bool), r"the mask has the shape \(0, 8\); expected"),
        (np.full((8, 8), 0.5), "the mask holds 0.5; expected truth values, or brightness from 0 to 255"),
        (np.full((8, 8), np.nan), "the mask holds nan; expected"),
        (np.full((8, 8), -1), "the mask holds -1; expected"),
        (np.full((8, 8), 300), "the mask holds 300; expected"),
        (np.full((8, 8), "x"), "the mask holds x; expected"),
        (np.zeros((8, 8)), "black all over"),
    ],
    ids=str,
)
def test_what_is_no_mask_is_told(vae, pictures, mask, words):
    with pytest.raises(DataError, match=words):
        gw.inpaint(vae, pictures[0], mask)


@pytest.mark.parametrize("n", [1.5, 0, -1, "2", None, True])
def test_a_number_of_fillings_is_whole(vae, pictures, n):
    with pytest.raises(ConfigError, match=f"n = {n!r}; expected"):
        gw.inpaint(vae, pictures[0], np.ones((8, 8), bool), n=n)


def test_a_number_of_fillings_may_be_written_as_a_float(pictures):
    assert len(gw.inpaint(run_of("marginals"), pictures[0], np.ones((8, 8), bool), n=2.0).pictures) == 2


def test_editing_changes_the_class_asked_for(vae, pictures):
    bars = pictures[1:12:2]
    found = gw.edit(vae, bars, {"label": "disc"}, given={"label": "bar"})
    assert found.before == {"label": ["bar"] * 6}
    assert found.way.endswith("and decoded with the value asked for")
    frame = shapes(400, seed=3)
    judge = LogisticRegression(max_iter=200).fit(np.stack(frame["image"]).reshape(400, -1) / 255, frame["label"])
    classes = lambda x: judge.predict(x.reshape(len(x), -1) / 255).tolist()  # noqa: E731
    assert classes(gw.reconstruct(vae, bars, given={"label": "bar"}).pictures) == ["bar"] * 6  # which is as blurred
    assert classes(found.pictures).count("disc") >= 5


def test_where_the_class_is_drawn_latents_are_moved(pictures):
    run = run_of("vae", 250, given=())
    found = gw.edit(run, pictures[1], "label = 'disc'", given="label = 'bar'")
    assert "difference of the classes' mean" in found.way
    same = gw.edit(run, pictures[1], "label = 'bar'", given="label = 'bar'")
    back = gw.reconstruct(run, pictures[1], given="label = 'bar'")
    assert (same.pictures == back.pictures).all()
    assert (found.pictures != same.pictures).any()


def test_a_class_is_found_among_training_rows():
    """Where held-out rows have none of it, and a sample of the training rows may miss it."""
    run = run_of("vae", given=())
    train = run.train.arrays["label"]
    few = np.concatenate([np.flatnonzero(train == 0), np.flatnonzero(train == 1)[:1]])
    held_out = Dataset(
        run.model.space, {k: x[run.held_out.arrays["label"] == 0] for k, x in run.held_out.arrays.items()}
    )
    rare = gw.Run(run.artefact, run.train.subset(few), held_out)
    rows, of = some_rows(rare, 1000)
    assert of == f"{len(held_out)} held-out and {len(few)} training pictures"
    assert len(rows["label"]) == len(held_out) + len(few)
    rows, _ = some_rows(rare, 3, "label", (0, 1))
    assert set(rows["label"].tolist()) == {0, 1}
    picture = shapes(2)["image"][0]
    names = ("bar", "disc")
    assert gw.edit(rare, picture, {"label": names[1]}, given={"label": names[0]}).pictures.shape == (1, 1, 8, 8)
    none = gw.Run(run.artefact, run.train.subset(few[:-1]), held_out)
    with pytest.raises(gw.GenwrightError, match="nothing tells what it looks like; fit again on data that have some"):
        gw.edit(none, picture, {"label": names[0]}, given={"label": names[1]})


def test_directions_are_principal_components():
    """Against the eigenvectors of the covariance."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(300, 4, generator=generator, dtype=torch.float64) * torch.tensor([3, 2, 0.5, 0.1])
    middle, v, scale, share = main_directions(z, 3)
    values, vectors = torch.linalg.eigh(torch.cov(z.T))
    for k in range(3):
        assert abs(v[k] @ vectors[:, -1 - k]) == pytest.approx(1.0)
        assert float(scale[k]) == pytest.approx(float(values[-1 - k].sqrt()))
        assert float(share[k]) == pytest.approx(float(values[-1 - k] / values.sum()))
    assert torch.allclose(middle, z.mean(0))


def test_directions_of_noise_are_those_of_the_best_linear_map():
    """Pictures that are linear in the noise, beside numbers that are not: shares and directions are known."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    u, v = (torch.linalg.qr(draw(d, 3)).Q for d in (40, 6))
    z, s = draw(4_000, 6), torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64)
    found, shares = noise_directions(z @ (v * s) @ u.T + 0.2 * draw(4_000, 40), z, 3)
    assert torch.allclose((found @ v).diagonal().abs(), torch.ones(3, dtype=torch.float64), atol=0.01)
    np.testing.assert_allclose(shares, s.square() / (14 + 40 * 0.04), atol=0.03)


@pytest.mark.parametrize("n_pixels", [30, 784])
def test_independent_noise_explains_nothing(n_pixels):
    generator = torch.Generator().manual_seed(0)
    x, z = (torch.randn(1_000, n_pixels, generator=generator, dtype=torch.float64) for _ in range(2))
    found, shares = noise_directions(x, z, 4)
    assert shares.max() < 0.002
    c = (x[:500] - x[:500].mean(0)).T @ z[:500]
    best = torch.linalg.svd(c, full_matrices=False)[2][:4]  # in the order of what they seem to explain
    assert torch.allclose((found @ best.T).abs().amax(1), torch.ones(4, dtype=torch.float64))


@pytest.mark.parametrize("name", ["vae", "gan", "flow_matching"])
def test_traversal(name, tmp_path):
    run = run_of(name, **{"vae": {}, "gan": {"width": 8}, "flow_matching": {"width": 8, "n_hidden": 16}}[name])
    found = gw.traverse(run, 3, 5, given="label = 'disc'", out=tmp_path / "directions.png")
    assert found.pictures.shape == (3, 5, 1, 8, 8)
    assert found.steps.tolist() == [-3, -1.5, 0, 1.5, 3]
    assert (np.diff(found.shares) <= 1e-9).all()
    assert 0 < found.shares.sum() <= 1
    width, height = Image.open(tmp_path / "directions.png").size
    assert width > 5 * 60
    assert height > 3 * 60


def test_settings_out_of_range_are_told(vae, pictures, tmp_path):
    for work in (
        lambda: gw.interpolate(vae, pictures[0], pictures[1], 1),
        lambda: gw.interpolate(vae, pictures[0], pictures[1], 3, out=tmp_path / "a.avi"),
        lambda: gw.interpolate(vae, pictures[:2], pictures[1], 3),
        lambda: gw.traverse(vae, 0),
        lambda: gw.inpaint(vae, pictures[0], np.ones((8, 8), bool), n=0),
        lambda: gw.edit(vae, pictures[0], ""),
    ):
        with pytest.raises(gw.GenwrightError):
            work()


# -- films and sheets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_films_have_all_pictures(ending, tmp_path):
    x = np.linspace(0, 255, 6).astype(np.uint8).reshape(6, 1, 1, 1) * np.ones((1, 1, 8, 8), np.uint8)
    place = write_film(x, tmp_path / f"a{ending}", milliseconds=40)
    with Image.open(place) as image:
        assert image.n_frames == 6
        assert image.size == (224, 224)
        image.seek(3)
        assert abs(int(np.asarray(image.convert("L"))[9, 9]) - int(x[3, 0, 0, 0])) <= 2


@pytest.mark.skipif(shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None, reason="ffmpeg is not installed")
def test_mp4_by_ffmpeg(tmp_path):
    x = np.linspace(0, 255, 6).astype(np.uint8).reshape(6, 1, 1, 1) * np.ones((1, 1, 9, 7), np.uint8)
    place = write_film(x, tmp_path / "a.mp4")
    words = [
        "ffprobe",
        "-v",
        "error",
        "-count_frames",
        "-show_entries",
        "stream=nb_read_frames,width,height",
        "-of",
        "csv=p=0",
    ]
    told = subprocess.run([*words, str(place)], capture_output=True, text=True, check=True).stdout.strip().split(",")
    width, height, n = map(int, told)
    assert n == 6
    assert (width % 2, height % 2) == (0, 0)


def test_without_ffmpeg_others_are_named(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(gw.GenwrightError, match=r"ffmpeg, which is not installed; name a .gif, .webp or .png"):
        film(np.zeros((2, 1, 4, 4), np.uint8), ".mp4")
    assert set(ENDINGS) == {".gif", ".webp", ".mp4", ".png"}


def test_a_strip_holds_every_picture_once():
    x = np.arange(30, dtype=np.uint8).reshape(30, 1, 1, 1) * 8 * np.ones((1, 1, 8, 8), np.uint8)
    sheet = np.asarray(Image.open(io.BytesIO(film(x, ".png"))))[..., 0]
    assert set(np.unique(sheet)) == {*range(0, 240, 8), 255}


def test_a_sheet_has_words_and_pictures():
    rows = [("a long word", np.zeros((2, 3, 8, 8), np.uint8)), ("b", np.full((1, 3, 8, 8), 90, np.uint8))]
    sheet = labelled_sheet(rows, ["one", "two"])
    assert sheet.dtype == np.uint8
    assert (sheet == 90).all(-1).sum() == 72 * 72
    assert (sheet == 0).all(-1).sum() >= 2 * 72 * 72


@pytest.mark.parametrize(("model", "settings"), [("vae", {}), ("flow_matching", {"width": 8, "n_hidden": 16})])
def test_columns_that_the_model_draws_are_drawn_to_fit(model, settings):
    """A number and a class beside coloured pictures, none of them said."""
    frame = shapes(60, channels=3)
    frame["size"] = np.arange(60.0) % 7
    run = gw.fit(frame, model=model, steps=20, settings=settings, given=(), judge=False)
    found = picture_rows(run, Image.fromarray(frame["image"][0]))
    assert run.model.space.check(found.rows) == 1
    assert (found.rows["image"][0] == torch.from_numpy(frame["image"][0]).permute(2, 0, 1)).all()
    assert found.guessed == {}
    back = gw.reconstruct(run, list(frame["image"][:3]))
    assert back.pictures.shape == (3, 3, 8, 8)
    assert back.bits_per_dim is None
    mask = np.zeros((8, 8), bool)
    mask[:, 4:] = True
    filled = gw.inpaint(run, frame["image"][0], mask)
    assert (filled.pictures[0][:, :, :4] == filled.original[0][:, :, :4]).all()
    with pytest.raises(gw.GenwrightError, match="size is no category"):
        gw.edit(run, frame["image"][0], "size = 3")


def test_of_many_pictures_the_first_are_taken(vae, caplog):
    found = picture_rows(vae, shapes(300))
    assert len(found) == 256
    assert "the first 256 pictures are taken" in caplog.text
