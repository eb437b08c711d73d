"""One tree of errors, and names that offer the nearest."""

import inspect

from genwright.core import errors
from genwright.core.errors import GenwrightError, UnknownNameError


def test_all_derive_from_one_and_stand_in_the_drawing():
    found = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__]
    assert all(issubclass(c, GenwrightError) and c.__doc__ for c in found)
    assert all(c.__name__ in errors.__doc__ for c in found)


def test_the_nearest_name_is_offered():
    known = ["realnvp", "glow"]
    assert str(UnknownNameError("realnvq", known, "here")) == "no realnvq in here; did you mean realnvp?"
    assert str(UnknownNameError("Y", ["w", "x", "y"], "here")) == "no Y in here; did you mean y?"
    assert str(UnknownNameError("SVM", ["svm", "vae"], "here")) == "no SVM in here; did you mean svm?"
    assert str(UnknownNameError("xyz", known, "here")) == "no xyz in here; it has glow, realnvp"
    assert str(UnknownNameError("xyz", [], "here")) == "no xyz in here; it has nothing"
    assert str(UnknownNameError("q", [f"{i:02}" for i in range(30)], "here")).endswith("19, …")
    assert str(UnknownNameError(3, ["3", "x"], "here")) == "no 3 in here, whose names are text; did you mean '3'?"
    assert str(UnknownNameError("", ["ab"], "here")) == "no '' in here; it has ab"
    assert isinstance(UnknownNameError("q", [], "here"), LookupError)
