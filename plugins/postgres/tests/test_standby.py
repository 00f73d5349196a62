"""A standby in the primary's place is found by the check, and reads all the same."""

from __future__ import annotations

import pytest

from postgres_shop import Shop
from postgres_standby import standby
from querygen_core.api import SinkError


@pytest.mark.slow
def test_a_standby_is_refused_by_the_check(tmp_path, monkeypatch):
    monkeypatch.setattr("querygen_postgres.preflight._FAIL_OVER", 0.0)
    with standby(tmp_path / "standby") as database:
        assert database.value("SELECT pg_is_in_recovery()")
        with pytest.raises(SinkError, match="the server is read-only: it is a standby, or") as caught:
            Shop(database, tmp_path).check()
    assert caught.value.kind == "permanent"
