"""What to ask about texts: words for nothing, spellings of one value, units inside texts, letters that went wrong."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher

import polars as pl

from loopline.data.explore.question import Look, Question, quoted

_NOTHING = re.compile(
    r"(?i)\s*(\?+|-+|\.+|n/?a|#n/a|none|null|nil|unknown|unk|not (known|available|given|specified|applicable)|missing|undefined|tbd|other|x+|empty|\(null\))\s*"
)
_BROKEN = re.compile("�|Ã[\u0080-\u00bf]|â€|Â[\u00a0-\u00bf]|ï¿½")
_UNIT = re.compile(r"^\s*[-+]?\d[\d.,\s]*?\s*([^\d\s.,-][^\d]*?)\s*$")
_LEVELS, _NEAR_LEVELS = 5000, 400
_NEAR, _NEAR_LETTERS, _NEAR_LETTERS_MOST = 0.8, 5, 30
_MOSTLY = 0.8


def words_for_nothing(look: Look) -> Iterator[Question]:
    """Words such as “unknown” or “?” among the values; one question for each word, whatever columns hold it."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for name, counts in look.values.items():
        words = counts.filter(pl.col("text").str.contains(f"^(?:{_NOTHING.pattern})$"))
        if words.height < counts.height:
            for text, rows in words.head(4).iter_rows():
                found[text][name] = rows
    for word, held in sorted(found.items(), key=lambda item: -sum(item[1].values())):
        where = [f"{name} ({rows:,})" for name, rows in held.items()]
        said = ", ".join(where[:6]) + (f" and {len(where) - 6} more columns" if len(where) > 6 else "")
        because = f"It is in {said}. Where it does, the source's nulls should name it; else it is a value like others."
        weight = 2 if max(held.values()) > 0.01 * look.sample.height else 1
        yield Question("word_for_nothing", tuple(held), f"Does “{word}” mean that nothing is known?", because, weight, (word,))


def almost_numbers(look: Look) -> Iterator[Question]:
    """A column of texts of which nearly all are numbers."""
    for name, counts in look.values.items():
        numeric = counts["text"].str.strip_chars().cast(pl.Float64, strict=False).is_not_null()
        rows, others = int(counts["count"].filter(numeric).sum()), counts.filter(~numeric)
        total = int(counts["count"].sum())
        if _MOSTLY * total <= rows < total:
            yield Question(
                "almost_numbers",
                (name,),
                f"What do {quoted(others['text'])} in {name} stand for?",
                f"{rows / total:.1%} of its values are numbers, something else is in {look.of_rows(total - rows)}.",
                3,
                tuple(others["text"].head(4)),
            )


def units(look: Look) -> Iterator[Question]:
    """Numbers with their units in texts; several units ask for one."""
    for name, counts in look.values.items():
        held = _units(counts)
        if not held.height:
            continue
        said = quoted(held["unit"], most=5)
        ask = f"Are {said} in {name} the same unit?" if held.height > 1 else f"Is {name} always given in {said}, so that the number alone may be kept?"
        share = int(held["count"].sum()) / int(counts.head(_LEVELS)["count"].sum())
        because = f"{share:.0%} of its texts are a number and a unit, such as {quoted(counts['text'].head(2))}."
        yield Question("units", (name,), ask, because, 3 if held.height > 1 else 1, tuple(held["unit"].head(5)))


def _units(counts: pl.DataFrame) -> pl.DataFrame:
    """The units behind the numbers of a column's texts with their counts; empty where most texts are something else."""
    top = counts.head(_LEVELS)
    held = pl.DataFrame({"unit": top["text"].str.extract(_UNIT.pattern, 1), "count": top["count"]}).drop_nulls().group_by("unit").agg(pl.col("count").sum())
    mostly = int(held["count"].sum()) >= _MOSTLY * int(top["count"].sum()) and held.height <= 0.2 * top.height + 3
    return held.sort(["count", "unit"], descending=[True, False]) if mostly else held.clear()


def spellings(look: Look) -> Iterator[Question]:
    """Values that look like spellings of one another."""
    for name, counts in look.values.items():
        if counts.height > _LEVELS or counts.height > 0.5 * int(counts["count"].sum()) or _units(counts).height:
            continue
        held = dict(counts.iter_rows())
        groups = [*_same(held), *_near(held)]
        if groups:
            shown = "; ".join(" = ".join(f"“{text}” ({held[text]:,})" for text in group[:3]) for group in groups[:4])
            more = f" There are {len(groups) - 4:,} more such groups." if len(groups) > 4 else ""
            which = quoted(groups[0], most=3)
            yield Question("spellings", (name,), f"Are {which} in {name} the same?", f"They are written alike: {shown}.{more}", 2, tuple(groups[0][:4]))


def _plain(text: str) -> str:
    """A text without accents, case, punctuation and the order of its words."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(letter))
    return " ".join(sorted(re.findall(r"\w+", bare)))


def _same(held: Mapping[str, int]) -> list[tuple[str, ...]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for text in held:
        if plain := _plain(text):
            groups[plain].append(text)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _near(held: Mapping[str, int]) -> list[tuple[str, ...]]:
    """Rare values that differ in a letter or two from a frequent one, where there are not too many values to compare."""
    texts = [text for text in held if _NEAR_LETTERS <= len(text) <= _NEAR_LETTERS_MOST and not any(letter.isdigit() for letter in text)]
    if len(texts) > _NEAR_LEVELS:
        return []
    found: list[tuple[str, ...]] = []
    for place, rare in enumerate(texts):
        for usual in texts[:place]:
            if held[usual] >= 5 * held[rare] and abs(len(usual) - len(rare)) <= 2 and _plain(usual) != _plain(rare) and _alike(usual, rare):
                found.append((usual, rare))
                break
    return found


def _alike(one: str, other: str) -> bool:
    """Whether two texts have the same words but for one, which differs in a letter or two."""
    words, others = one.casefold().split(), other.casefold().split()
    apart = [(word, said) for word, said in zip(words, others, strict=False) if word != said]
    if len(words) != len(others) or len(apart) != 1 or min(map(len, apart[0])) < _NEAR_LETTERS - 1:
        return False
    match = SequenceMatcher(None, *apart[0], autojunk=False)
    return match.quick_ratio() >= _NEAR and match.ratio() >= _NEAR


def broken_letters(look: Look) -> Iterator[Question]:
    """Letters that a wrong encoding made of others."""
    for name, counts in look.values.items():
        found = counts.filter(pl.col("text").str.contains(_BROKEN.pattern))
        if found.height:
            because = f"Letters that a wrong encoding leaves behind are in {look.of_rows(int(found['count'].sum()))}, such as {quoted(found['text'], most=2)}."
            yield Question("broken_letters", (name,), f"In which encoding is {name} delivered?", because, 2, tuple(found["text"].head(3)))


def blanks_around(look: Look) -> Iterator[Question]:
    """Blanks at the beginning or the end, and texts of blanks only."""
    for name, counts in look.values.items():
        found = counts.filter(pl.col("text").str.strip_chars() != pl.col("text"))
        if found.height:
            because = f"A blank stands first or last in {look.of_rows(int(found['count'].sum()))}, such as {quoted(found['text'], most=2)}."
            yield Question("blanks", (name,), f"May blanks around the texts of {name} be taken away?", because, 1, tuple(found["text"].head(3)))


RULES = (almost_numbers, units, words_for_nothing, spellings, broken_letters, blanks_around)
