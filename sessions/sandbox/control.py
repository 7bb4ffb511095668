"""A client of the control API, for the admin panel and the tests."""

from __future__ import annotations

import json
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS = 10.0


class ControlError(Exception):
    """The sandbox answered with an error; `status` is the HTTP status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class SandboxControl:
    """One method per call. Raises ControlError, OSError if no sandbox answers."""

    def __init__(self, path: Path | str) -> None:
        """Take the sandbox's directory or its sandbox.json."""
        path = Path(path)
        file = path / "sandbox.json" if path.is_dir() else path
        self.description: dict[str, Any] = json.loads(file.read_text("utf-8"))

    def state(self) -> dict[str, Any]:
        return self._call("GET", "/state")

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", "/events", after=after)[
            "events"
        ]
        return found

    def prekeys(self, number: str, device: int) -> dict[str, list[int]]:
        return self._call("GET", "/prekeys", number=number, device=device)

    def accounts(self, number: str, name: str = "") -> dict[str, Any]:
        return self._call("POST", "/accounts", number=number, name=name)

    def scan(self, code: str, number: str | None = None) -> str:
        """The phone of `number` scans the code; gives the new device's JID."""
        return str(self._call("POST", "/scan", code=code, number=number)["jid"])

    def unlink(
        self,
        jid: str | None = None,
        *,
        number: str | None = None,
        device: int | None = None,
    ) -> list[str]:
        arguments = {"jid": jid, "number": number, "device": device}
        unlinked: list[str] = self._call("POST", "/unlink", **arguments)["unlinked"]
        return unlinked

    def fault(self, kind: str, **arguments: Any) -> int:
        """Provoke a fault; gives the number of connections it hit."""
        return int(self._call("POST", "/fault", kind=kind, **arguments)["affected"])

    def settings(self, **changes: float) -> dict[str, Any]:
        return self._call("POST", "/settings", **changes)

    def reset_statistics(self) -> None:
        self._call("POST", "/reset_statistics")

    def forget(self, number: str) -> None:
        self._call("POST", "/forget", number=number)

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        given = {name: value for name, value in arguments.items() if value is not None}
        if method == "GET":
            path, body = f"{path}?{urlencode(given)}", None
        else:
            body = json.dumps(given)
        headers = {"Authorization": f"Bearer {self.description['token']}"}
        # No library that honours HTTPS_PROXY: that one leads into the sandbox.
        address = urlsplit(self.description["control"]).netloc
        connection = HTTPConnection(address, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            result: dict[str, Any] = json.load(answer)
        finally:
            connection.close()
        if answer.status != HTTPStatus.OK:
            raise ControlError(answer.status, str(result.get("error")))
        return result
