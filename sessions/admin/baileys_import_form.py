"""The form of an upload: the file, the LID map, and the organization."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from phones.models import Organization, Role
from sessions.admin.baileys_import_file import MEGABYTE, MOST_BYTES
from sessions.baileys.lid_map_file import read_lid_map

MOST_BYTES_OF_A_MAP = 64 * MEGABYTE
LEAST_ROLE = Role.STEWARD


class UploadForm(forms.Form):
    """`organization` lists those in which the person is a steward."""

    organization = forms.ModelChoiceField(
        label=gettext_lazy("Organization"),
        queryset=Organization.objects.none(),
        help_text=gettext_lazy("Its phones are added where they are missing."),
        widget=forms.Select(attrs={"class": "sb-input"}),
    )
    records = forms.FileField(
        label=gettext_lazy("Auth records"),
        help_text=gettext_lazy(
            "The dump as JSON, or a zip of the folders of useMultiFileAuthState."
        ),
        widget=forms.FileInput(
            attrs={"class": "sb-input", "accept": ".json,.jsonl,.zip"}
        ),
    )
    lid_map = forms.FileField(
        label=gettext_lazy("LID map"),
        required=False,
        allow_empty_file=True,
        help_text=gettext_lazy(
            "A JSON file of numbers and their LIDs; without it the first messages of "
            "some contacts come a second late."
        ),
        widget=forms.FileInput(attrs={"class": "sb-input", "accept": ".json"}),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = Organization.objects.scoped(request.user, LEAST_ROLE).order_by("name")
        field = cast(
            "forms.ModelChoiceField[Organization]", self.fields["organization"]
        )
        field.queryset = own
        only = list(own[:2])
        if len(only) == 1:
            field.initial = only[0].pk

    def clean_records(self) -> UploadedFile[bytes]:
        upload: UploadedFile[bytes] = self.cleaned_data["records"]
        if (upload.size or 0) > MOST_BYTES:
            raise ValidationError(
                _("This file is larger than %(most)d MB: dump some phones at a time."),
                code="large",
                params={"most": MOST_BYTES // MEGABYTE},
            )
        return upload

    def clean_lid_map(self) -> dict[str, str]:
        """Bare number → bare LID user; empty without a file."""
        upload: UploadedFile[bytes] | None = self.cleaned_data["lid_map"]
        if upload is None:
            return {}
        if (upload.size or 0) > MOST_BYTES_OF_A_MAP:
            raise ValidationError(_("This LID map is too large."), code="large")
        try:
            return read_lid_map(upload.read())
        except ValueError as error:
            raise ValidationError(
                _(
                    "This is no LID map: a JSON object is expected, for example "
                    '{"77054810862": "188877766655544"}.'
                ),
                code="lid_map",
            ) from error
