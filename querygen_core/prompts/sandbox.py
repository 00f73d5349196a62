"""Jinja for prompts, restricted so that a template can only turn data into text.

Jinja's own sandbox lists what is forbidden, has been escaped repeatedly through `str.format`, and does not limit work.
Here everything is refused that is not on a list, and all work is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, NoReturn

from jinja2 import BaseLoader, Environment, StrictUndefined, Template, TemplateNotFound, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from querygen_core.contracts.records import VOLATILE
from querygen_core.prompts.filters import (
    FILTER_TABLE,
    TEST_TABLE,
    concat,
    join,
    limited_range,
    metered,
    printable,
    read,
)
from querygen_core.prompts.rendering import current

_STRING_METHODS = (
    "capitalize",
    "casefold",
    "count",
    "endswith",
    "find",
    "isalnum",
    "isalpha",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "istitle",
    "isupper",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "rfind",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
)
_LOOP_ATTRIBUTES = (
    "changed",
    "cycle",
    "depth",
    "depth0",
    "first",
    "index",
    "index0",
    "last",
    "length",
    "nextitem",
    "previtem",
    "revindex",
    "revindex0",
)
_ATTRIBUTES: dict[type, frozenset[str]] = {
    str: frozenset(_STRING_METHODS),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    LoopContext: frozenset(_LOOP_ATTRIBUTES),
}
_LARGEST_NUMBER = 10**15
_EACH = "(each)"  # not a name that a template can write
_CONCAT = "(concat)"
_READ = "(read)"
_VOLATILE_FIELD = re.compile(rf"has no attribute '({'|'.join(VOLATILE)})'$")


class Missing(StrictUndefined):
    """An undefined value: any use of it is an error."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        message = super()._undefined_message
        volatile = _VOLATILE_FIELD.search(message)
        return f"{message}; it is volatile: add it to `volatile:`" if volatile else message


class Sources(BaseLoader):
    """Templates as they were when the prompt was loaded. sources: name → source and file name."""

    def __init__(self, sources: Mapping[str, tuple[str, str]]) -> None:
        self._sources = sources

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:  # noqa: ARG002
        if template not in self._sources:
            raise TemplateNotFound(template)
        return *self._sources[template], lambda: True


class Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    concat = staticmethod(concat)

    def __init__(self, sources: Mapping[str, tuple[str, str]]) -> None:
        super().__init__(
            loader=Sources(sources),
            undefined=Missing,
            finalize=printable,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,  # files are read once, when the prompt is loaded
            cache_size=-1,  # without a limit: a prompt has at most 50 files
            optimized=False,  # folding constants would call filters while no work is counted
        )
        self.globals = {"range": limited_range}
        self.filters = {
            **FILTER_TABLE,
            _EACH: lambda items: current.get().each(items),
            _CONCAT: metered(join),
            _READ: read,
        }
        self.tests = dict(TEST_TABLE)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002 - Jinja's signature
        if isinstance(obj, TemplateModule):
            return not attr.startswith("_")
        return attr in _ATTRIBUTES.get(type(obj), ())

    def wrap_str_format(self, value: Any) -> None:
        """Withhold `str.format`, which Jinja would replace by a restricted one: no template needs it."""

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(argument, slice):
            current.get().charge(obj)
        else:
            current.get().compare(argument)
        return super().getitem(obj, argument)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        rendering = current.get()
        rendering.step()
        if (owner := getattr(obj, "__self__", None)) is not None:
            rendering.charge(owner)
        for value in args:
            rendering.compare(value)
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002
        if operator == "+" and type(left) is type(right) and isinstance(left, str | list):
            current.get().charge(left)
            current.get().charge(right)
        elif operator == "**" or not (_is_small(left) and _is_small(right)):
            _refuse(operator, left, right)
        return self.binop_table[operator](left, right)

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002
    ) -> Template:
        current.get().step()
        return super().get_template(name, parent, globals)

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        return super()._generate(_WorkCounter(self).visit(source), *args, **kwargs)


class _WorkCounter(NodeTransformer):
    """Inserts counting filters where Jinja has no hook: around the iterable of a loop, what is compared, and lists and
    mappings that a template writes, since those that hold one list twice double with every line; and in place of `~`.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - named after the node
        self.generic_visit(node)
        node.iter = self._filtered(node.iter, _EACH)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filtered(nodes.Tuple(node.nodes, "load", lineno=node.lineno), _CONCAT)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = self._filtered(node.expr, _READ)
        for operand in node.ops:
            operand.expr = self._filtered(operand.expr, _READ)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filtered(node, _READ)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filtered(node, _READ)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return node if node.ctx == "store" else self._filtered(node, _READ)

    def _filtered(self, value: nodes.Node, name: str) -> nodes.Filter:
        return nodes.Filter(value, name, [], [], None, None, lineno=value.lineno, environment=self._environment)


def _is_small(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) <= _LARGEST_NUMBER


def _refuse(operator: str, left: object, right: object) -> NoReturn:
    if operator == "**":
        raise SecurityError("`**` is not supported in prompts")
    kinds = f"{type(left).__name__} {operator} {type(right).__name__}"
    raise SecurityError(f"`{kinds}`: arithmetic is for numbers up to {_LARGEST_NUMBER:.0e}; join texts with ~")
