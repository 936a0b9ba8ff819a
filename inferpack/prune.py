"""What an image loses of a wheel."""

from inferpack.tables import Table


class Prune(Table, frozen=True):
    """Globs below site-packages, or of scripts as bin/NAME; * also matches /."""

    remove: tuple[str, ...] = ()  # files that no image needs
    development: tuple[str, ...] = ()  # files that only those who build against it need
    strip: tuple[str, ...] = ()  # libraries that lose their symbols
    uncompiled: tuple[str, ...] = ()  # modules too seldom imported for their bytecode to pay
    amd64: "Prune | None" = None  # more of the same for the wheel of one architecture
    arm64: "Prune | None" = None

    def on(self, arch: str, *, development: bool) -> "Prune":
        """All that is to be done with this architecture's wheel; `development` keeps files."""
        more = {"amd64": self.amd64, "arm64": self.arm64}[arch] or Prune()
        kept = () if development else (*self.development, *more.development)
        return Prune(
            remove=self.remove + more.remove + kept,
            strip=self.strip + more.strip,
            uncompiled=self.uncompiled + more.uncompiled,
        )
