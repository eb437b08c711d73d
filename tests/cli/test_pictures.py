"""Commands between and around pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import call
from tests.pictures import run_of, shapes


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of("vae").save(tmp_path_factory.mktemp("fitted") / "shapes", overwrite=True)


@pytest.fixture
def desk(here: Path) -> Path:
    for name, picture in zip("ab", shapes(2, seed=5)["image"], strict=True):
        Image.fromarray(picture).save(f"{name}.png")
    mask = np.zeros((8, 8), np.uint8)
    mask[4:] = 255
    Image.fromarray(mask).save("m.png")
    return here


def test_interpolate(run, desk):
    ended = call("interpolate", run, "a.png", "b.png", "--frames", 5, "-o", "morph.gif")
    assert ended.code == 0, ended.err
    assert "5 pictures in morph.gif" in ended.err
    assert "label of a.png was not said; guessed: " in ended.err
    assert "label of b.png was not said; guessed: " in ended.err
    assert Image.open("morph.gif").n_frames == 5
    ended = call("interpolate", run, "a.png", "b.png", "-o", "morph.gif")
    assert ended.code == 2
    assert "morph.gif exists; add --overwrite" in ended.err
    document = call("interpolate", run, "--seeds", 1, 2, "--frames", 3, "-o", "s.png", "--json").document
    assert document["ends"] == [1, 2]
    assert Path("s.png").exists()


def test_traverse(run, desk):
    document = call("traverse", run, "--directions", 2, "--steps", 3, "-o", "d.png", "--json").document
    assert len(document["shares"]) == 2
    assert Image.open("d.png").size[1] > 100
    assert call("traverse", run, "-o", "d.png").code == 2
    asked = ["traverse", run, "--directions", 1, "--steps", 2, "--overwrite", "-o", "d.png"]
    assert "label was not said; the most frequent is taken: " in call(*asked).err
    assert "was not said" not in call(*asked, "--given", "label = 'bar'").err


def test_reconstruct(run, desk):
    ended = call("reconstruct", run, "a.png", "b.png", "-o", "r.png")
    assert ended.code == 0, ended.err
    assert "a.png" in ended.out
    assert "label was not said; guessed: " in ended.err
    document = call("reconstruct", run, "a.png", "--given", "label = 'disc'", "--json").document
    assert document["guessed"] == {}
    assert document["pictures"][0]["bits_per_dim"] > 0


def test_inpaint(run, desk):
    ended = call("inpaint", run, "a.png", "--mask", "m.png", "-o", "f.png")
    assert ended.code == 0, ended.err
    assert "32 of 64 pixels drawn" in ended.err
    assert (np.asarray(Image.open("f.png"))[:4] == np.asarray(Image.open("a.png"))[:4]).all()
    document = call("inpaint", run, "a.png", "--mask", "m.png", "-n", 3, "-o", "g.png", "--json").document
    assert document["n_fillings"] == 3


def test_edit(run, desk):
    ended = call("edit", run, "a.png", "--set", "label = 'bar'", "-o", "e.png")
    assert ended.code == 0, ended.err
    assert "decoded with the value asked for" in ended.err
    assert Image.open("e.png").size == (8, 8)
    document = call("edit", run, "a.png", "b.png", "--set", "label = 'bar'", "-o", "f.png", "--json").document
    assert len(document["before"]["label"]) == 2


def test_without_a_name_files_are_called_after_what_they_show(run, desk):
    Path("drawer").mkdir()
    Path("a.png").rename("drawer/a.png")
    for words, name in (
        (["inpaint", run, "drawer/a.png", "--mask", "m.png"], "a-filled.png"),
        (["edit", run, "drawer/a.png", "--set", "label = 'bar'"], "a-edited.png"),
        (["edit", run, "drawer", "--set", "label = 'bar'"], "drawer-edited.png"),
        (["traverse", run, "--directions", 1, "--steps", 2], "shapes-directions.png"),
        (["interpolate", run, "drawer/a.png", "b.png", "--frames", 2], "a-to-b.gif"),
        (["interpolate", run, "--seeds", 1, 2, "--frames", 2], "1-to-2.gif"),
    ):
        ended = call(*words)
        assert ended.code == 0, ended.err
        assert f"in {name}" in ended.err
        assert Path(name).exists()
        assert f"{name} exists; add --overwrite" in call(*words).err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["interpolate", "RUN", "a.png", "-o", "x.gif"], "name two pictures, or two seeds"),
        (["interpolate", "RUN"], "name two pictures, or two seeds with --seeds 1 2\n"),
        (["interpolate", "RUN", "a.png", "b.png", "--seeds", 1, 2], "--seeds 1 2, not both"),
        (["interpolate", "RUN", "a.png", "b.png", "-o", "x.avi"], "a film is .gif, .webp, .mp4"),
        (["interpolate", "RUN", "a.png", "none.png", "-o", "x.gif"], "none.png: the picture cannot be read"),
        (["traverse", "RUN", "-o", "x.jpg"], "name a .png file"),
        (["reconstruct", "RUN", "a.png", "-o", "nowhere/x.png"], "nowhere is not a folder"),
        (["inpaint", "RUN", "a.png", "-o", "x.png"], "name a mask"),
        (["edit", "RUN", "a.png", "-o", "x.png"], "say what is to change with --set"),
        (["edit", "RUN", "a.png", "--set", "label = 'cat'", "-o", "x.png"], "has no value 'cat'"),
        (["edit", "RUN", "a.png", "--set", "size = 3", "-o", "x.png"], "no size in the columns"),
    ],
)
def test_what_is_wrong_is_told(run, desk, words, told):
    ended = call(*[run if word == "RUN" else word for word in words])
    assert ended.code == 2
    assert told in ended.err
    assert not list(Path().glob("x.*"))
