"""The models that the stand-in knows."""

from __future__ import annotations

from dataclasses import dataclass

NO_LEVELS: tuple[str, ...] = ()
LEVELS = ("LOW", "MEDIUM", "HIGH")
ALL_LEVELS = ("MINIMAL", *LEVELS)

THOUGHTS = {"MINIMAL": 0, "LOW": 64, "MEDIUM": 256, "HIGH": 1024, "XHIGH": 4096}
"""Thought tokens of every answer, by thinking level."""


@dataclass(frozen=True, slots=True)
class Model:
    """levels: of thinking; () if it takes only a budget. level: the usual one. runs: what answers in its place."""

    name: str
    title: str
    levels: tuple[str, ...] = ALL_LEVELS
    level: str = "LOW"
    budget: bool = True
    runs: str = ""
    beta: bool = False
    version: str = "001"
    input_limit: int = 1_048_576
    output_limit: int = 65_536

    def described(self) -> dict[str, object]:
        """As `models.list` and `models.get` tell it."""
        return {
            "name": f"models/{self.name}",
            "version": self.version,
            "displayName": self.title,
            "inputTokenLimit": self.input_limit,
            "outputTokenLimit": self.output_limit,
            "supportedGenerationMethods": [
                "generateContent",
                "countTokens",
                "createCachedContent",
                "batchGenerateContent",
            ],
            "temperature": 1,
            "topP": 0.95,
            "topK": 64,
            "maxTemperature": 2,
            "thinking": True,
        }


_ALL = (
    Model("gemini-3.8-flash", "Gemini 3.8 Flash", levels=LEVELS),
    Model("gemini-3.6-flash", "Gemini 3.6 Flash", level="MEDIUM"),
    Model("gemini-3.7-flash", "Gemini 3.7 Flash", runs="gemini-3.8-flash", levels=LEVELS),
    Model("gemini-3.5-flash", "Gemini 3.5 Flash", runs="gemini-3.6-flash"),
    Model("gemini-3.5-flash-lite", "Gemini 3.5 Flash-Lite", level="MINIMAL"),
    Model("gemini-3.1-flash-lite", "Gemini 3.1 Flash-Lite", level="MINIMAL"),
    Model("gemini-3.1-pro-preview", "Gemini 3.1 Pro Preview", levels=LEVELS, level="HIGH"),
    Model("gemini-4-argon", "Gemini 4 Argon", levels=(*LEVELS, "XHIGH"), level="MEDIUM", budget=False),
    Model("gemini-2.5-flash", "Gemini 2.5 Flash", levels=NO_LEVELS),
    Model("gemini-2.5-pro", "Gemini 2.5 Pro", levels=NO_LEVELS, level="HIGH"),
    Model("gemini-flash-latest", "Gemini Flash Latest", runs="gemini-3.8-flash", beta=True, levels=LEVELS),
    Model(
        "gemini-flash-lite-latest", "Gemini Flash-Lite Latest", runs="gemini-3.5-flash-lite", beta=True, level="MINIMAL"
    ),
    Model(
        "gemini-pro-latest", "Gemini Pro Latest", runs="gemini-3.1-pro-preview", beta=True, levels=LEVELS, level="HIGH"
    ),
)


def catalogue(more: tuple[str, ...] = ()) -> dict[str, Model]:
    """All of them by name, and those of the names in `more`, which take and do everything."""
    known = {model.name: model for model in _ALL}
    return {**known, **{name: Model(name, name) for name in more if name not in known}}
