"""Published sets of pictures that are known by name: where their files may lie, and what must be in them.

They are looked for in this order, in folders of the set's name, as IDX files or `.npz`:

    the folders (or files) of the variable GENWRIGHT_DATA
    ~/.cache/genwright            where `genwright download` puts them
    /usr/share/datasets           Debian's package dataset-fashion-mnist
    ~/.keras/datasets
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genwright.core.errors import DataError
from genwright.data.idx import is_idx_name

VARIABLE = "GENWRIGHT_DATA"
SYSTEM = Path("/usr/share/datasets")


@dataclass(frozen=True)
class KnownSet:
    """A published set.

    Args:
        name: Its name here.
        folders: Names of folders and `.npz` files that hold it.
        classes: Words for its labels 0, 1, 2 …; none: their digits.
        urls: Places on the network that have its files, each gzipped.
        files: Name → bytes and SHA-256 of each file, unpacked.
    """

    name: str
    folders: tuple[str, ...]
    classes: tuple[str, ...]
    urls: tuple[str, ...]
    files: dict[str, tuple[int, str]]


MNIST = KnownSet(
    "mnist",
    ("mnist", "MNIST"),
    (),
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    {
        "train-images-idx3-ubyte": (47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        "train-labels-idx1-ubyte": (60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        "t10k-images-idx3-ubyte": (7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        "t10k-labels-idx1-ubyte": (10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    },
)
FASHION_MNIST = KnownSet(
    "fashion-mnist",
    ("fashion-mnist", "FashionMNIST", "fashion_mnist", "fashion"),
    (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    {
        "train-images-idx3-ubyte": (47_040_016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        "train-labels-idx1-ubyte": (60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        "t10k-images-idx3-ubyte": (7_840_016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        "t10k-labels-idx1-ubyte": (10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    },
)
KNOWN = {known.name: known for known in (FASHION_MNIST, MNIST)}


def cache_folder() -> Path:
    """Where downloads go."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genwright"


def find(known: KnownSet) -> Path:
    """The folder of IDX files, or the `.npz` file, of a set.

    Raises:
        DataError: it is nowhere; tells where it was looked for and what to do.
    """
    places = _roots()
    found = next((place for root in places for place in _candidates(root, known) if _is_it(place)), None)
    if found is not None:
        return found
    listed = ", ".join(f"{root}/{known.folders[0]}" for root in places)
    hint = "; Debian has it as dataset-fashion-mnist" if known is FASHION_MNIST else ""
    raise DataError(
        f"{known.name} is not on this machine; looked for IDX or .npz files in {listed}. Get it with: genwright "
        f"download {known.name}, or point {VARIABLE} to the folder with {known.folders[0]} in it{hint}"
    )


def _roots() -> list[Path]:
    said = [Path(p).expanduser() for p in os.environ.get(VARIABLE, "").split(os.pathsep) if p]
    return [*said, cache_folder(), SYSTEM, Path.home() / ".keras" / "datasets"]


def _candidates(root: Path, known: KnownSet) -> Iterator[Path]:
    """Places below a root, or itself, if it has the set's name."""
    if root.name in known.folders or (root.suffix == ".npz" and root.stem in known.folders):
        yield root
    for name in known.folders:
        yield from (root / name, root / name / "raw", root / f"{name}.npz", root / name / f"{name}.npz")


def _is_it(place: Path) -> bool:
    try:
        if place.suffix == ".npz":
            return place.is_file()
        return place.is_dir() and any(is_idx_name(p.name) and "images" in p.name for p in place.iterdir())
    except OSError:
        return False
