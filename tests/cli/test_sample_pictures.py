"""A folder of pictures is fitted, draws of a class become a folder, and that is fitted again."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

import genwright as gw
from tests.cli.conftest import call, rows_of


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Coloured discs and bars of 8×8 pixels on black, in two folders."""
    folder, rng = tmp_path_factory.mktemp("shapes"), np.random.default_rng(0)
    y, x = np.mgrid[:8, :8]
    for i in range(60):
        label = ("disc", "bar")[i % 2]
        centre, colour = rng.integers(2, 6, 2), rng.integers(120, 256, 3)
        is_inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < 6 if label == "disc" else abs(x - centre[1]) < 2
        (folder / label).mkdir(exist_ok=True)
        Image.fromarray((is_inside[..., None] * colour).astype(np.uint8)).save(folder / label / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def run(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("fitted") / "shapes"
    words = ("--model", "vae", "--steps", 10, "--set", "width=8", "--no-judge", "--out", place)
    ended = call("fit", shapes, *words)
    assert ended.code == 0, ended.err
    assert "given, so that draws can ask for it: label" in ended.err
    assert "8×8 pixels, colour, 256 levels" in ended.err
    return place


def test_draws_of_a_class_become_a_folder_that_is_fitted_again(run, here):
    ended = call("sample", run, "-n", 9, "--given", "label = 'disc'", "-o", "out/", "--seed", 3)
    assert ended.code == 0, ended.err
    assert "9 pictures in out, side by side in out/contact-sheet.png" in ended.err
    assert sorted(p.name for p in Path("out").iterdir()) == ["contact-sheet.png", "disc"]
    assert len(list(Path("out/disc").iterdir())) == 9
    again = call("fit", "out", "--model", "marginals", "--no-judge", "--out", "again")
    assert again.code == 0, again.err
    assert gw.load("again").model.space["image"] == gw.load(run).model.space["image"]


def test_files_hold_the_rows_that_python_draws(run, here):
    assert call("sample", run, "-n", 3, "-o", "out", "--seed", 3).code == 0
    frame = gw.load(run).sample(3, seed=3)
    for i, (image, label) in enumerate(zip(frame["image"], frame["label"])):
        np.testing.assert_array_equal(np.asarray(Image.open(f"out/{label}/{i:06d}.png")), np.asarray(image))


def test_a_folder_is_not_replaced_by_accident(run, here):
    assert call("sample", run, "-n", 3, "-o", "out").code == 0
    ended = call("sample", run, "-n", 2, "-o", "out")
    assert ended.code == 2
    assert "out exists; add --overwrite" in ended.err
    assert call("sample", run, "-n", 2, "-o", "out", "--overwrite").code == 0
    assert len(list(Path("out").rglob("0*.png"))) == 2
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work")
    assert call("sample", run, "-n", 2, "-o", "mine", "--overwrite").code == 2
    assert Path("mine/thesis.txt").exists()


def test_terminals_are_told_sizes(run, here):
    assert rows_of(call("sample", run, "-n", 2).out)[0]["image"] == "8×8 picture"
    assert len(rows_of(call("sample", run).out)) == 64
    document = call("sample", run, "-n", 2, "--json").document
    assert document["rows"][1]["image"] == "8×8 picture"
    document = call("sample", run, "-n", 2, "-o", "out", "--json").document
    assert document["contact_sheet"] == "out/contact-sheet.png"


def test_parquet_holds_files_and_tables_of_text_hold_none(run, here):
    assert call("sample", run, "-n", 4, "-o", "out.parquet").code == 0
    first = parquet.read_table("out.parquet")["image"][0].as_py()
    assert Image.open(io.BytesIO(first["bytes"])).size == (8, 8)
    assert call("fit", "out.parquet", "--model", "marginals", "--no-judge", "--out", "again").code == 0
    ended = call("sample", run, "-n", 4, "-o", "out.csv")
    assert ended.code != 0
    assert "holds no pictures (column 'image'); name a folder" in ended.err
    assert not Path("out.csv").exists()


def test_rows_without_pictures_need_a_file(here):
    Path("a.csv").write_text("x,y\n" + "".join(f"{i},{i % 7}\n" for i in range(40)))
    assert call("fit", "a.csv", "--model", "marginals", "--no-judge", "--out", "run").code == 0
    ended = call("sample", "run", "-o", "rows")
    assert ended.code != 0
    assert "no column of pictures, which a folder is for; name a file, such as rows.csv" in ended.err
    assert not Path("rows").exists()
