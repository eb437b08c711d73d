"""Folders, archives and files of pictures as records."""

import gzip
import json
import os
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from genwright.core.errors import ConfigError, DataError
from genwright.core.records import Records
from genwright.data.fingerprint import fingerprint
from genwright.data.pictures import decoded
from genwright.data.read import read
from tests.data.helpers import rows, whole
from tests.data.picture_files import PEAK, TEXT_BOMB, encoded, pixels, png, put

FOLDERS = {"cat/b.png": None, "cat/a.PNG": None, "dog/1.Jpg": None, "dog/2.webp": None}


def folder(place: Path, files: dict[str, bytes | None]) -> Path:
    for name, data in files.items():
        put(place / name, data)
    return place


def paths(records: Records) -> list[str]:
    return [row["path"] for row in rows(records)["image"]]


def test_a_folder_of_folders_has_labels(tmp_path: Path) -> None:
    records = read(folder(tmp_path, FOLDERS))
    assert records.n_rows == 4
    assert records.arrow_schema.names == ["image", "label"]
    assert rows(records)["label"] == ["cat", "cat", "dog", "dog"]
    assert paths(records) == ["cat/a.PNG", "cat/b.png", "dog/1.Jpg", "dog/2.webp"]
    first = rows(records)["image"][0]
    assert first["bytes"] == (tmp_path / "cat/a.PNG").read_bytes()
    assert rows(records) == rows(records)
    assert fingerprint(records) == fingerprint(read(tmp_path))


@pytest.mark.parametrize("outer", ["", "photos/", "a/photos/"])
def test_folders_around_all_pictures_are_no_labels(tmp_path: Path, outer: str) -> None:
    files = {f"{outer}{part}/{kind}/{i}.png": None for part in ("train", "test") for kind in "xy" for i in range(2)}
    put(tmp_path / f"{outer}train/metadata.csv", b"file_name,n\nx/0.png,7\n")
    records = read(folder(tmp_path, files), part="train")
    assert rows(records) | {"image": 0} == {"image": 0, "n": ["7", None, None, None], "label": ["x", "x", "y", "y"]}
    flat = folder(tmp_path / "flat", {f"{outer}{kind}/0.png": None for kind in ("cat", "big/dog")})
    assert rows(read(flat))["label"] == ["big/dog", "cat"]
    assert rows(read(folder(tmp_path / "one", {f"{outer}cat/0.png": None})))["label"] == [f"{outer}cat"]


def test_labels_of_nested_folders_and_of_none(tmp_path: Path, caplog: Any) -> None:
    names = ("animals/cat/1.png", "animals/cat/2.png", "cars/1.png", "0.png", ".hidden/1.png", "cars/.2.png")
    records = read(folder(tmp_path, dict.fromkeys(names)))
    assert rows(records)["label"] == [None, "animals/cat", "animals/cat", "cars"]
    assert "labels with one picture, which is little to learn from: cars" in caplog.text
    assert "1 picture is in no sub-folder; its label is missing" in caplog.text
    assert read(folder(tmp_path / "flat", {"1.png": None, "2.png": None})).arrow_schema.names == ["image"]


def test_folders_without_anything_are_named(tmp_path: Path, caplog: Any) -> None:
    for name in ("bird", ".hidden", "fish/deep"):
        (tmp_path / name).mkdir(parents=True)
    read(folder(tmp_path, {"cat/1.png": None, "cat/2.png": None}))
    bare = f"{tmp_path / 'bird'}; {tmp_path / 'fish' / 'deep'}"
    assert caplog.messages == [f"{tmp_path}: folders with nothing in them: {bare}"]


def test_labels_that_look_like_numbers_or_nothing_stay_words(tmp_path: Path) -> None:
    records = read(folder(tmp_path, {"NA/1.png": None, "007/1.png": None, "null/1.png": None}))
    assert rows(records)["label"] == ["007", "NA", "null"]


def test_names_in_any_script(tmp_path: Path) -> None:
    names = ["猫/一.png", "größe/é ü.png", "Кот/'\"\n.png", "😀/😀.png"]
    records = read(folder(tmp_path, dict.fromkeys(names)))
    assert sorted(paths(records)) == sorted(names)
    assert set(rows(records)["label"]) == {"猫", "größe", "Кот", "😀"}


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux only")
def test_names_that_are_no_unicode_are_written_out(tmp_path: Path) -> None:
    place = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(place)
    with open(place + b"/\xff.png", "wb") as file:
        file.write(encoded(pixels()))
    assert rows(read(tmp_path))["label"] == ["caf\\xe9"]
    assert paths(read(tmp_path)) == ["caf\\xe9/\\xff.png"]
    with open(place + b"/\xfe.png", "wb") as file:
        file.write(b"x")
    with pytest.raises(DataError, match=r"\\xfe\.png is no picture"):
        read(tmp_path)


def test_parts_are_read_one_at_a_time(tmp_path: Path) -> None:
    names = ("train/cat/1.png", "train/dog/1.png", "train/dog/2.png", "Test/cat/1.png", "val/dog/9.png")
    folder(tmp_path, dict.fromkeys(names))
    assert rows(read(tmp_path))["label"] == ["cat", "dog", "dog"]
    assert paths(read(tmp_path, part="test")) == ["Test/cat/1.png"]
    assert paths(read(tmp_path, part="validation")) == ["val/dog/9.png"]
    with pytest.raises(ConfigError, match="part = 'tests'; expected one of train, test, validation"):
        read(tmp_path, part="tests")
    put(tmp_path / "other/1.png")
    assert rows(read(tmp_path))["label"][-1] == "val/dog"
    with pytest.raises(ConfigError, match="has no part 'test'; it has no parts"):
        read(tmp_path, part="test")


def test_a_captions_file_tells_more(tmp_path: Path, caplog: Any) -> None:
    folder(tmp_path, dict.fromkeys(["img/a.png", "img/b.png", "img/c.png"]))
    (tmp_path / "captions.csv").write_text("n,file,text\n1,img/a.png,a cat\n2,./img/b.png,a dog\n7,img/a.png,one cat\n")
    records = read(tmp_path)
    assert records.n_rows == 4
    assert records.is_text
    assert paths(records) == ["img/a.png", "img/a.png", "img/b.png", "img/c.png"]
    assert rows(records)["text"] == ["a cat", "one cat", "a dog", None]
    assert rows(records)["n"] == ["1", "7", "2", None]
    assert "1 pictures are not in it" in caplog.text


def test_captions_beside_pictures_and_labels(tmp_path: Path) -> None:
    folder(tmp_path, dict.fromkeys(["train/x/a.png", "train/y/b.png", "test/x/a.png"]))
    lines = [{"file_name": "x/a.png", "size": 3}, {"file_name": "y/b.png", "size": 4}]
    (tmp_path / "train/metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "test/metadata.jsonl").write_text(json.dumps({"file_name": "x/a.png", "size": 9}))
    records = read(tmp_path)
    assert {name: values for name, values in rows(records).items() if name != "image"} == {
        "size": [3, 4],
        "label": ["x", "y"],
    }
    assert rows(read(tmp_path, part="test"))["size"] == [9]
    (tmp_path / "train/metadata.jsonl").write_text(json.dumps({"file_name": "x/a.png", "label": "mine"}))
    assert rows(read(tmp_path))["label"] == ["mine", None]


def test_captions_with_names_alone_leave_the_labels(tmp_path: Path) -> None:
    folder(tmp_path, dict.fromkeys(["x/a.png", "y/b.png"]))
    (tmp_path / "captions.csv").write_text("file\nx/a.png\ny/b.png\n")
    assert rows(read(tmp_path))["label"] == ["x", "y"]


def test_wrong_captions_are_told(tmp_path: Path, caplog: Any) -> None:
    folder(tmp_path, dict.fromkeys(["a.png", "b.png"]))
    captions = tmp_path / "captions.csv"
    captions.write_text("file,text\na.png,x\nc.png,y\n")
    with pytest.raises(DataError, match=r"captions.csv: row 2 names 'c.png', which is not there; mend the name; or"):
        read(tmp_path)
    assert rows(read(tmp_path, skip_bad=True))["text"] == ["x", None]
    assert "1 skipped: " in caplog.text
    captions.write_text("file,text\na,x\nb,y\n")
    with pytest.raises(DataError, match=r"no column names the pictures, such as 'a.png'; add a column file_name"):
        read(tmp_path)
    (tmp_path / "metadata.csv").write_text("file,text\na.png,x\n")
    with pytest.raises(DataError, match="are both captions; keep one of them"):
        read(tmp_path)


BAD = {
    "empty.png": (b"", r"empty\.png is empty \(0 bytes\)"),
    "words.jpg": (b"hello", r"words\.jpg is no picture that can be read"),
    "huge.png": (png(20_000, 20_000), r"huge\.png has more than 50,000,000 pixels"),
    "bomb.png": (png(10, 10, TEXT_BOMB), r"bomb\.png is damaged: Decompressed data too large"),
}


@pytest.mark.parametrize("name", BAD)
def test_the_first_bad_file_is_named(tmp_path: Path, name: str) -> None:
    data, message = BAD[name]
    folder(tmp_path, {"a/x.png": None, f"b/{name}": data})
    with pytest.raises(DataError, match=rf"b/{message}.*; or leave out what cannot be read with skip_bad=True"):
        read(tmp_path)


def test_skipping_counts_and_names_what_is_bad(tmp_path: Path, caplog: Any) -> None:
    truncated = encoded(pixels(64, 64, 3))[:-2000]
    files = {"good.png": None, "wrong-ending.png": encoded(pixels(), "JPEG"), "truncated.png": truncated}
    records = read(folder(tmp_path, {**files, **{name: data for name, (data, _) in BAD.items()}}), skip_bad=True)
    assert paths(records) == ["good.png", "wrong-ending.png"]
    assert records.n_rows == 2
    assert records.options == {"skip_bad": True}
    assert "5 skipped: " in caplog.text
    for name in ("truncated", "huge", "bomb", "empty", "words"):
        assert f"{name}." in caplog.text
    with pytest.raises(DataError, match=r"none of its 1 pictures can be read; .*words\.png is no picture"):
        read(folder(tmp_path / "bad", {"words.png": b"hello"}), skip_bad=True)


def test_treatments_are_said(tmp_path: Path, caplog: Any) -> None:
    frames = [Image.new("L", (4, 4), i) for i in (0, 9)]
    folder(tmp_path, {"a.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), "b.png": None})
    put(tmp_path / "c.heic", b"x")
    put(tmp_path / "notes.txt", b"x")
    records = read(tmp_path)
    assert records.n_rows == 2
    assert "the first picture is taken of an animated one: " in caplog.text
    assert "files that are no pictures are left out: 1 .heic, 1 .txt" in caplog.text


def test_links_may_not_point_out_of_the_folder(tmp_path: Path, caplog: Any) -> None:
    inside = folder(tmp_path / "in", {"a/1.png": None})
    put(tmp_path / "secret/2.png")
    (inside / "a/ok.png").symlink_to(inside / "a/1.png")
    assert paths(read(inside)) == ["a/1.png", "a/ok.png"]
    bad = {"a/out.png": "../../secret/2.png", "a/loop.png": "loop.png", "a/none.png": "none", "folder": "../secret"}
    for name, target in bad.items():
        (inside / name).symlink_to(target)
    (inside / "again").symlink_to("a")
    with pytest.raises(DataError, match=r"loop\.png is a link to nothing; remove it"):
        read(inside)
    assert paths(read(inside, skip_bad=True)) == ["a/1.png", "a/ok.png"]
    for words in (
        "out.png is a link that points out",
        "folder is a link that points out",
        "again is a link to a folder",
    ):
        assert words in caplog.text
    assert caplog.text.count("is a link to nothing; remove it") == 2


def test_a_single_file_may_be_a_link(tmp_path: Path) -> None:
    put(tmp_path / "there/1.png")
    for name, target in {"a.png": "there/1.png", "b.png": "a.png", "loop.png": "loop.png"}.items():
        (tmp_path / name).symlink_to(target)
    for name in ("a.png", "b.png"):
        assert rows(read(tmp_path / name))["image"][0]["bytes"] == (tmp_path / "there/1.png").read_bytes()
    with pytest.raises(DataError):
        read(tmp_path / "loop.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(folder(tmp_path, {"a.png": None}) / "b.png")
    with pytest.raises(DataError, match=r"b\.png is no regular file but a pipe or a device"):
        read(tmp_path)


def test_folders_without_pictures(tmp_path: Path) -> None:
    folder(tmp_path, {"a/x.heic": b"x", "a/y.heic": b"x", "notes.bin": b"x", ".hidden.png": None})
    with pytest.raises(DataError, match=r"a folder with .*notes.bin \(inside: 2 .heic\); expected .* or pictures"):
        read(tmp_path)
    put(tmp_path / "zero.png", b"")
    with pytest.raises(DataError, match=r"zero\.png is empty; expected a picture"):
        read(tmp_path / "zero.png")


def test_a_folder_of_texts_with_a_picture_is_one_of_texts(tmp_path: Path) -> None:
    folder(tmp_path, {"a.md": b"some words\n", "b.md": b"more words\n", "logo.png": None})
    assert "text" in read(tmp_path).arrow_schema.names


def test_a_single_picture_is_a_row(tmp_path: Path) -> None:
    records = read(put(tmp_path / "a.png"))
    assert (records.n_rows, records.arrow_schema.names, paths(records)) == (1, ["image"], ["a.png"])


def archive(path: Path, files: dict[str, bytes | None], **options: Any) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as found:
        for name, data in files.items():
            found.writestr(name, encoded(pixels()) if data is None else data)
    return path


def test_archives_are_folders(tmp_path: Path) -> None:
    files = {**FOLDERS, "__MACOSX/cat/._a.png": b"x", "cat/.hidden.png": b"x", "notes.txt": b"x"}
    records = read(archive(tmp_path / "x.zip", files))
    assert rows(records)["label"] == ["cat", "cat", "dog", "dog"]
    assert paths(records) == ["cat/a.PNG", "cat/b.png", "dog/1.Jpg", "dog/2.webp"]
    assert rows(records) == rows(records)
    assert os.listdir(tmp_path) == ["x.zip"]


@pytest.mark.parametrize("top", ["", "shapes/"])
def test_captions_in_an_archive_are_read(tmp_path: Path, top: str) -> None:
    captions = {f"{top}captions.csv": b"file,text,n\na.png,a cat,1\nb.png,a dog,2\na.png,one cat,3\n"}
    pictures: dict[str, bytes | None] = {f"{top}{name}.png": None for name in "ab"}
    unpacked = folder(tmp_path / "folder", {**pictures, **captions})
    records = read(archive(tmp_path / "x.zip", {**pictures, **captions}))
    assert rows(records)["text"] == ["a cat", "one cat", "a dog"] == rows(read(unpacked))["text"]
    assert records.arrow_schema == read(unpacked).arrow_schema
    assert paths(records) == [f"{top}a.png", f"{top}a.png", f"{top}b.png"]
    assert sorted(os.listdir(tmp_path)) == ["folder", "x.zip"]


def test_wrong_captions_in_an_archive_are_told(tmp_path: Path) -> None:
    def told(**captions: bytes) -> str:
        files = {f"{name}.csv": data for name, data in captions.items()}
        with pytest.raises(DataError) as found:
            read(archive(tmp_path / "x.zip", {"a.png": None, **files}))
        return str(found.value)

    assert f"{tmp_path}/x.zip/captions.csv: row 2 names 'c.png', which is not" in told(
        captions=b"f,t\na.png,x\nc.png,y\n"
    )
    assert "no column names the pictures, such as 'a.png'" in told(captions=b"f,t\na,x\nb,y\n")
    assert told(captions=b"").startswith(f"{tmp_path}/x.zip: captions.csv is empty")
    assert "are both captions; keep one of them" in told(captions=b"f\na.png\n", metadata=b"f\na.png\n")


def test_archives_that_do_harm_are_refused(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "bomb.zip", {f"{i}.bmp": bytes(20_000_000) for i in range(2)})
    with pytest.raises(DataError, match=r"bomb\.zip may be made to explode: 2 pictures of 40,000,000 bytes in"):
        read(bomb)
    with pytest.raises(DataError, match=r"x\.zip: \.\./a\.png has a name that leads out of the archive"):
        read(archive(tmp_path / "x.zip", {"../a.png": None}))
    with pytest.raises(DataError, match=r"is no whole ZIP archive"):
        read(put(tmp_path / "y.zip", b"PK\3\4 and no more"))
    with pytest.raises(DataError, match="holds no pictures"):
        read(archive(tmp_path / "z.zip", {"a.txt": b"x"}))
    link = zipfile.ZipInfo("a.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as found:
        found.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match=r"a\.png is a link"):
        read(tmp_path / "link.zip")


def test_an_archive_with_a_lying_or_damaged_entry(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", {"a.bmp": encoded(pixels(50, 50, 3), "BMP"), "b.png": None})
    data = bytearray(path.read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"a\.bmp cannot be unpacked"):
        read(path)
    assert paths(read(path, skip_bad=True)) == ["b.png"]


def test_mixed_sizes_and_channels_are_read_as_they_are(tmp_path: Path) -> None:
    shapes = [(1, 1), (5, 7), (9, 4, 3), (3, 3, 4)]
    records = read(folder(tmp_path, {f"{i}.png": encoded(pixels(*shape)) for i, shape in enumerate(shapes)}))
    assert [decoded(row["bytes"], row["path"]).shape for row in rows(records)["image"]] == shapes


def test_batches_are_limited_by_bytes(tmp_path: Path) -> None:
    large = encoded(pixels(750, 750, 3), "BMP")  # 1.7 MB
    records = read(folder(tmp_path, {f"{i}.bmp": large for i in range(5)}))
    assert [batch.num_rows for batch in records.open()] == [3, 2]
    assert whole(records).num_rows == 5


MEMORY = f"""{PEAK}
import sys
from genwright.data.fingerprint import fingerprint
from genwright.data.pictures import decoded
from genwright.data.read import read
import numpy, pyarrow.compute, PIL.Image
before = peak()
records = read(sys.argv[1], skip_bad=True)
for batch in records.open():
    for row in batch.column(0):
        decoded(row["bytes"].as_py(), "x", at_least=(64, 64))
print(records.n_rows, peak() - before)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_folder(tmp_path: Path) -> None:
    x = pixels(250, 250, 3)
    for i in range(2_000):  # 375 MB
        put(tmp_path / f"{i % 5}/{i}.bmp", encoded(np.roll(x, i), "BMP"))
    put(tmp_path / "0/large.jpg", encoded(np.zeros((7_000, 7_000, 3), np.uint8), "JPEG"))
    put(tmp_path / "0/large.png", encoded(np.zeros((7_000, 7_000, 3), np.uint8), "PNG"))
    found = subprocess.run([sys.executable, "-c", MEMORY, str(tmp_path)], capture_output=True, text=True, check=True)
    n, megabytes = map(int, found.stdout.split())
    assert n == 2_002
    assert megabytes < 300 + 16, found.stdout


ARRAYS = f"""{PEAK}
import sys
from genwright.data.read import read
import numpy, pyarrow.compute
read(numpy.zeros((2, 3, 3), numpy.uint8)).n_rows
before = peak()
records = read(sys.argv[1])
print(sum(batch.num_rows for batch in records.open()), peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["npz", "idx"])
def test_memory_does_not_grow_with_arrays(tmp_path: Path, form: str) -> None:
    shape, n_bytes = (100_000, 60, 60), 360_000_000
    if form == "npz":
        path, opened = (
            tmp_path / "a.npz",
            zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1),
        )
        with opened as packed, packed.open("x.npy", "w", force_zip64=True) as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for _ in range(100):
                file.write(bytes(n_bytes // 100))
    else:
        path = tmp_path / "train-images-idx3-ubyte.gz"
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(struct.pack(">BBBB3I", 0, 0, 8, 3, *shape))
            for _ in range(100):
                file.write(bytes(n_bytes // 100))
    found = subprocess.run([sys.executable, "-c", ARRAYS, str(path)], capture_output=True, text=True, check=True)
    n, megabytes = map(int, found.stdout.split())
    assert n == shape[0]
    assert megabytes < 150, found.stdout  # of 360
