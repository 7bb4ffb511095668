from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("", include("metrics.web.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/sandbox/", include("sessions.admin.sandbox")),
    path("admin/causes/", include("phones.admin.cause_pages")),
    path("admin/baileys/", include("sessions.admin.baileys_import")),
    path("admin/", admin.site.urls),
]
