"""Suffix arrays find what comparing every substring finds."""

import numpy as np
import pytest

from genwright.core.longest_match import longest_matches


def by_hand(text: str, corpus: list[str]) -> int:
    """The length of the longest substring of a text in any document."""
    pieces = (text[a:b] for a in range(len(text)) for b in range(a + 1, len(text) + 1))
    return max((len(piece) for piece in pieces if any(piece in document for document in corpus)), default=0)


@pytest.mark.parametrize("runs_on", [False, True])
@pytest.mark.parametrize("letters", ["a", "ab", "abé", "a中é😀", "中文字"])
def test_equals_brute_force(letters: str, runs_on: bool) -> None:
    rng = np.random.default_rng(len(letters))
    for _ in range(25):
        corpus, texts = (
            ["".join(rng.choice(list(letters), rng.integers(0, 14))) for _ in range(rng.integers(0, 6))] for _ in "ab"
        )
        whole = ["".join(corpus)] if runs_on else corpus
        found = longest_matches(texts, corpus, runs_on)
        assert found.length.tolist() == [by_hand(text, whole) for text in texts]
        for i, text in enumerate(texts):
            n, start, document, at = (int(x[i]) for x in (found.length, found.start, found.document, found.at))
            source = "".join(corpus[document:]) if runs_on and n else corpus[document] if n else ""
            assert source[at : at + n] == text[start : start + n]
            assert (document == -1) == (n == 0)


def test_a_match_does_not_cross_documents_unless_the_text_runs_on() -> None:
    assert longest_matches(["abcd"], ["xab", "cdx"]).length.tolist() == [2]
    assert longest_matches(["abcd"], ["xab", "cdx"], runs_on=True).length.tolist() == [4]


def test_texts_share_nothing_with_each_other() -> None:
    assert longest_matches(["abc", "abc"], ["xyz"]).length.tolist() == [0, 0]


def test_lone_surrogates_do_not_stop_it() -> None:
    assert longest_matches(["a\ud800b"], ["b"]).length.tolist() == [1]
