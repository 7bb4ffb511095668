"""Paths that pages and scripts are told."""

from __future__ import annotations

from collections.abc import Iterable

from django.urls import get_script_prefix, reverse

from phones.models import OrganizationPhone


def page_of(phone: OrganizationPhone) -> str:
    return reverse("admin:phones_organizationphone_change", args=[phone.pk])


def verb_url(phone: OrganizationPhone, verb: str) -> str:
    return reverse(f"admin:phones_organizationphone_{verb}", args=[phone.pk])


def rows_socket(phone_ids: Iterable[int]) -> str:
    return f"{get_script_prefix()}ws/phones/?ids={','.join(map(str, phone_ids))}"


def phone_socket(phone: OrganizationPhone) -> str:
    return f"{get_script_prefix()}ws/phones/{phone.pk}/"


def stage_socket(phone: OrganizationPhone) -> str:
    return f"{get_script_prefix()}ws/phones/{phone.pk}/qr/"


def board_socket() -> str:
    return f"{get_script_prefix()}ws/board/"
