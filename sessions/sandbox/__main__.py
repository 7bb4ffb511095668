"""python -m sessions.sandbox --directory DIR [--port 0] [--control-port 0]"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from sessions.sandbox.guards import Refused
from sessions.sandbox.server import run


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sessions.sandbox",
        description="Run a loopback WhatsApp for tests and drills on 127.0.0.1.",
    )
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="proxy; 0: any")
    parser.add_argument("--control-port", type=int, default=0, help="0: any")
    options = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    try:
        run(options.directory, options.port, options.control_port)
    except Refused as refused:
        parser.exit(1, f"{refused}\n")


if __name__ == "__main__":
    main()
