"""Runs of pictures, drawn by the trivial model: what goes in comes back in its own form."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

import genwright as gw
from genwright.core.errors import DataError, FitError, GivenError
from genwright.core.space import Pixels
from genwright.data.contact_sheet import png
from genwright.pipeline import choose
from genwright.runs.run import Run

RNG = np.random.default_rng(0)
LABELS = ["bright", "dark"] * 20


def _pixels(n: int = 40, most: int = 255) -> np.ndarray:
    """Bright and dark pictures (n, 8, 6), in turn."""
    half = most // 2 + 1
    bright = RNG.integers(half, most + 1, (n, 8, 6))
    return np.where(np.arange(n)[:, None, None] % 2, bright - half, bright).astype(np.uint8)


def _run(images: object, **more: object) -> Run:
    frame = pd.DataFrame({"image": images, "label": LABELS})
    return gw.fit(frame, model="marginals", judge=False, **more)


def test_images_of_pillow_come_back_as_such():
    frame = _run([Image.fromarray(x).resize((12, 16)) for x in _pixels()]).sample(5)
    assert list(frame.columns) == ["image", "label"]
    assert all(isinstance(image, Image.Image) and image.size == (12, 16) for image in frame["image"])


def test_arrays_come_back_as_such_and_so_do_levels():
    frame = _run(list(_pixels(most=16))).sample(50)
    images = np.stack(frame["image"])
    assert images.shape == (50, 8, 6)
    assert images.dtype == np.uint8
    assert images.max() <= 16


@pytest.mark.parametrize("flavour", ["arrow", "polars"])
def test_other_frames_have_bytes(flavour):
    drawn = _run([png(x) for x in _pixels()]).sample(3, flavour=flavour)
    cells = drawn["image"].to_list() if flavour == "polars" else drawn["image"].to_pylist()
    assert all(cell.startswith(b"\x89PNG") for cell in cells)


def test_frames_of_polars_and_arrow_are_read():
    files = [png(x) for x in _pixels()]
    for frame in (pl.DataFrame({"image": files, "label": LABELS}), pa.table({"image": files, "label": LABELS})):
        run = gw.fit(frame, model="marginals", judge=False)
        assert type(run.sample(2)) is type(frame)
        assert run.model.space["image"].event_shape == (1, 8, 6)


def test_draws_can_be_fitted_again_and_weighed():
    run = _run([Image.fromarray(x) for x in _pixels()])
    frame = run.sample(30)
    again = gw.fit(frame, model="marginals", judge=False)
    assert again.model.space["image"] == run.model.space["image"]
    assert np.isfinite(run.log_prob(frame)).all()


def test_saved_runs_draw_the_same_pictures(tmp_path):
    run = _run(list(_pixels()))
    run.save(tmp_path / "run")
    first, second = (np.stack(r.sample(4)["image"]) for r in (run, gw.load(tmp_path / "run")))
    np.testing.assert_array_equal(first, second)


def test_categories_beside_pictures_are_given_unless_told_otherwise(caplog):
    caplog.set_level("INFO", logger="genwright")
    run = _run(list(_pixels()))
    assert run.model.space["label"].is_given
    assert "given, so that draws can ask for it: label" in caplog.text
    assert not _run(list(_pixels()), given=[]).model.space["label"].is_given
    many = pd.DataFrame({"image": list(_pixels()), "number": np.arange(40.0), "label": LABELS})
    space = gw.fit(many, model="marginals", judge=False).model.space
    assert [name for name, f in space.items() if f.is_given] == ["label"]
    assert (
        gw.fit(pd.DataFrame({"label": LABELS}), model="marginals", judge=False).model.space["label"].is_given is False
    )


def test_conditions_are_on_other_columns():
    run = _run(list(_pixels()))
    assert set(run.sample(20, given={"label": "dark"})["label"]) == {"dark"}
    with pytest.raises(GivenError, match="image holds pictures"):
        run.sample(2, given={"image": "a.png"})
    with pytest.raises(GivenError, match="no value 'grey'"):
        run.sample(2, given={"label": "grey"})


def test_auto_chooses_a_family_of_pictures():
    codec = _run(list(_pixels())).artefact.codec
    name, why = choose(codec, 40)
    assert Pixels in gw.core.registry.MODELS.get(name).supports
    assert why == "pictures and 1 more"
    assert choose(codec, 10)[0] == "marginals"


def test_families_that_see_no_pictures_leave_them_out(caplog):
    frame = pd.DataFrame({"image": list(_pixels()), "x": RNG.normal(size=40), "label": LABELS})
    run = gw.fit(frame, model="trees", judge=False)
    assert list(run.model.space) == ["x", "label"]
    assert "trees does not model image: 'image' left out" in caplog.text
    assert run.sample(3)["image"].isna().all()


def test_a_picture_that_is_cut_short_is_named():
    files = [png(RNG.integers(0, 256, (40, 40), dtype=np.uint8)) for _ in range(40)]
    files[16] = files[16][:-200]
    for held_out in (0.0, 0.5, 0.9):
        with pytest.raises(DataError, match=r"column 'image', row 17: its picture is damaged"):
            _run(files, held_out=held_out)


def test_a_new_row_that_cannot_be_decoded_is_named():
    run = _run([png(x) for x in _pixels()])
    rows = pa.table({"image": [*(png(x) for x in _pixels(3)), b"\x89PNG\r\n\x1a\n"], "label": LABELS[:4]})
    with pytest.raises(DataError, match=r"column 'image', row 4: its picture"):
        run.log_prob(rows)


def test_a_column_of_broken_pictures_cannot_be_learnt_from():
    schema, _ = gw.infer(pd.DataFrame({"image": list(_pixels()), "label": LABELS}))
    with pytest.raises((DataError, FitError), match="image"):
        gw.fit(pd.DataFrame({"image": ["a"] * 40, "label": LABELS}), model="marginals", schema=schema, judge=False)
