"""The corpus of bad templates, T1 to T10: each is refused with one clear message, quickly, and nothing gets out."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from querygen_core.contracts.errors import ConfigError
from querygen_core.contracts.records import Request
from querygen_core.prompts import PromptFile

Load = Callable[..., PromptFile]
Render = Callable[..., Request]

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ ''|attr('__class__') }}",
    "{{ ('{0.__class__.__mro__}')|attr('format')('') }}",
    "{{ '%s'|format(product.__class__) }}",
    "{{ product.pop('title') }}",
    "{{ range(999999)|list|length }}",
    "{{ product.missing }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as o %}",
    "{{ ['{0.__class__}']|map('format','')|list }}",
    "{{ config }}",
    "{{ product.update({'x': 1}) }}",
    # and more of the kind
    "{{ '{0.__class__}'.format(product) }}",
    "{{ '{x.__class__}'.format_map({'x': product}) }}",
    "{% set f = 'x'.format %}{{ f() }}",
    "{{ ['a']|map(attribute='__class__')|list }}",
    "{{ product['__class__'] }}",
    "{{ product.attributes.setdefault('x', 1) }}",
    "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._func }}",
    "{% for x in [1] %}{{ loop._iterator }}{% endfor %}",
    "{{ range.__self__ }}",
    "{{ dict() }}",
    "{{ namespace() }}",
    "{{ (1).from_bytes('x') }}",
    "{{ product.title.encode() }}",
    "{{ self._TemplateReference__context }}",
    "{{ 'x'|xmlattr }}",
    "{{ 'x'|urlize }}",
    "{{ 'x'|pprint }}",
    "{% do product.clear() %}",
]

BOMBS = [
    "{{ 'a'*1500000000 }}",
    "{{ [0]*1500000000 }}",
    "{{ 'a'.ljust(1500000000) }}",
    "{{ 'a'.center(1500000000) }}",
    "{{ 'a'.zfill(1500000000) }}",
    "{{ '%1500000000d' % 1 }}",
    "{{ 'x'|center(1500000000)|length }}",
    "{{ 9**9**7 }}",
    "{{ 'a'|indent(1500000000) }}",
    "{{ 1.5|round(1500000000, 'ceil') }}",
    "{{ [1]|batch(1500000000, 'x')|list }}",
    "{{ 'a'|replace('', product.title * 1000) }}",
    "{{ range(100000)|join(product.title) }}",
    "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% set a = range(300)|list %}{% for i in a %}{% for j in a %}{% for k in a %}{% endfor %}{% endfor %}{% endfor %}",
    "{% set a = 'abcdefgh' %}" + "{% set a = a ~ a %}" * 60 + "{{ a|length }}",
    "{% set a = 'abcdefgh' %}" + "{% set a = a + a %}" * 60 + "{{ a|length }}",
    "{% set a = ['x'] %}" + "{% set a = a + a %}" * 60 + "{{ a|length }}",
    "{% set a = ['x'] %}" + "{% set a = [a, a] %}" * 18 + "{{ a|tojson }}",
    "{% set a = 3 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
    "{% set a %}abcdefgh{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 60 + "{{ a|length }}",
    "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% for i in range(300) %}{{ range(300)|map('string')|join('...') }}{% endfor %}",
    "{% for i in range(9000) %}0123456789012345678901234567890123456789{% endfor %}",
    "{% for i in range(99999) %}" + "x" * 60_000 + "{% endfor %}",
    # comparing and hashing: lists that hold lists, one twice, or many times
    *(
        "{% set a = ['x'] %}{% set b = ['x'] %}" + "{% set a = [a, a] %}{% set b = [b, b] %}" * 28 + text
        for text in ("{{ a == b }}", "{{ a is eq b }}", "{{ [a] | select('eq', b) | list | length }}", "{{ b in [a] }}")
    ),
    *(
        "{% set a = ('x', 1) %}" + "{% set a = (a, a) %}" * 28 + text
        for text in ("{{ {a: 1} | length }}", "{{ {}[a] }}", "{{ {}.get(a) }}", "{{ [a] | unique | list | length }}")
    ),
    (
        "{% set a = range(40000) | list %}{% set b = range(40000) | list %}"
        "{% for i in range(15000) %}{{ 'x' if a == b }}{% endfor %}"
    ),
    "{% set a = range(30000) | list %}{{ a | select('in', a) | list | length }}",
    "{% set a = range(40000) | list %}{% for i in range(9999) %}{{ a.count(i) }}{% endfor %}",
    "{% set a = 'abcdefgh' %}" + "{% set a = a ~ a %}" * 14 + "{% set b = a ~ 'x' %}"
    "{% for i in range(90000) %}{{ 'x' if a in b }}{% endfor %}",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_there_is_no_way_out(render: Render, text: str) -> None:
    with pytest.raises(ConfigError, match=r"main\.j2:1"):
        render(f"Ask. {text}")


@pytest.mark.parametrize("text", BOMBS)
def test_no_template_runs_away(render: Render, text: str) -> None:
    start = time.process_time()
    with pytest.raises(ConfigError, match=r"main\.j2:"):
        render(f"Ask. {text}")
    assert time.process_time() - start < 5


def test_real_templates_have_room(render: Render) -> None:
    text = (
        "{% for name, value in product.attributes | dictsort %}{{ loop.index }}/{{ loop.length }} {{ name | lower }}: "
        "{{ value | replace(' ', '') | truncate(20) }}{{ ', ' if not loop.last }}{% endfor %}; "
        "{{ product.category_path | last | upper }}; {{ product.title[:6] ~ '!' }}; "
        "{{ (want.count + 2) * 3 // 2 % 100 }}; "
        "{{ product.category_path | map('length') | sum }}; {{ [3, 1, 2] | sort | join }}; "
        "{{ 'MPN' if product.mpn else 'none' }}; {{ product.title.split() | first }}; {{ 2.345 | round(1) }}; "
        "{{ {'a': '<b>'} | tojson }}; {{ product.attributes.get('Colour', 'no colour') }}; {{ 1 in [1] }}; "
        "{{ product.attributes.Nothing | default('-') }}; {{ 'a\nb' | indent(2) | length }}"
    )
    assert render(text).prompt == (
        "1/2 power: 2200W, 2/2 volume: 1.7l; KETTLES; Kettle!; 40; 18; 123; none; Kettle; 2.3; "
        '{"a": "\\u003cb>"}; no colour; True; -; 5'
    )


@pytest.mark.parametrize(
    "text",
    [
        "{% include product.title %}",
        "{% include ['a.j2', 'b.j2'] %}",
        "{% import product.title as m %}",
        "{% extends product.title %}",
        "{% include 'nowhere.j2' ignore missing %}",
        "{% include '../main.j2' %}",
        "{% include 'a/../../main.j2' %}",
        "{% include '..\\\\main.j2' %}",
        "{% include '' %}",
        "{% include '\\0' %}",
        "{% include 'main.j2' %}",
    ],
)
def test_other_files_are_named_plainly_and_lie_inside(load: Load, text: str) -> None:
    with pytest.raises(ConfigError, match=r"main.j2:1:\d+: "):
        load(text)


def test_there_is_no_way_back_up(load: Load, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match=r"main.j2:1:1: 'folder/../part.j2' leads outside of"):
        load("{% include 'folder/../part.j2' %}", part="x")


def test_a_circle_of_files_is_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match=r"b.j2:1:1: 'main.j2' includes itself, by way of main.j2 → a.j2 → b.j2"):
        load("{% include 'a.j2' %}", a="{% include 'b.j2' %}", b="{% include 'main.j2' %}")


def test_files_nest_only_so_deep(load: Load) -> None:
    others = {f"f{n}": f"{{% include 'f{n + 1}.j2' %}}" for n in range(12)}
    with pytest.raises(ConfigError, match="too many files"):
        load("{% include 'f0.j2' %}", **others, f12="x")


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.j2").write_text("secret")
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / "link.j2").symlink_to(tmp_path / "outside.j2")
    (folder / "main.j2").write_text("{% include 'link.j2' %}")
    with pytest.raises(ConfigError, match=r"main.j2:1:1: 'link.j2' leads outside of"):
        PromptFile(folder / "main.j2")
