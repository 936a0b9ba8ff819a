"""Computes matrix products and convolutions in INT8 with the wheel's oneDNN, and reads its log.

The last line of stdout says what was seen; anything wrong is one line on stderr, and exit code 1.
"""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import onednn
from onednn import check, verbose
from onednn.check import Report
from onednn.verdict import Verdict

VERSION = version("inferpack-onednn").partition("+")[0]
SECONDS = 0.02  # each speed: enough to see that it can be measured
HEADERS = ("dnnl.h", "dnnl.hpp", "dnnl_config.h", "dnnl_version.h")
CMAKE = ("dnnl-config.cmake", "dnnl-config-version.cmake", "dnnl-targets.cmake")
NUMBER = re.compile(r"^#define DNNL_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)$", re.MULTILINE)
LIBRARY = re.compile(r"\S*/libdnnl[^/\s]*$", re.MULTILINE)
COPY = "reorder"
LOGGED = "logged"


def insist(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(f"inferpack-onednn {onednn.__file__}: {otherwise}")


def all_files_are_there() -> None:
    headers = onednn.include() / "oneapi" / "dnnl"
    found = ".".join(NUMBER.findall((headers / "dnnl_version.h").read_text()))
    insist(found == VERSION, f"the headers are of {found}")
    wanted = [headers / name for name in HEADERS]
    wanted += [onednn.cmake() / "lib" / "cmake" / "dnnl" / name for name in CMAKE]
    wanted += [Path(onednn.__file__).with_name("py.typed")]
    missing = [str(path) for path in wanted if not path.is_file()]
    insist(not missing, f"missing: {', '.join(missing)}")


def its_own_library_is_loaded() -> None:
    loaded = onednn.version()
    insist(str(loaded) == VERSION, f"the library is of {loaded}")
    insist(loaded.threading == "OpenMP", f"its threads are of {loaded.threading}")
    maps = Path("/proc/self/maps").read_text(errors="replace")
    files = {Path(path) for path in LIBRARY.findall(maps)}
    insist(files == {onednn.library()}, f"loaded: {', '.join(map(str, sorted(files)))}")


def checked() -> Report:
    report = check.run(SECONDS)
    faults = check.faults(report)
    insist(not faults, "; ".join(faults))
    for result in report.results:
        name = f"{result.case.operation.name} {result.case.type_names}"
        insist(bool(result.int8.gops and result.f32.gops), f"{name} has no speed")
    fast = [result for result in report.results if result.verdict is Verdict.FAST]
    insist(bool(fast), f"no INT8 implementation is fast on {report.isa}")
    return report


def kernels(report: Report) -> list[str]:
    """In the words of `verbose`: primitive, types, implementation."""
    f32 = {result.case.operation: result.f32 for result in report.results}
    ran = [(operation, "f32*f32", found.implementation) for operation, found in f32.items()]
    for result in report.results:
        types = "*".join(map(str, result.case.types[:2]))
        ran.append((result.case.operation, types, result.int8.implementation))
    return sorted({f"{operation.name.split()[0]} {types} {name}" for operation, types, name in ran})


def log_its_kernels() -> None:
    """In a process with ONEDNN_VERBOSE=1; its last line is what the log should show."""
    print(json.dumps(kernels(check.run(0))))


def the_log_shows_the_same_kernels() -> None:
    command = [sys.executable, "-B", __file__, LOGGED]
    environment = {**os.environ, "ONEDNN_VERBOSE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    insist(done.returncode == 0, f"with ONEDNN_VERBOSE=1: {done.stderr.strip()[-300:]}")
    log, _, last = done.stdout.rstrip().rpartition("\n")
    ran = [each for each in verbose.parse(log) if each.primitive != COPY]
    shown = {f"{each.primitive} {each.types} {each.implementation}" for each in ran}
    insist(shown >= set(json.loads(last)), f"the log shows {sorted(shown)}, but there ran {last}")
    command = [sys.executable, "-B", "-m", "onednn", "verbose", "-"]
    done = subprocess.run(command, input=log, capture_output=True, text=True, check=False)
    rows = [line for line in done.stdout.splitlines() if line.startswith(("matmul", "convolution"))]
    insist(done.returncode == 0, f"the log cannot be summed up: {done.stderr.strip()}")
    insist(len(rows) == len(shown), f"the log's table has {len(rows)} rows: {done.stdout}")


def main() -> None:
    if sys.argv[1:] == [LOGGED]:
        log_its_kernels()
        return
    all_files_are_there()
    its_own_library_is_loaded()
    report = checked()
    the_log_shows_the_same_kernels()
    names = dict.fromkeys(result.int8.implementation for result in report.results)
    print(f"{report.isa}: {', '.join(names)}")


if __name__ == "__main__":
    main()
