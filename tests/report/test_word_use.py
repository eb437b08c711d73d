import numpy as np
import pytest

from genwright.report.word_use import describe, draw, word_use
from tests.report.material import Page


def said(p: dict[str, float], n: int, seed: int) -> list[str]:
    """n sentences of ten words."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(list(p), 10, p=list(p.values()))) for _ in range(n)]


EVEN = {"sun": 0.25, "moon": 0.25, "star": 0.25, "sky": 0.25}
MORE_SUN = {"sun": 0.4, "moon": 0.1, "star": 0.25, "sky": 0.25}


def test_what_is_used_too_much_and_too_little_is_named() -> None:
    found = word_use(said(EVEN, 300, 0), said(MORE_SUN, 300, 1))
    assert [use.word for use in found.more] == ["sun"]
    assert [use.word for use in found.less] == ["moon"]
    assert found.more[0].real == pytest.approx(250, abs=40)
    assert found.more[0].fake == pytest.approx(400, abs=40)
    assert found.unit == "words and punctuation marks"


def test_chance_is_not_shown() -> None:
    """Of 40 pairs of samples with four words each, few words pass three standard errors."""
    n = 0
    for seed in range(40):
        found = word_use(said(EVEN, 50, seed), said(EVEN, 50, 1000 + seed))
        n += len(found.more) + len(found.less)
    assert n <= 3  # 160 words at 0.27 %


def test_the_formula_by_hand() -> None:
    """30 and 10 of 100 words, with a prior of 500 · 40/200 = 100 for the word and 400 for the rest."""
    real = ["x " * 10 + "y " * 90]
    fake = ["x " * 30 + "y " * 70]
    delta = np.log(130 / 470) - np.log(110 / 490)
    z = delta / np.sqrt(1 / 130 + 1 / 110)
    assert abs(z) < 3  # the prior holds it back
    assert word_use(real, fake).more == ()
    many = word_use([text * 10 for text in real], [text * 10 for text in fake])
    delta = np.log(400 / 1100) - np.log(200 / 1300)
    assert many.more[0].z == pytest.approx(delta / np.sqrt(1 / 400 + 1 / 200))


def test_chinese_is_counted_in_characters() -> None:
    found = word_use(["山高水長"] * 100, ["山山山水"] * 100)
    assert [use.word for use in found.more] == ["山"]
    assert {use.word for use in found.less} == {"高", "長"}


@pytest.mark.parametrize(("real", "fake"), [([], ["a"]), (["a"], []), ([""], ["a b"])])
def test_a_side_that_says_nothing(real: list[str], fake: list[str]) -> None:
    assert word_use(real, fake) is None


def test_words_are_escaped_in_the_figure() -> None:
    found = word_use(["<b> good text here"] * 100, ["<script> is bad text"] * 100)
    page = Page(str(draw(found.more, "<title>")))
    assert {tag for tag, _ in page.tags} <= {"svg", "title", "desc", "text", "path"}
    assert draw((), "nothing") == ""
    assert describe(found.more).count("in 1,000") == len(found.more)
