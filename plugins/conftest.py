"""The same isolation for plugins' tests as for core's."""

from tests.conftest import empty_home, isolated_environment, no_secrets_of_other_tests, nothing_left_behind

__all__ = ["empty_home", "isolated_environment", "no_secrets_of_other_tests", "nothing_left_behind"]
