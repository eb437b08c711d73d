import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from genwright.core.errors import ConfigError, DataError
from genwright.core.schema import Column, Schema
from genwright.data.contact_sheet import NAME, png
from genwright.data.read import read
from genwright.data.write import write
from genwright.data.write_pictures import described, write_pictures

RNG = np.random.default_rng(0)
IMAGE, LABEL = Column("image", "image"), Column("label", "category")


def _pixels(n: int, *shape: int, most: int = 255) -> np.ndarray:
    return RNG.integers(0, most + 1, (n, *shape), dtype=np.uint8)


def _files(x: np.ndarray) -> pa.Array:
    return pa.array([png(picture) for picture in x])


def _back(path) -> dict:
    """Path → (pixels, what stands beside them), as the folder is read again."""
    records = read(path)
    rows = pa.Table.from_batches(list(records.open()), records.arrow_schema).to_pylist()
    found = {}
    for row in rows:
        image = row.pop("image")
        found[image["path"]] = (np.asarray(Image.open(io.BytesIO(image["bytes"]))), row)
    return found


def test_labels_become_folders_and_come_back(tmp_path):
    x, labels = _pixels(5, 8, 6, 3), ["cat", "dog", "cat", "T-shirt/top", "猫 é"]
    tables = [
        pa.table({"image": _files(x[:3]), "label": labels[:3]}),
        pa.table({"image": _files(x[3:]), "label": labels[3:]}),
    ]
    assert write_pictures(tables, tmp_path / "out", Schema((IMAGE, LABEL))) == 5
    names = ["cat/000000.png", "dog/000001.png", "cat/000002.png", "T-shirt/top/000003.png", "猫 é/000004.png"]
    back = _back(tmp_path / "out")
    assert sorted(back) == sorted(names)
    for name, picture, label in zip(names, x, labels):
        np.testing.assert_array_equal(back[name][0], picture)
        assert back[name][1] == {"label": label}
    assert not list(tmp_path.glob(".*")), "nothing half-written is left"


def test_other_columns_stand_in_a_captions_file(tmp_path):
    x = _pixels(3, 4, 4)
    table = pa.table(
        {"image": _files(x), "label": ["a", "a", "a"], "text": ["one, two", 'say "so"', None], "n": [1, 2, 3]}
    )
    schema = Schema((IMAGE, LABEL, Column("text", "text"), Column("n", "number")))
    write_pictures([table], tmp_path / "out", schema)
    rows = [row for _, row in _back(tmp_path / "out").values()]
    assert [row["label"] for row in rows] == ["a"] * 3
    assert [row["text"] or None for row in rows] == ["one, two", 'say "so"', None]
    assert [row["n"] for row in rows] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "label", ["..", "../x", "a/../b", ".hidden", "", "train", "a\nb", "a:b", "x" * 200, " a", "/a", None]
)
def test_labels_that_cannot_name_a_folder_stand_in_the_captions_file(tmp_path, label):
    table = pa.table({"image": _files(_pixels(2, 4, 4)), "label": pa.array([label, "cat"], pa.string())})
    write_pictures([table], tmp_path / "out", Schema((IMAGE, LABEL)))
    back = _back(tmp_path / "out")
    assert set(back) == {"000000.png", "cat/000001.png"}
    assert back["cat/000001.png"][1]["label"] == "cat"
    assert (back["000000.png"][1]["label"] or None) == (label or None)


def test_pictures_alone_have_no_captions(tmp_path):
    x = _pixels(3, 4, 4)
    write_pictures([pa.table({"image": _files(x)})], tmp_path / "out", Schema((IMAGE,)))
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"000000.png", "000001.png", "000002.png", NAME}
    assert [row for _, row in _back(tmp_path / "out").values()] == [{}] * 3


def test_arrays_become_files_as_bright_as_they_look(tmp_path):
    x = _pixels(4, 8, 8, most=16)
    table = pa.table({"image": pa.FixedShapeTensorArray.from_numpy_ndarray(x)})
    write_pictures([table], tmp_path / "out", Schema((IMAGE,)), white=16)
    for picture, (pixels, _) in zip(x, _back(tmp_path / "out").values()):
        assert np.abs(pixels / 255 - picture / 16).max() < 0.004


def test_the_sheet_shows_the_first_pictures(tmp_path):
    x = _pixels(130, 10, 10, 3)
    write_pictures([pa.table({"image": _files(x)})], tmp_path / "out", Schema((IMAGE,)))
    sheet = np.asarray(Image.open(tmp_path / "out" / NAME))
    scale = sheet.shape[0] // (10 * 12 - 2)
    np.testing.assert_array_equal(sheet[::scale, ::scale][:10, 12:22], x[1])
    np.testing.assert_array_equal(sheet[::scale, ::scale][-10:, -10:], x[99])


def test_folders_are_replaced_only_where_they_are_ours(tmp_path):
    tables, schema, out = [pa.table({"image": _files(_pixels(2, 4, 4))})], Schema((IMAGE,)), tmp_path / "out"
    out.mkdir()
    write_pictures(tables, out, schema)  # an empty one
    with pytest.raises(ConfigError, match="exists; add --overwrite"):
        write_pictures(tables, out, schema)
    write_pictures([t.slice(1) for t in tables], out, schema, overwrite=True)
    assert len(_back(out)) == 1
    (out / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds something else"):
        write_pictures(tables, out, schema, overwrite=True)
    assert (out / "notes.txt").read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match="holds something else"):
        write_pictures(tables, tmp_path / "file", schema, overwrite=True)
    with pytest.raises(ConfigError, match="is not a folder"):
        write_pictures(tables, tmp_path / "no" / "out", schema)


def test_nothing_half_written_stays(tmp_path):
    def broken():
        yield pa.table({"image": _files(_pixels(2, 4, 4))})
        raise DataError("enough")

    with pytest.raises(DataError, match="enough"):
        write_pictures(broken(), tmp_path / "out", Schema((IMAGE,)))
    assert not list(tmp_path.iterdir())


def test_tables_that_a_folder_cannot_hold_are_refused(tmp_path):
    with pytest.raises(DataError, match="no column of pictures"):
        write_pictures([], tmp_path / "out", Schema((LABEL,)))
    with pytest.raises(DataError, match="there are image, other"):
        write_pictures([], tmp_path / "out", Schema((IMAGE, Column("other", "image"))))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".csv", ".tsv.gz", ".jsonl", ".txt"])
def test_files_of_text_hold_no_pictures(tmp_path, ending):
    table = pa.table({"image": _files(_pixels(2, 4, 4))})
    with pytest.raises(DataError, match=r"holds no pictures .*name a folder, such as -o out/, or a \.parquet file"):
        write([table], tmp_path / f"out{ending}", Schema((IMAGE,)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["files", "paths", "arrays"])
def test_parquet_keeps_them(tmp_path, kind):
    x = _pixels(3, 4, 5)
    column = pa.FixedShapeTensorArray.from_numpy_ndarray(x) if kind == "arrays" else _files(x)
    if kind == "paths":
        column = pa.array([{"bytes": content, "path": None} for content in column.to_pylist()])
        column = column.cast(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    table = pa.table({"image": column, "label": ["a", "b", "c"]})
    write([table, table], tmp_path / "out.parquet", Schema((IMAGE, LABEL)))
    assert parquet.read_table(tmp_path / "out.parquet").equals(pa.concat_tables([table, table]))
    records = read(tmp_path / "out.parquet")
    assert pa.Table.from_batches(list(records.open())).column("image").type == column.type


def test_terminals_are_told_sizes():
    table = pa.table({"image": _files(_pixels(2, 4, 7)), "label": ["a", "b"]})
    tables, schema = described([table], Schema((IMAGE, LABEL)))
    assert next(tables).to_pylist() == [{"image": "7×4 picture", "label": "a"}, {"image": "7×4 picture", "label": "b"}]
    assert schema["image"].kind == "category"
    arrays = pa.table({"image": pa.FixedShapeTensorArray.from_numpy_ndarray(_pixels(1, 4, 7, 3))})
    assert next(described([arrays], Schema((IMAGE,)))[0]).to_pylist() == [{"image": "7×4 picture"}]
