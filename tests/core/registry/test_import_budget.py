"""Looking around is cheap: neither ``import wellposed`` nor listing every component imports torch."""

import json
import subprocess
import sys

HEAVY = ("torch", "numpy", "scipy", "click", "rich", "hypothesis", "PIL", "skimage", "packaging.requirements")
REPORT = f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"


def heavy_after(code):
    script = f"import json, sys\n{code}\n{REPORT}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_import():
    assert heavy_after("import wellposed") == []


def test_listing_everything():
    code = """
from wellposed import registry
registry.names(); registry.components(); registry.kinds(); registry.default().commands()
registry.default().report_sections(); registry.failures(); dir(__import__("wellposed"))
"""
    assert heavy_after(code) == []


def test_command_line_listing():
    commands = (["list", "--json"], ["plugins", "--json"], ["--help"])
    code = f"from wellposed.cli import main\nfor command in {commands!r}: main(command)"
    assert set(heavy_after(code)) <= {"click"}
