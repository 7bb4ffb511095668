"""The audit: who did what to which phone; nobody changes it."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from phones.addresses import page_of
from phones.admin.scoping import OrgScoped
from phones.admin.wording import act_in_words, actor_in_words
from phones.models import AuditEntry
from phones.templatetags.moments import exactly
from phones.theme import RelatedOnlyFieldListFilter


@admin.register(AuditEntry)
class AuditAdmin(OrgScoped):
    read_only = True
    list_display = ("moment", "who", "did", "subject", "organization", "more")
    list_display_links = ("moment",)
    list_filter = (("organization", RelatedOnlyFieldListFilter),)
    list_select_related = ("organization", "phone")
    search_fields = ("number", "actor", "verb")
    search_help_text = gettext_lazy("Digits of a number, a person, or a verb")
    sortable_by = ("moment",)
    actions = None
    fields = ("moment", "who", "did", "number", "organization", "more")
    readonly_fields = ("moment", "who", "did", "more")

    @admin.display(description=gettext_lazy("time"), ordering="at")
    def moment(self, entry: AuditEntry) -> str:
        return exactly(entry.at)

    @admin.display(description=gettext_lazy("who"))
    def who(self, entry: AuditEntry) -> str:
        return actor_in_words(entry.actor)

    @admin.display(description=gettext_lazy("did"))
    def did(self, entry: AuditEntry) -> str:
        return act_in_words(entry.verb)

    @admin.display(description=gettext_lazy("detail"))
    def more(self, entry: AuditEntry) -> str:
        return ", ".join(f"{name}: {value}" for name, value in entry.detail.items())

    @admin.display(description=gettext_lazy("phone"))
    def subject(self, entry: AuditEntry) -> SafeString | str:
        if entry.phone is None:
            return f"+{entry.number}" if entry.number else "–"
        return format_html('<a href="{}">{}</a>', page_of(entry.phone), entry.phone)
