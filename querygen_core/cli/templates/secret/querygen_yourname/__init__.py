"""yourname/env-file: secrets from files of KEY=VALUE lines. Declares it; `env_file.py` does the work."""

from __future__ import annotations

from querygen_core.api import Component, Context, Options, SecretResolver, hookimpl

querygen_api = 1


def build_env_file(_options: Options, context: Context) -> SecretResolver:
    # Imported here, so that a command that only reads the declaration does not load it.
    from querygen_yourname.env_file import EnvFile

    return EnvFile(context)


@hookimpl
def querygen_secrets() -> list[Component[Options, SecretResolver]]:
    # A resolver has no options in a config: what it needs to know is in the reference or in the environment.
    return [
        Component(
            "env-file",
            Options,
            build_env_file,
            "Reads secrets from a file of KEY=VALUE lines",
        )
    ]
