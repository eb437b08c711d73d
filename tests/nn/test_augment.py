"""Changed pictures: what is moved where, what stays, and that gradients pass through."""

import torch

from genwright.nn.augment import MOVE, N_PARAMETERS, SHIFT, applied, drawn


def _pictures(n: int = 6, size: tuple[int, int] = (8, 12)) -> torch.Tensor:
    return torch.randint(256, (n, 3, *size), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def _one(**parameters: float) -> torch.Tensor:
    names = ("flip", "zoom", "down", "right")
    return torch.tensor([[parameters.get(name, 0.0) for name in names]])


def test_no_change_leaves_pictures_as_they_are() -> None:
    x = _pictures()
    assert torch.equal(applied(x, torch.zeros(len(x), N_PARAMETERS)), x)
    assert torch.equal(applied(x, drawn(len(x), (), torch.Generator().manual_seed(0))), x)


def test_pictures_are_mirrored() -> None:
    x = _pictures(1)
    assert torch.equal(applied(x, _one(flip=1.0)), x.flip(3))


def test_pictures_are_moved_by_whole_pixels_and_repeat_their_edge() -> None:
    x = _pictures(1)
    moved = applied(x, _one(down=1 / 8 / MOVE, right=-2 / 12 / MOVE))
    assert torch.equal(moved[:, :, :-1, 2:], x[:, :, 1:, :-2])
    assert torch.equal(moved[:, :, :-1, 0], x[:, :, 1:, 0])
    assert torch.equal(moved[:, :, -1, 2:], x[:, :, -1, :-2])


def test_a_window_keeps_straight_lines_straight() -> None:
    ramp = torch.arange(20.0).expand(1, 1, 20, 20)
    zoomed = applied(ramp, _one(zoom=1.0))
    steps = zoomed.diff(dim=3)
    torch.testing.assert_close(steps, torch.full_like(steps, 0.8))
    torch.testing.assert_close(zoomed.mean(), ramp.mean())


def test_windows_lie_inside_and_half_the_pictures_stay() -> None:
    g = torch.Generator().manual_seed(1)
    for names, largest in ((("flip",), 0.0), (("shift",), SHIFT / MOVE), (("crop",), 0.1 / MOVE)):
        a = drawn(4_000, names, g)
        assert float(a[:, 2:].abs().max()) <= largest + 1e-6
        share = float((a == 0).all(1).float().mean())
        assert abs(share - 0.5) < 5 * (0.25 / 4_000) ** 0.5
    crop = drawn(4_000, ("crop",), g)
    assert (crop[:, 2:].abs() * MOVE <= crop[:, 1:2] * 0.1 + 1e-6).all()


def test_equal_seeds_draw_equal_changes() -> None:
    a, b = (drawn(50, ("flip", "shift", "crop"), torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(a, b)
    x = _pictures(50)
    assert (applied(x, a) != x).flatten(1).any(1).float().mean() > 0.5
    assert applied(x, a).dtype == torch.uint8


def test_gradients_pass_through() -> None:
    x = torch.randn(4, 2, 5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    a = drawn(4, ("flip", "shift", "crop"), torch.Generator().manual_seed(2)).double()
    assert torch.autograd.gradcheck(lambda x: applied(x, a), (x,))
