"""How many CPUs the cgroup may use. Imports nothing: it runs before every program (start)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Reader = Callable[[str], str | None]
    """A file's text, None where there is no such file."""

CGROUPS = "/sys/fs/cgroup"


def read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - no imports
            return file.read()
    except OSError:
        return None


def quota(read: Reader) -> float | None:
    """CPUs the cgroup may use, the tightest of this group and its parents; v2, then v1."""
    limits: list[float] = []
    for membership in (read("/proc/self/cgroup") or "").splitlines():
        hierarchy, controllers, group = [*membership.split(":", 2), "", ""][:3]
        if hierarchy == "0" and not controllers:
            texts = [read(f"{folder}/cpu.max") for folder in _folders(CGROUPS, group)]
            limits += [limit for text in texts if (limit := parse_cpu_max(text)) is not None]
        elif "cpu" in controllers.split(","):
            for mount in (controllers, "cpu"):
                for folder in _folders(f"{CGROUPS}/{mount}", group):
                    period = read(f"{folder}/cpu.cfs_period_us")
                    limit = parse_cpu_max(f"{read(f'{folder}/cpu.cfs_quota_us')} {period}")
                    limits += [] if limit is None else [limit]
    return min(limits, default=None)


def _folders(mount: str, group: str) -> Iterator[str]:
    """The group's folder and its parents up to the mount (all that a container may see)."""
    names = [name for name in group.split("/") if name]
    for depth in range(len(names), -1, -1):
        yield "/".join((mount, *names[:depth]))


def parse_cpu_max(text: str | None) -> float | None:
    """'150000 100000' is 1.5 CPUs; 'max …', '-1 …' and anything else is no limit."""
    match (text or "").split():
        case [limit, period] if limit.isdigit() and period.isdigit() and int(period):
            return int(limit) / int(period) or None
        case _:
            return None
