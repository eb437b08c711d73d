"""What a codec has to tell the user goes through the logger `genwright`, once a codec and message."""

import logging
from typing import Any

LOGGER = logging.getLogger("genwright")


def column_of(codec: Any) -> str:
    """How a message calls the codec's column."""
    name = getattr(codec, "name", "")
    return f"column {name!r}" if name else "a column"


def warn_once(codec: Any, message: str) -> None:
    """Logs a warning that starts with the column, unless this codec has said it before."""
    said: set[str] = codec.__dict__.setdefault("_said", set())
    if message not in said:
        said.add(message)
        LOGGER.warning("%s %s", column_of(codec), message)
