"""The options of all components. Those that they share say how to reach the database."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from querygen_core.api import Options, Secret, did_you_mean

EMBEDDED = "embedded"

# PostgreSQL limits names to 63 characters, and the ledger's schema is `querygen_` and this name.
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,53}")
_IN_EVERY_DSN = frozenset("=:/")
_FORMS_OF_DSN = (
    "a URL (`postgresql://user:password@host/db`), a `key=value` string, or the JSON that RDS keeps in a secret"
)


def _check_identifier(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError("should be a plain SQL name: lower-case letters, digits and _, at most 54, no digit first")
    return name


def _check_spelling(dsn: object) -> object:
    """Any text may be a dsn, so a misspelt `embedded` would be reported as a database that cannot be reached."""
    if isinstance(dsn, str) and dsn != EMBEDDED and _IN_EVERY_DSN.isdisjoint(dsn) and did_you_mean(dsn, [EMBEDDED]):
        raise ValueError(f"should say where the database is{did_you_mean(dsn, [EMBEDDED])}")
    return dsn


Identifier = Annotated[str, AfterValidator(_check_identifier)]
SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


class ConnectionOptions(Options):
    """How to reach the database. None of it affects a result, so none of it is part of a key."""

    not_in_key: ClassVar[frozenset[str]] = frozenset(
        {"dsn", "password", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "schema_name"}
    )

    dsn: Annotated[Literal["embedded"] | Secret, BeforeValidator(_check_spelling)] = Field(
        description=f"The database: {_FORMS_OF_DSN}. A `${{secret:…}}` is fetched again when the server refuses it. "
        "`embedded` starts a PostgreSQL server in the job's state folder."
    )
    password: Secret | None = Field(
        None,
        description="Replaces the password in the dsn. A `${secret:…}` is fetched again when the server refuses it.",
    )
    sslmode: SslMode | None = Field(
        None,
        description="TLS mode, as in libpq. Default: the one in the dsn or in `PGSSLMODE`, else `verify-full` for a "
        "server on another host, and `prefer` on this one.",
    )
    sslrootcert: str | None = Field(
        None,
        min_length=1,
        description="File with the certificates of trusted authorities. Default: the one in the dsn or in "
        "`PGSSLROOTCERT`, else the system's (`SSL_CERT_FILE`).",
    )
    sslcert: str | None = Field(None, min_length=1, description="File with the client's certificate.")
    sslkey: str | None = Field(None, min_length=1, description="File with the client's private key.")
    connect_timeout: int = Field(10, ge=2, le=300, description="Seconds to wait for a connection.")
    schema_name: Identifier = Field(
        "public",
        alias="schema",
        description="Schema of `products`, `queries` and `jobselectedproducts`. The ledger is in the schema "
        "`querygen`, or `querygen_<schema>` for a schema other than `public`.",
    )


class QueriesOptions(ConnectionOptions):
    batch_size: int = Field(
        5000,
        ge=1,
        le=1_000_000,
        description="Queries per transaction. More if a single product has more, as it is never split.",
    )
    previous_jobs: Literal["deactivate", "keep"] = Field(
        "deactivate",
        description="Rows of other jobs for the same product: `deactivate` sets `is_active = false` where the outcome "
        "has questions of the same type, for which it needs the ledger; `keep` leaves them as they are.",
    )
    ledger: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Whether to record in a schema of its own which rows belong to which job; only then can rows be "
        "deactivated. `off` needs no schema: rows are identified by product, type and text. `auto` is `on`, or `off` "
        "if the role may not create the schema.",
    )
    statement_timeout: int = Field(
        60,
        ge=1,
        le=3600,
        description="Seconds after which PostgreSQL cancels a statement. Transactions then get half as many products.",
    )
    lock_timeout: int = Field(10, ge=1, le=3600, description="Seconds that a statement waits for a lock.")

    @model_validator(mode="after")
    def _check_that_rows_can_be_deactivated(self) -> QueriesOptions:
        if self.ledger == "off" and "previous_jobs" in self.model_fields_set and self.previous_jobs == "deactivate":
            raise ValueError("previous_jobs: deactivate needs the ledger, which says whose rows are whose; set keep")
        return self


class JobProductsOptions(ConnectionOptions):
    missing: Literal["reject", "create"] = Field(
        "reject",
        description="What to do with a product that is not in the job's selection: `reject` it, or `create` its rows "
        "in `products` and `jobselectedproducts`.",
    )


class SourceOptions(ConnectionOptions):
    read_dsn: Secret | None = Field(
        None, description="Database to read the products from, such as a replica. Default: `dsn`."
    )
    fields: dict[str, str] = Field(
        default_factory=dict,
        description="Maps a product field to its name in `product_data`, or a dotted path. Overrides the names that "
        "are recognised by default.",
    )
    source: str = Field("default", min_length=1, description="Source in the product key of records that have none.")
    locale: str = Field("en", min_length=2, description="Language of records that have none, as a BCP 47 tag.")
