"""The tensors of a folder, from `model.safetensors` or from its parts, each taken once and by its expected shape.

    {"weight_map": {"model.norm.weight": "model-00002-of-00002.safetensors", …}}    model.safetensors.index.json

Only safetensors are read (https://github.com/huggingface/safetensors): files of other formats can hold programs.
"""

import re
from pathlib import Path

import torch
from torch import Tensor

from genwright.core.errors import RunError, UnsupportedError
from genwright.runs.hugging_face.documents import read_document

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
_SHARD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\.safetensors")
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_UNSAFE = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")


class Tensors:
    """Named tensors.

    Args:
        found: Name → tensor.
        place: Where they come from, for messages.
    """

    def __init__(self, found: dict[str, Tensor], place: Path):
        self._found, self._place = dict(found), place

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def take(self, name: str, *shape: int) -> Tensor:
        """A tensor in float32, which is then no longer here.

        Raises:
            RunError: there is none, or it has another shape.
            UnsupportedError: it is compressed.
        """
        x = self._found.pop(name, None)
        if x is None:
            raise RunError(f"{self._place} has no tensor {name}, which config.json implies; get the folder anew")
        if tuple(x.shape) != shape:
            raise RunError(f"{self._place}: {name} is {_told(x.shape)}, and config.json implies {_told(shape)}")
        if x.dtype not in FLOATS:
            raise UnsupportedError(f"{self._place}: {name} is {x.dtype}; get the weights in 16 or 32 bits")
        return x.float()

    def check_empty(self, ignored: str) -> None:
        """Tells tensors that nobody took.

        Args:
            ignored: A regular expression of names that mean nothing.

        Raises:
            UnsupportedError: there are some.
        """
        rest = [name for name in self._found if not re.fullmatch(rf"(transformer\.)?({ignored})|lm_head\.weight", name)]
        if rest:
            raise UnsupportedError(f"{self._place} has tensors that gpt does not know, such as {rest[0]} ({len(rest)})")


def read_tensors(folder: Path) -> Tensors:
    """All tensors of a folder.

    Raises:
        RunError: there are none, or one of the files is absent or damaged; names it.
    """
    if (folder / WEIGHTS).exists():
        return Tensors(_load(folder / WEIGHTS), folder / WEIGHTS)
    if not (folder / INDEX).exists():
        raise RunError(_absent(folder))
    names = read_document(folder / INDEX).get("weight_map")
    if not isinstance(names, dict) or not all(isinstance(n, str) and _SHARD.fullmatch(n) for n in names.values()):
        raise RunError(f"{folder / INDEX} has no weight_map of names of .safetensors files in the folder")
    found: dict[str, Tensor] = {}
    for shard in sorted(set(names.values())):
        found |= _load(folder / shard)
    return Tensors(found, folder)


def _load(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise RunError(f"{path} is absent; get the folder anew")
    try:
        return load_file(path)
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise RunError(f"{path} is damaged: {error}; get the folder anew") from None


def _absent(folder: Path) -> str:
    unsafe = sorted(p.name for pattern in _UNSAFE for p in folder.glob(pattern))
    if not unsafe:
        return f"{folder} has no {WEIGHTS}; expected a folder that transformers' save_pretrained wrote"
    return (
        f"{folder} has {unsafe[0]} and no {WEIGHTS}; such files can hold programs and are not read: load the folder "
        "with transformers where you trust it, and save it again with save_pretrained, which writes safetensors"
    )


def _told(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
