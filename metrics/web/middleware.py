"""Probes are answered before anything else is asked for."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from metrics.web.urls import urlpatterns

PROBES = {f"/{entry.pattern}": entry.callback for entry in urlpatterns}


class ProbeMiddleware:
    """First of all middlewares: no host name, session, language or login counts.

    A probe names the address it found the process at, which is in no ALLOWED_HOSTS.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        if probe is not None and request.method in ("GET", "HEAD"):
            answer: HttpResponse = probe(request)
            return answer
        return self.get_response(request)
