"""``python -m bench core``: run a group and draw its page; ``python -m bench page [GROUP]``: draw it only."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench import groups, page, running

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results"
PAGES = ROOT / "docs" / "benchmarks"


def main(arguments: list[str]) -> None:
    """Do what the command line asks."""
    if arguments[:1] == ["worker"]:
        running.work(arguments[1], float(arguments[2]), arguments[3:])
        return
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", help=f"a group ({', '.join(groups.names())}), or 'page'")
    parser.add_argument("group", nargs="?", help="for 'page': the group (default: all that have results)")
    parser.add_argument("--seconds", type=float, default=2.0, help="time per case (default: 2)")
    parser.add_argument("--only", default="", help="run cases whose name contains this; writes nothing")
    options = parser.parse_args(arguments)
    if options.what == "page":
        for path in sorted(RESULTS.glob(f"{options.group or '*'}.json")):
            page.write(json.loads(path.read_text()), PAGES)
        return
    results = running.run_group(options.what, options.seconds, options.only)
    if not options.only:
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps(page.rounded(results), indent=1, ensure_ascii=False) + "\n"
        (RESULTS / f"{options.what}.json").write_text(text)
        page.write(json.loads(text), PAGES)


if __name__ == "__main__":
    main(sys.argv[1:])
