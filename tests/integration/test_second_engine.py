"""The engine that stands for somebody else's machine has nothing of ours, and leaves nothing."""

from pathlib import Path

import pytest

from inferpack.engine import OWNER, Engine
from tests.integration.second_engine import beside, mounted, running


def interfaces() -> set[str]:
    """The network's of this machine, less those of single containers."""
    names = {path.name for path in Path("/sys/class/net").iterdir()}
    return {name for name in names if not name.startswith("veth")}


def processes(folder: Path) -> list[str]:
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    return [command.decode() for command in commands if str(folder).encode() in command]


@pytest.mark.parametrize(("modern", "driver"), [(True, "overlayfs"), (False, "overlay2")])
def test_it_begins_empty_and_leaves_nothing(engine: Engine, modern: bool, driver: str) -> None:
    before = interfaces()
    with beside(engine, containerd_store=modern) as made:
        assert made.docker("info", "--format={{.Driver}}") == driver
        assert made.docker("images", "--all", "--quiet") == ""
        assert len(processes(made.folder)) == 2
        added = interfaces() - before
        assert len(added) == 1 and before <= interfaces()
    assert (interfaces(), processes(made.folder), mounted(made.folder)) == (before, [], [])
    assert not made.folder.exists()
    assert not engine.client.networks.list(filters={"label": f"{OWNER}={added.pop()}"})


def test_a_machine_without_one_fails_with_the_daemon_s_words(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="no-such-daemon"),
        running(lambda: False, tmp_path / "log", "no-such-daemon"),
    ):
        pass
    with (
        pytest.raises(AssertionError, match="unable to configure the Docker daemon"),
        running(lambda: False, tmp_path / "log", "dockerd", f"--config-file={tmp_path}"),
    ):
        pass
