"""Short texts as numbers: our own tokeniser, which serving runs too, and the counts of the tokens that a plan names. NumPy only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loopline.errors import Mistake
from loopline.model.plan import MISSING, Words

TOKENISER = 1
"""The version of `tokens`: a package names the one that it was made with, and what a version does never changes."""

LONGEST = 5_000
"""Characters of a text that are read: short texts are meant, and a request may not hold a server up."""

# A run of letters or a run of digits; else one sign that is no ASCII punctuation, such as an emoji.
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s!-/:-@\[-`{-~\u200d\ufe0e\ufe0f]")


def tokens(text: str) -> list[str]:
    """The tokens of a text, in their order: words and numbers in lower case, and signs such as emoji one by one.

    >>> tokens("Café №7: it's GREAT 😀😀")
    ['café', 'no', '7', 'it', 's', 'great', '😀', '😀']
    """
    return _TOKEN.findall(unicodedata.normalize("NFKC", text[:LONGEST]).casefold())


def require_known(version: int) -> None:
    """Check that a plan's tokeniser is one that this Loopline has.

    Raises
    ------
    Mistake
        When it is another.
    """
    if version != TOKENISER:
        what = f"the package's texts are read by tokeniser {version}, and this Loopline has tokeniser {TOKENISER}"
        raise Mistake(what, where="signature.json", remedy="serve it with the Loopline that made it, or make it anew: loopline run --fresh model")


def counted(words: Words, values: Sequence[str]) -> NDArray[np.float32]:
    """The numbers of n texts in the order of `Words.names`, shape (n, 2 + k): a null has no number of words and characters, and no token."""
    require_known(words.tokeniser)
    place = words.place
    found = np.zeros((len(values), 2 + len(place)), dtype=np.float32)
    for row, text in enumerate(values):
        if text == MISSING:
            found[row, :2] = np.nan
            continue
        read = tokens(text)
        found[row, 0], found[row, 1] = len(read), min(len(text), LONGEST)
        for token in read:
            at = place.get(token)
            if at is not None:
                found[row, at] += 1
    return found
