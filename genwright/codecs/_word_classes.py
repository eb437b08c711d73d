"""Classes for words that are too rare to be learnt one by one, by shape and ending (as in Brants 2000, TnT).

https://aclanthology.org/A00-1031

A class is the first of these that enough rare words share: with a digit, with a sign, with a capital first letter, the
last three letters, the last two, or any word at all.
"""

from collections import Counter
from collections.abc import Iterable

ENOUGH = 5  # rare words that make a class
ANY = ""


def shapes(word: object) -> list[str]:
    """The classes a word could have, the most telling first."""
    if not isinstance(word, str):
        return [ANY]
    if any(c.isdigit() for c in word):
        return ["0", ANY]
    if not word.isalpha():
        return ["-", ANY]
    if word[:1].isupper():
        return [f"A…{word[-2:].lower()}", "A", ANY]
    return [*(f"…{word[-n:]}" for n in (3, 2) if len(word) > n), ANY]


def word_classes(words: Iterable[object]) -> dict[str, list[object]]:
    """Class → its rare words, in the order they come; `ANY` is among the classes as soon as there are words."""
    found: dict[str, list[object]] = {}
    left = list(words)
    for rank in range(3):
        counts = Counter(shape for word in left for shape in shapes(word)[rank : rank + 1])
        big = {shape for shape, count in counts.items() if count >= ENOUGH and shape != ANY}
        rest = []
        for word in left:
            shape = next(iter(shapes(word)[rank : rank + 1]), ANY)
            if shape in big:
                found.setdefault(shape, []).append(word)
            else:
                rest.append(word)
        left = rest
    if left or found:
        found[ANY] = left or [next(iter(found.values()))[0]]
    return found


def class_of(word: object, classes: dict[str, int]) -> int | None:
    """The place of a word's class; None where there are no classes."""
    return next((classes[shape] for shape in shapes(word) if shape in classes), None)
