"""The distributions of this repository, read from their folders and metadata."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).parent.parent


@attrs.frozen
class Distribution:
    folder: Path
    metadata: dict[str, Any]

    @property
    def name(self) -> str:
        return self.metadata["project"]["name"]

    @property
    def package(self) -> str:
        return self.name.replace("-", "_")

    @property
    def pack(self) -> str:
        return "core" if self.name == "wellposed" else self.name.removeprefix("wellposed-")

    @property
    def requirements(self) -> list[str]:
        return self.metadata["project"].get("dependencies", [])

    @property
    def optional(self) -> list[str]:
        extras = self.metadata["project"].get("optional-dependencies", {})
        return [line for lines in extras.values() for line in lines]

    @property
    def sources(self) -> list[Path]:
        return sorted((self.folder / "src" / self.package).rglob("*.py"))


def distributions() -> list[Distribution]:
    folders = [ROOT / "core", *sorted((ROOT / "plugins").iterdir()), *sorted((ROOT / "contrib").iterdir())]
    found = [f for f in folders if (f / "pyproject.toml").is_file()]
    return [Distribution(f, tomllib.loads((f / "pyproject.toml").read_text())) for f in found]
