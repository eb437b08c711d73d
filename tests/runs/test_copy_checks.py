from dataclasses import replace

import pytest

from genwright.runs.copy_checks import copies_told, copy_fault, is_above
from genwright.runs.yardsticks import OF_PICTURES, TEXTS
from tests.runs.boards import of_pictures, of_texts, score, scores


def test_a_copier_is_told_with_its_numbers():
    assert copy_fault(scores(0.5, tail=0.9), 1_000) == (
        "leans to training rows: 0.90 [0.87 to 0.93] of its closest 5 % are nearer to one; real rows 0.50"
    )
    assert copy_fault(scores(0.5, exact=0.05), 1_000) == (
        "copies: 0.0500 [0.0490 to 0.0510] of its draws equal a training row; real rows 0.0010"
    )
    assert copy_fault(of_texts("gpt", whole=0.5).scores, 1_000) == (
        "copies: 0.500 [0.490 to 0.510] of its texts stand from end to end in the training texts; unseen texts 0.010"
    )


def test_what_held_out_rows_show_by_chance_is_no_copying():
    tail = score("near_copies.closer_tail", 0.58, 0.05, n=1_000)
    assert not is_above(tail, 100)  # Wilson's interval of 50 in 100 rows reaches 0.60
    assert is_above(tail, 10_000)
    assert copy_fault(scores(0.5, tail=0.58), 1_000) == ""
    assert copy_fault(scores(0.5, tail=0.58), 10_000)


def test_a_floor_below_one_half_is_no_reason():
    tail = replace(score("near_copies.closer_tail", 0.53, 0.05, n=1_000), floor=0.29)
    assert not is_above(tail, 10_000)
    assert is_above(replace(tail, low=0.51), 10_000)


def test_more_held_out_rows_than_are_judged_do_not_narrow_the_floor():
    for tail, is_fault in ((0.56, False), (0.57, True)):
        few, many = (copy_fault(scores(0.5, tail=tail), n) for n in (10_000, 10_000_000))
        assert few == many
        assert bool(few) is is_fault


def test_rows_with_texts_are_checked_for_both():
    leaning = (*scores(0.5, tail=0.9), *of_texts("gpt").scores)
    assert "leans to training rows" in copy_fault(leaning, 1_000, TEXTS.checked)


@pytest.mark.parametrize(("relative", "is_fault"), [(0.4, True), (1.2, False)])
def test_draws_far_from_every_picture_do_not_lean(relative, is_fault):
    found = of_pictures("gan", 0.1, tail=0.9).scores
    near = [replace(s, details={"closest": [{"relative": relative}, {"relative": 2.0}]}) for s in found]
    assert bool(copy_fault(near, 1_000)) is is_fault
    copies = [replace(s, low=0.4) if s.name == "picture_copies.exact" else s for s in near]
    assert copy_fault(copies, 1_000)


def test_a_check_of_the_rows_beside_pictures_is_not_enough():
    found = (*scores(0.5), *(s for s in of_pictures("vae", 0.1).scores if not s.name.startswith("picture_copies")))
    assert copy_fault(found, 1_000, OF_PICTURES.checked) == "it could not be checked for copies"
    assert copy_fault(found, 1_000) == ""
    copier = (*scores(0.5), *of_pictures("replay", 0.1, exact=0.9).scores)
    assert "equal a training picture" in copy_fault(copier, 1_000, OF_PICTURES.checked)


def test_what_was_not_measured_is_said():
    assert copy_fault([], 1_000) == copy_fault(scores(0.5)[:1], 1_000) == "it could not be checked for copies"
    assert copies_told({}) == ""
