"""Settings are read from JSON and from text, described from their source, and wrong ones are named."""

import json
from dataclasses import dataclass, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genwright.core.config import check_least, check_positive, configure, describe, parse_settings, to_json
from genwright.core.errors import ConfigError, UnknownNameError


@dataclass(frozen=True)
class Settings:
    """For these tests."""

    min_leaf: int = 20  # rows in a leaf, # at least
    scale: float | None = None
    sizes: tuple[int, ...] = (1, 2)  # of the layers
    name: str = "# not this"  # but this
    is_honest: bool = False  # yes or no


def test_text_becomes_the_fields_type():
    found = configure(Settings, {"min_leaf": "7", "scale": "0.5", "sizes": [3], "is_honest": "true"})
    assert found == Settings(7, 0.5, (3,), "# not this", True)


@given(st.builds(Settings, st.integers(), st.none() | st.floats(allow_nan=False), st.tuples(st.integers()), st.text()))
def test_json_round_trip(settings):
    assert configure(Settings, to_json(settings)) == settings
    assert json.loads(json.dumps(to_json(settings))) == to_json(settings)


@pytest.mark.parametrize("settings", [{"min_leaf": "many"}, {"min_leaf": 2.5}, {"is_honest": "maybe"}, {"sizes": 3}])
def test_wrong_values_are_named(settings):
    with pytest.raises(ConfigError) as caught:
        configure(Settings, settings)
    name, value = next(iter(settings.items()))
    assert name in str(caught.value)
    assert repr(value) in str(caught.value)
    assert "Settings" in str(caught.value)


def test_an_unknown_setting_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no min_leave in the settings of Settings; did you mean min_leaf\?"):
        configure(Settings, {"min_leave": 3})


def test_description():
    found = {s.name: s for s in describe(Settings)}
    assert list(found) == [f.name for f in fields(Settings)]
    assert {name: s.comment for name, s in found.items()} == {
        "min_leaf": "rows in a leaf, # at least",
        "scale": "",
        "sizes": "of the layers",
        "name": "but this",
        "is_honest": "yes or no",
    }
    assert found["min_leaf"].type == "int"
    assert found["scale"].type == "float | None"
    assert found["sizes"].default == (1, 2)


def test_pairs():
    assert parse_settings(["min_leaf=20", " name = x=y "]) == {"min_leaf": "20", "name": "x=y"}
    for wrong in ("min_leaf", "=3", " = 3"):
        with pytest.raises(ConfigError, match="name=value"):
            parse_settings([wrong])
    with pytest.raises(ConfigError, match=r"forbidden=a -> b and --set forbidden=b -> a: say it once"):
        parse_settings(["forbidden=a -> b", "forbidden=b -> a"])  # the first would be lost silently


def test_text_for_a_tuple_is_split_at_commas():
    assert configure(Settings, {"sizes": "3, 4"}).sizes == (3, 4)
    assert configure(Settings, {"sizes": ""}).sizes == ()
    assert configure(Settings, {"name": "a,b"}).name == "a,b"


@dataclass(frozen=True)
class Checked:
    """For these tests."""

    n: int = 1
    weight: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_least(self, 1, "n")
        check_least(self, 0, "weight")
        check_positive(self, "scale")


@pytest.mark.parametrize(
    "settings", [{"n": "0"}, {"weight": "-1"}, {"weight": "inf"}, {"scale": 0}, {"scale": "nan"}, {"scale": "inf"}]
)
def test_a_range_is_told_in_one_sentence(settings):
    with pytest.raises(ConfigError, match=r"^(n|weight|scale) = \S+; expected [^;]+$"):
        configure(Checked, settings)
