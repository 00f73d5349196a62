from __future__ import annotations

from collections.abc import Mapping


def scale(weights: Mapping[str, float], count: int) -> dict[str, int]:
    """`count` shared out by weight, by largest remainder; a tie goes to what the file names first. Zeros left out."""
    whole = sum(weights.values())
    shares = {name: divmod(weight * count, whole) for name, weight in weights.items()}
    scaled = {name: int(share) for name, (share, _) in shares.items()}
    by_remainder = sorted(shares, key=lambda name: shares[name][1], reverse=True)
    for name in by_remainder[: count - sum(scaled.values())]:
        scaled[name] += 1
    return {name: share for name, share in scaled.items() if share}
