"""What a share surely is, however few it is told by. Pure."""

from __future__ import annotations

import math

SURE = 3.0
"""Standard errors."""


def surely(count: int, of: int, z: float = SURE) -> float:
    """The share that some of so many surely are: the lower end of Wilson's interval; 0 of nothing.

    Parameters
    ----------
    z
        Standard errors that the interval reaches.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22.

    Examples
    --------
    >>> round(surely(9, 10), 3), round(surely(900, 1000), 3)
    (0.43, 0.868)
    """
    if not of:
        return 0.0
    share = count / of
    middle, reach = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, (middle - reach) / (1 + z * z / of))
