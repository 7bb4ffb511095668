"""A disk that can be filled: a small one of its own, or a limit on what is written."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.fleet import HostProcess, children_of

SIZE = "24m"  # room for a handful of stores of about 2 MiB
CHUNK = bytes(64 * 1024)


@dataclass
class Disk:
    """Mounted where that is allowed; else the session processes may write no more."""

    path: Path
    mounted: bool
    _limited: list[int] = field(default_factory=list)

    def fill(self, host: HostProcess) -> None:
        """From now on a session process cannot write to its store."""
        if not self.mounted:
            self._limit(host, 0)
            return
        with open(self.path / "ballast", "wb", buffering=0) as ballast:
            for chunk in (CHUNK, b"\0"):
                while _fits(ballast.fileno(), chunk):
                    pass

    def free(self, host: HostProcess) -> None:
        if self.mounted:
            (self.path / "ballast").unlink()
        else:
            self._limit(host, resource.RLIM_INFINITY)

    def _limit(self, host: HostProcess, size: int) -> None:
        """Of the forkserver, whose children inherit it, and of those that run."""
        servers = [pid for pid in children_of(host.process.pid) if children_of(pid)]
        for pid in [*servers, *host.session_pids()]:
            hard = resource.RLIM_INFINITY
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def _fits(descriptor: int, chunk: bytes) -> bool:
    try:
        return os.write(descriptor, chunk) == len(chunk)
    except OSError:
        return False


@contextmanager
def small_disk(path: Path) -> Iterator[Disk]:
    path.mkdir(mode=0o700)
    options = f"size={SIZE},mode=0700"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield Disk(path, mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(path)], check=True)
