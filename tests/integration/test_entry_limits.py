"""What `start` finds out before a program begins: this CPU, and the container's share of it."""

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from inferpack.model import Variant
from tests.integration.containers import Run, mounted, outcome, python

PLAIN = ["/usr/bin/python3"]
CPU = 1_000_000_000  # the API's nano_cpus
ONE = partial(pytest.mark.parametrize, "variant", ["onnxruntime-mlas-py311-amd64"], indirect=True)
several_cpus = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="nothing to limit on one CPU")

COUNTED = {
    "ctranslate2": """
import ctranslate2, os
before = len(os.listdir("/proc/self/task"))
folder = "/opt/inferpack/selftest/data/ctranslate2"
model = ctranslate2.Translator(folder, compute_type="float32")
model.translate_batch([["7"] * 6] * 64)
print(len(os.listdir("/proc/self/task")) - before)
""",
    "onnxruntime": """
import onnxruntime, os
before = len(os.listdir("/proc/self/task"))
model = onnxruntime.InferenceSession("/opt/inferpack/selftest/data/onnxruntime/fp32.onnx")
print(1 + len(os.listdir("/proc/self/task")) - before)
""",
    "openvino": """
import openvino
path = "/opt/inferpack/selftest/data/openvino/fp32.xml"
print(openvino.Core().compile_model(path, "CPU").get_property("INFERENCE_NUM_THREADS"))
""",
    "pytorch": "import torch; print(torch.get_num_threads())",
    "tensorflow": """
import os
os.dup2(os.open("/dev/null", os.O_WRONLY), 2)  # it greets there
import tensorflow
from pathlib import Path
def name(path):
    try:
        return (path / "comm").read_text()
    except OSError:  # it has just ended
        return ""
def counted():
    own = name(Path("/proc/self"))
    return sum(name(path) == own for path in Path("/proc/self/task").iterdir())
before = counted()
tensorflow.constant(0.0)
print(counted() - before)
""",
}
IDENTITY = """
import sys
sys.path.insert(0, "/opt/inferpack")
from selftest import cgroup, cpuid
text = cgroup.read("/proc/cpuinfo")
print([cpuid.identify("x86_64", lambda: text)[:2] == cpuid.from_cpuinfo(text)[:2]])
cpuid.Instructions()
"""
NO_EXECUTABLE_MEMORY = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {
            "names": ["mmap"],
            "action": "SCMP_ACT_ERRNO",
            "args": [{"index": 2, "value": 7, "valueTwo": 7, "op": "SCMP_CMP_MASKED_EQ"}],
        },
        {"names": ["memfd_create"], "action": "SCMP_ACT_ERRNO"},
    ],
}


@ONE()
def test_where_nothing_is_limited_nothing_is_changed(run: Run) -> None:
    code = "import os; print(sorted(os.environ.items()), sorted(os.sched_getaffinity(0)))"
    options: dict[str, Any] = {"hostname": "same", "tmpfs": {"/tmp": "mode=1777"}}
    untouched = outcome(run, ["-c", code], entrypoint=PLAIN, **options)
    assert outcome(run, ["python3", "-c", code], **options) == untouched
    assert "NUM_THREADS" not in untouched[1]


@several_cpus
@pytest.mark.parametrize(
    "limit", [{"nano_cpus": CPU}, {"nano_cpus": 3 * CPU // 2}, {"cpuset_cpus": "1"}], ids=str
)
def test_a_framework_computes_in_as_many_threads_as_its_container_has_cpus(
    run: Run, variant: Variant, limit: dict[str, object]
) -> None:
    assert python(run, COUNTED[variant.recipe.name], **limit) == "1"


@several_cpus
def test_without_the_entry_point_a_framework_does_not_see_its_quota(
    run: Run, variant: Variant
) -> None:
    command = ["-c", COUNTED[variant.recipe.name]]
    disk = {"/tmp": "mode=1777"}  # which the entry point would have found in memory
    code, stdout, _ = outcome(run, command, entrypoint=PLAIN, nano_cpus=CPU, tmpfs=disk)
    assert code == 0 and int(stdout) > 1


@several_cpus
def test_the_users_choice_of_threads_wins(run: Run, variant: Variant) -> None:
    counted, quota = partial(python, run, COUNTED[variant.recipe.name]), {"nano_cpus": CPU}
    assert counted(environment={"INFERPACK_THREADS": "2"}, **quota) == "2"
    assert counted(environment={"INFERPACK_THREADS": "1"}) == "1"
    untouched = counted(environment={"INFERPACK_THREADS": "0"}, **quota)
    assert int(untouched) > 1
    own = dict.fromkeys(variant.recipe.threads, "2")
    assert counted(environment=own, **quota) == ("1" if variant.recipe.pinned else "2")


@ONE()
def test_a_choice_that_is_no_number_is_refused(run: Run) -> None:
    command, environment = ["python3", "-c", "0"], {"INFERPACK_THREADS": "two"}
    assert outcome(run, command, environment=environment) == (
        126,
        "",
        "INFERPACK_THREADS=two: not a number; 0 leaves threads as they are\n",
    )


@several_cpus
@pytest.mark.parametrize("variant", ["openvino-onednn-py311-amd64"], indirect=True)
def test_pinned_programs_do_not_all_choose_the_same_cpu(run: Run) -> None:
    code = "import os; print(os.sched_getaffinity(0))"
    assert len({python(run, code, nano_cpus=CPU) for _ in range(16)}) > 1


@several_cpus
def test_a_selftest_that_bypasses_the_entry_point_keeps_to_the_quota_too(
    run: Run,
) -> None:
    finished = run(["--json"], entrypoint=["selftest"], nano_cpus=CPU)
    assert json.loads(finished.stdout)["cpu"]["threads"] == 1


def emulated(qemu: Path, model: str) -> dict[str, Any]:
    """Options of a run whose entry point is a program of the image on an emulated CPU."""
    return {
        "entrypoint": ["/qemu", "-cpu", model, "/usr/bin/python3"],
        "volumes": mounted(qemu, "/qemu"),
        "init": True,
    }


@pytest.mark.parametrize("program", ["/usr/local/bin/selftest", "/opt/inferpack/start"])
def test_a_cpu_that_cannot_run_an_image_is_told_so_in_one_line(
    run: Run, variant: Variant, qemu: Path, program: str
) -> None:
    command = ["-sP", program, "python3"] if "start" in program else ["-sP", program]
    code, stdout, stderr = outcome(run, command, **emulated(qemu, "Conroe"))
    assert (code, stdout, stderr) == (
        126,
        "",
        f"{variant.id}: cannot run on this CPU (Intel Celeron_4x0 (Conroe/Merom Class Core 2)),"
        " which has no cx16, sse4_1, sse4_2, popcnt: it needs x86-64-v2, Intel's CPUs from 2008"
        " (Nehalem) and AMD's from 2011 (Bulldozer) on; use such a CPU, or let a virtual machine"
        " show its host's (QEMU: -cpu host)\n",
    )


@ONE()
def test_without_that_check_it_would_die_of_an_illegal_instruction(run: Run, qemu: Path) -> None:
    code, stdout, stderr = outcome(run, ["-c", "import numpy"], **emulated(qemu, "Conroe"))
    assert code != 0 and stdout == "" and ("signal 4" in stderr or "X86_V2" in stderr)


@ONE()
def test_the_lowest_cpu_that_can_run_an_image_is_judged_by_what_it_is(run: Run, qemu: Path) -> None:
    """selftest ends with a verdict: exit code 1, for no INT8 is fast there."""
    command = ["-sP", "/usr/local/bin/selftest", "--json"]
    code, stdout, stderr = outcome(run, command, timeout=300.0, **emulated(qemu, "Nehalem"))
    assert code == 1, stderr
    report = json.loads(stdout)
    assert report["emulated"] is True
    assert report["cpu"]["model"] == "Intel Core i7 9xx (Nehalem Class Core i7)"
    assert report["cpu"]["features"] == ["sse4_2"]


@ONE()
def test_cpuid_and_the_kernel_agree_on_this_cpu(run: Run) -> None:
    assert outcome(run, ["python3", "-c", IDENTITY]) == (0, "[True]\n", "")


@ONE()
def test_where_memory_cannot_be_executed_the_kernel_tells(run: Run) -> None:
    options: dict[str, Any] = {"security_opt": [f"seccomp={json.dumps(NO_EXECUTABLE_MEMORY)}"]}
    code, stdout, stderr = outcome(run, ["python3", "-c", IDENTITY], **options)
    assert (code, stdout) == (1, "[True]\n")
    assert stderr.endswith("PermissionError: [Errno 1] Operation not permitted\n")
