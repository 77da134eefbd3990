"""A verification as JUnit XML, for build servers: one test case per claim, and one per finding that is about none.

JUnit has no specification; this is what the schema of Jenkins' xUnit plugin allows (``junit-10.xsd``).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from contractgen.report.results import ClaimResult, Finding, Verification


def junit(result: Verification) -> str:
    """The XML text. Questions and claims that were not exercised on both sides are skipped, not failed."""
    by_claim: dict[str, list[Finding]] = {}
    for finding in result.findings:
        by_claim.setdefault(finding.claim, []).append(finding)
    cases = [_claim(claim, by_claim.pop(claim.id, []), result.model) for claim in result.claims]
    rest = [finding for findings in by_claim.values() for finding in findings]
    cases += [_case(f"{f.kind}: {f.message.partition(':')[0]}", [f], result.model) for f in rest]
    suite = ET.Element(
        "testsuite",
        name=_plain(f"contractgen {result.model}"),
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors="0",
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
        time=f"{result.seconds:.3f}",
    )
    suite.extend(cases)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _claim(claim: ClaimResult, findings: list[Finding], model: str) -> ET.Element:
    case = _case(claim.id, findings, model)
    if not findings and not claim.exercised:
        ET.SubElement(case, "skipped", message=_plain(f"{claim.unseen}: {claim.text}"))
    return case


def _case(name: str, findings: list[Finding], model: str) -> ET.Element:
    case = ET.Element("testcase", classname=_plain(f"contractgen.{model}"), name=_plain(name))
    errors = [finding for finding in findings if finding.severity == "error"]
    for finding in errors or findings[:1]:
        node = ET.SubElement(case, "failure" if errors else "skipped", message=_plain(finding.message))
        node.text = _plain("\n".join([*finding.input, *([f"case {finding.case}"] if finding.case else [])]))
    return case


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _plain(text: str) -> str:
    """Text in which the characters that XML 1.0 has no form for are escaped."""
    return _NOT_XML.sub(lambda match: ascii(match[0])[1:-1], text)
