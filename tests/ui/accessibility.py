"""Checks of a page with axe-core."""

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Page

from tests.npm import installed
from tests.ui.judged import JUDGED

_PROJECT = Path(__file__).parent / "axe"
_RUN = """async repeated => {
    const context = repeated ? {exclude: [[repeated]]} : document
    const {violations, incomplete} = await axe.run(context, {
        resultTypes: ['violations', 'incomplete'], rules: {'target-size': {enabled: true}}})
    const each = result => result.nodes.map(node => ({
        rule: result.id, target: node.target.flat().join(' '), html: node.html, summary: node.failureSummary || ''}))
    return {violations: violations.flatMap(each), incomplete: incomplete.flatMap(each)}
}"""


class Finding(NamedTuple):
    """An element that violates a rule, or for which axe cannot decide."""

    rule: str
    target: str
    """The CSS selector of the element."""

    html: str
    summary: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.target}\n    {self.html}\n    {' '.join(self.summary.split())}"


def assert_accessible(page: Page, *, repeated: str = "") -> None:
    """Fail if axe finds a violation in what the page shows now, or cannot decide about an element that no entry of
    `judged.py` describes.

    `repeated`: a CSS selector of elements to leave out, because others with the same markup are on the page.

    Skip the test if axe cannot be installed because no npm registry can be reached.
    """
    violations, incomplete = findings(page, repeated)
    undecided = [finding for finding in incomplete if not is_judged(finding)]
    assert not violations, "\n".join(map(str, violations))
    assert not undecided, "axe cannot decide; judge it in tests/ui/judged.py:\n" + "\n".join(map(str, undecided))


def findings(page: Page, repeated: str = "") -> tuple[list[Finding], list[Finding]]:
    """Return the violations of all rules, including best practices, and the elements that a person has to judge.

    Of the rules that axe leaves off, the one about the size of targets is on (WCAG 2.5.8).
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_source())
    found: dict[str, list[dict[str, Any]]] = page.evaluate(_RUN, repeated)
    violations, incomplete = ([Finding(**each) for each in found[kind]] for kind in ("violations", "incomplete"))
    return violations, incomplete


def is_judged(finding: Finding) -> bool:
    return any(each.rule == finding.rule and re.fullmatch(each.target, finding.target) for each in JUDGED)


@cache
def _source() -> str:
    return (installed(_PROJECT) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
