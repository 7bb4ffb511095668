"""The admin's theme: the only module that imports unfold.

unfold is 0.x and changes without notice; what is re-exported here has a counterpart in
Django's own admin, so going back to it costs templates, not classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import RelatedOnlyFieldListFilter

if TYPE_CHECKING:
    from django.contrib.admin import FieldListFilter as RangeDateTimeFilter
    from django.contrib.admin import ModelAdmin as _ModelAdmin
    from django.contrib.admin import TabularInline as _TabularInline
    from django.contrib.auth.forms import (
        AdminPasswordChangeForm,
        UserChangeForm,
        UserCreationForm,
    )

    ModelAdmin = _ModelAdmin[Any]
    TabularInline = _TabularInline[Any, Any]
else:
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.contrib.filters.admin import RangeDateTimeFilter
    from unfold.forms import (
        AdminPasswordChangeForm,
        UserChangeForm,
        UserCreationForm,
    )

__all__ = [
    "AdminPasswordChangeForm",
    "ModelAdmin",
    "RangeDateTimeFilter",
    "RelatedOnlyFieldListFilter",
    "TabularInline",
    "UserChangeForm",
    "UserCreationForm",
]
