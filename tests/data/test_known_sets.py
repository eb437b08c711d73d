"""Published sets are found by name where they lie, and loaded from a server, whatever it does."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genwright.core.errors import ConfigError, DataError, UnknownNameError
from genwright.data import known_sets
from genwright.data.download import fetch, is_right
from genwright.data.infer import infer
from genwright.data.known_sets import FASHION_MNIST, KNOWN, MNIST, find
from genwright.data.read import read
from tests.data.picture_files import pixels
from tests.data.test_read_picture_arrays import FASHION, idx, images, labels


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No set is on the machine."""
    monkeypatch.delenv("GENWRIGHT_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(known_sets, "SYSTEM", tmp_path / "system")
    return tmp_path


def put_idx(folder: Path, n: int = 3) -> np.ndarray:
    folder.mkdir(parents=True)
    x = pixels(n, 4, 4)
    (folder / "train-images-idx3-ubyte").write_bytes(idx(x))
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(n)))
    return x


def test_what_is_nowhere_is_told_with_all_places(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENWRIGHT_DATA", str(nowhere / "mine"))
    for name, hint in (("mnist", "in it$"), ("fashion-mnist", "Debian has it as dataset-fashion-mnist")):
        with pytest.raises(
            DataError, match=rf"{name} is not on this machine; .*download {name}.*GENWRIGHT_DATA.*{hint}"
        ) as e:
            read(name)
        for place in ("mine", "cache/genwright", "system", "home/.keras/datasets"):
            assert str(nowhere / place / name) in str(e.value)


@pytest.mark.parametrize(
    "place", ["mine/mnist", "mine/MNIST/raw", "cache/genwright/mnist", "system/mnist", "home/.keras/datasets/mnist"]
)
def test_places_of_idx_files(nowhere: Path, monkeypatch: pytest.MonkeyPatch, place: str, caplog: Any) -> None:
    monkeypatch.setenv("GENWRIGHT_DATA", f"{nowhere / 'other'}:{nowhere / 'mine'}")
    x = put_idx(nowhere / place)
    caplog.set_level("INFO")
    records = read("mnist")
    assert (records.name, records.path) == ("mnist", None)
    assert np.array_equal(images(records), x)
    assert labels(records) == ["0", "1", "2"]
    assert f"mnist: found in {nowhere / place}" in caplog.text
    with pytest.raises(ConfigError, match="has no part 'test'; it has train"):
        read("mnist", part="test")


def test_the_variable_may_name_the_set_itself(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = put_idx(nowhere / "fashion-mnist")
    monkeypatch.setenv("GENWRIGHT_DATA", str(nowhere / "fashion-mnist"))
    assert np.array_equal(images(read("fashion-mnist")), x)
    assert labels(read("fashion-mnist")) == ["T-shirt/top", "Trouser", "Pullover"]
    with pytest.raises(DataError, match="mnist is not on this machine"):
        read("mnist")
    np.savez(nowhere / "mnist.npz", x_train=x, y_train=np.arange(3), x_test=x[:1], y_test=np.arange(1))
    monkeypatch.setenv("GENWRIGHT_DATA", str(nowhere / "mnist.npz"))
    assert read("mnist").n_rows == 3
    assert read("mnist", part="test").n_rows == 1


def test_labels_beyond_the_classes_are_told(nowhere: Path) -> None:
    put_idx(nowhere / "system/fashion-mnist", n=11)
    with pytest.raises(DataError, match="labels are 0 … 10, and 10 classes are known"):
        read("fashion-mnist")


def test_digits_as_pictures() -> None:
    records = read("digits-pictures")
    assert images(records).shape == (1797, 8, 8)
    assert images(records).max() == 16
    table = read("digits")
    batch = next(table.open())
    assert np.array_equal(images(records)[0, 2], [batch.column(f"p2{i}")[0].as_py() for i in range(8)])
    assert labels(records)[:3] == ["0", "1", "2"]
    assert [column.kind for column in infer(records)[0]] == ["image", "category"]
    with pytest.raises(ConfigError, match="digits has no parts; part is for fashion-mnist and mnist"):
        read("digits", part="test")


@pytest.mark.skipif(not FASHION.exists(), reason=f"{FASHION} is not there")
def test_the_sums_of_fashion_mnist_are_those_of_debians_copy() -> None:
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "train-labels-idx1-ubyte"):
        assert is_right(FASHION / f"{name}.gz", *FASHION_MNIST.files[name])
    assert not is_right(FASHION / "t10k-labels-idx1-ubyte.gz", *MNIST.files["t10k-labels-idx1-ubyte"])


class Server(ThreadingHTTPServer):
    """Serves files from memory, and does what it is told to do wrong."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = {}  # file → what to do wrong, one request after the other
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name, begin = self.path.lstrip("/"), self.headers.get("Range")
        self.server.asked.append((name, begin))
        faults = self.server.faults.get(name, [])
        fault = faults.pop(0) if faults else ""
        data = self.server.files.get(name)
        if data is None or fault == "error":
            self.send_error(404 if data is None else 503)
            return
        start = int(begin.removeprefix("bytes=").rstrip("-")) if begin and fault != "no ranges" else 0
        if start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        body = data[start:]
        if fault == "corrupt":
            body = bytes([body[0] ^ 255]) + body[1:]
        self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with a small set, known as mnist."""
    found = Server()
    contents = {"train-images-idx3-ubyte": idx(pixels(50, 28, 28)), "train-labels-idx1-ubyte": idx(np.arange(50) % 10)}
    found.files = {f"{name}.gz": gzip.compress(data) for name, data in contents.items()}
    files = {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in contents.items()}
    monkeypatch.setitem(KNOWN, "mnist", replace(MNIST, urls=(f"{found.url}gone/", found.url), files=files))
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


IMAGES = "train-images-idx3-ubyte.gz"


def test_a_set_is_loaded_checked_and_found(server: Server, nowhere: Path) -> None:
    place = fetch("mnist")
    assert place == nowhere / "cache/genwright/mnist"
    assert sorted(p.name for p in place.iterdir()) == sorted(server.files)
    assert all((place / name).read_bytes() == data for name, data in server.files.items())
    assert find(MNIST) == place
    assert read("mnist").n_rows == 50
    n = len(server.asked)
    fetch("mnist")
    assert len(server.asked) == n  # what is there is not loaded again
    (place / IMAGES).write_bytes(b"damaged")
    fetch("mnist")
    assert (place / IMAGES).read_bytes() == server.files[IMAGES]


def test_what_was_interrupted_goes_on(server: Server, tmp_path: Path) -> None:
    server.faults = {IMAGES: ["cut"]}
    with pytest.raises(
        DataError, match=r"cannot be downloaded: .*the server answers 404; .*the connection ended after"
    ):
        fetch("mnist", tmp_path / "x")
    half = len(server.files[IMAGES]) // 2
    assert not (tmp_path / "x" / IMAGES).exists()
    assert (tmp_path / "x" / f"{IMAGES}.part").stat().st_size == half
    fetch("mnist", tmp_path / "x")
    assert (IMAGES, f"bytes={half}-") in server.asked
    assert (tmp_path / "x" / IMAGES).read_bytes() == server.files[IMAGES]
    assert not list((tmp_path / "x").glob("*.part"))


@pytest.mark.parametrize("begun", [b"something else", b"\1" * 10**6, b""])
def test_what_was_begun_wrong_is_loaded_anew(server: Server, tmp_path: Path, begun: bytes) -> None:
    (tmp_path / f"{IMAGES}.part").write_bytes(begun)
    fetch("mnist", tmp_path)
    assert (tmp_path / IMAGES).read_bytes() == server.files[IMAGES]


def test_a_server_without_ranges_begins_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{IMAGES}.part").write_bytes(server.files[IMAGES][:100])
    server.faults = {IMAGES: ["no ranges"]}
    fetch("mnist", tmp_path)
    assert (tmp_path / IMAGES).read_bytes() == server.files[IMAGES]


def test_a_whole_file_without_its_name_is_not_loaded_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{IMAGES}.part").write_bytes(server.files[IMAGES])
    fetch("mnist", tmp_path)
    assert (tmp_path / IMAGES).read_bytes() == server.files[IMAGES]


def test_corrupted_files_never_get_their_name(server: Server, tmp_path: Path) -> None:
    server.faults = {IMAGES: ["corrupt"]}
    with pytest.raises(DataError, match=r"what came is not what it should be \(SHA-256\); try again"):
        fetch("mnist", tmp_path)
    assert list(tmp_path.glob("train-*")) == []
    bomb = gzip.compress(bytes(10**7))
    server.files[IMAGES] = bomb
    with pytest.raises(DataError, match="SHA-256"):
        fetch("mnist", tmp_path)
    server.files[IMAGES] = bytes(10**6)  # more than what it should hold unpacked
    with pytest.raises(DataError, match=r"SHA-256|connection ended"):
        fetch("mnist", tmp_path)


def test_unknown_sets_and_servers_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="no mnits in the sets that can be downloaded; did you mean mnist"):
        fetch("mnits")
    monkeypatch.setitem(KNOWN, "mnist", replace(MNIST, urls=("http://127.0.0.1:9/",)))
    with pytest.raises(DataError, match=r"cannot be downloaded: .*refused.*by hand"):
        fetch("mnist", tmp_path)
