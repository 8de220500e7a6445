"""A page on which a refused form says again what was typed into it, with the error beside it; pure.

It reads the pages' own HTML, in which every text is escaped and every attribute quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape
from urllib.parse import unquote

from loopline.web.forms import CARRIED
from loopline.web.refusals import Refusal
from loopline.web.rendering import sentence

_FORM = re.compile(r'<form [^>]*method="post"[^>]*>.*?</form>', re.DOTALL)
_CONTROL = re.compile(r"<input\b[^>]*>|(<textarea\b[^>]*>).*?</textarea>|<select\b[^>]*>.*?</select>", re.DOTALL)
_OPTION = re.compile(r"<option\b([^>]*)>(.*?)</option>", re.DOTALL)
_ADDRESS = re.compile(r'action="([^"]*)"')
_FOLD = re.compile(r"<(/?)details\b([^>]*)>")
_MAIN = re.compile(r"<main\b[^>]*>")
_WRITTEN = ("why", "text", "more", "holder", "about", "until", "feature")
"""The fields into which people write, as against those that a form chooses for them."""


def refilled(page: str, refused: Refusal) -> str:
    """The page with the form filled in again; where it does not offer the form any more, with what was written above all else."""
    for found in _FORM.finditer(page):
        if _is_of(found[0], refused):
            before, form, after = page[: found.start()], found[0], page[found.end() :]
            filled = _CONTROL.sub(lambda control: _again(control, refused.typed), form)
            head, rest = filled.split(">", 1)
            return f"{_opened(before)}{head} data-refused>{_note(refused)}{rest}{after}"
    written = {name: text for name, text in refused.typed.items() if text.strip() and (name in _WRITTEN or name.startswith("cell."))}
    kept = "".join(f"<dt>{escape(name.removeprefix('cell.'))}</dt><dd><bdi>{escape(text)}</bdi></dd>" for name, text in written.items())
    left = f'<div class="card" data-refused><p>What you wrote, which was not kept:</p><dl class="facts">{kept}</dl></div>' if kept else ""
    return _MAIN.sub(lambda main: f"{main[0]}{_note(refused)}{left}", page, count=1)


def _is_of(form: str, refused: Refusal) -> bool:
    """Whether it is the form that was sent: it goes to the same address, and chooses the same."""
    if refused.action not in {unquote(unescape(address)) for address in _ADDRESS.findall(form)}:
        return False
    hidden = [control[0] for control in _CONTROL.finditer(form) if _said(control[0], "type") == "hidden"]
    chosen = {_said(one, "name"): _said(one, "value") for one in hidden}
    return all(refused.typed.get(name) == value for name, value in chosen.items() if name not in CARRIED)


def _said(tag: str, name: str) -> str:
    found = re.search(rf'\s{name}="([^"]*)"', tag.partition(">")[0])
    return unescape(found[1]) if found else ""


def _again(control: re.Match[str], typed: Mapping[str, str]) -> str:
    """A control that says what was typed; a password is never said again."""
    tag, name = control[0], _said(control[0], "name")
    if tag.startswith("<textarea"):
        # A line break that follows the tag is none of the text.
        return f"{control[1]}\n{escape(typed[name])}</textarea>" if name in typed else tag
    if tag.startswith("<select"):
        return _OPTION.sub(lambda option: _option(option, typed[name]), tag) if name in typed else tag
    kind = _said(tag, "type")
    if kind in ("hidden", "password"):
        return tag
    if kind in ("checkbox", "radio"):
        bare = re.sub(r"\schecked\b", "", tag)
        return f"{bare[:-1]} checked>" if typed.get(name) == (_said(tag, "value") or "on") else bare
    bare = re.sub(r'\svalue="[^"]*"', "", tag)
    return f'{bare[:-1]} value="{escape(typed[name])}">' if name in typed else tag


def _option(option: re.Match[str], chosen: str) -> str:
    words = re.sub(r"\sselected\b", "", option[1])
    value = _said(f"<option{words}>", "value") if ' value="' in words else unescape(option[2]).strip()
    return f"<option{words}{' selected' if value == chosen else ''}>{option[2]}</option>"


def _opened(before: str) -> str:
    """What comes before the form, with all that folds it away unfolded.

    >>> _opened("<details><summary>a</summary><details>b</details><p>")
    '<details open><summary>a</summary><details>b</details><p>'
    """
    around: list[re.Match[str]] = []
    for tag in _FOLD.finditer(before):
        around = around[:-1] if tag[1] else [*around, tag]
    for tag in reversed(around):
        if " open" not in tag[2]:
            before = f"{before[: tag.start()]}<details open{before[tag.start(2) :]}"
    return before


def _note(refused: Refusal) -> str:
    # Which option of a command it would be helps nobody on a page.
    where = f" ({escape(refused.where)})" if refused.where and not refused.where.startswith("--") else ""
    remedy = f" {escape(sentence(refused.remedy))}{'' if refused.remedy.endswith('?') else '.'}" if refused.remedy else ""
    changed = "".join(f"<li>{escape(line)}</li>" for line in refused.changed)
    since = f"<p>What changed</p><ul>{changed}</ul>" if changed else ""
    told = f"<p><strong>{escape(sentence(refused.what))}</strong>{where}.{remedy}</p>{since}"
    return f'<div class="note" id="refused" role="alert" tabindex="-1" data-refused>{told}</div>'
