"""A host in a process of its own, to be killed, frozen or looked into.

    host_process.py DIRECTORY SANDBOX_DIRECTORY SECONDS

Holds one session that shows a QR, renews its deadline to SECONDS ahead five times in
that time, and prints one JSON line when the library is loaded. Its top level is not
guarded on purpose: it notes each time it is imported.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

directory = Path(sys.argv[1])
with open(directory / "imports", "a", encoding="utf-8") as imports:
    imports.write(f"{os.getpid()} {__name__}\n")


def main() -> None:
    from sessions.client import forkserver
    from sessions.client.linux_process import start_time
    from sessions.sandbox.control import SandboxControl
    from tests.client.session_driver import SessionDriver, sandbox_environment

    description = SandboxControl(sys.argv[2]).description
    seconds = float(sys.argv[3])
    forkserver.start(os.environ, sandbox_environment(description))
    deadline = time.monotonic() + 30
    session = SessionDriver.create(directory / "phone", description, deadline=deadline)
    session.wait_for("qr")
    session.renew(seconds)
    server = Path(f"/proc/{session.pid}/stat").read_text().rpartition(")")[2].split()
    names = {"host": os.getpid(), "forkserver": int(server[1]), "session": session.pid}
    processes = {name: [pid, start_time(pid)] for name, pid in names.items()}
    sys.stdout.write(json.dumps(processes) + "\n")
    sys.stdout.flush()
    while session.end() is None:
        time.sleep(seconds / 5)
        session.renew(seconds)


if __name__ == "__main__":
    main()
