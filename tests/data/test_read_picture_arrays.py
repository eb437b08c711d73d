"""Arrays of pictures, `.npy`, `.npz` and IDX files as records."""

import gzip
import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genwright.core.errors import ConfigError, DataError
from genwright.core.records import Records
from genwright.data.read import read
from tests.data.helpers import whole
from tests.data.picture_files import encoded, pixels

MNIST = Path("../shared/data/mnist/mnist.npz")
EMOJI = Path("../shared/data/emoji64/emoji64.npz")
FASHION = Path("/usr/share/datasets/fashion-mnist")


def images(records: Records) -> np.ndarray:
    return np.concatenate([batch.column(0).to_numpy_ndarray() for batch in records.open()])


def labels(records: Records) -> list[Any]:
    return whole(records)["label"].to_pylist()


@pytest.mark.parametrize("shape", [(9, 5, 6), (9, 5, 6, 3), (9, 5, 6, 1), (9, 4, 5, 6)])
def test_arrays_are_pictures(shape: tuple[int, ...], tmp_path: Path) -> None:
    x = pixels(*shape)
    np.save(tmp_path / "x.npy", x)
    for source in (x, tmp_path / "x.npy", np.asfortranarray(x), x[::-1][::-1]):
        records = read(source)
        assert records.n_rows == 9
        assert records.arrow_schema.names == ["image"]
        assert records.arrow_schema.types == [pa.fixed_shape_tensor(pa.uint8(), shape[1:])]
        assert np.array_equal(images(records), x)


def test_truth_values_are_two_levels() -> None:
    x = pixels(4, 3, 3) > 100
    assert np.array_equal(images(read(x)), x.astype(np.uint8))


def test_large_arrays_come_in_batches() -> None:
    x = np.zeros((5, 2_000, 3_000), np.uint8)
    assert [batch.num_rows for batch in read(x).open()] == [2, 2, 1]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 3, 3)), r"of pictures, make it uint8 first, for example \(255"),
        (np.zeros((2, 5, 5, 2), np.uint8), r"shape \(2, 5, 5, 2\); pictures are of shape \(N, H, W\), \(N, H, W, C\)"),
        (np.zeros((0, 5, 5), np.uint8), "has no rows"),
        (np.zeros((2, 0, 5), np.uint8), "pictures of no pixels"),
        (np.zeros((2, 2, 2, 2, 3), np.uint8), "expected two dimensions"),
    ],
)
def test_what_are_no_pictures_is_told(x: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(x)


def test_npz_in_parts_as_keras_has_it(tmp_path: Path) -> None:
    x, y = pixels(6, 4, 4), np.array([3, 1, 3, 0, 10, 1], np.uint8)
    np.savez_compressed(tmp_path / "a.npz", x_train=x[:4], y_train=y[:4], x_test=x[4:], y_test=y[4:])
    assert np.array_equal(images(read(tmp_path / "a.npz")), x[:4])
    assert labels(read(tmp_path / "a.npz")) == ["3", "1", "3", "0"]
    test = read(tmp_path / "a.npz", part="test")
    assert np.array_equal(images(test), x[4:])
    assert labels(test) == ["10", "1"]
    assert test.options == {"part": "test"}
    with pytest.raises(ConfigError, match="has no part 'validation'; it has train, test"):
        read(tmp_path / "a.npz", part="validation")


def test_npz_in_parts_as_medmnist_has_it(tmp_path: Path) -> None:
    x, y = pixels(3, 4, 4, 3), np.array([[1], [0], [1]])
    np.savez(tmp_path / "a.npz", train_images=x, train_labels=y, val_images=x[:1], val_labels=y[:1])
    records = read(tmp_path / "a.npz")
    assert records.arrow_schema.names == ["image", "label"]
    assert labels(records) == ["1", "0", "1"]
    assert read(tmp_path / "a.npz", part="validation").n_rows == 1


def test_npz_with_columns(tmp_path: Path, caplog: Any) -> None:
    x = pixels(3, 4, 4)
    beside = {
        "names": np.array(["a", "猫", ""]),
        "size": np.array([0.5, np.nan, 2]),
        "code": np.array([b"x", b"y", b"z"]),
    }
    np.savez(tmp_path / "a.npz", images=np.asfortranarray(x), **beside, classes=np.array(["u", "v"]), wide=np.eye(3))
    records = read(tmp_path / "a.npz")
    table = whole(records)
    assert np.array_equal(images(records), x)
    assert {name: table[name].to_pylist() for name in table.column_names[1:]} == {
        "names": ["a", "猫", ""],
        "size": [0.5, None, 2.0],
        "code": ["x", "y", "z"],
    }
    assert "array classes is left out: <U1 of shape (2,)" in caplog.text
    assert "array wide is left out: float64 of shape (3, 3)" in caplog.text


def test_npz_with_columns_in_another_order_of_bytes(tmp_path: Path) -> None:
    swapped = np.array([1.5, -2.0], np.dtype("<f8").newbyteorder())
    years = np.array(["2020", "1500"], "M8[Y]")
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 4, 4), np.uint8), weight=swapped, year=years)
    table = whole(read(tmp_path / "a.npz"))
    assert table["weight"].to_pylist() == [1.5, -2.0]
    assert [day.year for day in table["year"].to_pylist()] == [2020, 1500]


def test_npz_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=np.zeros(3), b=np.eye(3))
    with pytest.raises(DataError, match=r"no array of pictures, uint8 of shape .*; it has a float64 \(3,\), b float64"):
        read(path)
    np.savez(path, a=pixels(2, 3, 3), b=pixels(2, 3, 3))
    with pytest.raises(DataError, match="several arrays of pictures: a, b; keep one"):
        read(path)
    np.savez(path, x=pixels(2, 3, 3), y=np.array([{}, []], object))
    records = read(path)
    assert records.arrow_schema.names == ["image"]  # objects are never unpickled
    np.savez(path, x=pixels(20, 30, 30))
    whole_file = path.read_bytes()
    path.write_bytes(whole_file[:-300])
    with pytest.raises(DataError, match=r"a\.npz is damaged"):
        read(path)
    path.write_bytes(b"hello")
    with pytest.raises(DataError, match=r"a\.npz is damaged: File is not a zip file"):
        read(path)


@pytest.mark.parametrize("shape", [(-5,), (3, -1), (-1, 4, 4)])
def test_npz_with_a_negative_shape_is_not_unpacked(tmp_path: Path, shape: tuple[int, ...]) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    np.savez(tmp_path / "a.npz", x=pixels(3, 4, 4))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("y.npy", header.getvalue() + bytes(3))
    with pytest.raises(DataError, match=r"array y is damaged: shape \(.*-.*\); save it again"):
        whole(read(tmp_path / "a.npz"))


def test_npz_that_announces_more_than_it_has(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 28, 28)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(28 * 28))
    records = read(tmp_path / "a.npz")
    with pytest.raises(DataError, match="array x ends before its last row"):
        next(records.open())


def idx(x: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{x.ndim}I", 0, 0, 8, x.ndim, *x.shape) + x.astype(np.uint8).tobytes()


@pytest.mark.parametrize(
    "names",
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("emnist-images-idx3-ubyte.gz", "emnist-labels-idx1-ubyte"),
    ],
)
def test_idx_with_labels_beside(tmp_path: Path, names: tuple[str, str]) -> None:
    x, y = pixels(5, 4, 3), np.array([2, 0, 10, 2, 1])
    for name, values in zip(names, (x, y)):
        data = idx(values)
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    for source in (tmp_path / names[0], tmp_path):
        records = read(source)
        assert np.array_equal(images(records), x)
        assert labels(records) == ["2", "0", "10", "2", "1"]
    with pytest.raises(DataError, match="holds labels; name the file of pictures"):
        read(tmp_path / names[1])


def test_idx_parts_of_a_folder(tmp_path: Path) -> None:
    for name, n in (("train", 3), ("t10k", 2)):
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(idx(pixels(n, 2, 2)))
    assert read(tmp_path).n_rows == 3
    assert read(tmp_path, part="test").n_rows == 2
    assert read(tmp_path).arrow_schema.names == ["image"]
    with pytest.raises(ConfigError, match="has no part 'validation'; it has train, test"):
        read(tmp_path, part="validation")


GOOD = idx(np.zeros((3, 4, 4)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GOOD[:-1], "ends after 2 of 3 rows; copy or download it again"),
        (GOOD + b"x", "holds more than the 3 rows it announces"),
        (gzip.compress(GOOD, mtime=0)[:-9], "is damaged|ends after"),
        (b"hello", "is no IDX file"),
        (b"\0\0\x0d\3" + GOOD[4:], "holds values of type 0x0d; expected 0x08"),
        (b"\0\0\x08\7" + GOOD[4:], "has 7 dimensions"),
        (b"\0\0\x08\3\0\0", "is cut short"),
        (struct.pack(">BBBB3I", 0, 0, 8, 3, 1, 2**31, 2**31), "of more than 50,000,000"),
    ],
)
def test_damaged_idx_is_told(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message):
        whole(read(path))


def test_idx_labels_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(GOOD)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(2)))
    with pytest.raises(DataError, match=r"has 3 pictures, and .*labels-idx1-ubyte 2 labels; copy both again"):
        read(tmp_path)


@pytest.mark.skipif(not MNIST.exists(), reason=f"{MNIST} is not there")
def test_mnist_itself() -> None:
    records = read(MNIST, part="test")
    with np.load(MNIST) as file:
        assert np.array_equal(images(records), file["x_test"])
        assert labels(records) == [str(y) for y in file["y_test"]]


@pytest.mark.skipif(not EMOJI.exists(), reason=f"{EMOJI} is not there")
def test_emoji_themselves() -> None:
    records = read(EMOJI)
    assert records.arrow_schema.names == ["image", "emoji", "names", "groups", "subgroups"]
    assert images(records).shape == (1870, 64, 64, 3)


@pytest.mark.skipif(not FASHION.exists(), reason=f"{FASHION} is not there")
def test_fashion_mnist_itself() -> None:
    records = read(FASHION, part="test")
    raw = gzip.decompress((FASHION / "t10k-images-idx3-ubyte.gz").read_bytes())
    assert np.array_equal(images(records).reshape(-1), np.frombuffer(raw, np.uint8, offset=16))
    assert len(set(labels(records))) == 10


@pytest.mark.parametrize("is_folder", [False, True])
def test_parquet_with_pictures_comes_in_small_batches(tmp_path: Path, is_folder: bool) -> None:
    files = [encoded(pixels(20, 20, 3)) for _ in range(30)]
    noise = [
        file + bytes(np.random.default_rng(i).integers(0, 256, 1_000_000, np.uint8)) for i, file in enumerate(files)
    ]
    table = pa.table({"image": [{"bytes": file, "path": None} for file in noise], "n": range(30)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=20)
    records = read(tmp_path if is_folder else tmp_path / "a.parquet")
    batches = list(records.open())
    assert max(batch.num_rows for batch in batches) <= 17
    assert [n for batch in batches for n in batch.column(1).to_pylist()] == list(range(30))
    assert [row["bytes"] for batch in batches for row in batch.column(0).to_pylist()] == noise
    assert records.arrow_schema.field("image").type == table.schema.field("image").type


def test_parquet_with_tensors(tmp_path: Path) -> None:
    x = pixels(7, 5, 4, 3)
    pq.write_table(whole(read(x)), tmp_path / "a.parquet")
    assert np.array_equal(images(read(tmp_path / "a.parquet")), x)
