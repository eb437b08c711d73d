import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from genwright.core.errors import DataError, SchemaError
from genwright.core.schema import Column, Schema
from genwright.data.contact_sheet import png
from genwright.data.infer import infer
from genwright.data.read import read
from genwright.data.typed import typed

RNG = np.random.default_rng(0)
GREY, COLOUR = (png(RNG.integers(0, 256, shape, dtype=np.uint8)) for shape in ((8, 6), (20, 30, 3)))


def _arrays(*shape: int) -> pa.Array:
    return pa.FixedShapeTensorArray.from_numpy_ndarray(RNG.integers(0, 256, shape, dtype=np.uint8))


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (pa.array([GREY, GREY]), "grey pictures, 6×8"),
        (pa.array([GREY, COLOUR], pa.large_binary()), "grey and colour pictures of 2 sizes, 6×8 to 30×20"),
        (pa.array([GREY], pa.binary_view()), "grey pictures, 6×8"),
        (pa.array([{"bytes": COLOUR, "path": "a.png"}, {"bytes": COLOUR, "path": None}]), "colour pictures, 30×20"),
        (_arrays(4, 28, 28), "grey pictures, 28×28"),
        (_arrays(4, 9, 7, 3), "colour pictures, 7×9"),
        (_arrays(4, 3, 9, 7), "colour pictures, 7×9"),
        (_arrays(4, 9, 7, 4), "transparent pictures, 7×9"),
    ],
)
def test_pictures_are_images(column, why):
    schema, stats = infer(pa.table({"x": column, "y": list(range(len(column)))}))
    assert (schema["x"].kind, schema["x"].why) == ("image", why)
    assert stats["x"].missing == 0


def test_facts_are_sizes_and_how_many_are_different():
    _, stats = infer(pa.table({"x": pa.array([GREY, COLOUR, COLOUR, png(np.zeros((8, 6), np.uint8))])}))
    assert stats["x"].distinct == 3
    assert stats["x"].top == (("6×8", 2), ("30×20", 2))
    _, stats = infer(pa.table({"x": pa.concat_arrays([_arrays(3, 5, 4), pa.nulls(1, _arrays(1, 5, 4).type)])}))
    assert (stats["x"].n, stats["x"].missing, stats["x"].distinct) == (4, 1, 3)


def test_other_arrays_are_sequences_as_before():
    schema, _ = infer(pa.table({"x": _arrays(4, 2, 5, 6)}))
    assert schema["x"].kind == "sequence"


def test_a_file_that_is_no_picture_is_named():
    with pytest.raises(DataError, match="column 'x', row 2: its picture is no picture that can be read"):
        infer(pa.table({"x": [GREY, b"something"]}))
    column = pa.array([{"bytes": GREY, "path": "a.png"}, {"bytes": b"", "path": "b.png"}])
    with pytest.raises(DataError, match=r"column 'x', row 2: b\.png is empty"):
        infer(pa.table({"x": column}))
    with pytest.raises(DataError, match="binary values that are no pictures"):
        infer(pa.table({"x": [b"something", b"else"]}))


def test_kinds_that_pictures_cannot_have_are_refused():
    table = pa.table({"x": [GREY, COLOUR], "y": ["a.png", "b.png"]})
    assert infer(table, {"x": "omitted"})[0]["x"].kind == "omitted"
    with pytest.raises(SchemaError, match="holds pictures, so it cannot be a category"):
        infer(table, {"x": "category"})
    with pytest.raises(SchemaError, match=r"holds text, so it cannot be an image; .* metadata\.csv"):
        infer(table, {"y": "image"})


def test_a_row_without_its_picture_is_refused():
    column = pa.array([{"bytes": GREY, "path": "a.png"}, {"bytes": None, "path": "b.png"}, None])
    with pytest.raises(DataError, match="row 2, column 'x' holds None; expected a picture"):
        list(typed(read(pa.table({"x": column})), Schema((Column("x", "image"),))))


def test_columns_without_any_picture_are_constant():
    assert infer(pa.table({"x": pa.nulls(3, _arrays(1, 5, 4).type), "y": [1, 2, 3]}))[0]["x"].kind == "constant"


def test_frames_of_bytes_are_read():
    assert infer(pd.DataFrame({"x": [GREY, COLOUR]}))[0]["x"].kind == "image"


def test_numbered_classes_beside_pictures_are_categories(tmp_path):
    labels, files = [0, 1, 2, 2, 1], [GREY] * 5
    assert infer(pa.table({"x": files, "label": labels}))[0]["label"].kind == "category"
    assert infer(pa.table({"x": files, "label": labels}), {"label": "number"})[0]["label"].kind == "number"
    for other in (pa.table({"label": labels}), pa.table({"x": files, "label": [0, 1, 3, 3, 1]})):
        assert infer(other)[0]["label"].kind == "number"
    assert infer(pa.table({"x": files, "size": labels}))[0]["size"].kind == "number"
    lines = [f"{i}.png,{label}" for i, label in enumerate(labels)]
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(GREY)
    (tmp_path / "metadata.csv").write_text("\n".join(["file_name,label", *lines]))
    schema, _ = infer(tmp_path)
    assert schema["label"].kind == "category"
    table = pa.Table.from_batches(list(typed(read(tmp_path), schema)))
    assert table["label"].to_pylist() == labels
