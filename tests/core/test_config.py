"""Settings are read from JSON and from text, described from their source, and wrong ones are named."""

import json
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genwright.core.config import check_least, check_positive, check_share, configure, describe, parse_settings, to_json
from genwright.core.errors import ConfigError, UnknownNameError
from genwright.core.registry import CLASSIFIERS, CODECS, MODELS
from genwright.core.schema import Column, Schema


@dataclass(frozen=True)
class Settings:
    """For these tests."""

    min_leaf: int = 20  # rows in a leaf, # at least
    scale: float | None = None
    sizes: tuple[int, ...] = (1, 2)  # of the layers
    name: str = "# not this"  # but this
    is_honest: bool = False  # yes or no
    trunk: Literal["auto", "conv", "dense"] = "auto"
    changes: tuple[Literal["flip", "crop"], ...] = ()
    size: int | Literal["auto"] | None = None
    more: dict[str, Any] = field(default_factory=dict)


def test_text_becomes_the_fields_type():
    found = configure(Settings, {"min_leaf": "7", "scale": "0.5", "sizes": [3], "is_honest": "true"})
    assert found == Settings(7, 0.5, (3,), "# not this", True)


COUNTS = st.integers(-(2**63) + 1, 2**63 - 1)


@given(st.builds(Settings, COUNTS, st.none() | st.floats(allow_nan=False), st.tuples(COUNTS), st.text()))
def test_json_round_trip(settings):
    assert configure(Settings, to_json(settings)) == settings
    assert json.loads(json.dumps(to_json(settings))) == to_json(settings)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"min_leaf": "many"}, "min_leaf = 'many'; expected a whole number, such as 20 (rows in a leaf, # at least)"),
        ({"min_leaf": 2.5}, "min_leaf = 2.5; expected a whole number, such as 20 (rows in a leaf, # at least)"),
        ({"min_leaf": None}, "min_leaf = None; expected a whole number, such as 20 (rows in a leaf, # at least)"),
        ({"scale": "wide"}, "scale = 'wide'; expected a number, or leave it out"),
        ({"sizes": 3}, "sizes = 3; expected a list of whole numbers, such as 1,2 (of the layers)"),
        ({"sizes": "1,b"}, "sizes = '1,b'; expected a list of whole numbers, such as 1,2 (of the layers)"),
        ({"name": 3}, "name = 3; expected a text (but this)"),
        ({"is_honest": "maybe"}, "is_honest = 'maybe'; expected true or false (yes or no)"),
        ({"trunk": "cnv"}, "trunk = 'cnv'; expected auto, conv or dense"),
        ({"changes": ["zoom"]}, "changes = ['zoom']; expected a list of flip or crop"),
        ({"size": "big"}, "size = 'big'; expected a whole number or auto, or leave it out"),
        ({"more": "x"}, "more = 'x'; expected names and values"),
        ({"trunk": "y" * 300}, f"trunk = '{'y' * 80}…'; expected auto, conv or dense"),
    ],
)
def test_a_value_of_a_wrong_type_is_told_in_our_words(settings, told):
    with pytest.raises(ConfigError) as caught:
        configure(Settings, settings)
    assert str(caught.value) == told


@pytest.mark.parametrize("settings", [{"min_leaf": "9" * 30}, {"sizes": [1, 2**63]}, {"min_leaf": -(2**70)}])
def test_a_whole_number_that_nothing_could_count_is_refused(settings):
    with pytest.raises(ConfigError, match="below 2⁶³"):
        configure(Settings, settings)


@pytest.mark.parametrize("value", ["a", None, True, float("nan"), 1, -0.1, [0.2]])
def test_what_is_no_share_of_the_rows_is_refused(value):
    with pytest.raises(ConfigError, match=r"held_out = .* expected"):
        check_share(value)


def test_a_share_above_0():
    check_share(0)
    check_share(0.5, above_0=True)
    with pytest.raises(ConfigError, match="above 0"):
        check_share(0, above_0=True)


def test_a_class_without_source_has_no_comments():
    found: dict = {}
    exec("from dataclasses import dataclass\n@dataclass\nclass Typed:\n    n: int = 2", found)
    with pytest.raises(ConfigError, match=r"^n = 'x'; expected a whole number, such as 2$"):
        configure(found["Typed"], {"n": "x"})


@pytest.mark.parametrize("registry", [MODELS, CODECS, CLASSIFIERS], ids=lambda r: r.folder)
def test_every_registered_setting_refuses_what_is_not_of_its_type(registry):
    """None of them in the words of the library that checks types."""
    for name in registry.names():
        config = registry.get(name).Config
        for f in fields(config):
            with pytest.raises(ConfigError) as caught:
                configure(config, {f.name: [object()]})
            said = str(caught.value)
            assert said.startswith(f"{f.name} = [<object")
            assert "; expected " in said
            assert not any(word in said for word in ("Input", "should", config.__name__))


def test_an_unknown_setting_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no min_leave in the settings of Settings; did you mean min_leaf\?"):
        configure(Settings, {"min_leave": 3})
    with pytest.raises(UnknownNameError, match=r"no min_cout in the settings of column 'x' \(category\)"):
        Schema((Column("x", "category"),)).with_options({"x": {"min_cout": 3}})


def test_description():
    found = {s.name: s for s in describe(Settings)}
    assert list(found) == [f.name for f in fields(Settings)]
    assert {name: s.comment for name, s in found.items()} == {
        "min_leaf": "rows in a leaf, # at least",
        "scale": "",
        "sizes": "of the layers",
        "name": "but this",
        "is_honest": "yes or no",
        **dict.fromkeys(("trunk", "changes", "size", "more"), ""),
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
