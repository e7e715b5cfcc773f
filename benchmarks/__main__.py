"""`python -m benchmarks <name>`: measure one claim on an instance of its own, which is gone afterwards."""

import argparse
import sys
from importlib import import_module

from benchmarks.instance import instance
from config.processes import exit_on_signals

NAMES = ("api", "audit_cost", "verification", "seal_lag", "retrieval")


def main() -> None:
    """Run the benchmark that is named. It is imported once there are settings for its models."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    name = parser.parse_args().name
    exit_on_signals()
    try:
        with instance():
            import_module(f"benchmarks.{name}").main()
    except KeyboardInterrupt:
        sys.exit("Stopped.")


if __name__ == "__main__":
    main()
