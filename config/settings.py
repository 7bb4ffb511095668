"""Settings of Switchboard; every value of a server comes from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import env as read
from config.dotenv import BASE_DIR, read_dotenv
from config.env import env
from config.session_life import *  # noqa: F403
from config.session_life import (
    WHATSAPP_LEASE_MARGIN,
    WHATSAPP_LEASE_RENEW,
    WHATSAPP_LEASE_TTL,
)

read_dotenv()

DEBUG = env.bool("DEBUG", default=False)
WHATSAPP_REALM = env.str("WHATSAPP_REALM", default="whatsapp")
if WHATSAPP_REALM not in {"whatsapp", "sandbox"}:
    raise ImproperlyConfigured(
        f"WHATSAPP_REALM must be 'whatsapp' or 'sandbox', not {WHATSAPP_REALM!r}."
    )
SANDBOX = WHATSAPP_REALM == "sandbox"
DATA_DIR = Path(
    env.str("DATA_DIR", default=str(BASE_DIR / ("data-sandbox" if SANDBOX else "data")))
).resolve()

# Database: SQLite serves one server, PostgreSQL a fleet.
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url(
        "DATABASE_URL", default=f"sqlite:///{DATA_DIR}/portal.sqlite3"
    )
}
EMBEDDED = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
if EMBEDDED:
    # IMMEDIATE + WAL: with the default DEFERRED a fifth of two processes' writes fail
    # with "database is locked"; with this, none (measured, docs/decisions.md).
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
    }
    read.usable_directory(DATA_DIR)
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DATABASES["default"]["CONN_MAX_AGE"] = None if EMBEDDED else 60

SECRET_KEY = read.secret_key(DATA_DIR, generate=EMBEDDED)
AUTH_KEYS = read.auth_keys(DATA_DIR, embedded=EMBEDDED)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
# A form of an import ticks a thousand phones and more.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "daphne",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "axes",
    "phones",
    "sessions",
    "metrics",
]
MIDDLEWARE = [
    "metrics.web.middleware.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.content_security_policy.ContentSecurityPolicyMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "config.hashers.SmallArgon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator")
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "locked_out.html"
AXES_VERBOSE = False
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_NAME = "switchboard_sandbox" if SANDBOX else "switchboard"
X_FRAME_OPTIONS = "DENY"
DEFAULT_EXCEPTION_REPORTER_FILTER = "config.debug_page.DiscreetReporter"

LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True

# How sessions are kept.
WHATSAPP_SANDBOX_DIR = env.str(
    "WHATSAPP_SANDBOX_DIR", default=str(DATA_DIR / "sandbox")
)
WHATSAPP_SINGLE_HOST = env.bool("WHATSAPP_SINGLE_HOST", default=EMBEDDED)
if WHATSAPP_LEASE_TTL < 2 * WHATSAPP_LEASE_RENEW + WHATSAPP_LEASE_MARGIN:
    raise ImproperlyConfigured(
        "WHATSAPP_LEASE_TTL must be at least twice WHATSAPP_LEASE_RENEW plus "
        "WHATSAPP_LEASE_MARGIN, or one late renewal ends every session."
    )

if not EMBEDDED:
    # A server that froze in a transaction must not keep its row locks for longer than
    # its leases, and a connection that leads nowhere must end, or nobody takes over.
    ttl_ms = int(WHATSAPP_LEASE_TTL.total_seconds() * 1000)
    options = DATABASES["default"]["OPTIONS"]
    for name, value in {
        "idle_in_transaction_session_timeout": ttl_ms,
        "tcp_keepalives_idle": 10,
        "tcp_keepalives_interval": 5,
        "tcp_keepalives_count": 3,
    }.items():
        options["options"] = f"{options.get('options', '')} -c {name}={value}".strip()
    options.setdefault("tcp_user_timeout", ttl_ms)
    options.setdefault("keepalives_idle", 10)
    options.setdefault("keepalives_interval", 5)
    options.setdefault("keepalives_count", 3)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.channels.server": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Switchboard",
    "SITE_HEADER": "Switchboard",
    "SITE_SYMBOL": "cable",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": "phones.admin.navigation.icon",
        }
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "DASHBOARD_CALLBACK": "phones.admin.board.dashboard",
    "GLOBAL_CALLBACK": "phones.admin.navigation.extra",
    "STYLES": ["phones.admin.navigation.stylesheet"],
    "SCRIPTS": [
        "phones.admin.navigation.live_script",
        "phones.admin.navigation.board_script",
    ],
    "SIDEBAR": {"navigation": "phones.admin.navigation.navigation"},
    "COLORS": {
        "primary": {
            "50": "oklch(97.9% .021 166.113)",
            "100": "oklch(95% .052 163.051)",
            "200": "oklch(90.5% .093 164.15)",
            "300": "oklch(84.5% .143 164.978)",
            "400": "oklch(70% .14 163)",
            "500": "oklch(60% .125 163)",
            "600": "oklch(50.8% .105 165)",
            "700": "oklch(44% .09 166)",
            "800": "oklch(38% .08 167)",
            "900": "oklch(33% .07 168)",
            "950": "oklch(24% .05 172)",
        }
    },
}
