"""Finds mistakes in a template before it is rendered: unknown names, filters and fields, text outside of blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain

from jinja2 import TemplateSyntaxError, meta, nodes

from querygen_core.contracts.records import VOLATILE, Product
from querygen_core.prompts.sandbox import Sandbox
from querygen_core.prompts.sources import PromptSource, target
from querygen_core.strict_yaml.diagnostics import Problem
from querygen_core.strict_yaml.suggest import did_you_mean

ROLES = ("system", "user")
KNOWN = ("product", "want", "plan", "inputs")
WANT_FIELDS = ("query_type", "count", "accepted", "round", "missing", "dropped")
_METHODS = ("get", "items", "keys", "values")


def fields_of(volatile: frozenset[str], inputs: Collection[str]) -> dict[str, Collection[str]]:
    """Variable of a template → the fields that it has in every render."""
    product = Product(product_id="", title="").visible(volatile)
    return {"product": tuple(product), "want": WANT_FIELDS, "inputs": inputs}


def find_problems(
    parts: Sequence[PromptSource], sandbox: Sandbox, fields: Mapping[str, Collection[str]]
) -> Iterator[tuple[PromptSource, Problem]]:
    """Every problem, with the file that has it. fields: from `fields_of`."""
    assigned = {name for part in parts for name in _assigned_names(part.tree)}
    for part in parts:
        yield from ((part, problem) for problem in _unknown_tools(part, sandbox))
        yield from ((part, problem) for problem in _unknown_names(part, assigned))
        yield from ((part, problem) for problem in _unknown_fields(part, fields))
        yield from ((part, problem) for problem in _unknown_imports(part, {other.name: other for other in parts}))
        yield from ((part, problem) for problem in _recursive_loops(part))
    yield from _outside_of_roles(parts)


def _unknown_tools(part: PromptSource, sandbox: Sandbox) -> Iterator[Problem]:
    filters = ((node, "filter", sandbox.filters) for node in part.tree.find_all(nodes.Filter))
    tests = ((node, "test", sandbox.tests) for node in part.tree.find_all(nodes.Test))
    for node, kind, known in chain(filters, tests):
        if node.name not in known:
            near = did_you_mean(node.name, filter(str.isidentifier, known))
            yield part.problem(node.lineno, f"there is no {kind} {node.name!r} in prompts{near}", node.name)
            known[node.name] = str  # else Jinja stops here and reports no more; the prompt is refused anyway


def _unknown_names(part: PromptSource, assigned: Collection[str]) -> Iterator[Problem]:
    known = () if part.isolated else (*KNOWN, *assigned)
    try:
        undeclared = meta.find_undeclared_variables(part.tree)
    except TemplateSyntaxError as exc:  # such as two blocks of one name
        yield part.problem(exc.lineno, str(exc.message))
        return
    for name in sorted(undeclared - {*known, "self"}):
        used = (node for node in part.tree.find_all(nodes.Name) if node.name == name and node.ctx == "load")
        line = min((node.lineno for node in used), default=1)
        if name in KNOWN:
            message = (
                f"`{name}` is not available in an imported file: pass it to the macro, or import it `with context`"
            )
        else:
            message = f"`{name}` is not defined{did_you_mean(name, KNOWN) or '; there are ' + ', '.join(KNOWN)}"
        yield part.problem(line, message, name)


def _unknown_fields(part: PromptSource, fields: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    assigned = set(_assigned_names(part.tree))
    for node, name, field in _accesses(part.tree):
        if name in assigned or name not in fields or field in (*fields[name], *_METHODS):
            continue
        if name == "product" and field in VOLATILE:
            message = f"`{field}` is volatile (it may change while the product does not): add it to `volatile:`"
        else:
            message = f"`{name}` has no `{field}` here{did_you_mean(field, fields[name])}"
        yield part.problem(node.lineno, message, field)


def _unknown_imports(part: PromptSource, by_name: Mapping[str, PromptSource]) -> Iterator[Problem]:
    """Macros that an imported file does not have, also where no product would reach them."""
    modules = {node.target: target(node) or "" for node in part.tree.find_all(nodes.Import)}
    used = [(node.lineno, modules[name], field) for node, name, field in _accesses(part.tree) if name in modules]
    for imported in part.tree.find_all(nodes.FromImport):
        names = (name if isinstance(name, str) else name[0] for name in imported.names)
        used += [(imported.lineno, target(imported) or "", name) for name in names]
    for line, file, name in used:
        exported = sorted({name for name in _exported_names(by_name[file].tree) if not name.startswith("_")})
        if name not in exported:
            near = did_you_mean(name, exported) or f" (it has {', '.join(exported) or 'none'})"
            yield part.problem(line, f"there is no macro {name!r} in {file}{near}", name)


def _exported_names(tree: nodes.Template) -> Iterator[str]:
    """The names that whoever imports a template can use: what it defines outside of blocks, loops and macros."""
    for node in tree.body:
        if isinstance(node, nodes.Macro):
            yield node.name
        elif isinstance(node, nodes.Import):
            yield node.target
        elif isinstance(node, nodes.FromImport):
            yield from (name if isinstance(name, str) else name[1] for name in node.names)
        elif isinstance(node, nodes.Assign | nodes.AssignBlock | nodes.If):
            yield from (name.name for name in node.find_all(nodes.Name) if name.ctx == "store")
            yield from (macro.name for macro in node.find_all(nodes.Macro))


def _accesses(tree: nodes.Template) -> Iterator[tuple[nodes.Node, str, str]]:
    """Every `name.field` and `name["field"]`: the node, the name, the field."""
    for by_dot in tree.find_all(nodes.Getattr):
        if isinstance(by_dot.node, nodes.Name):
            yield by_dot, by_dot.node.name, by_dot.attr
    for by_key in tree.find_all(nodes.Getitem):
        if isinstance(by_key.node, nodes.Name) and isinstance(by_key.arg, nodes.Const):
            yield by_key, by_key.node.name, str(by_key.arg.value)


def _assigned_names(tree: nodes.Template) -> Iterator[str]:
    """Every name that a template assigns: by `set`, a loop, a macro or an import."""
    yield from (node.name for node in tree.find_all(nodes.Name) if node.ctx != "load")
    yield from (node.name for node in tree.find_all(nodes.Macro))
    yield from (node.target for node in tree.find_all(nodes.Import))
    for node in tree.find_all(nodes.FromImport):
        yield from (name if isinstance(name, str) else name[1] for name in node.names)


def _recursive_loops(part: PromptSource) -> Iterator[Problem]:
    for loop in part.tree.find_all(nodes.For):
        if loop.recursive:
            yield part.problem(loop.lineno, "recursive loops are not supported in prompts")


def _outside_of_roles(parts: Sequence[PromptSource]) -> Iterator[tuple[PromptSource, Problem]]:
    """Text outside of the blocks `system` and `user`, where a prompt has them: it would not be sent."""
    ancestry = _ancestry(parts)
    blocks = {block.name for part in ancestry for block in part.tree.find_all(nodes.Block)}
    if not blocks.intersection(ROLES):
        return
    if "user" not in blocks:
        yield parts[0], parts[0].problem(1, "there is a block `system`, but no block `user`")
    root = ancestry[-1]
    for node in _unblocked_text(root.tree):
        yield root, root.problem(node.lineno, "text outside of the blocks `system` and `user` would be lost")


def _ancestry(parts: Sequence[PromptSource]) -> list[PromptSource]:
    """The prompt itself, the file that it extends, and so on."""
    by_name = {part.name: part for part in parts}
    ancestry = [parts[0]]
    while (parent := ancestry[-1].tree.find(nodes.Extends)) is not None:
        ancestry.append(by_name[target(parent) or ""])
    return ancestry


def _unblocked_text(node: nodes.Node) -> Iterator[nodes.Node]:
    """Nodes that write something although they are in no block of a role."""
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Output):
            yield from (text for text in child.nodes if not _is_blank(text))
        elif isinstance(child, nodes.Include | nodes.CallBlock | nodes.FilterBlock):
            yield child
        elif isinstance(child, nodes.Block):
            if child.name not in ROLES:
                yield from _unblocked_text(child)
        elif not isinstance(child, nodes.Macro | nodes.AssignBlock):
            yield from _unblocked_text(child)


def _is_blank(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.TemplateData) and not node.data.strip()
