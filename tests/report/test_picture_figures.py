import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import genwright as gw
from genwright.data.data_uri import LONGEST, MOST_BYTES, data_uri, is_data_uri, small_sheet
from genwright.report import drawn_over_time
from genwright.report.build import build_report, material
from genwright.report.picture_figures import LARGEST, tile
from genwright.runs.picture_latents import decoded, encoded
from genwright.runs.run import Run
from tests.pictures import run_of
from tests.report.material import Page, score


@pytest.fixture(scope="module")
def run() -> gw.Run:
    """A run whose judge found two draws near training pictures."""
    fitted = run_of("vae")
    closest = [{"draw": 1, "train": 0, "row": 5, "relative": 0.4}, {"draw": 0, "row": 3, "relative": 0.8}]
    odd = [{"draw": 10**6, "row": 1}, {"draw": 1, "row": -1}, {"draw": None}, "?"]
    found = score("picture_copies.exact", 0.0, 0.0, 0.1, closest=[*closest, *odd])
    return Run(replace(fitted.artefact, scores=[found]), fitted.train, fitted.held_out)


def pixels(src: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(src.partition(",")[2]))))


def test_tiles_are_the_draws_of_their_rows(run):
    found = material(run).pictures
    frame = run.sample(len(found.gallery))
    for i in (0, 3):
        assert (pixels(found.gallery[i]["src"]) == frame["image"][i]).all()
        assert found.gallery[i]["below"] == f"{i} · {frame['label'][i]}"
        assert f"row {i}: {frame['label'][i]}" in found.gallery[i]["alt"]
    assert [c["name"] for c in found.classes] == ["bar", "disc"]
    for c in found.classes:
        rows = [int(t["below"]) for t in c["tiles"]]
        assert rows == sorted(rows)
        many = run.sample(max(rows) + 1)
        assert all(many["label"][i] == c["name"] for i in rows)


def test_closest_draws_stand_beside_their_training_pictures(run):
    found = material(run).pictures.closest
    assert [c["apart"] for c in found] == ["0.400", "0.800"]
    assert (pixels(found[0]["train"]["src"]) == run.train.arrays["image"][5][0]).all()
    assert (pixels(found[1]["draw"]["src"]) == run.sample(1)["image"][0]).all()
    assert "training row 5" in found[0]["train"]["alt"]


def test_the_way_begins_and_ends_at_pictures(run):
    way = material(run).pictures.way
    assert len(way) == 10
    frames = np.stack([pixels(t["src"]) for t in way]).astype(float)
    labels = run.held_out.arrays["label"]
    rows = run.held_out.take(np.array([0, np.flatnonzero(labels != labels[0])[0]]))
    seed = run.artefact.seed
    ends = decoded(run.model, encoded(run.model, rows, seed), {"label": rows["label"]}, seed)
    np.testing.assert_allclose(frames[[0, -1]], ends[:, 0], atol=1)
    steps = np.abs(np.diff(frames, axis=0)).mean((1, 2))
    assert steps.max() < 0.5 * np.abs(frames[0] - frames[-1]).mean()  # no jump


def test_the_page_holds_its_pictures_and_fetches_none(run):
    html = build_report(run)
    page = Page(html)
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert images
    assert all(is_data_uri(a["src"]) and a["alt"] for a in images)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in html
    assert "Pictures" in page.text_of("h2")
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object"}
    assert "8×8 picture" in html  # of the table of rows
    assert any("below each stands its row and its label" in words for words in page.text_of("p"))
    assert build_report(run) == html


def test_a_run_without_its_data_has_a_gallery(run):
    found = material(Run(run.artefact)).pictures
    assert found.gallery
    assert not found.real
    assert not found.closest


def test_a_gan_and_independent_pixels_have_pages():
    assert material(run_of("gan", width=8)).pictures.way
    found = material(run_of("marginals")).pictures
    assert found.gallery
    assert not found.way


def test_a_training_leaves_small_sheets(run):
    lines = [line for line in run.artefact.log if "drawn" in line]
    assert len(lines) >= 2
    assert all(is_data_uri(line["drawn"]) for line in lines)
    shown = drawn_over_time.views(run.artefact.log)
    assert shown[-1]["src"] == lines[-1]["drawn"]
    assert pixels(shown[0]["src"]).shape[:2] == (2 * 8 + 2, 8 * 8 + 7 * 2)
    assert pixels(shown[0]["src"]).shape == pixels(shown[-1]["src"]).shape


def test_only_pictures_are_taken_from_a_log():
    good = data_uri(b"x")
    lines = [{"step": k, "drawn": text} for k, text in enumerate(["once upon", good, f'{good}" onload="x', 3])]
    assert [line["step"] for line in drawn_over_time.views(lines)] == ["1"]
    assert not is_data_uri("data:image/svg+xml;base64,AAAA")
    assert not is_data_uri(good + "A" * LONGEST)


@pytest.mark.parametrize("shape", [(16, 1, 28, 28), (16, 3, 64, 64), (16, 3, 96, 40), (3, 4, 200, 200)])
def test_small_sheets_are_small(shape):
    """Even of noise, which nothing compresses."""
    uri = small_sheet(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), 8)
    assert is_data_uri(uri)
    assert len(uri) <= MOST_BYTES * 4 / 3 + 40
    assert re.match(r"data:image/(png|jpeg);", uri)


def test_large_tiles_are_shrunk_and_grey_ones_stay_grey():
    assert max(pixels(tile(np.zeros((3, 300, 200), np.uint8), "x")["src"]).shape[:2]) == LARGEST
    colour = np.zeros((3, 8, 8), np.uint8)
    colour[0] = 200
    assert (pixels(tile(colour, "x")["src"])[0, 0] == [200, 0, 0]).all()
    assert pixels(tile(np.full((3, 8, 8), 9, np.uint8), "x")["src"]).shape == (8, 8)
