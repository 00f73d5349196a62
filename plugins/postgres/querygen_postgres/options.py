"""The options of all parts. What they share says how the database is reached."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from querygen_core.api import Options, Secret

EMBEDDED = "embedded"

# PostgreSQL has 63 characters for a name, and the ledger's begins with `querygen_`.
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,53}")
_WHERE_IT_IS = "URL (`postgresql://user:password@host/db`), `key=value` string, or the JSON that RDS keeps in a secret"


def _check_identifier(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError("should be a plain SQL name: lower-case letters, digits and _, at most 54, no digit first")
    return name


def _check_spelling(dsn: object) -> object:
    """A dsn may be any text, and this one would be taken for a database that cannot be reached."""
    if isinstance(dsn, str) and dsn != EMBEDDED and get_close_matches(dsn.casefold()[:20], [EMBEDDED], cutoff=0.75):
        raise ValueError(f"should say where the database is; did you mean {EMBEDDED!r}?")
    return dsn


Identifier = Annotated[str, AfterValidator(_check_identifier)]
SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


class ConnectionOptions(Options):
    """How the database is reached. Nothing of it can change a result."""

    not_in_key: ClassVar[frozenset[str]] = frozenset(
        {"dsn", "password", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "schema_name"}
    )

    dsn: Annotated[Literal["embedded"] | Secret, BeforeValidator(_check_spelling)] = Field(
        description=f"{_WHERE_IT_IS}; best as `${{secret:…}}`, fetched again when it is refused. `embedded`: a server "
        "of querygen's own, in the job's state folder."
    )
    password: Secret | None = Field(
        None, description="Used instead of the dsn's; fetched again when it is refused, as a rotated one is."
    )
    sslmode: SslMode | None = Field(None, description="How TLS is used; default: as the dsn says, else `prefer`.")
    sslrootcert: str | None = Field(None, min_length=1, description="File of the authorities that are trusted.")
    sslcert: str | None = Field(None, min_length=1, description="File of the client's certificate.")
    sslkey: str | None = Field(None, min_length=1, description="File of the client's key.")
    connect_timeout: int = Field(10, ge=2, le=300, description="Seconds that making a connection may take.")
    schema_name: Identifier = Field(
        "public",
        alias="schema",
        description="Where `products`, `queries` and `jobselectedproducts` are. The ledger is in `querygen`, or in "
        "`querygen_<schema>` beside another schema than `public`.",
    )


class QueriesOptions(ConnectionOptions):
    batch_size: int = Field(
        5000, ge=1, le=1_000_000, description="Queries per transaction. A product is never split, so it may be more."
    )
    previous_jobs: Literal["keep", "deactivate"] = Field(
        "keep",
        description="What happens to the rows of other jobs for the same product: they stay active, or "
        "`is_active` becomes false.",
    )
    mode: Literal["auto", "A", "B"] = Field(
        "auto",
        description="`A`: a ledger in a schema of querygen's own, which can retire rows. `B`: no schema; rows are "
        "known by product, type and text, and none is ever retired, of this job or another. `auto`: A, or B where no "
        "schema may be made.",
    )
    statement_timeout: int = Field(60, ge=1, le=3600, description="Seconds that one statement may take.")
    lock_timeout: int = Field(10, ge=1, le=3600, description="Seconds that a statement may wait for a lock.")


class JobProductsOptions(ConnectionOptions):
    missing: Literal["reject", "create"] = Field(
        "reject",
        description="What happens to a product that is not in the job's selection: it is rejected, or it is written to "
        "`products` and `jobselectedproducts`.",
    )


class SourceOptions(ConnectionOptions):
    read_dsn: Secret | None = Field(
        None, description="Where the products are read: a replica may be named here. Default: the dsn."
    )
    fields: dict[str, str] = Field(
        default_factory=dict,
        description="Product field → its name in `product_data`, or a dotted path. Wins over the names known anyway.",
    )
    source: str = Field("default", min_length=1, description="Part of the key of records that do not say their own.")
    locale: str = Field("en", min_length=2, description="Language of records that do not say theirs, as BCP 47.")
