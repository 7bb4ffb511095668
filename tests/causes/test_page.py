"""docs/causes.md says what the catalogue says; else: `make causes`."""

from __future__ import annotations

import re

from config.dotenv import BASE_DIR
from sessions.policy.causes import CAUSES
from tests.causes.page import HOW, PAGE, page
from tests.causes.proofs import PROOFS


def test_the_page_is_up_to_date():
    assert (BASE_DIR / PAGE).read_text() == page(), "run `make causes`"


def test_the_page_has_a_row_and_a_section_for_every_cause():
    text = page()
    assert re.findall(r"^\| \[`(\w+)`\]", text, re.M) == re.findall(
        r"^### (\w+)$", text, re.M
    )
    assert set(re.findall(r"^### (\w+)$", text, re.M)) == set(CAUSES)
    assert "%(" not in text


def test_the_page_names_the_proof_of_every_cause():
    text = page()
    for cause_id, proof in PROOFS.items():
        row = next(r for r in text.splitlines() if r.startswith(f"| [`{cause_id}`]"))
        assert row.endswith(f"| {HOW[proof.how]} |")
        section = text.partition(f"\n### {cause_id}\n")[2].partition("\n### ")[0]
        assert all(f"`{test}`" in section for test in proof.tests)
        assert proof.why in section
