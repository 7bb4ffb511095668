"""`make chaos`: hosts, PostgreSQL, the web and many phones, and all that can go wrong.

Exits with 1 and the seed when an invariant does not hold. Which faults come when is
decided by the seed alone; how processes are scheduled is not.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chaos.figures import figures_of, table
from tests.chaos.invariants import check
from tests.chaos.plan import Fault, draw_plan

STEP_SECONDS = 0.1
WORK_SECONDS = 0.5


def main() -> int:
    options = arguments()
    # The end of a CI job ends what was started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seed = options.seed if options.seed is not None else secrets.randbelow(10**6)
    seconds = options.minutes * 60
    plan = draw_plan(seed, seconds=seconds, phones=options.phones, hosts=options.hosts)
    say(f"seed {seed}: {options.phones} phones, {options.hosts} hosts, {seconds:.0f} s")
    for fault in plan:
        say(str(fault))
    if options.plan:
        return 0
    figures = played(plan, seconds, options)
    head = {
        "measured": time.strftime("%Y-%m-%d"),
        "seed": seed,
        "minutes": options.minutes,
        "phones": options.phones,
        "hosts": options.hosts,
        "load_at_the_end": [round(load, 1) for load in os.getloadavg()],
    }
    say("\n".join(table(head | figures)))
    if options.json is not None:
        options.json.write_text(json.dumps(head | figures, indent=2) + "\n")
    for violation in figures["violations"]:
        say(f"VIOLATED  {violation}")
    if figures["violations"]:
        say(f"Again: python -m tests.chaos.run {again(seed, options)}")
        return 1
    say("All invariants hold.")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.run", description=__doc__
    )
    parser.add_argument("--seed", type=int, help="of the plan; drawn when not given")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--phones", type=int, default=100)
    parser.add_argument("--hosts", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--keep-logs", type=Path, help="copy the processes' logs there")
    parser.add_argument("--plan", action="store_true", help="only print the plan")
    return parser.parse_args()


def again(seed: int, options: argparse.Namespace) -> str:
    return (
        f"--seed {seed} --minutes {options.minutes:g} --phones {options.phones} "
        f"--hosts {options.hosts}"
    )


def say(text: str) -> None:
    print(text, flush=True)


def played(
    plan: list[Fault], seconds: float, options: argparse.Namespace
) -> dict[str, Any]:
    from tests.bench import installation

    directory = installation.configure("postgresql")
    # Models can be imported from here on.
    from tests.chaos.installation import phones_on, stage_on

    with (
        installation.fleet_in(directory) as fleet,
        stage_on(fleet, options.hosts, options.keep_logs) as stage,
    ):
        say(f"linking {options.phones} phones")
        phones_on(stage, options.phones)
        return Course(stage, plan, seconds).run()


class Course:
    """Plays a plan on a stage, then waits until all is well again."""

    def __init__(self, stage: Any, plan: list[Fault], seconds: float) -> None:
        from tests.chaos.faults import Hand
        from tests.chaos.witness import Witness

        self.stage, self.plan, self.seconds = stage, plan, seconds
        self.hand = Hand(stage)
        self.witness = Witness(stage)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def run(self) -> dict[str, Any]:
        self.witness.start()
        began = time.monotonic()
        for fault in self.plan:
            self._at(began + fault.at, lambda fault=fault: self._do(fault))
        while time.monotonic() < began + self.seconds:
            self._work()
            time.sleep(STEP_SECONDS)
        while self._due:  # what is still in force is taken back
            heapq.heappop(self._due)[2]()
        settled = self.witness.settle(self._work)
        say(f"settled after {settled} s")
        evidence = self.witness.evidence(self.hand, settled)
        return figures_of(evidence, check(evidence)) | {
            "started_again_by_themselves": len(self.stage.respawned)
        }

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when, next(self._order), act))

    def _do(self, fault: Fault) -> None:
        undo = self.hand.do(fault)
        if undo is not None:
            self._at(time.monotonic() + fault.seconds, undo)

    def _work(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
        self.stage.tend()
        self.witness.look()


if __name__ == "__main__":
    sys.exit(main())
