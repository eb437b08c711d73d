"""Parts of a data set that is published in several: train, test, validation; one of them is read at a time."""

from collections.abc import Collection

from genwright.core.errors import ConfigError

_WORDS = {
    "train": ("train", "training"),
    "test": ("test", "testing", "t10k"),
    "validation": ("validation", "valid", "val", "dev"),
}
PARTS = tuple(_WORDS)


def part_of(word: str) -> str | None:
    """The part that a word names, in any case.

    >>> part_of("Val"), part_of("cat")
    ('validation', None)
    """
    return next((part for part, words in _WORDS.items() if word.lower() in words), None)


def chosen_part(asked: str | None, found: Collection[str], place: str) -> str:
    """The part that is read: the one asked for, else `train`, else the first there is.

    Raises:
        ConfigError: it is not there.
    """
    if asked is not None and asked not in PARTS:
        raise ConfigError(f"part = {asked!r}; expected one of {', '.join(PARTS)}")
    if asked is not None and asked not in found:
        has = f"it has {', '.join(p for p in PARTS if p in found)}" if found else "it has no parts"
        raise ConfigError(f"{place} has no part {asked!r}; {has}")
    return asked or next(part for part in PARTS if part in found)
