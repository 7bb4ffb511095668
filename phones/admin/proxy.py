"""The proxy of a phone: stewards write it, and nobody reads more than its address."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from phones.addresses import page_of, verb_url
from phones.admin.scoping import Access
from phones.admin.story import Story
from phones.models import OrganizationPhone, Role
from phones.views import phone_for
from sessions.models import PhoneProxy
from sessions.proxies import (
    ProxyAddress,
    ProxyRefused,
    clear_proxy,
    set_proxy,
    why_useless,
)

MAX_ADDRESS = 2000  # characters; a percent-encoded login may be long


class ProxyForm(forms.Form):
    """Never shows what was typed, not even to the one who typed it."""

    address = forms.CharField(
        label=gettext_lazy("new proxy"),
        max_length=MAX_ADDRESS,
        help_text=gettext_lazy(
            "http, https or socks5, for example socks5://user:password@192.0.2.7:1080"
        ),
        widget=forms.PasswordInput(
            render_value=False,
            attrs={"class": "sb-input", "autocomplete": "new-password", "size": 48},
        ),
    )

    def clean_address(self) -> str:
        text: str = self.cleaned_data["address"]
        try:
            ProxyAddress.parse(text)
        except ProxyRefused as refusal:
            raise ValidationError(str(refusal), code="proxy") from None
        return text


def proxy_context(request: HttpRequest, phone: OrganizationPhone) -> dict[str, Any]:
    """What templates/phones/proxy.html asks for; empty below the role of a steward."""
    if not Access.of(request).may(Role.STEWARD, phone.organization_id):
        return {}
    return {
        "proxy": PhoneProxy.objects.filter(phone=phone).first(),
        "proxy_form": ProxyForm(),
        "proxy_url": verb_url(phone, "proxy"),
        "proxy_useless": why_useless(),
    }


@sensitive_post_parameters("address")
@require_http_methods(["GET", "HEAD", "POST"])
def change_proxy(request: HttpRequest, phone_id: int) -> HttpResponse:
    """Show the form (GET), set or clear the proxy (POST)."""
    phone = phone_for(request, phone_id, Role.STEWARD)
    if request.method == "POST" and "clear" in request.POST:
        return _clear(request, phone)
    form = ProxyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _set(request, phone, form.cleaned_data["address"])
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        **proxy_context(request, phone),
        "title": _("Proxy of %(phone)s") % {"phone": phone},
        "proxy_form": form,
        "phone_url": page_of(phone),
    }
    return TemplateResponse(request, "phones/proxy_page.html", context)


def _set(
    request: HttpRequest, phone: OrganizationPhone, address: str
) -> HttpResponseRedirect:
    proxy = set_proxy(phone, address, request.user)
    _tell(request, phone, _("The proxy is %(proxy)s now.") % {"proxy": proxy.shown})
    return redirect(page_of(phone))


def _clear(request: HttpRequest, phone: OrganizationPhone) -> HttpResponseRedirect:
    if clear_proxy(phone, request.user):
        _tell(request, phone, _("The phone has no proxy of its own any more."))
    return redirect(page_of(phone))


def _tell(request: HttpRequest, phone: OrganizationPhone, done: str) -> None:
    """What was done, and how to make it count at once."""
    story = Story.of(phone)
    if "restart" not in story.offers:
        messages.success(request, done + " " + _("It counts from the next start on."))
        return
    messages.success(
        request,
        format_html(
            '{} {} <a class="sb-link" href="{}">{}</a>',
            done,
            _("It counts from the next start on:"),
            verb_url(phone, "restart"),
            _("Restart"),
        ),
    )
