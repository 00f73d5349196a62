"""From an exception inside of a template to one line that says where and what."""

from __future__ import annotations

from jinja2 import Template

from querygen_core.errors import ConfigError
from querygen_core.problems import one_line


def failure(exc: Exception, file: str, product_key: str = "") -> ConfigError:
    """`file:line: message`, with the product that was being rendered."""
    message = "its macros call each other without end" if isinstance(exc, RecursionError) else str(exc)
    product = f" (product {product_key})" if product_key else ""
    return ConfigError(one_line(f"{_place(exc) or file}: {message or type(exc).__name__}{product}"))


def _place(exc: Exception) -> str:
    """The last line of a template, the file itself or one that it includes, that the exception came through."""
    place = ""
    trace = exc.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            place = f"{template.filename}:{template.get_corresponding_lineno(trace.tb_lineno)}"
        trace = trace.tb_next
    return place
