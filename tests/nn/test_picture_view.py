"""Pictures of a row, and their known parts beside drawn ones."""

import torch

from genwright.core.space import Category, Field, Pixels, Space
from genwright.nn.picture_view import merged, pictures, scaled, to_codes


def test_known_parts_stay_beside_drawn_ones() -> None:
    x, drawn = torch.zeros(2, 3, 2, 2, dtype=torch.uint8), torch.full((2, 3, 2, 2), 7, dtype=torch.uint8)
    known = torch.tensor([[[True, False], [False, False]], [[True, True], [True, True]]])
    pixels = merged(x, drawn, known)
    assert pixels[0].tolist() == [[[0, 7], [7, 7]]] * 3
    assert (pixels[1] == 0).all()
    assert merged(x, drawn, torch.tensor([False, True]))[:, 0, 0, 0].tolist() == [7, 0]
    assert merged(torch.tensor([1, 2]), torch.tensor([8, 9]), torch.tensor([True, False])).tolist() == [1, 9]


def test_pictures_are_the_columns_of_pixels_and_scale_there_and_back() -> None:
    space = Space({"a": Field(Category(3)), "b": Field(Pixels(17), (1, 4, 4))})
    assert list(pictures(space)) == ["b"]
    codes = torch.arange(17)
    assert to_codes(scaled(codes, 17), 17).tolist() == codes.tolist()
