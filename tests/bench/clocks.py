"""What the library's own clocks make longer than a test may take; side by side.

A code that nobody scans (160 s), keepalives that are not answered (a new login by force
at 182 s), a text that is never acknowledged (75 s), a silence of all traffic (240 s).
"""

from __future__ import annotations

import time
from typing import Any

PATIENCE = 420.0
SILENCE_SECONDS = 300.0


def measure(fleet: Any) -> dict[str, Any]:
    from phones.models import Organization
    from tests.factories import make_phone

    organization = Organization.objects.create(name="Soak")
    phones = {
        name: make_phone(organization)
        for name in ("unscanned", "muted", "unanswered", "silent", "peer")
    }
    fleet.start_host()
    jids = {name: fleet.link(phone) for name, phone in list(phones.items())[1:]}
    watches = [
        Muted(fleet, phones["muted"], jids["muted"]),
        Unanswered(fleet, phones["unanswered"], jids, phones["peer"].phone_number),
        Silent(fleet, phones["silent"], jids["silent"]),
        Unscanned(fleet, phones["unscanned"]),
    ]
    began = time.monotonic()
    while not all(watch.over for watch in watches):
        for watch in watches:
            if not watch.over:
                watch.look()
        if time.monotonic() - began > PATIENCE:
            break
        time.sleep(0.05)
    return {
        type(watch).__name__.lower(): {
            "over": watch.over,
            **watch.figures,
            "story": story(watch.phone),
        }
        for watch in watches
    }


class Watch:
    """One phone and what is waited for; `figures` grow while it is looked at."""

    def __init__(self, fleet: Any, phone: Any) -> None:
        self.fleet, self.phone = fleet, phone
        self.over = False
        self.figures: dict[str, Any] = {}
        self.began = time.monotonic()

    def since(self) -> float:
        return round(time.monotonic() - self.began, 1)

    def look(self) -> None:
        raise NotImplementedError


class Muted(Watch):
    """Pings are not answered: the library logs in again by force."""

    def __init__(self, fleet: Any, phone: Any, jid: str) -> None:
        super().__init__(fleet, phone)
        self.jid, self.logins = jid, fleet.device(jid)["logins"]
        fleet.sandbox.fault("mute", jid=jid, what="pings")

    def look(self) -> None:
        if self.fleet.device(self.jid)["logins"] > self.logins:
            self.figures["new_login_after_s"] = self.since()
            self.over = True


class Unanswered(Watch):
    """The server takes a text and never says so (i1)."""

    def __init__(self, fleet: Any, phone: Any, jids: dict[str, str], to: str) -> None:
        from sessions import verbs

        super().__init__(fleet, phone)
        # The first text asks for keys and devices; it is let through.
        first = verbs.send(phone, to=to, text="first")
        fleet.wait(lambda: closed(first), "the first text")
        self.jid, self.logins = jids["unanswered"], self._logins(jids["unanswered"])
        fleet.sandbox.fault("late_acks", jid=self.jid, seconds=600)
        phone.refresh_from_db()
        self.request = verbs.send(phone, to=to, text="second")
        self.began = time.monotonic()

    def _logins(self, jid: str) -> int:
        return int(self.fleet.device(jid)["logins"])

    def look(self) -> None:
        if closed(self.request):
            self.request.refresh_from_db()
            self.figures = {
                "send_ended_after_s": self.since(),
                "result": self.request.result,
                "answer": self.request.answer,
                "logins_meanwhile": self._logins(self.jid) - self.logins,
            }
            self.over = True


class Silent(Watch):
    """Nothing comes through any more, then everything does."""

    def __init__(self, fleet: Any, phone: Any, jid: str) -> None:
        super().__init__(fleet, phone)
        self.jid = jid
        self.statuses: list[str] = []
        fleet.sandbox.fault("mute", jid=jid, what="all")

    def look(self) -> None:
        self.phone.refresh_from_db()
        status = f"{self.phone.status} at {self.since()} s"
        if [self.phone.status] != [word.split()[0] for word in self.statuses[-1:]]:
            self.statuses.append(status)
        if self.since() >= SILENCE_SECONDS and "heard_after_s" not in self.figures:
            self.fleet.sandbox.fault("unmute", jid=self.jid)
            self.figures["heard_after_s"] = self.since()
        elif "heard_after_s" in self.figures and self.phone.status == "connected":
            self.figures["connected_after_s"] = self.since()
            self.figures["statuses"] = self.statuses
            self.over = True


class Unscanned(Watch):
    """Six codes, then the end."""

    def __init__(self, fleet: Any, phone: Any) -> None:
        from sessions import verbs

        super().__init__(fleet, phone)
        verbs.link(phone)
        self.last = fleet.wait_code(phone)
        self.began = time.monotonic()
        self.figures["codes_shown_at_s"] = [0.0]

    def look(self) -> None:
        self.phone.refresh_from_db()
        if self.phone.qr_code and self.phone.qr_code != self.last:
            self.last = self.phone.qr_code
            self.figures["codes_shown_at_s"].append(self.since())
        pairing = self.fleet.pairing(self.phone)
        if pairing.state == "expired":
            self.figures["expired_after_s"] = self.since()
            self.figures["error_code"] = pairing.error_code
            self.over = True


def closed(request: Any) -> bool:
    rows = type(request).objects.filter(pk=request.pk).exclude(done_at=None)
    return bool(rows.exists())


def story(phone: Any) -> list[str]:
    """The phone's history: event, cause and code, oldest first."""
    rows = phone.metrics.order_by("id").values_list("event", "cause", "error_code")
    return [" ".join(str(word) for word in row if word) for row in rows]
