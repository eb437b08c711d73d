"""What the commands of pictures share: where a picture is written, and what was guessed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import free_file, require


def picture_file(path: Path | None, overwrite: bool) -> Path | None:
    """A place for a PNG file, checked before any work is done; None stays None."""
    if path is None:
        return None
    require(path.suffix.lower() == ".png", f"{path}: pictures are written as PNG; name a .png file")
    return free_file(path, overwrite)


def file_beside(source: str, word: str, suffix: str = ".png") -> Path:
    """A name in the working folder for what is made of a picture or of a folder: a.png → a-filled.png."""
    return Path(f"{Path(source).resolve().stem or 'picture'}-{word}{suffix}")


def tell_guesses(screen: Screen, guessed: Mapping[str, Sequence[str]], names: Sequence[str]) -> None:
    """Says which values were guessed, of the first pictures."""
    for column, words in guessed.items():
        pairs = [f"{word} for {name}" if len(names) > 1 else word for word, name in zip(words, names, strict=False)]
        listed = ", ".join(pairs[:4]) + (", …" if len(pairs) > 4 else "")
        screen.note(f"{column} was not said; guessed: {listed} (--given says it)")
