"""Prompt files: YAML front matter and a sandboxed Jinja template."""

from __future__ import annotations

from querygen_core.prompts.file import PromptFile
from querygen_core.prompts.library import PromptLibrary, default_directories

__all__ = ["PromptFile", "PromptLibrary", "default_directories"]
