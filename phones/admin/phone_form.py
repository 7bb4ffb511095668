"""The form of a phone: its number, while nothing depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError

from phones.admin.guards import why_busy
from phones.models import OrganizationPhone
from phones.numbers import parse_number

if TYPE_CHECKING:
    Base = forms.ModelForm[OrganizationPhone]
else:
    Base = forms.ModelForm


class PhoneForm(Base):
    class Meta:
        model = OrganizationPhone
        fields = ("organization", "phone_number")

    def clean_phone_number(self) -> str:
        """Digits; a phone that is linked, linking or running keeps its number."""
        digits = parse_number(self.cleaned_data["phone_number"])
        phone = self.instance
        if phone.pk is None or "phone_number" not in self.changed_data:
            return digits
        current: Any = OrganizationPhone.objects.values_list("phone_number", flat=True)
        if digits != current.get(pk=phone.pk):
            reason = why_busy(phone)
            if reason:
                raise ValidationError(reason, code="busy")
        return digits
