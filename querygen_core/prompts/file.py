"""One prompt: loaded and checked once, then rendered for every product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Template, nodes
from jinja2.runtime import Context

from querygen_core.errors import ConfigError
from querygen_core.problems import Problem, lines
from querygen_core.prompts.check import ROLES, check, fields_of
from querygen_core.prompts.failure import failure
from querygen_core.prompts.front import read_front
from querygen_core.prompts.plan import scale
from querygen_core.prompts.rendering import Overrun, Rendering, current
from querygen_core.prompts.sandbox import Sandbox
from querygen_core.prompts.sources import Part, collect, combined_hash, references, target
from querygen_core.prompts.untrusted import clean
from querygen_core.records import Product, Request, Want
from querygen_core.suggest import hint

MAX_PROMPT = 256 * 1024
_MISSING = object()


class PromptFile:
    """An `api.Prompt`. `hash` covers the file and all that it includes; a later change on disk has no effect.

    sources: the text of each of these files, the prompt's own first, by the name that it is included under.
    """

    def __init__(self, path: Path, folders: Sequence[Path] = ()) -> None:
        """Raises ConfigError, with every problem that can be seen without a product."""
        parts, sandbox = collect(path, folders)
        front, problems = read_front(parts[0].front, str(path))
        found = [(parts[0], problem) for problem in problems]
        found += check(parts, sandbox, fields_of(front.volatile, front.inputs))
        if found:
            raise ConfigError(_by_file(parts, found))
        self.name = front.name or path.stem
        self.hash = combined_hash(parts)
        self.volatile = front.volatile
        self.schema = front.output
        self.sources = {part.name: part.text for part in parts}
        self._front = front
        self._path = path
        self._files = [part.path for part in parts]
        self._plan = lru_cache(maxsize=256)(lambda count: scale(front.plan, count))
        self._template = _compile(parts, sandbox)

    def render(self, product: Product, want: Want, inputs: Mapping[str, Any] | None = None) -> Request:
        values = {
            "product": clean(product.visible(self.volatile)),
            "want": _shown(want),
            "plan": dict(want.missing or self._plan(want.count)),
            "inputs": self.bind(inputs),
        }
        token = current.set(Rendering(mark=lambda: product.content_hash(self.volatile)[:8]))
        try:
            system, user = _roles(self._template, values)
        except Exception as exc:  # noqa: BLE001 - a template can fail in every way that Python can
            raise failure(exc, str(self._path), product.key) from None
        finally:
            current.reset(token)
        return Request(model="", prompt=user, system=system, schema=self.schema, parameters=self._front.model)

    def bind(self, inputs: Mapping[str, Any] | None) -> dict[str, Any]:
        """`inputs` and, for what they leave out, the defaults.

        Raises:
            ConfigError: one is unknown, or missing without a default.
        """
        declared = self._front.inputs
        given = inputs or {}
        problems = [f"unknown input {name!r}{hint(name, declared)}" for name in given if name not in declared]
        bound = {name: given.get(name, about.get("default", _MISSING)) for name, about in declared.items()}
        problems += [f"input {name!r} must be given" for name, value in bound.items() if value is _MISSING]
        if problems:
            raise ConfigError([f"{self._path}: {problem}" for problem in problems])
        return {name: clean(value) for name, value in bound.items()}

    def describe(self) -> dict[str, Any]:
        """What there is to know of the prompt, as plain data."""
        return {
            "name": self.name,
            "description": self._front.description,
            "inputs": dict(self._front.inputs),
            "volatile": sorted(self.volatile),
            "plan": dict(self._front.plan),
            "model": dict(self._front.model),
            "hash": self.hash,
            "files": [str(path) for path in self._files],
        }


def _shown(want: Want) -> dict[str, Any]:
    return {
        "query_type": want.query_type,
        "count": want.count,
        "accepted": clean(want.accepted),
        "round": want.round,
        "missing": dict(want.missing),
    }


def _compile(parts: Sequence[Part], sandbox: Sandbox) -> Template:
    """The first part, ready to render.

    What is imported without context is run now: Jinja does so once, and it must not depend on which product is first.
    """
    token = current.set(Rendering(mark=_no_product))
    try:
        templates = {part.name: sandbox.get_template(part.name) for part in parts}
        for reference in (reference for part in parts for reference in references(part.tree)):
            if not isinstance(reference, nodes.Extends) and not reference.with_context:
                _ = templates[target(reference) or ""].module
    except Exception as exc:  # noqa: BLE001 - Python's compiler has limits of its own
        raise failure(exc, str(parts[0].path)) from None
    finally:
        current.reset(token)
    return templates[parts[0].name]


def _no_product() -> str:
    raise ValueError("no product is known here: use `untrusted` in a macro, or import the file `with context`")


def _roles(template: Template, values: Mapping[str, Any]) -> tuple[str, str]:
    """(system, user). The roles are the template's own blocks, found before any data comes in.

    Each block is diverted where it would be written, so that what the file sets or imports above it is there.
    """
    context = template.new_context(dict(values))
    found: dict[str, str] = {}
    for name in ROLES:
        context.blocks.setdefault(name, []).insert(0, _divert(name, found))
    whole = _text(template.root_render_func(context))
    user = found.get("user", "") if found else whole
    if not user:
        raise ValueError("the prompt came out empty")
    return found.get("system", ""), user


def _divert(name: str, found: dict[str, str]) -> Callable[[Context], Iterator[str]]:
    def block(context: Context) -> Iterator[str]:
        found[name] = _text(context.blocks[name][1](context))
        yield from ()

    return block


def _text(pieces: Iterable[str]) -> str:
    """All pieces, without blanks at line ends; stops at the first piece that is too much."""
    taken: list[str] = []
    left = MAX_PROMPT
    for piece in pieces:
        taken.append(piece)
        left -= len(piece)
        if left < 0:
            raise Overrun(f"the prompt comes out longer than {MAX_PROMPT} characters")
    text = "".join(taken)
    if " \n" in text or "\t\n" in text:
        text = "\n".join(line.rstrip() for line in text.split("\n"))
    return text.strip()


def _by_file(parts: Sequence[Part], found: Iterable[tuple[Part, Problem]]) -> list[str]:
    problems = list(found)
    return [line for part in parts for line in lines(problem for owner, problem in problems if owner is part)]
