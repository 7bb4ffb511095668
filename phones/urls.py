"""Addresses of the sockets; the pages are part of the admin (phones.admin.phone)."""

from __future__ import annotations

from django.urls import path, re_path

from phones.consumers import (
    BoardConsumer,
    NobodyConsumer,
    PhoneConsumer,
    RowsConsumer,
    StageConsumer,
)

websocket_urlpatterns = [
    path("ws/phones/", RowsConsumer.as_asgi()),
    path("ws/phones/<int:phone_id>/", PhoneConsumer.as_asgi()),
    path("ws/phones/<int:phone_id>/qr/", StageConsumer.as_asgi()),
    path("ws/board/", BoardConsumer.as_asgi()),
    re_path(r"", NobodyConsumer.as_asgi()),
]
