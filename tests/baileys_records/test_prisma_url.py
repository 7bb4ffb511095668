"""Addresses of the old server: what Prisma writes, and what leads nowhere."""

from __future__ import annotations

import pytest

from sessions.baileys import prisma
from sessions.baileys.source import SourceRefused


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://root:secret@127.0.0.1/old",
        "postgresql://root:secret@[127.0.0.1/old",
        "postgresql://root:secret@127.0.0.1/old?no_such_word=secret",
        "postgresql://root:secret@127.0.0.1:secret/old",
        "postgresql://root:sec#ret@127.0.0.1/old",
        "postgresql://root:secret/@127.0.0.1/old",
        "postgresql://root:secret%zz@127.0.0.1/old",
        "postgresql://root:secret@127.0.0.1:9/old?connect_timeout=1",
    ],
)
def test_what_leads_nowhere_is_refused_and_the_password_kept(url):
    with pytest.raises(SourceRefused) as refused:
        next(prisma.phones(url))
    with pytest.raises(SourceRefused):
        prisma.organizations(url)
    assert str(refused.value) and "secret" not in str(refused.value)


def test_words_that_only_prisma_knows_are_taken_out():
    url = "postgresql://root:s%40fe@db:5432/old?schema=node&sslmode=require&pgbouncer=1"
    assert prisma._libpq_url(url) == (
        "postgresql://root:s%40fe@db:5432/old?sslmode=require",
        "node",
    )
