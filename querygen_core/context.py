"""What a component may know of its surroundings. Plugins import it from `querygen_core.api`."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from querygen_core.errors import ConfigError
from querygen_core.journal.interface import LocalJournal
from querygen_core.protocols import Prompt, Storage

PARTITIONS = 64
"""Into so many parts every job is cut, whatever the number of processes: a shard works on some of them."""


def partition_of(product_key: str) -> int:
    """The partition of a product, from 0: by a hash of its key, so that it stays so when the input is reordered."""
    hashed = hashlib.sha256(product_key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(hashed[:8], "big") % PARTITIONS


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of the input this process works on: `index` of `size`, from 0. Never part of any key.

    A shard has every `size`th partition. size: at most `PARTITIONS`.
    """

    index: int = 0
    size: int = 1

    @property
    def partitions(self) -> range:
        return range(self.index, PARTITIONS, self.size)

    def has(self, product_key: str) -> bool:
        """Whether a product is this shard's."""
        return self.size == 1 or partition_of(product_key) % self.size == self.index


@dataclass(frozen=True, slots=True)
class Context:
    """What a component may know of its surroundings when it is built.

    job_id: as the config says, any characters. component: its own name, `plugin/component`. state_dir: this job's
    folder for state, existing and writable. config_dir: the folder of the config file. products_file and products:
    what the command line gave (`--products-file`, `--product`). environ: the process's environment.
    """

    job_id: str
    component: str
    state_dir: Path
    config_dir: Path
    shard: Shard = Shard()
    products_file: str | None = None
    products: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    open_storage: Callable[[str], Storage] | None = None
    load_prompt: Callable[[str], Prompt] | None = None
    describe_model: Callable[[str], Mapping[str, Any]] | None = None
    open_journal: Callable[[], LocalJournal] | None = None

    @property
    def log(self) -> logging.Logger:
        """The component's own logger; its lines start with `[PLUGIN]`."""
        return logging.getLogger(f"querygen.{self.component.partition('/')[0]}")

    def find(self, path: str) -> Path:
        """An input file: from the current folder or, if it is not there, from beside the config."""
        here = Path(path).expanduser()
        beside = self.config_dir / here
        return beside if not here.exists() and beside.exists() else here

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
        """What identifies the model called `name` under `models:`: provider and parameters, no secret."""
        if self.describe_model is None:
            raise ConfigError(f"no model {name!r} in this context")
        return self.describe_model(name)

    def local_journal(self) -> LocalJournal:
        """The job's journal on local disk, for a journal that keeps its answers elsewhere. To be closed by it."""
        if self.open_journal is None:
            raise ConfigError("no local journal in this context")
        return self.open_journal()
