"""Gates on where a package comes from: its signature, its libraries' licences, and their known vulnerabilities. Pure."""

from __future__ import annotations

from loopline.release.advisories import hits
from loopline.release.evidence import Evidence, Verdict, not_asked, unknown
from loopline.release.licences import is_acceptable, named_in, objections

_SHOWN = 5


def signature(evidence: Evidence) -> Verdict:
    """Passes when the package's signature was verified and is that of whom the release names; of anyone who is trusted, where it names nobody."""
    named = evidence.limits.gates.signature
    asked = f"signed by {' or '.join(named)}" if named else "signed by somebody who is trusted here"
    if not evidence.signed_by:
        return unknown("signature", asked, "nobody's signature was verified")
    passed = not named or evidence.signed_by in named
    return Verdict(name="signature", passed=passed, asked=asked, says=f"verified: signed by {evidence.signed_by}, and unchanged since")


def licences(evidence: Evidence) -> Verdict:
    """Passes when every library of the bill of materials has a licence that is allowed and not denied."""
    limits = evidence.limits.gates.licences
    asked = f"only {', '.join(limits.allow)}" if limits.allow else f"none of {', '.join(limits.deny)}" if limits.deny else ""
    if not asked:
        return not_asked("licences", "release.gates.licences neither allows nor denies any")
    if not evidence.bill:
        return unknown("licences", asked, "the package has no bill of materials")
    found = list(named_in(evidence.bill["components"]))
    objected, silent = [], []
    for library, licence, is_expression in found:
        if licence is None:
            silent.append(library)
        elif is_expression and (named := objections(licence, allow=limits.allow, deny=limits.deny)):
            objected.append(f"{library} ({' and '.join(named)})")
        elif not is_expression and not is_acceptable(licence, allow=limits.allow, deny=limits.deny):
            objected.append(f"{library} ({licence})")
    # What says no licence gives no leave at all: where only some are allowed, it is not among them.
    objected += [f"{library} (it says no licence)" for library in silent] if limits.allow else []
    told = f"; {', '.join(silent)} {'says' if len(silent) == 1 else 'say'} none" if silent and not limits.allow else ""
    says = f"not acceptable: {_some(objected)}" if objected else f"{len(found)} libraries, all acceptable{told}"
    return Verdict(name="licences", passed=not objected, asked=asked, value=float(len(objected)), threshold=0.0, says=says)


def vulnerabilities(evidence: Evidence) -> Verdict:
    """Passes when no advisory speaks of a library of the bill in its version, but for those that the release says do not matter."""
    limits = evidence.limits.gates.vulnerabilities
    if limits.advisories is None or evidence.advisories is None:
        return not_asked("vulnerabilities", "release.gates.vulnerabilities names no file of advisories")
    asked = f"no library with a vulnerability that {limits.advisories} knows"
    if not evidence.bill:
        return unknown("vulnerabilities", asked, "the package has no bill of materials")
    names = {advisory.id: {advisory.id, *advisory.aliases} for advisory in evidence.advisories}
    found = hits(evidence.bill["components"], evidence.advisories)
    open_ones = [hit for hit in found if not names[hit.id] & limits.ignore.keys()]
    ignored = [f"{name} ({limits.ignore[name]})" for hit in found for name in sorted(names[hit.id] & limits.ignore.keys())]
    told = f"; left aside: {'; '.join(ignored)}" if ignored else ""
    says = _some([str(hit) for hit in open_ones], sep="; ") or f"none among {len(evidence.advisories):,} advisories"
    return Verdict(name="vulnerabilities", passed=not open_ones, asked=asked, value=float(len(open_ones)), threshold=0.0, says=says + told)


def _some(said: list[str], *, sep: str = ", ") -> str:
    more = len(said) - _SHOWN
    return sep.join(said[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
