"""The compiled projectors stay within their memory, under the address sanitizer, and fans stay matched."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wellposed.native import find_compiler
from wellposed_ct.projectors.native import FOLDER

SANITIZED = ("-std=c++17", "-O1", "-fno-math-errno", "-fsanitize=address", "-pthread", "-w")


def compiled(compiler: str, folder: Path) -> Path:
    """Build the driver with the sources it drives, or skip where there is no sanitizer."""
    empty = folder / "empty.cpp"
    empty.write_text("int main() {}\n")
    if subprocess.run(
        [compiler, *SANITIZED, str(empty), "-o", str(folder / "empty")], capture_output=True
    ).returncode:
        pytest.skip(f"{compiler} cannot link -fsanitize=address")
    ours = (FOLDER / f"{name}.cpp" for name in ("joseph", "footprints", "cone"))
    sources = (*ours, Path(__file__).with_name("fuzz_kernels.cpp"))
    objects = [str(folder / f"{source.stem}.o") for source in sources]

    def compile_one(source: Path, target: str) -> None:
        subprocess.run([compiler, *SANITIZED, "-c", str(source), "-o", target], check=True, timeout=600)

    with ThreadPoolExecutor() as pool:
        list(pool.map(compile_one, sources, objects))
    program = folder / "fuzz"
    subprocess.run([compiler, *SANITIZED, *objects, "-o", str(program)], check=True, timeout=600)
    return program


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_random_scans_stay_within_their_memory(tmp_path):
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    program = compiled(compiler, tmp_path)
    done = subprocess.run([str(program), "1", "4000"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr[:4000]
