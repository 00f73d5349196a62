"""What can be known of a template to be wrong before it is rendered: names, filters, fields, text out of place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain

from jinja2 import TemplateSyntaxError, meta, nodes

from querygen_core.problems import Problem
from querygen_core.prompts.sandbox import Sandbox
from querygen_core.prompts.sources import Part, target
from querygen_core.records import VOLATILE, Product
from querygen_core.suggest import hint

ROLES = ("system", "user")
KNOWN = ("product", "want", "plan", "inputs")
WANT_FIELDS = ("query_type", "count", "accepted", "round", "missing")
_METHODS = ("get", "items", "keys", "values")


def fields_of(volatile: frozenset[str], inputs: Collection[str]) -> dict[str, Collection[str]]:
    """Name → the fields it has in every render."""
    product = Product(product_id="", title="").visible(volatile)
    return {"product": tuple(product), "want": WANT_FIELDS, "inputs": inputs}


def check(
    parts: Sequence[Part], sandbox: Sandbox, fields: Mapping[str, Collection[str]]
) -> Iterator[tuple[Part, Problem]]:
    """Every problem with the part that has it."""
    stored = {name for part in parts for name in _stored(part.tree)}
    for part in parts:
        yield from ((part, problem) for problem in _unknown_tools(part, sandbox))
        yield from ((part, problem) for problem in _unknown_names(part, stored))
        yield from ((part, problem) for problem in _unknown_fields(part, fields))
        yield from ((part, problem) for problem in _recursive_loops(part))
    yield from _out_of_place(parts)


def _unknown_tools(part: Part, sandbox: Sandbox) -> Iterator[Problem]:
    filters = ((node, "filter", sandbox.filters) for node in part.tree.find_all(nodes.Filter))
    tests = ((node, "test", sandbox.tests) for node in part.tree.find_all(nodes.Test))
    for node, kind, known in chain(filters, tests):
        if node.name not in known:
            near = hint(node.name, filter(str.isidentifier, known))
            yield part.problem(node.lineno, f"there is no {kind} {node.name!r} in prompts{near}", node.name)
            known[node.name] = str  # Jinja would stop at it and not tell the names; the prompt is refused anyway


def _unknown_names(part: Part, stored: Collection[str]) -> Iterator[Problem]:
    known = () if part.alone else (*KNOWN, *stored)
    try:
        undeclared = meta.find_undeclared_variables(part.tree)
    except TemplateSyntaxError as exc:  # such as two blocks of one name
        yield part.problem(exc.lineno, str(exc.message))
        return
    for name in sorted(undeclared - {*known, "self"}):
        used = (node for node in part.tree.find_all(nodes.Name) if node.name == name and node.ctx == "load")
        line = min((node.lineno for node in used), default=1)
        if name in KNOWN:
            message = f"`{name}` is not known in an imported file: give it to the macro, or import it `with context`"
        else:
            message = f"`{name}` is not defined{hint(name, KNOWN) or '; there are ' + ', '.join(KNOWN)}"
        yield part.problem(line, message, name)


def _unknown_fields(part: Part, fields: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    own = set(_stored(part.tree))
    for node, name, field in _accesses(part.tree):
        if name in own or name not in fields or field in (*fields[name], *_METHODS):
            continue
        if name == "product" and field in VOLATILE:
            message = f"`{field}` is volatile, it changes without the product changing: add it to `volatile:`"
        else:
            message = f"`{name}` has no `{field}` here{hint(field, fields[name])}"
        yield part.problem(node.lineno, message, field)


def _accesses(tree: nodes.Template) -> Iterator[tuple[nodes.Node, str, str]]:
    """`name.field` and `name["field"]`, wherever they stand."""
    for by_dot in tree.find_all(nodes.Getattr):
        if isinstance(by_dot.node, nodes.Name):
            yield by_dot, by_dot.node.name, by_dot.attr
    for by_key in tree.find_all(nodes.Getitem):
        if isinstance(by_key.node, nodes.Name) and isinstance(by_key.arg, nodes.Const):
            yield by_key, by_key.node.name, str(by_key.arg.value)


def _stored(tree: nodes.Template) -> Iterator[str]:
    """Every name that a template gives a value to, wherever."""
    yield from (node.name for node in tree.find_all(nodes.Name) if node.ctx != "load")
    yield from (node.name for node in tree.find_all(nodes.Macro))
    yield from (node.target for node in tree.find_all(nodes.Import))
    for node in tree.find_all(nodes.FromImport):
        yield from (name if isinstance(name, str) else name[1] for name in node.names)


def _recursive_loops(part: Part) -> Iterator[Problem]:
    for loop in part.tree.find_all(nodes.For):
        if loop.recursive:
            yield part.problem(loop.lineno, "recursive loops are not available in prompts")


def _out_of_place(parts: Sequence[Part]) -> Iterator[tuple[Part, Problem]]:
    """Once a prompt has blocks for its roles, text outside of them would go nowhere."""
    family = _inheritance(parts)
    blocks = {block.name for part in family for block in part.tree.find_all(nodes.Block)}
    if not blocks.intersection(ROLES):
        return
    if "user" not in blocks:
        yield parts[0], parts[0].problem(1, "there is a block `system`, but no block `user`")
    root = family[-1]
    for node in _loose(root.tree):
        yield root, root.problem(node.lineno, "text outside of the blocks `system` and `user` would be lost")


def _inheritance(parts: Sequence[Part]) -> list[Part]:
    by_name = {part.name: part for part in parts}
    family = [parts[0]]
    while (parent := family[-1].tree.find(nodes.Extends)) is not None:
        family.append(by_name[target(parent) or ""])
    return family


def _loose(node: nodes.Node) -> Iterator[nodes.Node]:
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Output):
            yield from (text for text in child.nodes if not _is_blank(text))
        elif isinstance(child, nodes.Include | nodes.CallBlock | nodes.FilterBlock):
            yield child
        elif isinstance(child, nodes.Block):
            if child.name not in ROLES:
                yield from _loose(child)
        elif not isinstance(child, nodes.Macro | nodes.AssignBlock):
            yield from _loose(child)


def _is_blank(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.TemplateData) and not node.data.strip()
