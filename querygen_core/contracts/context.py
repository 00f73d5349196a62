"""A component's surroundings. Plugins import them from `querygen_core.api`."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from querygen_core.contracts.errors import ConfigError
from querygen_core.contracts.protocols import Prompt, Storage


def partition_of(product_key: str, partitions: int) -> int:
    """The product's partition, from 0. It is a hash of the key, so reordering the input moves no product.

    partitions: how many the job has.
    """
    # Not the built-in `hash`, which differs between processes: all shards must agree.
    hashed = hashlib.sha256(product_key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(hashed[:8], "big") % partitions


@dataclass(frozen=True, slots=True)
class Shard:
    """The part of the input that one process works on: every `size`th partition, from `index` on. Never in any key."""

    index: int = 0
    """From 0, below `size`."""
    size: int = 1
    """Number of shards of the job, at most `partition_count`."""
    partition_count: int = 64
    """Number of partitions of the job, `runtime.partitions`: fixed at its first start, while `size` may change."""

    @property
    def label(self) -> str:
        """`3/16`: as journals and reports tell shards apart."""
        return f"{self.index}/{self.size}"

    @property
    def name(self) -> str:
        """`3-of-16`: a part of the name of a file or object."""
        return f"{self.index}-of-{self.size}"

    @property
    def part_name(self) -> str:
        """`part-00003-of-00016`: the same for files that a person sorts and reads."""
        return f"part-{self.index:05}-of-{self.size:05}"

    @property
    def partitions(self) -> range:
        """The numbers of this shard's partitions."""
        return range(self.index, self.partition_count, self.size)

    def has(self, product_key: str) -> bool:
        """Whether the product with this key belongs to this shard."""
        return self.size == 1 or partition_of(product_key, self.partition_count) % self.size == self.index


@dataclass(frozen=True, slots=True)
class Context:
    """A component's surroundings when it is built."""

    job_id: str
    """As the config says, any characters; "" for resolvers and storages."""
    component: str
    """The component's own name, `plugin/component`."""
    state_dir: Path
    """The job's folder for state, existing and writable."""
    config_dir: Path
    """The folder of the config file."""
    shard: Shard = Shard()
    """The part of the job that this process works on."""
    fence: int | None = None
    """Number of the lease under which this process works; every later holder has a higher one. A sink changes nothing
    for a job of which it has seen a higher one. None: no lease, since no other machine can run the job.
    """
    query_types: tuple[str, ...] = ()
    """The types of query that the config's generators are asked for, each once. Empty: not known."""
    upstream: tuple[str, ...] | None = None
    """`plugin/component` of the input and of each preprocessor of the config, in order. None: not known."""
    sample: bool = False
    """The run is a sample: it reads only a part of the input, to try something out. See `TakesSamples`."""
    products_file: str | None = None
    """`--products-file` of the command line."""
    products: tuple[str, ...] = ()
    """Each `--product` of the command line, as JSON text."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """The process's environment."""
    open_storage: Callable[[str], Storage] | None = None
    """Behind `storage`."""
    load_prompt: Callable[[str], Prompt] | None = None
    """Behind `prompt`."""
    describe_model: Callable[[str], Mapping[str, Any]] | None = None
    """Behind `model`."""

    @property
    def log(self) -> logging.Logger:
        """The component's own logger; its lines start with `[PLUGIN]`."""
        return logging.getLogger(f"querygen.{self.component.partition('/')[0]}")

    def find(self, path: str) -> Path:
        """An input file: from the current folder or, if it is not there, from beside the config."""
        from_here = Path(path).expanduser()
        beside_config = self.config_dir / from_here
        return beside_config if not from_here.exists() and beside_config.exists() else from_here

    def storage(self, url: str) -> Storage:
        """The storage for a URL's scheme (`s3://…`); a path without a scheme is a local file.

        Raises:
            ConfigError: no installed plugin reads that scheme.
        """
        if self.open_storage is None:
            raise ConfigError(f"no storage for {url!r} in this context")
        return self.open_storage(url)

    def prompt(self, name: str) -> Prompt:
        """A prompt by name (looked up in `prompts_dir`) or by path.

        Raises:
            ConfigError: it is missing or wrong, with file and line.
        """
        if self.load_prompt is None:
            raise ConfigError(f"no prompt {name!r} in this context")
        return self.load_prompt(name)

    def model(self, name: str) -> Mapping[str, Any]:
        """The identity of the model called `name` under `models:`: provider and parameters as plain JSON, no secret."""
        if self.describe_model is None:
            raise ConfigError(f"no model {name!r} in this context")
        return self.describe_model(name)
