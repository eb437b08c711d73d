import io
import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image as Pillow

from genwright.codecs._lowest import Lowest
from genwright.codecs._pixels import in_channels, is_coloured, of_size
from genwright.codecs.image import Image, ImageConfig, chosen_size
from genwright.core.config import configure
from genwright.core.errors import CellError, ConfigError, DataError
from genwright.core.space import Pixels
from genwright.data.contact_sheet import png
from genwright.data.paper import on_paper

RNG = np.random.default_rng(0)


def _fitted(values: pa.Array, **settings: object) -> Image:
    codec = Image(configure(ImageConfig, settings))
    codec.update(values)
    codec.finish()
    return codec


def _random(*shape: int, most: int = 255) -> np.ndarray:
    return RNG.integers(0, most + 1, shape, dtype=np.uint8)


def _files(*pictures: np.ndarray) -> pa.Array:
    return pa.array([png(x) for x in pictures])


def _arrays(x: np.ndarray) -> pa.Array:
    return pa.FixedShapeTensorArray.from_numpy_ndarray(x)


def test_pictures_of_one_small_size_keep_it():
    assert _fitted(_files(_random(13, 29), _random(13, 29))).field.event_shape == (1, 13, 29)
    assert _fitted(_files(_random(1, 1))).field.event_shape == (1, 1, 1)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({(96, 20): 3}, (96, 20)),
        ({(97, 97): 3}, (64, 64)),
        ({(100, 50): 3}, (64, 32)),
        ({(30, 31): 1, (31, 33): 1, (33, 30): 1}, (32, 32)),
        ({(400, 600): 5, (600, 400): 5}, (64, 64)),
        ({(400, 600): 9, (300, 500): 2}, (44, 64)),
        ({(1, 1): 1, (2, 1): 1}, (4, 4)),
        ({(20, 1000): 2}, (4, 64)),
    ],
)
def test_a_size_is_chosen(sizes, expected):
    assert chosen_size(sizes) == expected


def test_a_size_can_be_asked_for():
    values = _files(_random(30, 40), _random(20, 20))
    assert _fitted(values, size=(12, 18)).field.event_shape == (1, 12, 18)
    assert _fitted(values, size="16").field.event_shape == (1, 16, 16)
    codes = _fitted(values, size=(12, 18)).encode(values)
    assert codes.shape == (2, 1, 12, 18)
    assert codes.dtype == torch.uint8


@pytest.mark.parametrize(
    "settings", [{"size": (1, 2, 3)}, {"size": (0,)}, {"channels": 2}, {"levels": 1}, {"fit": "x"}]
)
def test_wrong_settings_are_told(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        configure(ImageConfig, settings)


def test_grey_pictures_in_files_of_colours_are_grey():
    grey = _random(6, 6, 1).repeat(3, -1)
    assert _fitted(_files(grey, _random(6, 6))).field.event_shape == (1, 6, 6)
    colour = grey.copy()
    colour[2, 3, 1] ^= 64
    assert _fitted(_files(grey, colour)).field.event_shape == (3, 6, 6)


def test_transparent_pixels_lie_on_white_paper():
    picture = np.array([[[200, 10, 90, 0], [200, 10, 90, 255], [0, 0, 0, 51]]], np.uint8)
    values = _files(picture)
    assert _fitted(values).encode(values)[0, :, 0].T.tolist() == [[255, 255, 255], [200, 10, 90], [204, 204, 204]]
    kept = _fitted(values, channels=4).encode(values)[0, :, 0].T.tolist()
    assert kept == [[255, 255, 255, 0], [200, 10, 90, 255], [0, 0, 0, 51]]


def test_other_proportions_are_cut_or_padded():
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 100  # the middle third
    values = _files(wide)
    assert (_fitted(values, size=(10,)).encode(values) == 100).float().mean() > 0.75
    cut = of_size(wide[..., None], 10, 10)
    np.testing.assert_array_equal(cut[..., 0], wide[:, 10:20])
    padded = of_size(wide[..., None], 30, 30, fit="pad")[..., 0]
    np.testing.assert_array_equal(padded[10:20], wide)
    assert (padded[:10] == 255).all()
    assert (padded[20:] == 255).all()
    alpha = of_size(np.zeros((2, 4, 4), np.uint8) + 7, 4, 4, fit="pad")
    assert alpha[0, 0].tolist() == [255, 255, 255, 0]


def test_shrinking_averages():
    x = _random(64, 48, 3)
    small = of_size(x, 8, 6).astype(float)
    means = x.reshape(8, 8, 6, 8, 3).mean((1, 3))
    assert np.abs(small - means).mean() < 12  # Lanczos' weights are not a box's; a sampled pixel would be off by 64


def test_channels_are_those_of_pillow():
    x = _random(5, 6, 3)
    np.testing.assert_allclose(in_channels(x, 1)[..., 0], np.asarray(Pillow.fromarray(x).convert("L")), atol=1)
    rgba = _random(5, 6, 4)
    paper = Pillow.new("RGBA", (6, 5), "white")
    paper.alpha_composite(Pillow.fromarray(rgba))
    np.testing.assert_allclose(on_paper(rgba), np.asarray(paper.convert("RGB")), atol=1)
    assert in_channels(x[..., :1], 4)[0, 0].tolist() == [x[0, 0, 0]] * 3 + [255]
    assert not is_coloured(np.array([[[5, 9, 200, 0], [3, 3, 3, 255]]], np.uint8)), "a colour that nobody sees"


def test_arrays_with_few_values_have_few_levels():
    digits = _random(20, 8, 8, most=16)
    digits[0, 0, 0] = 16
    codec = _fitted(_arrays(digits))
    assert codec.field.support == Pixels(17)
    assert (codec.encode(_arrays(digits))[:, 0].numpy() == digits).all()
    brighter = _arrays(np.full((1, 8, 8), 40, np.uint8))
    assert (codec.encode(brighter) == 16).all(), "what is brighter than anything seen is the brightest"
    two = _fitted(_arrays(digits), levels=2)
    assert two.decode(two.encode(_arrays(digits))).to_numpy_ndarray().max() == 16


@pytest.mark.parametrize("levels", [2, 3, 16, 17, 255, 256])
def test_levels_are_what_values_are_rounded_to(levels):
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    codec = _fitted(_files(every[0]), levels=levels)
    codes = codec.encode(_files(every[0]))
    exact = np.arange(256) * (levels - 1) / 255
    assert np.abs(codes.numpy().reshape(-1) - exact).max() <= 0.5
    again = codec.encode(codec.decode(codes))
    assert torch.equal(again, codes)


def test_files_come_back_as_files_and_paths_stay_behind():
    kind = pa.struct([("bytes", pa.large_binary()), ("path", pa.large_string())])
    values = pa.array([{"bytes": png(_random(4, 4)), "path": "cats/a.png"}], kind)
    back = _fitted(values).decode(_fitted(values).encode(values))
    assert back.type == kind
    assert back[0]["path"].as_py() is None
    assert Pillow.open(io.BytesIO(back[0]["bytes"].as_py())).format == "PNG"


def test_arrays_come_back_as_they_were_with_another_size_or_fewer_channels():
    x = _random(2, 3, 8, 10)  # channel first
    codec = _fitted(_arrays(x), size=(4, 5), channels=1)
    back = codec.decode(codec.encode(_arrays(x)))
    assert back.type.shape == [3, 4, 5]
    assert codec.field.event_shape == (1, 4, 5)


def test_tokens_are_read_row_by_row():
    x = _random(3, 2, 4, 3)
    codec = _fitted(_files(*x))
    tokens = codec.encode_tokens(_files(*x))
    assert tokens.dtype == torch.int64
    assert tokens.numpy().tolist() == x.reshape(3, -1).tolist()
    assert codec.decode_tokens(tokens).equals(_files(*x))


def test_a_picture_that_cannot_be_decoded_is_named():
    whole = png(_random(40, 40))
    named = pa.array([{"bytes": whole, "path": "a.png"}, {"bytes": whole[:-300], "path": "b/é.png"}])
    codec = _fitted(named)
    codec.name = "image"
    with pytest.raises(CellError, match=r"row 2: b/é\.png is damaged") as found:
        codec.encode(named)
    assert found.value.row == 1
    with pytest.raises(CellError, match="row 1: its picture is empty"):
        codec.encode(pa.array([b""]))
    with pytest.raises(CellError, match="row 2: there is no picture"):
        codec.encode(pa.array([{"bytes": whole, "path": "a"}, {"bytes": None, "path": "b"}]))
    with pytest.raises(DataError, match="holds no picture that can be read"):
        _fitted(pa.array([b"no picture"]))


def test_parts_of_different_types_are_refused():
    codec = Image()
    codec.update(_files(_random(2, 2)))
    with pytest.raises(DataError, match="in one part"):
        codec.update(_arrays(_random(1, 2, 2)))
    with pytest.raises(DataError, match="pictures are files"):
        Image().update(pa.array(["x"]))


def test_states_are_read_back_whatever_was_asked():
    values = _files(_random(30, 20, 3), _random(50, 20, 3))
    codec = _fitted(values, size=(10, 12), channels=1, levels=5)
    again = Image(codec.config)
    again.load_state(json.loads(json.dumps(codec.state())))
    assert again.field == codec.field
    assert torch.equal(again.encode(values), codec.encode(values))


def test_what_is_chosen_is_told(caplog):
    caplog.set_level("INFO", logger="genwright")
    values = _files(_random(100, 50, 3), _random(90, 60, 3))
    codec = _fitted(values)
    assert "pictures of 2 sizes become 36×64 pixels, colour, 256 levels" in caplog.text
    codec = _fitted(values, channels=1)
    codec.encode(values)
    assert "coloured pictures, which become grey" in caplog.text


def test_the_lowest_of_files_do_not_depend_on_their_order():
    contents = [RNG.bytes(int(n)) for n in RNG.integers(1, 400, 300)]

    def kept(order: np.ndarray) -> list[bytes]:
        sample = Lowest(n=40, limit=3000)
        for i in order:
            sample.add(contents[i])
            sample.add(contents[i])
        return sample.contents()

    first = kept(np.arange(300))
    assert 5 < len(first) < 40
    assert sum(map(len, first)) <= 3000
    assert all(kept(RNG.permutation(300)) == first for _ in range(5))
    alone = Lowest(limit=10)
    alone.add(b"x" * 100)
    assert alone.contents() == [b"x" * 100]
