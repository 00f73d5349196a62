"""A prompt file: loaded and checked once, then rendered for every product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Template, nodes
from jinja2.runtime import Context

from querygen_core.contracts.errors import ConfigError
from querygen_core.contracts.records import Product, Request, Want
from querygen_core.prompts.front_matter import read_front_matter
from querygen_core.prompts.lint import ROLES, fields_of, find_problems
from querygen_core.prompts.rendering import LimitExceeded, Rendering, current
from querygen_core.prompts.sandbox import Sandbox
from querygen_core.prompts.sources import PromptSource, collect, combined_hash, references, target
from querygen_core.prompts.untrusted import clean
from querygen_core.strict_yaml.diagnostics import Problem, lines, one_line
from querygen_core.strict_yaml.suggest import did_you_mean

MAX_PROMPT = 256 * 1024
_MISSING = object()


class PromptFile:
    """Implements `api.Prompt`. A change of the files after loading has no effect.

    path: the prompt's own file. hash: SHA-256 over it and all files that it includes. sources: the texts of these files
    by the name under which they are included, the prompt's own first; paths: where they were read. front: what the
    prompt says of itself. plan: from a number of questions to sub_type → share.
    """

    def __init__(self, path: Path, folders: Sequence[Path] = ()) -> None:
        """Raises ConfigError, with every problem that can be found without a product."""
        parts, sandbox = collect(path, folders)
        front, problems = read_front_matter(parts[0].front, str(path))
        located = [(parts[0], problem) for problem in problems]
        located += find_problems(parts, sandbox, fields_of(front.volatile, front.inputs))
        if located:
            raise ConfigError(_by_file(parts, located))
        self.name = front.name or path.stem
        self.hash = combined_hash(parts)
        self.volatile = front.volatile
        self.schema = front.output
        self.sources = {part.name: part.text for part in parts}
        self.paths = tuple(part.path for part in parts)
        self.front = front
        self.path = path
        self.plan = lru_cache(maxsize=256)(lambda count: scale(front.plan, count))
        self._template = _compile(parts, sandbox)

    def render(self, product: Product, want: Want, inputs: Mapping[str, Any] | None = None) -> Request:
        values = {
            "product": clean(product.visible(self.volatile)),
            "want": _shown(want),
            "plan": dict(want.missing or self.plan(want.count)),
            "inputs": self.bind(inputs),
        }
        token = current.set(Rendering(mark=lambda: product.content_hash(self.volatile)[:8]))
        try:
            system, user = _roles(self._template, values)
        except Exception as exc:  # noqa: BLE001 - a template can fail in every way that Python can
            raise render_error(exc, str(self.path), product.key) from None
        finally:
            current.reset(token)
        return Request(model="", prompt=user, system=system, schema=self.schema, parameters=self.front.model)

    def place(self, key: str) -> str:
        """`file:line` of a key of the front matter; the file alone if it is not there."""
        rows = self.sources[self.path.name].split("\n")
        line = next((number for number, row in enumerate(rows, 1) if row.startswith(f"{key}:")), None)
        return f"{self.path}:{line}" if line else str(self.path)

    def bind(self, inputs: Mapping[str, Any] | None) -> dict[str, Any]:
        """`inputs` and, for what they leave out, the defaults.

        Raises:
            ConfigError: one is unknown, or missing without a default.
        """
        declared = self.front.inputs
        values = inputs or {}
        problems = [f"unknown input {name!r}{did_you_mean(name, declared)}" for name in values if name not in declared]
        bound = {name: values.get(name, about.get("default", _MISSING)) for name, about in declared.items()}
        problems += [f"input {name!r} is required" for name, value in bound.items() if value is _MISSING]
        if problems:
            raise ConfigError([f"{self.path}: {problem}" for problem in problems])
        return {name: clean(value) for name, value in bound.items()}


def _shown(want: Want) -> dict[str, Any]:
    return {
        "query_type": want.query_type,
        "count": want.count,
        "accepted": clean(want.accepted),
        "round": want.round,
        "missing": dict(want.missing),
        "dropped": clean(dict(want.dropped)),
    }


def _compile(parts: Sequence[PromptSource], sandbox: Sandbox) -> Template:
    """The prompt's own template, ready to render.

    Files that are imported without context run now: Jinja runs them only once, so the first product would decide.
    """
    token = current.set(Rendering(mark=_no_product))
    try:
        templates = {part.name: sandbox.get_template(part.name) for part in parts}
        for reference in (reference for part in parts for reference in references(part.tree)):
            if not isinstance(reference, nodes.Extends) and not reference.with_context:
                _ = templates[target(reference) or ""].module
    except Exception as exc:  # noqa: BLE001 - Python's compiler has limits of its own
        raise render_error(exc, str(parts[0].path)) from None
    finally:
        current.reset(token)
    return templates[parts[0].name]


def _no_product() -> str:
    raise ValueError("no product is available here: use `untrusted` in a macro, or import the file `with context`")


def _roles(template: Template, values: Mapping[str, Any]) -> tuple[str, str]:
    """Render the system and the user prompt. The roles are blocks of the template, so data cannot open or close one.

    A wrapper takes each block's text at the place where the template writes it: what is set or imported above is known.
    """
    context = template.new_context(dict(values))
    texts: dict[str, str] = {}
    for name in ROLES:
        context.blocks.setdefault(name, []).insert(0, _capture(name, texts))
    whole = _text(template.root_render_func(context))
    user = texts.get("user", "") if texts else whole
    if not user:
        raise ValueError("the rendered prompt is empty")
    return texts.get("system", ""), user


def _capture(name: str, texts: dict[str, str]) -> Callable[[Context], Iterator[str]]:
    def block(context: Context) -> Iterator[str]:
        texts[name] = _text(context.blocks[name][1](context))
        yield from ()

    return block


def _text(pieces: Iterable[str]) -> str:
    """Join the pieces, up to `MAX_PROMPT` characters, and strip white space at the ends of lines."""
    chunks: list[str] = []
    left = MAX_PROMPT
    for piece in pieces:
        chunks.append(piece)
        left -= len(piece)
        if left < 0:
            raise LimitExceeded(f"the rendered prompt is longer than {MAX_PROMPT} characters")
    text = "".join(chunks)
    if " \n" in text or "\t\n" in text:
        text = "\n".join(line.rstrip() for line in text.split("\n"))
    return text.strip()


def _by_file(parts: Sequence[PromptSource], located: Iterable[tuple[PromptSource, Problem]]) -> list[str]:
    problems = list(located)
    return [line for part in parts for line in lines(problem for owner, problem in problems if owner is part)]


def scale(weights: Mapping[str, float], count: int) -> dict[str, int]:
    """Divide `count` by weight, with the largest-remainder method; ties go to the first. Zeros are left out."""
    total = sum(weights.values())
    shares = {name: divmod(weight * count, total) for name, weight in weights.items()}
    scaled = {name: int(share) for name, (share, _) in shares.items()}
    by_remainder = sorted(shares, key=lambda name: shares[name][1], reverse=True)
    for name in by_remainder[: count - sum(scaled.values())]:
        scaled[name] += 1
    return {name: share for name, share in scaled.items() if share}


def render_error(exc: Exception, file: str, product_key: str = "") -> ConfigError:
    """The error for the user, `file:line: message (product …)`."""
    message = "its macros recurse without end" if isinstance(exc, RecursionError) else str(exc)
    product = f" (product {product_key})" if product_key else ""
    return ConfigError(one_line(f"{_location(exc) or file}: {message or type(exc).__name__}{product}"))


def _location(exc: Exception) -> str:
    """`file:line` of the innermost template, the prompt or a file that it includes, in the traceback; else ""."""
    location = ""
    trace = exc.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            location = f"{template.filename}:{template.get_corresponding_lineno(trace.tb_lineno)}"
        trace = trace.tb_next
    return location
