"""A scratch copy of this repository, in which tests run ./inv and break things."""

import itertools
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("inv", "tasks.py", "requirements.txt", "pyproject.toml")
FOLDERS = ("ci", "inferpack", "plugins", "recipes", "selftest", "templates", "wheels")
VARIANT = "onnxruntime-mlas-py311-amd64"
RECIPE = "recipes/onnxruntime.toml"
MODEL = "inferpack/model.py"
LOCK = f"recipes/locks/pylock.{VARIANT}.toml"
NUMBERS = itertools.count(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def error(self) -> tuple[int, str]:
        """Exit code and stderr from its error line on: what a user sees when things go wrong."""
        assert "Traceback" not in self.stderr, self.stderr
        return self.code, self.stderr[self.stderr.find("error: ") :].rstrip("\n")


@dataclass(frozen=True, slots=True)
class Checkout:
    root: Path

    @property
    def cache(self) -> Path:
        return self.root / ".cache"

    @property
    def build(self) -> Path:
        return self.root / "build" / VARIANT

    @property
    def lock(self) -> Path:
        return self.root / LOCK

    @property
    def namespace(self) -> str:
        """Its own, which keeps its images apart from the user's."""
        found = re.search(r'^NAMESPACE = "(.+?)"', (self.root / MODEL).read_text(), re.M)
        assert found
        return found[1]

    @property
    def reference(self) -> str:
        """The image's name."""
        version = re.search(r'"onnxruntime==(.+?)"', (self.root / RECIPE).read_text())
        assert version
        return f"{self.namespace}/onnxruntime:{version[1]}-mlas-py311-amd64"

    def edit(self, name: str, pattern: str, new: str) -> None:
        """Replaces the first match of a regular expression."""
        text, count = re.subn(pattern, new, (self.root / name).read_text(), count=1)
        assert count == 1, pattern
        (self.root / name).write_text(text)

    def start(
        self, *words: str, to: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Starts ./inv in a session of its own, as a terminal would; its stderr goes to `to`."""
        with to.open("wb") as out:
            return subprocess.Popen(
                [self.root / "inv", *words],
                env=environment(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=out,
                start_new_session=True,
            )

    def inv(self, *words: str, env: Mapping[str, str] | None = None) -> Done:
        return command(self.root / "inv", *words, env=env)

    def image(self, env: Mapping[str, str] | None = None) -> Done:
        return self.inv("image", "onnxruntime", env=env)

    def half_written(self) -> list[str]:
        """What must not be there after a failure: temporary and partial files, records."""
        found = [
            *self.root.rglob(".tmp-*"),
            *(path for path in (self.cache / "partial").glob("*") if path.name != ".lock"),
            *self.build.glob("*.json"),
        ]
        return sorted(str(path.relative_to(self.root)) for path in found)

    def copy(self, target: Path) -> "Checkout":
        """Another checkout, with this one's cache by hard links."""
        made = scratch(target, self.root)
        made.cache.mkdir()
        (made.cache / "base").symlink_to((self.cache / "base").resolve())
        shutil.copytree(self.cache / "layers", made.cache / "layers", copy_function=link)
        for sha256 in re.findall(r'sha256 = "(\w+)"', made.lock.read_text()):
            wheel = Path("wheels") / sha256
            shutil.copytree(self.cache / wheel, made.cache / wheel, copy_function=link)
        return made


def scratch(target: Path, source: Path = ROOT) -> Checkout:
    """A checkout like `source`, with image names of its own and nothing cached."""
    target.mkdir()
    for name in SOURCES:
        shutil.copy(source / name, target)
    for name in FOLDERS:
        shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    (target / ".venv").symlink_to(ROOT / ".venv")
    made = Checkout(target)
    own = f'NAMESPACE = "inferpack-test-{os.getpid()}-{next(NUMBERS)}"'
    made.edit(MODEL, r'(?m)^NAMESPACE = ".+?"', own)
    return made


def link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy(source, target)


def environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """This process's, without what colours output; with PIP_… given, no other pip settings."""
    extra = {"INFERPACK_ENGINE": "external", **(extra or {})}
    own_pip = any(name.startswith("PIP_") for name in extra)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "FORCE_COLOR" and not (own_pip and name.startswith("PIP_"))
    }
    return {**kept, **({"PIP_CONFIG_FILE": os.devnull} if own_pip else {}), **extra}


def command(
    *argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Done:
    done = subprocess.run(
        argv,
        env=environment(env),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Done(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def docker(*words: str) -> str:
    done = command(shutil.which("docker") or "docker", *words)
    assert done.code == 0, done.stderr
    return done.stdout.strip()


def tags(reference: str) -> list[str]:
    """The tags that exist of an image, proven or not."""
    repository = reference.partition(":")[0]
    found = docker("images", "--format", "{{.Repository}}:{{.Tag}}", repository)
    return sorted(name for name in found.splitlines() if name.startswith(reference))


def containers(reference: str) -> list[str]:
    """The containers, running or not, of an image."""
    images = set(docker("images", "--no-trunc", "--quiet", reference).split())
    listed = docker("ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Image}}").splitlines()
    return [
        name
        for name, _, image in (line.partition(" ") for line in listed)
        if image == reference or image in images
    ]


def until(condition: Callable[[], object], *, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    """Ends it as a user would: Ctrl-C reaches every process of the terminal, kill only one."""
    if number is signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    return process.wait(timeout=60)


def forget(checkout: Checkout) -> None:
    """Removes a checkout with all the image names, containers and caches of its namespace."""
    names = docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{checkout.namespace}/*")
    for name in names.splitlines():
        if found := containers(name):
            docker("rm", "--force", *found)
        docker("image", "rm", "--force", name)
    docker("volume", "rm", "--force", f"{checkout.namespace}-ccache")
    shutil.rmtree(checkout.root)
