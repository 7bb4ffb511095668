"""Commands that a person types: one sentence on failure, exit status 0 or 1."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
)
from django.db import DatabaseError, OperationalError, connections

from phones.management.sentences import sentence_of


class PersonCommand(BaseCommand):
    """Base of the verbs; adds --json, turns expected errors into one sentence."""

    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object per line"
        )

    def run_from_argv(self, argv: list[str]) -> None:
        self._as_json = "--json" in argv
        parser = self.create_parser(argv[0], argv[1])
        try:
            # A wrong option is a CommandError here, like any other failure.
            self.execute(**vars(parser.parse_args(argv[2:])))
        except CommandError as error:
            self._print_failure(str(error))
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            raise SystemExit(1) from None
        except BrokenPipeError:
            self._close_stdout()
            raise SystemExit(1) from None
        finally:
            connections.close_all()

    def execute(self, *args: Any, **options: Any) -> str | None:
        self._as_json = bool(options.get("json"))
        try:
            return super().execute(*args, **options)
        except (
            ValidationError,
            ImproperlyConfigured,
            OperationalError,
            DatabaseError,
        ) as error:
            if options.get("traceback"):
                raise
            raise CommandError(sentence_of(error)) from error

    def say(self, text: str, /, **fields: Any) -> None:
        """One line: `text` for a person, `fields` as JSON with --json."""
        if self._as_json:
            text = json.dumps(fields, ensure_ascii=False)
        self.stdout.write(text)
        self.stdout.flush()

    def _print_failure(self, sentence: str) -> None:
        if self._as_json:
            self.say(sentence, ok=False, error=sentence)
        self.stderr.write(sentence)

    def _close_stdout(self) -> None:
        """The reader is gone: nothing may be flushed at the interpreter's end."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
