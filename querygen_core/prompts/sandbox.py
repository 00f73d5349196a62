"""The Jinja in which prompts run: data in, text out, and nothing else within reach.

Jinja's own sandbox has been escaped again and again by new ways to `str.format`, and it does not count work. So here
everything is refused that is not on a list, and all work is counted.
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

from querygen_core.prompts.filters import FILTER_TABLE, TEST_TABLE, concat, join, limited_range, metered, printable
from querygen_core.prompts.rendering import current
from querygen_core.records import VOLATILE

_OF_TEXT = (
    "capitalize", "casefold", "count", "endswith", "find", "isalnum", "isalpha", "isdigit", "islower", "isnumeric",
    "isspace", "istitle", "isupper", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "rfind",
    "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper",
)  # fmt: skip
_OF_A_LOOP = (
    "changed", "cycle", "depth", "depth0", "first", "index", "index0", "last", "length", "nextitem", "previtem",
    "revindex", "revindex0",
)  # fmt: skip
_ATTRIBUTES: dict[type, frozenset[str]] = {
    str: frozenset(_OF_TEXT),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    LoopContext: frozenset(_OF_A_LOOP),
}
_LARGEST_NUMBER = 10**15
_EACH = "(each)"  # filters that only the compiler can name
_CONCAT = "(concat)"
_HIDDEN_FIELD = re.compile(rf"has no attribute '({'|'.join(VOLATILE)})'$")


class Missing(StrictUndefined):
    """Whatever is undefined is an error as soon as it is used."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        message = super()._undefined_message
        hidden = _HIDDEN_FIELD.search(message)
        return f"{message}; it is volatile: add it to `volatile:`" if hidden else message


class Sources(BaseLoader):
    """Templates as they were when the prompt was loaded: name → (source, file name)."""

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
            auto_reload=False,
            cache_size=-1,
            optimized=False,
        )
        self.globals = {"range": limited_range}
        self.filters = {**FILTER_TABLE, _EACH: lambda items: current.get().each(items), _CONCAT: metered(join)}
        self.tests = dict(TEST_TABLE)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002 - Jinja's signature
        if isinstance(obj, TemplateModule):
            return not attr.startswith("_")
        return attr in _ATTRIBUTES.get(type(obj), ())

    def wrap_str_format(self, value: Any) -> None:
        """Jinja would offer a `str.format` of its own here; no template needs one."""

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(argument, slice):
            current.get().charge(obj)
        return super().getitem(obj, argument)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        rendering = current.get()
        rendering.step()
        if (owner := getattr(obj, "__self__", None)) is not None:
            rendering.charge(owner)
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
        return super()._generate(_Counted(self).visit(source), *args, **kwargs)


class _Counted(NodeTransformer):
    """Puts a filter that counts where Jinja offers no hook: around what a loop goes through, and in place of `~`."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - named after the node
        self.generic_visit(node)
        node.iter = self._filtered(node.iter, _EACH)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filtered(nodes.Tuple(node.nodes, "load", lineno=node.lineno), _CONCAT)

    def _filtered(self, value: nodes.Node, name: str) -> nodes.Filter:
        return nodes.Filter(value, name, [], [], None, None, lineno=value.lineno, environment=self._environment)


def _is_small(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) <= _LARGEST_NUMBER


def _refuse(operator: str, left: object, right: object) -> NoReturn:
    if operator == "**":
        raise SecurityError("`**` is not available in prompts")
    kinds = f"{type(left).__name__} {operator} {type(right).__name__}"
    raise SecurityError(f"`{kinds}`: arithmetic is for numbers up to {_LARGEST_NUMBER:.0e}; join texts with ~")
