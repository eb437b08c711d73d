import re

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from genwright.core.codec import TableCodec
from genwright.core.dataset import Dataset
from genwright.core.errors import DataError
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.core.schema import Column, Schema
from genwright.pipeline import fit, load
from genwright.report.build import build_report, material
from genwright.report.page import render
from genwright.report.values import pair
from genwright.runs.artefact import Artefact
from genwright.runs.run import Run, silent
from tests.report.material import Page, good_scores


@pytest.fixture(scope="module")
def run() -> Run:
    rng = np.random.default_rng(0)
    table = pa.table({"x": rng.normal(size=300), "city": rng.choice(["Ulm", "Lyon"], 300)})
    codec = TableCodec(Schema((Column("x", "number"), Column("city", "category")))).fit(table.to_batches())
    data = Dataset(codec.space, {k: v.numpy() for k, v in codec.encode(table.to_batches()[0]).items()})
    model = MODELS.get("marginals")(codec.space)
    model.solve(data, torch_generator(0), silent)
    facts = {"data": "/home/someone/customers.csv", "path": "/home/someone/customers.csv", "flavour": "pandas"}
    artefact = Artefact(codec, model, "marginals", 7, facts, scores=good_scores())
    return Run(artefact, data.subset(np.arange(200)), data.subset(np.arange(200, 300)))


def test_real_rows_are_the_held_out_ones(run):
    found = material(run)
    assert (found.real.num_rows, found.fake.num_rows) == (100, 100)
    assert found.real["x"].to_pylist() == pytest.approx(run.held_out.arrays["x"].tolist())
    assert found.title == "customers.csv · marginals"
    assert found.facts["seed"] == 7
    assert "/home" not in build_report(run)


def test_without_held_out_rows_those_learnt_from_are_shown(run):
    assert material(Run(run.artefact, run.train, run.held_out.subset(np.arange(0)))).real.num_rows == 200


def test_a_loaded_run_without_its_data_still_has_a_page(run):
    page = Page(build_report(Run(run.artefact)))
    assert page.text_of("h3") == ["x", "city"]
    assert "no rows to draw" in page.text_of("p")


def test_same_run_same_page(run):
    assert build_report(run) == build_report(run)


def test_a_loaded_run_reads_its_held_out_rows_again(tmp_path, monkeypatch):
    table = pa.table({"x": np.random.default_rng(1).normal(size=100).round(3), "city": ["Ulm", "Lyon"] * 50})
    csv.write_csv(table, tmp_path / "cities.csv")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    fitted = fit("cities.csv", "marginals", judge=False, out="run")
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = load(tmp_path / "run")
    assert material(loaded).real.equals(material(fitted).real)
    assert material(loaded).real.num_rows == 20
    assert material(loaded, 7).real.num_rows == 7
    assert material(loaded).fake.equals(material(fitted).fake)
    assert str(tmp_path) not in build_report(loaded)


def test_given_rows_are_shown_in_place_of_the_fits(run):
    rng = np.random.default_rng(1)
    other = pa.table({"city": rng.choice(["Ulm", "Lyon"], 40), "x": rng.normal(size=40)})
    found = material(run, data=other)
    assert sorted(found.real["x"].to_pylist()) == pytest.approx(sorted(other["x"].to_pylist()))
    assert found.fake.num_rows == 40
    with pytest.raises(DataError, match="x"):
        build_report(run, other.drop(["x"]))


@pytest.mark.parametrize("is_frame", [True, False])
def test_both_sides_write_truth_values_and_dates_alike(tmp_path, is_frame):
    days = [f"{1 + i % 28:02}/12/2024" for i in range(200)]
    table = pa.table({"x": np.arange(200.0), "member": ["Yes", "No"] * 100, "since": days})
    csv.write_csv(table, tmp_path / "members.csv")
    found = material(fit(table if is_frame else tmp_path / "members.csv", "marginals", judge=False))
    assert found.schema["member"].kind == "boolean"
    assert set(found.real["member"].to_pylist()) == set(found.fake["member"].to_pylist()) == {"Yes", "No"}
    assert found.real.schema.equals(found.fake.schema)
    assert pair(found.schema["since"], found.real, found.fake).shape == "datetime"
    shown = [text for text in Page(render(found)).text_of("td") if "2024" in text]
    assert len(shown) == 10
    assert set(shown) <= set(days)


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_days_that_came_typed_have_no_time_of_day(unit):
    days = np.datetime64("2024-01-01", unit) + np.arange(200).astype("timedelta64[D]").astype(f"timedelta64[{unit}]")
    hours = days + np.arange(200).astype("timedelta64[h]").astype(f"timedelta64[{unit}]")
    zoned = pa.array(days).cast(pa.timestamp(unit, "UTC"))
    table = pa.table({"day": days, "hour": pa.array(hours, mask=np.arange(200) % 3 == 0), "zoned": zoned})
    page = Page(build_report(fit(table, "marginals", judge=False)))
    shown = [text for text in page.text_of("td") if "2024-" in text or text == "–"]
    assert len(shown) == 30
    for day, hour, when in zip(shown[::3], shown[1::3], shown[2::3], strict=True):
        assert re.fullmatch(r"2024-\d\d-\d\d", day)
        assert re.fullmatch(r"2024-\d\d-\d\d \d\d:00:00|–", hour)
        assert when.endswith(" 00:00:00+00:00")
