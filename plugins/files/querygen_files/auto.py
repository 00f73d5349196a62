"""`files/auto`: reads products from the first of four places that is set, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import StringIO

from querygen_core.api import Context, InputError, MissingInput, Product, QuerygenError, Reject
from querygen_files.catalogue import Catalogue
from querygen_files.formats.json_array import read_json
from querygen_files.options import AutoOptions, CatalogueOptions
from querygen_files.product_reader import ProductReader

_NO_SOURCE = (
    "no products are given; set PRODUCTS_JSON, or INPUT_S3_BUCKET and INPUT_S3_KEY, or give --products-file FILE, or "
    "--product JSON"
)


class AutoInput:
    """Tries the next place only if one is not set. One that is set but broken is an error.

    An empty environment variable counts as not set.
    """

    def __init__(self, options: AutoOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._catalogue: Catalogue | None = None

    def read(self) -> Iterator[Product | Reject]:
        # The order that deployments rely on; it is documented in the README.
        for source in (self._from_variable, self._from_bucket, self._from_file, self._from_arguments):
            products = source()
            if products is not None:
                return products
        raise MissingInput(_NO_SOURCE)

    def check_locally(self) -> Mapping[str, QuerygenError]:
        """That nothing is set is no problem yet: the products may be given to `querygen run`."""
        path = self._context.products_file
        bucket, key = self._variable("INPUT_S3_BUCKET"), self._variable("INPUT_S3_KEY")
        if self._variable("PRODUCTS_JSON") or (bucket and key):
            return {}
        if bucket or key:
            return {"": _half_set(bucket)}
        found = {} if path is None else self._catalogue_of(path).check_locally()
        return {"": found["path"]} if found else {}

    def fraction(self) -> float | None:
        return self._catalogue.fraction() if self._catalogue else None

    def _from_variable(self) -> Iterator[Product | Reject] | None:
        text = self._variable("PRODUCTS_JSON")
        if not text:
            return None
        self._log_source("PRODUCTS_JSON")
        return self._read_json("PRODUCTS_JSON", text)

    def _from_bucket(self) -> Iterator[Product | Reject] | None:
        bucket, key = self._variable("INPUT_S3_BUCKET"), self._variable("INPUT_S3_KEY")
        if not bucket and not key:
            return None
        if not bucket or not key:
            raise _half_set(bucket)
        self._log_source("INPUT_S3_BUCKET and INPUT_S3_KEY")
        return self._read_file(f"s3://{bucket}/{key.lstrip('/')}")

    def _from_file(self) -> Iterator[Product | Reject] | None:
        path = self._context.products_file
        if path is None:
            return None
        self._log_source(f"--products-file {path}")
        return self._read_file(path)

    def _from_arguments(self) -> Iterator[Product | Reject] | None:
        if not self._context.products:
            return None
        self._log_source(f"--product, given {len(self._context.products)} times")
        return self._read_arguments()

    def _read_arguments(self) -> Iterator[Product | Reject]:
        for number, text in enumerate(self._context.products, 1):
            yield from self._read_json(f"--product {number}", text)

    def _read_json(self, name: str, text: str) -> Iterator[Product | Reject]:
        return ProductReader(self._options, self._context.log).read_records(name, read_json(StringIO(text.strip())))

    def _read_file(self, path: str) -> Iterator[Product | Reject]:
        self._catalogue = self._catalogue_of(path)
        return self._catalogue.read()

    def _catalogue_of(self, path: str) -> Catalogue:
        shared = self._options
        options = CatalogueOptions(path=path, fields=shared.fields, source=shared.source, locale=shared.locale)
        return Catalogue(options, self._context)

    def _variable(self, name: str) -> str:
        return self._context.environ.get(name, "").strip()

    def _log_source(self, source: str) -> None:
        self._context.log.info("reading products from %s", source)


def _half_set(bucket: str) -> InputError:
    """bucket: the value of INPUT_S3_BUCKET, "" if that is the one that is missing."""
    present, missing = ("INPUT_S3_BUCKET", "INPUT_S3_KEY")[:: 1 if bucket else -1]
    return InputError(f"{present} is set and {missing} is not; set both or none")
