"""Well-known tables: kinds that a person would give them, and every value comes back."""

import os
from pathlib import Path

import pytest

from genwright.data.typed import untyped
from tests.data.helpers import infer, read, typed_table, whole

DATA = Path(os.environ.get("GENWRIGHT_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
KINDS = {
    "adult/adult_train.csv.gz": {"age": "number", "workclass": "category", "fnlwgt": "number", "income": "category"},
    "telco-churn/telco_customer_churn.csv.gz": {
        **{"customerID": "id", "SeniorCitizen": "category", "Churn": "boolean", "TotalCharges": "number"},
        **{"Contract": "category", "tenure": "number"},
    },
    "bank-marketing/bank_full.csv.gz": {"y": "boolean", "balance": "number", "month": "category"},
    "california-housing/housing.csv.gz": {"total_bedrooms": "number", "ocean_proximity": "category"},
    "credit-default/credit_default.csv.gz": {"ID": "id", "BILL_AMT1": "number"},
    "nycflights13/weather.csv.gz": {"year": "constant", "time_hour": "datetime", "wind_gust": "number"},
    "timeseries/monthly-sunspots.csv": {"Month": "datetime", "Sunspots": "number"},
    "sms-spam/SMSSpamCollection.tsv.gz": {"ham": "category"},
    "movielens-latest-small/movies.csv.gz": {"movieId": "id", "title": "text", "genres": "category"},
}


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the folder of well-known data sets beside the repository")
@pytest.mark.parametrize("name", KINDS)
def test_kinds_and_round_trip(name):
    records = read(DATA / name)
    schema, _ = infer(records)
    assert {column: schema[column].kind for column in KINDS[name]} == KINDS[name]
    before = whole(records)
    after = untyped(typed_table(records, schema), schema)
    for column in schema.names:
        pairs = {(a.strip(), b) for a, b in zip(before[column].to_pylist(), after[column].to_pylist()) if a != b}
        assert all(a == b or float(a) == float(b) for a, b in pairs)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the folder of well-known data sets beside the repository")
def test_rows_are_all_there():
    assert whole(read(DATA / "sms-spam/SMSSpamCollection.tsv.gz", header=False)).num_rows == 5574
    assert whole(read(DATA / "tatoeba-cmn-eng/cmn_eng.tsv.gz", header=False)).num_rows == 20_403
    assert whole(read(DATA / "tang-poems/tang_regulated.jsonl.gz")).num_rows == 36_835
    assert whole(read(DATA / "nycflights13/flights.parquet")).num_rows == 336_776
