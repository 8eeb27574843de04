"""Put the compiled projectors into the wheel, when asked: ``WELLPOSED_CT_COMPILE=1 python -m build --wheel``.

Without the variable the wheel is pure, and the projectors are compiled at first use where a compiler is.
With it the wheel is for one platform, holds the library beside ``native.py``, and needs no compiler.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "WELLPOSED_CT_COMPILE"
FLAGS = ("-std=c++17", "-O3", "-fno-math-errno", "-fPIC", "-pthread", "-shared")
"""Those of wellposed.native, which cannot be imported here: it would bring torch into every build."""
SUFFIXES = {"darwin": ".dylib", "win32": ".dll"}


class CompiledWheel(BuildHookInterface[Any]):
    """Compile, include, and tag."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the library into the wheel; an editable installation compiles for itself."""
        if version == "editable" or os.environ.get(SWITCH, "0") == "0":
            return
        target = Path(self.directory) / ("_joseph" + SUFFIXES.get(sys.platform, ".so"))
        target.parent.mkdir(parents=True, exist_ok=True)
        sources = sorted((Path(self.root) / "src" / "wellposed_ct" / "projectors").glob("*.cpp"))
        subprocess.run([_compiler(), *FLAGS, *map(str, sources), "-o", str(target)], check=True)
        target.chmod(0o755)
        build_data["force_include"][str(target)] = f"wellposed_ct/projectors/{target.name}"
        build_data["pure_python"] = False
        # the library is called through ctypes: any Python, one platform
        platform = os.environ.get("_PYTHON_HOST_PLATFORM") or sysconfig.get_platform()
        build_data["tag"] = f"py3-none-{platform.replace('-', '_').replace('.', '_')}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the library that went into the wheel."""
        for path in build_data["force_include"]:
            Path(path).unlink(missing_ok=True)


def _compiler() -> str:
    for name in (os.environ.get("CXX", ""), "c++", "g++", "clang++"):
        if name and (path := shutil.which(name)):
            return path
    raise RuntimeError(f"{SWITCH} is set, but there is no C++ compiler: install one, or set CXX.")
