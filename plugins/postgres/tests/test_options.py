"""Options that a config may have, and the errors for those that it may not."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from querygen_core.api import Secret
from querygen_postgres.options import ConnectionOptions, JobProductsOptions, QueriesOptions, SourceOptions

DSN = "postgresql://u:CANARY@h/d"
ALL = (ConnectionOptions, QueriesOptions, JobProductsOptions, SourceOptions)


@pytest.mark.parametrize("options", ALL)
def test_where_the_database_is_suffices_and_is_a_secret(options):
    given = options(dsn=DSN)
    assert isinstance(given.dsn, Secret)
    assert given.dsn.reveal() == DSN
    assert "CANARY" not in f"{given!r} {given.model_dump()} {given.model_dump_json()}"
    assert options(dsn="embedded").dsn == "embedded"


@pytest.mark.parametrize("dsn", ["embeded", "Embedded", "embedded ", "embbeded", "embed"])
def test_a_misspelt_embedded_is_no_dsn(dsn: str):
    with pytest.raises(ValidationError, match="did you mean 'embedded'"):
        QueriesOptions(dsn=dsn)


@pytest.mark.parametrize(
    "dsn", ["service=embedded", "postgresql:///embedded", "host=db", "dbname=embedded", '{"host": "x"}']
)
def test_what_may_be_a_dsn_is_taken(dsn: str):
    assert isinstance(QueriesOptions(dsn=dsn).dsn, Secret)


def test_defaults():
    given = QueriesOptions(dsn=DSN)
    assert (given.schema_name, given.ledger, given.previous_jobs, given.batch_size) == (
        "public",
        "auto",
        "deactivate",
        5000,
    )
    assert (given.statement_timeout, given.lock_timeout, given.connect_timeout) == (60, 10, 10)
    assert JobProductsOptions(dsn=DSN).missing == "reject"
    assert SourceOptions(dsn=DSN).read_dsn is None


def test_only_a_ledger_says_whose_rows_may_be_deactivated():
    with pytest.raises(ValidationError, match="previous_jobs: deactivate needs the ledger"):
        QueriesOptions(dsn=DSN, ledger="off", previous_jobs="deactivate")
    for given in ({"ledger": "off"}, {"ledger": "off", "previous_jobs": "keep"}, {"previous_jobs": "deactivate"}):
        assert QueriesOptions(dsn=DSN, **given).ledger == given.get("ledger", "auto")


@pytest.mark.parametrize("schema", ["public", "shop_2", "_x", "a" * 54])
def test_schemas(schema: str):
    assert ConnectionOptions(dsn=DSN, schema=schema).schema_name == schema


@pytest.mark.parametrize("schema", ["", "Shop", "2nd", "a-b", "a.b", 'a"b', "ä", "a b", "a\n", "a;DROP", "a" * 55])
def test_what_is_no_plain_name_is_no_schema(schema: str):
    with pytest.raises(ValidationError, match="should be a plain SQL name"):
        ConnectionOptions(dsn=DSN, schema=schema)


@pytest.mark.parametrize(
    "wrong",
    [
        {"dsn": None},
        {"batch_size": 0},
        {"batch_size": 1_000_001},
        {"ledger": "maybe"},
        {"previous_jobs": "delete"},
        {"sslmode": "maybe"},
        {"sslrootcert": ""},
        {"connect_timeout": 1},
        {"statement_timeout": 0},
        {"lock_timeout": 0},
        {"nonsense": 1},
        {"schema_name": "shop"},
    ],
    ids=str,
)
def test_what_is_wrong_is_said_by_name(wrong):
    with pytest.raises(ValidationError) as caught:
        QueriesOptions(**{"dsn": DSN, **wrong})
    (name,) = wrong
    assert {str(error["loc"][0]) for error in caught.value.errors()} == {name}


@pytest.mark.parametrize("options", ALL)
def test_a_dsn_is_needed(options):
    with pytest.raises(ValidationError, match="dsn"):
        options()


@pytest.mark.parametrize("options", ALL)
def test_how_the_database_is_reached_changes_no_result(options):
    named = {field.alias or name for name, field in ConnectionOptions.model_fields.items()}
    kept = {name for name in ConnectionOptions.model_fields if name in options.not_in_key}
    assert kept == set(ConnectionOptions.model_fields), f"of {sorted(named)}"
    assert all(field.description for field in options.model_fields.values())
