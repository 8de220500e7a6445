"""The gates on the signature, the licences and the known vulnerabilities."""

from __future__ import annotations

from typing import Any

import pytest

from loopline.release.advisories import Advisory, Affected
from loopline.release.supply import licences, signature, vulnerabilities
from tests.release.judging import BILL, evidence, held

KNOWN = Advisory("OSV-1", ("CVE-1",), "reads too far", (Affected("pkg:pypi/numpy", frozenset(), ((("introduced", "0"), ("fixed", "2.1.1")),)),))


def with_licence(*said: dict[str, Any]) -> dict[str, Any]:
    return {"components": [*BILL["components"], {"type": "library", "name": "odd", "version": "1", "purl": "pkg:pypi/odd@1", "licenses": list(said)}]}


def test_whoever_is_trusted_may_sign_unless_somebody_is_named() -> None:
    assert signature(evidence()).says == "verified: signed by ann, and unchanged since"
    assert signature(evidence(limits=held(signature=["ben", "ann"]))).passed
    other = signature(evidence(limits=held(signature=["ben"])))
    assert (other.passed, other.asked) == (False, "signed by ben")
    assert not signature(evidence(signed_by="")).passed


@pytest.mark.parametrize(
    ("said", "passed"),
    [
        ({"expression": "GPL-3.0-only"}, False),
        ({"expression": "GPL-3.0-only OR MIT"}, True),
        ({"expression": "GPL-3.0-only WITH GCC-exception-3.1"}, True),
        ({"license": {"id": "AGPL-3.0-or-later"}}, False),
        ({"license": {"name": "GNU General Public License v3 (GPLv3)"}}, False),
        ({"license": {"id": "LGPL-3.0-only"}}, True),
    ],
)
def test_by_default_licences_that_bind_what_uses_them_are_denied(said: dict[str, Any], passed: bool) -> None:
    verdict = licences(evidence(bill=with_licence(said)))
    assert verdict.passed == passed
    assert ("odd" in verdict.says) != passed


def test_where_some_are_allowed_all_others_are_not_nor_is_silence() -> None:
    only = held(licences={"allow": ["BSD-*", "MIT"]})
    assert licences(evidence(limits=only)).passed
    assert "odd (Apache-2.0)" in licences(evidence(bill=with_licence({"license": {"id": "Apache-2.0"}}), limits=only)).says
    assert "odd (it says no licence)" in licences(evidence(bill=with_licence(), limits=only)).says
    assert licences(evidence(bill=with_licence())).says == "3 libraries, all acceptable; odd says none"


def test_licences_are_not_asked_where_both_lists_are_empty_and_a_package_without_a_bill_fails() -> None:
    assert not licences(evidence(limits=held(licences={"deny": []}))).asked
    assert not licences(evidence(bill={})).passed


def test_a_known_vulnerability_is_named_with_its_cure_unless_it_is_said_not_to_matter() -> None:
    asked = held(vulnerabilities={"advisories": "osv.json"})
    verdict = vulnerabilities(evidence(advisories=(KNOWN,), limits=asked))
    assert (verdict.passed, verdict.value) == (False, 1.0)
    assert verdict.says == "numpy 2.1.0 has OSV-1: reads too far (mended in 2.1.1)"
    ignored = held(vulnerabilities={"advisories": "osv.json", "ignore": {"CVE-1": "no file is read"}})
    verdict = vulnerabilities(evidence(advisories=(KNOWN,), limits=ignored))
    assert verdict.passed
    assert verdict.says == "none among 1 advisories; left aside: CVE-1 (no file is read)"


def test_vulnerabilities_are_asked_only_where_a_file_is_named() -> None:
    assert not vulnerabilities(evidence()).asked
    assert not vulnerabilities(evidence(bill={}, advisories=(), limits=held(vulnerabilities={"advisories": "osv.json"}))).passed
