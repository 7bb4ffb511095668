from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.test import RequestFactory

from phones.portal.first_admin import make_first_admin

pytestmark = pytest.mark.django_db


def test_a_new_database_gets_an_admin_who_can_sign_in():
    admin = make_first_admin()

    request = RequestFactory().post("/")
    user = authenticate(request, username="admin", password=admin.password)
    assert user.is_superuser
    assert len(admin.password) >= 16


def test_there_is_only_one_first_admin():
    make_first_admin()

    assert make_first_admin() is None
    assert User.objects.count() == 1


def test_the_password_is_not_in_the_repr():
    admin = make_first_admin()

    assert admin.password not in repr(admin)


def test_a_database_without_an_active_superuser_gets_a_new_one():
    User.objects.create_superuser("admin", password="x", is_active=False)

    admin = make_first_admin()

    assert admin.username == "admin1"
