"""The palette: contrast by WCAG 2.2 (AA), and two colours that stay apart for colour-blind readers."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from genwright import report

CSS = (Path(report.__file__).parent / "style.css").read_text(encoding="utf-8")
DARK = CSS[CSS.index("prefers-color-scheme: dark") :]
THEMES = {
    "light": CSS[: CSS.index("@media")],
    "dark": DARK[: DARK.index("* {")],
    "print": CSS[CSS.index("@media print") :],
}
# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB
BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TEXT = ["ink", "quiet", "real", "good", "fair", "poor", "unknown"]
MARKS = ["real", "fake", "line", "heat", "poor", "quiet"]


def palette(theme: str) -> dict[str, np.ndarray]:
    """Variable → linear RGB."""
    found = dict(re.findall(r"--([a-z-]+): #([0-9a-f]{6})", THEMES[theme]))
    return {name: linear(np.array([int(hex_[i : i + 2], 16) for i in (0, 2, 4)]) / 255) for name, hex_ in found.items()}


def linear(c: np.ndarray) -> np.ndarray:
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a: np.ndarray, b: np.ndarray) -> float:
    light, dark = sorted((float(c @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(c: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(c, 0, 1)
    x, y, z = np.cbrt(np.maximum(xyz / [0.9505, 1.0, 1.089], 1e-9))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_contrast_of_black_on_white_is_21():
    assert contrast(np.zeros(3), np.ones(3)) == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES)
def test_text_is_legible(theme):
    colors = palette(theme)
    for name, ground in itertools.product(TEXT, ("ground", "panel")):
        assert contrast(colors[name], colors[ground]) >= 4.5, (theme, name, ground)


@pytest.mark.parametrize("theme", THEMES)
def test_marks_are_visible(theme):
    colors = palette(theme)
    for name in MARKS:
        assert contrast(colors[name], colors["ground"]) >= 3, (theme, name)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", [None, *BLINDNESS])
def test_real_and_synthetic_stay_apart(theme, kind):
    see = np.array(BLINDNESS[kind]) if kind else np.eye(3)
    colors = palette(theme)
    assert np.linalg.norm(lab(see @ colors["real"]) - lab(see @ colors["fake"])) > 25


def test_themes_name_the_same_colours():
    assert palette("light").keys() == palette("dark").keys() == palette("print").keys()


def test_colour_is_not_the_only_difference():
    assert "stroke-dasharray" in re.search(r"\.fake\.outline \{([^}]*)\}", CSS)[1]
    assert "dasharray" not in re.search(r"\.real\.outline \{([^}]*)\}", CSS)[1]
    assert "url(#hatch)" in re.search(r"\.fake\.bar \{([^}]*)\}", CSS)[1]


def test_every_class_in_use_has_a_style():
    sources = [p.read_text(encoding="utf-8") for p in Path(report.__file__).parent.glob("*.py")]
    used = set(
        re.findall(
            r'"((?:real|fake) (?:area|bar|outline)|axis|interval|value|floor|ceiling|copy|arrow)"\)', "".join(sources)
        )
    )
    assert len(used) >= 8
    for names in used:
        assert "." + ".".join(names.split()) + " {" in CSS, names


def test_tables_on_a_phone_are_not_squeezed_to_a_letter_a_line():
    assert "overflow-wrap: break-word" in re.search(r"\.scroll td, \.scroll th \{([^}]*)\}", CSS)[1]
    assert "min-width" in re.search(r"\.groups td:not\(\.number\) \{([^}]*)\}", CSS)[1]
    augmentation = (Path(report.__file__).parent / "augmentation.css").read_text(encoding="utf-8")
    narrow = augmentation[augmentation.index("@media (max-width: 900px)") :]
    assert re.search(r"\.held tbody th \{ flex: 1 0 100%; \}", narrow)
