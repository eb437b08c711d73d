"""What a model drew while it was learning: small sheets of pictures in its training log, always of the same noise."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from genwright.data.data_uri import is_data_uri
from genwright.report.words import is_known

MOST = 8  # sheets that are shown, evenly spread, the last one among them


def views(log: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """For the page: each sheet with the step it was drawn at; nothing where there are none."""
    lines = [line for line in log if is_known(line.get("step")) and is_data_uri(line.get("drawn"))]
    at = np.linspace(0, max(len(lines) - 1, 0), min(MOST, len(lines))).round().astype(int).tolist()
    shown = [lines[i] for i in at]
    return [
        {"src": line["drawn"], "step": f"{line['step']:,.0f}", "alt": f"Draws at training step {line['step']:,.0f}"}
        for line in shown
    ]
