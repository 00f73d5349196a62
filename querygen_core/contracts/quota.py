"""Whether a refusal is about a quota that waiting does not heal: one of money, or one that is reset in hours."""

from __future__ import annotations

import re

LONGEST_WAIT = 3600.0
"""Seconds. A provider that asks for a longer pause does not throttle: its quota is used up."""

_LASTING = re.compile(
    r"""
    \blimit (?:\ of | \ is | \s*[:=] )? \s* 0 (?:\.0+)? (?![\d.,]*\d)  # none at all for this account
  | \b(?:per|each|a|this|current) [ _-]? (?:day|week|month)\b | \b(?:daily|weekly|monthly)\b | per_?(?:day|month)
  | / [ ]? (?:day|week|month)\b | \b(?:RPD|TPD)\b | \b(?:24|48)[ -]?h(?:ou)?rs?\b
  | \bfor\ (?:the\ day|today)\b | \b(?:tomorrow|midnight)\b | \bregain\ access\b
  | \bspend(?:ing)? [ _-]? (?:cap|limit|quota) | \bbudget\ (?:limit|cap|exceeded|exhausted)
  | \b(?:hard|usage)\ (?:spending\ )?(?:limit|cap)\b .{0,80} \breached | \b(?:reached|hit)\b .{0,40} \busage\ limits?\b
  | \binsufficient [ _-]? (?:quota|credits?|funds|balance) | \bpayment\ required\b
  | \bcredits? \b .{0,80} \b(?:low|exhausted|depleted|used\ up|expired|run\ out|ran\ out|required|remaining)\b
  | \b(?:out\ of|run\ out\ of|ran\ out\ of|no|more|not\ enough|prepaid|exceeded\ your)\ (?:\w+\ )?credits?\b
  | \bbalance\b .{0,40} \b(?:low|not\ enough|insufficient|exhausted|depleted|empty|zero|negative|used\ up)\b
  | \b(?:negative|zero|no|low)\ balance\b | \b(?:top\ up|recharge)\b
  | \barrear(?:s|age)\b | \bpast\ due\b | \bnon-?payment\b
  | \btrial\b .{0,40} \b(?:expired|ended|over|exhausted|used\ up)\b | \bno\ (?:remaining|more)\ quota\b
  | \bbilling\ (?:is\ |account\ )?(?:\w+\ )?(?:disabled|closed|not\ enabled|not\ active|inactive)
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_WAIT = re.compile(r"\b(?:in|after|for)\s+((?:\d+(?:\.\d+)?\s*(?:[a-z]+)[\s,]*(?:and\s+)?)+)", re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_UNITS = {
    "ms": ("ms", "msec", "msecs", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "week", "weeks"),
}
_FACTORS = {word: _SECONDS[unit] for unit, words in _UNITS.items() for word in words}
_LONGEST_MESSAGE = 20_000


def quota_lasts(message: str, retry_after: float | None = None) -> bool:
    """Whether the refusal will last: its words say so, or it names a wait of more than an hour.

    message: the provider's own words, in English as all providers write them. retry_after: seconds that it asks for.
    """
    if retry_after is not None and retry_after > LONGEST_WAIT:
        return True
    text = message[:_LONGEST_MESSAGE]
    return _LASTING.search(text) is not None or _named_wait(text) > LONGEST_WAIT


def _named_wait(text: str) -> float:
    """The longest wait in seconds that the text names, as in `try again in 7h12m30s`; 0 if it names none."""
    return max((_seconds(match[1]) for match in _WAIT.finditer(text)), default=0.0)


def _seconds(wait: str) -> float:
    return sum(float(amount) * _FACTORS.get(unit.lower(), 0.0) for amount, unit in _PART.findall(wait))
