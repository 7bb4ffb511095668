"""Uploads without a copy in memory: only Django parses the body of a request.

Twisted parses forms for itself as well, from one string with all of it, and nobody
reads what comes out. A file of 100 MB took 1.2 GB that way (measured with Twisted 26.10
and daphne 4.2.3), whoever sent it. Its Request has an option against this, "can use
large amounts of memory for large uploads", which daphne does not pass on.
"""

from __future__ import annotations

from functools import partial

from daphne import http_protocol


def parse_once() -> None:
    """To be called in the web process before its first request."""
    http_protocol.WebRequest = partial(
        http_protocol.WebRequest, parsePOSTFormSubmission=False
    )
