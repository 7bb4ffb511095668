"""The optional .env file; read before anything else looks at the environment."""

from __future__ import annotations

import os
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent


def read_dotenv() -> None:
    """Load ENV_FILE, by default `.env` beside manage.py; the environment wins."""
    dotenv = Path(os.environ.get("ENV_FILE", BASE_DIR / ".env"))
    if dotenv.is_file():
        environ.Env.read_env(dotenv, overwrite=False)
