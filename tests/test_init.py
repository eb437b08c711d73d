"""The public face: lazy names, and what type checkers see of them."""

import ast
from pathlib import Path

import pytest

import genwright as gw
from tests.tables import customers


def _seen_by_type_checkers() -> dict[str, str]:
    """Name → its home, as the imports under `if TYPE_CHECKING` say."""
    tree = ast.parse(Path(gw.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    found = {}
    for line in block.body:
        assert isinstance(line, ast.ImportFrom)
        for alias in line.names:
            name = alias.asname or alias.name
            assert alias.name == name
            found[name] = str(line.module)
    return found


def test_type_checkers_see_the_names_that_there_are():
    assert _seen_by_type_checkers() == gw._HOMES
    assert set(gw.__all__) == {"__version__", *gw._HOMES}
    assert set(dir(gw)) >= set(gw.__all__)


@pytest.mark.parametrize("name", gw.__all__)
def test_every_name_is_there(name):
    first = getattr(gw, name)
    assert getattr(gw, name) is first
    assert first.__module__ == gw._HOMES[name] if name != "__version__" else isinstance(first, str)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        gw.fitt  # noqa: B018


def test_a_report_can_be_built_again():
    run = gw.fit(customers(), "marginals", judge=False)
    page = gw.build_report(run)
    assert gw.build_report(run) == page
    assert page.startswith("<!")
    assert gw.report.build.build_report is gw.build_report  # the package of that name stays what it is


def test_arguments_of_a_wrong_type_are_our_errors():
    for path in (None, 3, b"runs"):
        with pytest.raises(gw.GenwrightError, match="cannot load a run from"):
            gw.load(path)
    run = gw.fit(customers(), "marginals", judge=False)
    for seed in ("a", 1.5, "1", [1]):
        with pytest.raises(gw.GenwrightError, match=r"seed = .* expected a whole number"):
            run.sample(3, seed=seed)
        with pytest.raises(gw.GenwrightError, match=r"seed = .* expected a whole number"):
            gw.impute(run, customers(20).assign(income=None), seed=seed)


def test_inferring_from_what_can_be_read(tmp_path):
    frame = customers()
    frame.to_csv(tmp_path / "customers.csv", index=False)
    expected = [column.kind for column in gw.infer(gw.read(tmp_path / "customers.csv"))[0]]
    assert [column.kind for column in gw.infer(tmp_path / "customers.csv")[0]] == expected
    assert gw.infer(frame)[0].names == list(frame.columns)
