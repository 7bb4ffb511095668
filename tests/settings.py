"""Settings of the tests: nothing of this machine's settings or data reaches them.

The environment is made before config.settings reads it; processes that tests start
take it from `tests.processes`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
OURS = {"ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DEBUG", "LANGUAGE_CODE", "LOG_LEVEL"}

for name in list(os.environ):
    if name.startswith("WHATSAPP_") or name in OURS or name.lower() in PROXIES:
        del os.environ[name]

# A child of the test run (the live server) finds the run's own directory here.
if "TEST_DIRECTORY" not in os.environ:
    os.environ["TEST_DIRECTORY"] = tempfile.mkdtemp(prefix="sb-test-")
    atexit.register(shutil.rmtree, os.environ["TEST_DIRECTORY"], ignore_errors=True)
directory = Path(os.environ["TEST_DIRECTORY"])
# Each worker of a run has a directory of its own, its children have it as well.
worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if worker and directory.name != worker:
    directory /= worker
    directory.mkdir(exist_ok=True)
    os.environ["TEST_DIRECTORY"] = str(directory)
os.environ.update(
    ENV_FILE=os.devnull,
    DATA_DIR=str(directory / "data"),
    DATABASE_URL=f"sqlite:///{directory}/unused.sqlite3",
    SECRET_KEY="only-for-tests-" + "x" * 50,
    TIME_ZONE="UTC",
)
os.environ.setdefault("AUTH_KEYS", Fernet.generate_key().decode())
if os.environ.get("TEST_DATABASE") == "postgresql":
    from tests.postgres import running_url

    os.environ["DATABASE_URL"] = running_url(directory)

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, EMBEDDED  # noqa: E402

# A file: the live server and other threads see the same database.
DATABASES["default"]["TEST"] = {
    "NAME": str(directory / "test.sqlite3") if EMBEDDED else "test_switchboard"
}
if not EMBEDDED:
    # A test that ends empties the tables; a portal of its own may be reading some. Of
    # the two that then wait for each other it is the portal that gives up, after 1 s.
    patient = "-c deadlock_timeout=20s"
    options = DATABASES["default"]["OPTIONS"]
    options["options"] = f"{options.get('options', '')} {patient}".strip()
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATIC_ROOT = directory / "static"
STATIC_ROOT.mkdir(exist_ok=True)
