"""What a config may say, and that it says in time what makes no sense."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from querygen_core.testing import context
from querygen_gemini import build_api
from querygen_gemini.options import GeminiOptions

USUAL: dict[str, Any] = {"model": "gemini-3.5-flash-lite", "api_key": "key-for-a-test"}
METADATA = "is a metadata or link-local address, to which the key is not sent"

REFUSED = {
    "http://169.254.169.254/": METADATA,
    "https://169.254.170.2": METADATA,
    "https://0xa9fea9fe/x": METADATA,
    "https://2852039166": METADATA,
    "https://0251.0376.0251.0376": METADATA,
    "https://[::ffff:169.254.169.254]": METADATA,
    "https://[fe80::1]": METADATA,
    "https://[fd00:ec2::254]": METADATA,
    "https://metadata.google.internal": METADATA,
    "https://metadata.google.internal./computeMetadata": METADATA,
    "https://0.0.0.0": METADATA,
    "http://example.com": "http would send the key unencrypted",
    "http://10.0.0.7:8080": "http would send the key unencrypted",
    "ftp://example.com": "should be like https://host",
    "https://user@example.com": "without user, query or fragment",
    "https://example.com?key=1": "without user, query or fragment",
    "example.com": "should be like https://host",
    "https://example.com:port": "is not a URL",
}


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_must_not_get_the_key_is_refused(url):
    with pytest.raises(ValidationError) as caught:
        GeminiOptions(**USUAL, base_url=url)
    assert REFUSED[url] in str(caught.value)


@pytest.mark.parametrize("url", ["https://proxy.example/gemini", "http://127.0.0.1:8791", "http://localhost:1"])
def test_other_addresses_are_taken(url):
    assert GeminiOptions(**USUAL, base_url=f"{url}/").base_url == url


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"api_key": None}, "api_key is required"),
        ({"project": "p", "location": "l"}, "project and location are for backend: vertex"),
        ({"backend": "vertex", "api_key": None}, "needs project and location, or an api_key"),
        ({"backend": "vertex", "api_key": None, "project": "p"}, "needs project and location, or an api_key"),
        ({"backend": "vertex", "project": "p", "location": "l"}, "and neither of them"),
        ({"model": "../secrets"}, "String should match pattern"),
        ({"model": "models/../files"}, "String should match pattern"),
        ({"proxy": "socks://x"}, "String should match pattern"),
    ],
)
def test_what_does_not_go_together_is_said(given, message):
    with pytest.raises(ValidationError) as caught:
        GeminiOptions(**{**USUAL, **given})
    assert message in str(caught.value)


def test_models_of_one_project_share_no_limit_but_their_own(tmp_path):
    def key(**changes: Any) -> str:
        return build_api(GeminiOptions(**{**USUAL, **changes}), context(tmp_path)).limit_key

    assert key() == key(temperature=1, base_url="http://127.0.0.1:1")
    assert key() != key(model="gemini-3.8-flash")
    assert USUAL["api_key"] not in key()


def test_where_a_call_goes_does_not_make_it_another_request():
    inside = set(GeminiOptions.model_fields) - GeminiOptions.not_in_key
    assert inside == {
        "model",
        "thinking",
        "temperature",
        "top_p",
        "seed",
        "max_output_tokens",
        "schema_field",
        "service_tier",
        "extra_body",
    }
