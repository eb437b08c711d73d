import numpy as np
import pyarrow as pa
import pytest

from genwright.core.errors import DataError
from genwright.core.schema import Column, Schema
from genwright.report.picture import save_picture, telling_pairs
from tests.report.test_page import KINDS, mixed
from tests.report.test_values import both

SCHEMA = Schema(tuple(Column(name, kind) for name, kind in zip(mixed(), KINDS, strict=True)))


def test_the_picture_is_a_png_and_not_blank(tmp_path):
    from PIL import Image

    path = save_picture(pa.table(mixed()), pa.table(mixed(seed=1)), SCHEMA, tmp_path / "picture.png")
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width > 1_200
        assert len(image.convert("RGB").getcolors(10**6)) > 100


def test_a_single_odd_column(tmp_path):
    table = pa.table({"$x_{$": ["a", None, "b"]})
    path = save_picture(table, table, Schema((Column("$x_{$", "category"),)), tmp_path / "picture.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_nothing_to_draw_is_said(tmp_path):
    table = pa.table({"x": ["a", "b"]})
    with pytest.raises(DataError, match="no column can be drawn"):
        save_picture(table, table, Schema((Column("x", "id"),)), tmp_path / "picture.png")


def test_the_strongest_pair_comes_first():
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    columns = [both(v, v) for v in (rng.normal(size=200), x, np.exp(x) + 0.01 * rng.normal(size=200))]
    first = telling_pairs(columns)[0]
    assert first[0] is columns[1]
    assert first[1] is columns[2]
