"""What can be set while the sandbox runs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any


class SettingsError(ValueError):
    """A setting is unknown or out of range; the text says which."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in the unit that the name ends with."""

    qr_window_seconds: float = 180.0  # an unscanned pairing is closed after it
    refs: int = 6  # codes per pairing
    server_pause_ms: float = 0.0  # between the handshake and the first stanza
    # A client that got 515 loses stanzas still in its queue when the socket closes at
    # once: 3 of 40 pairings hung with 0 ms, 0 of 50 with 300 ms (neonize 0.5.2); on a
    # busy machine 1 of 8. It hangs up by itself, so that patience costs nothing.
    pause_after_515_ms: float = 5000.0
    replaced_linger_ms: float = 5000.0  # until a replaced connection is closed

    def changed(self, changes: dict[str, Any]) -> Settings:
        """Settings with these changes. Raises SettingsError."""
        known = {field.name: field.type for field in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise SettingsError(f"There is no setting {name!r}.")
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise SettingsError(f"The setting {name!r} needs a number.")
            if not 0 <= value <= 86_400_000:
                raise SettingsError(f"The setting {name!r} is out of range.")
        refs = changes.get("refs", self.refs)
        if refs not in range(1, 21):
            raise SettingsError("The setting 'refs' needs a number from 1 to 20.")
        return replace(self, **changes)
