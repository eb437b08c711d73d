"""scikit-learn objects come back; files that hold anything else are refused before they are read further."""

import functools
import io
import json
import os
import pathlib
import zipfile

import numpy as np
import pytest
import skops.io
import torch
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from genwright.classifiers.boosting import TRUSTED as OF_TREES
from genwright.classifiers.boosting import Boosting, BoostingConfig
from genwright.classifiers.logistic import TRUSTED
from genwright.classifiers.svm import SVM
from genwright.core.dataset import Dataset
from genwright.core.errors import RunError
from genwright.core.skops_state import from_tensor, to_tensor
from genwright.core.space import Category, Field, Real, Space

X, Y = load_iris(return_X_y=True)
MODEL = LogisticRegression(max_iter=1_000).fit(X, Y)
SPACE = Space({**{f"x{j}": Field(Real()) for j in range(4)}, "y": Field(Category(3))})
DATA = Dataset(SPACE, {**{f"x{j}": X[:, j] for j in range(4)}, "y": Y})


class Opens:
    """Makes a file where it is unpickled."""

    def __init__(self, path: pathlib.Path):
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def changed(content: torch.Tensor, change: object) -> torch.Tensor:
    """The same archive with another schema."""
    with zipfile.ZipFile(io.BytesIO(content.numpy().tobytes())) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    change(schema)  # type: ignore[operator]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in (files | {"schema.json": json.dumps(schema).encode()}).items():
            archive.writestr(name, data)
    return torch.from_numpy(np.frombuffer(buffer.getvalue(), np.uint8).copy())


def test_a_model_comes_back() -> None:
    other = from_tensor(to_tensor(MODEL), TRUSTED)
    np.testing.assert_array_equal(other.predict_proba(X), MODEL.predict_proba(X))


def test_no_function_is_called_that_the_family_does_not_write(tmp_path: pathlib.Path) -> None:
    """skops itself trusts every function of NumPy and estimator of scikit-learn: here these are refused."""
    (tmp_path / "x.npy").touch()
    hostile = [
        FunctionTransformer(np.load),
        FunctionTransformer(functools.partial(np.save, tmp_path / "y.npy")),
        functools.partial(os.system, "true"),
        {"a": [MODEL, np.random.default_rng(0).normal]},
        os.system,
    ]
    for thing in hostile:
        content = torch.from_numpy(np.frombuffer(skops.io.dumps(thing), np.uint8).copy())
        for trusted in (TRUSTED, OF_TREES):
            with pytest.raises(RunError, match="never writes"):
                from_tensor(content, trusted)


def test_a_changed_name_in_the_file_is_refused(tmp_path: pathlib.Path) -> None:
    def posix(schema: dict[str, object]) -> None:
        schema |= {"__class__": "system", "__module__": "posix", "__loader__": "FunctionNode"}

    def method(schema: dict[str, object]) -> None:
        schema["__loader__"] = "MethodNode"

    def elsewhere(schema: dict[str, object]) -> None:
        schema["content"] |= {"more": {"__class__": "Popen", "__module__": "subprocess"}}  # type: ignore[operator]

    for change in (posix, method, elsewhere):
        with pytest.raises(RunError, match="never writes"):
            from_tensor(changed(to_tensor(MODEL), change), TRUSTED)


def test_no_pickle_is_read(tmp_path: pathlib.Path) -> None:
    """Neither as the file itself, nor as an array of objects inside it."""
    import pickle

    planted, made = pickle.dumps(Opens(tmp_path / "made")), tmp_path / "made"
    with pytest.raises(RunError, match="cannot be read"):
        from_tensor(torch.from_numpy(np.frombuffer(planted, np.uint8).copy()), TRUSTED)
    buffer = io.BytesIO()
    np.save(buffer, np.array([Opens(made)], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(io.BytesIO(to_tensor(MODEL).numpy().tobytes())) as archive:
        files = {
            name: buffer.getvalue() if name.endswith(".npy") else archive.read(name) for name in archive.namelist()
        }
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with pytest.raises(RunError, match="cannot be read"):
        from_tensor(torch.from_numpy(np.frombuffer(whole.getvalue(), np.uint8).copy()), TRUSTED)
    assert not made.exists()


def test_damage_is_told() -> None:
    content = to_tensor(MODEL)
    for broken in (content[: len(content) // 2], content[:0], torch.zeros(100, dtype=torch.uint8)):
        with pytest.raises(RunError, match="cannot be read"):
            from_tensor(broken, TRUSTED)

    def lost(schema: dict[str, dict[str, dict[str, str]]]) -> None:
        schema["content"]["content"]["coef_"]["file"] = "no.npy"  # type: ignore[index]

    with pytest.raises(RunError, match="cannot be read"):
        from_tensor(changed(content, lost), TRUSTED)


def test_trees_that_lead_outside_themselves_are_refused() -> None:
    for name, value in (("left", 10_000), ("right", 0), ("feature_idx", 9), ("feature_idx", -3)):
        own = Boosting(BoostingConfig(n_iter=2)).bind(SPACE, "y")
        own.fit_rows(DATA)
        own._trees._predictors[1][2].nodes[name][0] = value
        with pytest.raises(RunError, match="broken tree"):
            Boosting().bind(SPACE, "y").load_state(own.state())


def test_support_vectors_that_do_not_fit_together_are_refused() -> None:
    own = SVM().bind(SPACE, "y")
    own.fit_rows(DATA)
    own._machine._n_support = own._machine._n_support + np.array([1_000, 0, 0], np.int32)
    with pytest.raises(RunError, match="support vectors"):
        SVM().bind(SPACE, "y").load_state(own.state())
