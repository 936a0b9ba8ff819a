"""ci/engine on machines of many states: a private /etc, /run and /var/log, and programs that tell.

The real engine of this machine is neither seen nor touched.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.checkout import ROOT, Done, command

FEATURE = """{
  "features": {"containerd-snapshotter": true},
  "builder": {"gc": {"enabled": true, "defaultKeepStorage": "20GB"}}
}
"""
TOOLS = "sh cat cp cut flock grep head id mkdir rm seq setsid sleep tail timeout touch"
PRIVATE = """
set -e
cd "$STATE/private"
mount -t tmpfs none .
cd "$STATE/private"
mkdir upper work
mount -t overlay none -o lowerdir=/etc,upperdir=upper,workdir=work /etc
mount -t tmpfs none /run
mount -t tmpfs none /var/log
rm -rf /etc/docker /etc/os-release
mkdir /etc/docker
printf 'ID=debian\\nVERSION_ID=12\\n' >/etc/os-release
if [ -e "$STATE/daemon.json" ]; then cp "$STATE/daemon.json" /etc/docker/; fi
if [ -e "$STATE/docker.pid" ]; then cp "$STATE/docker.pid" /run/; fi
code=0
PATH=$STATE/bin "$@" || code=$?
mkdir "$STATE/after"
cp -r /etc/docker /etc/apt/preferences.d "$STATE/after"
exit $code
"""
FAKES = {
    "docker": 'case "$1" in version) test -e $STATE/up ;; buildx) test -e $STATE/buildx ;; esac',
    "dpkg-query": "exit 1",
    "apt-get": """
        echo "$@" >>$STATE/asked
        case "$*" in
            *indextargets*) echo http://mirror.invalid/debian ;;
            *install*) test ! -e $STATE/broken || { echo "E: Unable to fetch"; exit 100; }
                touch $STATE/buildx
                cp $STATE/dockerd $STATE/bin ;;
        esac
    """,
}
# The session it runs in is the sixth field.
DOCKERD = "#!/bin/sh\ncut -d' ' -f1,6 /proc/$$/stat >$STATE/started\ntouch $STATE/up\n"
INSTALL = "install -q --yes --no-install-recommends"
ASKED = [
    "update -q",
    "indextargets --format $(REPO_URI) Codename: bookworm",
    "update -q",
]
LOG = "/var/log/inferpack-engine.log"
INSTALLING = f"ci/engine: installing Docker (log: {LOG})"
STARTING = f"ci/engine: starting the engine (log: {LOG})"


@dataclass(frozen=True)
class Machine:
    """A folder with the programs there are, and one file for each fact."""

    state: Path

    def engine(self, *words: str) -> Done:
        script = str(ROOT / "ci/engine")
        argv = ("unshare", "--mount", "sh", "-c", PRIVATE, "sh", script, *words)
        return command(*argv, env={"STATE": str(self.state)})

    def set(self, name: str, text: str = "") -> None:
        (self.state / name).write_text(text)

    def install(self, name: str, script: str) -> None:
        path = self.state / "bin" / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    @property
    def asked(self) -> list[str]:
        path = self.state / "asked"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def config(self) -> str:
        path = self.state / "after/docker/daemon.json"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Debian 12 without Docker."""
    if subprocess.run(["/usr/bin/unshare", "--mount", "true"], check=False).returncode:
        pytest.fail("a mount namespace of its own needs root")
    made = Machine(tmp_path)
    for folder in ("bin", "private"):
        (tmp_path / folder).mkdir()
    for name in TOOLS.split():
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    for name, script in FAKES.items():
        made.install(name, script)
    made.set("dockerd", DOCKERD)
    (tmp_path / "dockerd").chmod(0o755)
    return made


def test_a_machine_without_docker_gets_an_engine_that_outlives_the_script(machine: Machine) -> None:
    done = machine.engine()
    assert (done.code, done.stderr.splitlines()) == (0, [INSTALLING, STARTING])
    packages = "docker.io docker-cli containerd docker-buildx"
    assert machine.asked == [*ASKED, f"{INSTALL} {packages} iptables ca-certificates"]
    assert machine.config == FEATURE
    pins = (machine.state / "after/preferences.d/inferpack-engine").read_text()
    assert f"Package: {packages}\nPin: release n=trixie\nPin-Priority: 990\n" in pins
    process, session = (machine.state / "started").read_text().split()
    assert process == session


def test_an_engine_that_answers_is_left_alone(machine: Machine) -> None:
    machine.set("up")
    machine.set("buildx")
    machine.set("daemon.json", "{}")
    assert machine.engine() == Done(code=0, stdout="", stderr="")
    assert (machine.asked, machine.config) == ([], "{}")


def test_a_missing_plugin_alone_is_brought_without_an_engine(machine: Machine) -> None:
    machine.set("up")
    done = machine.engine("buildx")
    assert (done.code, done.stderr.splitlines()) == (0, [INSTALLING])
    assert machine.asked == [*ASKED, f"{INSTALL} docker-buildx"]
    assert (machine.config, (machine.state / "started").exists()) == ("", False)


def test_an_apt_that_fails_is_shown_and_nothing_is_started(machine: Machine) -> None:
    machine.set("broken")
    done = machine.engine()
    assert (done.code, done.stderr.splitlines()) == (
        100,
        [
            INSTALLING,
            "E: Unable to fetch",
            f"ci/engine: a command failed, see the lines above; full log: {LOG}",
        ],
    )
    assert not (machine.state / "started").exists()


def test_a_configuration_of_the_user_is_never_changed(machine: Machine) -> None:
    machine.set("daemon.json", '{"debug": true}\n')
    done = machine.engine()
    assert (done.code, done.stderr) == (
        1,
        "ci/engine: /etc/docker/daemon.json is there and does not switch on the containerd image "
        'store; add "features": {"containerd-snapshotter": true} to it and run again\n',
    )
    assert (machine.asked, machine.config) == ([], '{"debug": true}\n')


def test_a_stale_pid_file_does_not_keep_the_engine_from_starting(machine: Machine) -> None:
    machine.set("buildx")
    machine.install("dockerd", f"test ! -e /run/docker.pid && . {machine.state}/dockerd")
    machine.set("docker.pid", "1")  # lives, but is no engine
    done = machine.engine()
    assert (done.code, done.stderr.splitlines(), machine.asked) == (0, [STARTING], [])


def test_an_engine_that_does_not_come_up_shows_its_log(machine: Machine) -> None:
    machine.set("buildx")
    machine.install("dockerd", "echo no iptables >&2; exit 1")
    machine.install("sleep", "/usr/bin/sleep 0.01")
    done = machine.engine()
    assert (done.code, done.stderr.splitlines()) == (
        1,
        [
            STARTING,
            "no iptables",
            f"ci/engine: the engine does not answer after 30 s; its log is {LOG}",
        ],
    )


def test_only_root_may(machine: Machine) -> None:
    machine.install("id", "echo 1000")
    done = machine.engine()
    assert (done.code, done.stderr) == (1, "ci/engine: must run as root: sudo ci/engine\n")
