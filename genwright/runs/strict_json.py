"""JSON that every parser reads: plain ASCII, no bare NaN, sizes within a limit.

A float that JSON has no word for is written as {"$float": "nan"}, "inf" or "-inf", and read back as the float.
"""

import json
import math
from typing import Any

from genwright.core.errors import RunError

LIMIT = 512 * 2**20  # bytes of one JSON file
_NAMES = ("nan", "inf", "-inf")


def dumps(value: Any, indent: int | None = None) -> bytes:
    """A value as JSON text.

    Raises:
        RunError: something in it is not plain, or it is larger than what `loads` would read.
    """
    try:
        try:
            text = json.dumps(value, indent=indent, allow_nan=False, default=_plain)
        except ValueError:
            text = json.dumps(_tagged(value), indent=indent, allow_nan=False, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise RunError(f"a run keeps plain JSON values only: {error}") from None
    if len(text) > LIMIT:
        raise RunError(f"{len(text):,} bytes of JSON, at most {LIMIT:,} can be read back; use fewer categories")
    return text.encode("ascii")


def loads(text: bytes) -> Any:
    """The value that `dumps` wrote.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text.decode("utf-8"), object_hook=_untagged, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _plain(value: Any) -> Any:
    """Scalars and arrays of NumPy and torch, dates and paths as plain values."""
    for convert in ("tolist", "isoformat", "__fspath__"):
        if hasattr(value, convert):
            return _tagged(getattr(value, convert)())
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _tagged(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(float(value))}
    if isinstance(value, dict):
        return {k: _tagged(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_tagged(v) for v in value]
    return value


def _untagged(value: dict[str, Any]) -> Any:
    is_tag = len(value) == 1 and value.get("$float") in _NAMES
    return float(value["$float"]) if is_tag else value


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
