"""`/healthz`, `/readyz` and `/metrics`: for load balancers and monitoring."""

from __future__ import annotations

import ipaddress
import secrets

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST

from metrics.web.exposition import Exposition
from metrics.web.readiness import Readiness

readiness = Readiness()
exposition = Exposition()

# A proxy adds one of these: the peer is then the proxy, not who asks.
FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; it asks nobody."""
    return _unkept(HttpResponse("ok\n", content_type="text/plain"))


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when requests can be served, else 503; the reasons as JSON."""
    report = readiness.report()
    body = {"ready": report.ready, "checks": report.checks, "hosts": report.hosts}
    return _unkept(JsonResponse(body, status=200 if report.ready else 503))


def metrics(request: HttpRequest) -> HttpResponse:
    """Figures for Prometheus; for the token's owner, or for this machine alone."""
    if not _may_read(request):
        answer = HttpResponse("not for you\n", status=403, content_type="text/plain")
        if settings.WHATSAPP_METRICS_TOKEN:
            answer.status_code = 401
            answer.headers["WWW-Authenticate"] = "Bearer"
        return _unkept(answer)
    try:
        text = exposition.text()
    except Error:
        return _unkept(HttpResponse("the database does not answer\n", status=503))
    return _unkept(HttpResponse(text, content_type=CONTENT_TYPE_LATEST))


def _may_read(request: HttpRequest) -> bool:
    token = settings.WHATSAPP_METRICS_TOKEN
    if not token:
        return _asked_from_here(request)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and secrets.compare_digest(
        given.strip().encode(), token.encode()
    )


def _asked_from_here(request: HttpRequest) -> bool:
    """By a program on this machine, not by a proxy or a browser on its behalf."""
    try:
        local = ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        local = False
    name = request.META.get("HTTP_HOST", "").rpartition(":")
    asked = name[0] if name[2].isdigit() else request.META.get("HTTP_HOST", "")
    forwarded = any(header in request.META for header in FORWARDED)
    return local and not forwarded and asked in LOCAL_NAMES


def _unkept(answer: HttpResponse) -> HttpResponse:
    answer.headers["Cache-Control"] = "no-store"
    return answer
