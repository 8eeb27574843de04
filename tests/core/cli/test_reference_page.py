"""The pages about the command line and configurations say what the code does."""

import re
from pathlib import Path

import pytest

from wellposed.cli._exit import MEANINGS

DOCS = Path(__file__).parents[3] / "docs/reference"


def test_exit_codes():
    page = (DOCS / "command-line.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == MEANINGS


@pytest.mark.parametrize(
    "example",
    re.findall(r"```python\n(.*?)```", (DOCS / "configuration.md").read_text(encoding="utf-8"), re.DOTALL),
)
def test_configuration_examples(example, capsys):
    exec(compile(example, "configuration.md", "exec"), {"__name__": "page"})
