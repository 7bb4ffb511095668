"""Every cause is proven, or says why it cannot be."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from sessions.policy.causes import CAUSES
from tests.causes.linked_rows import ROWS
from tests.causes.proofs import LINKED, LINKING, PROOFS
from tests.causes.test_linking import FAILURES
from tests.processes import ROOT


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse(Path(ROOT, path).read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_cause_has_its_proof():
    assert set(PROOFS) == set(CAUSES)


@pytest.mark.parametrize("cause_id", PROOFS)
def test_a_proof_names_tests_that_exist(cause_id: str):
    proof = PROOFS[cause_id]
    for test in proof.tests:
        path, _, name = test.partition("::")
        assert name.startswith("test_")
        assert name in names_in(path), test
    assert proof.tests or proof.how == "never"
    assert bool(proof.why) is (proof.how != "real")


@pytest.mark.parametrize(
    ("test", "table"),
    [
        (LINKED, {row.cause for row in ROWS.values()}),
        (LINKING, {failure.cause for failure in FAILURES.values()}),
    ],
)
def test_the_tables_prove_what_they_are_named_for(test: str, table: set[str]):
    named = {cause for cause, proof in PROOFS.items() if test in proof.tests}
    assert named == table
