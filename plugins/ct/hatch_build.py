"""Put the compiled projectors into the wheel, when asked: ``WELLPOSED_CT_COMPILE=1 python -m build --wheel``.

Without the variable the wheel is pure, and the projectors are compiled at first use where a compiler is.
With it the wheel is for one platform, holds the library beside ``native.py``, and needs no compiler.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "WELLPOSED_CT_COMPILE"


class CompiledWheel(BuildHookInterface[Any]):
    """Compile, include, and tag."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the library into the wheel; an editable installation compiles for itself."""
        if version == "editable" or os.environ.get(SWITCH, "0") == "0":
            return
        projectors = Path(self.root) / "src" / "wellposed_ct" / "projectors"
        native = _load(projectors / "native.py")
        compiler = native.find_compiler()
        if compiler is None:
            raise RuntimeError(f"{SWITCH} is set, but there is no C++ compiler: install one, or set CXX.")
        target = Path(self.directory) / native.library_name()
        target.parent.mkdir(parents=True, exist_ok=True)
        native.build(target, compiler)
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


def _load(path: Path) -> ModuleType:
    """Import one file without its package, which needs torch."""
    spec = importlib.util.spec_from_file_location("wellposed_ct_native", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # attrs looks a class's module up
    spec.loader.exec_module(module)
    return module
