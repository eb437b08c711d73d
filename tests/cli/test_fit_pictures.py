"""`genwright fit` on pictures: what cannot be read is named, or left out when asked; parts are chosen."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import call
from tests.data.picture_files import encoded, pixels, put


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for i in range(24):
        put(tmp_path / f"pictures/{'train' if i < 18 else 'test'}/{'cat' if i % 2 else 'dog'}/{i}.png")
    return tmp_path / "pictures"


def test_bad_pictures_are_named_or_skipped(folder: Path) -> None:
    put(folder / "train/cat/words.jpg", b"hello")
    ended = call("fit", "pictures/", "--model", "marginals", "--no-judge")
    assert ended.code == 2
    assert "pictures/train/cat/words.jpg is no picture that can be read" in ended.err
    assert "(--skip-bad)" in ended.err
    ended = call("fit", "pictures/", "--model", "marginals", "--no-judge", "--skip-bad")
    assert ended.code == 0, ended.err
    assert "pictures: 1 skipped: pictures/train/cat/words.jpg is no picture" in ended.err
    assert "pictures: 18 rows, 2 columns" in ended.out
    assert "next: genwright sample runs/pictures -n 64 -o drawn" in ended.out


def test_a_picture_cut_short_is_named_with_the_way_out(folder: Path) -> None:
    whole = encoded(pixels(64, 64, 3))
    put(folder / "train/cat/short.png", whole[: len(whole) // 2])
    ended = call("fit", "pictures/", "--model", "marginals", "--no-judge")
    assert ended.code != 0
    assert "short.png" in ended.err
    assert "(--skip-bad)" in ended.err
    assert call("fit", "pictures/", "--model", "marginals", "--no-judge", "--skip-bad").code == 0


def test_a_part_is_chosen(folder: Path) -> None:
    ended = call("fit", "pictures", "--model", "marginals", "--no-judge", "--part", "test", "--json")
    assert ended.code == 0, ended.err
    assert ended.document["n_rows"] == 6
    ended = call("fit", "pictures", "--part", "validation")
    assert ended.code == 2
    assert "pictures has no part 'validation'; it has train, test" in ended.err
    assert call("fit", folder / "none.csv", "--part", "test").code == 2


def test_a_prior_of_codes_is_chosen_by_its_name(folder: Path) -> None:
    words = ["fit", "pictures", "--steps", 2, "--no-judge", "--set", "n_codes=4", "--set", "width=4", "--model"]
    ended = call(*words, "vqvae", "--prior", "marginals", "--out", "run")
    assert ended.code == 0, ended.err
    assert json.loads(Path("run/run.json").read_text())["model"]["config"]["prior"] == "marginals"
    ended = call("fit", "pictures", "--model", "marginals", "--prior", "gpt")
    assert (ended.code, "no prior in the settings of marginals" in ended.err) == (2, True)
