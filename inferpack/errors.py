"""What a user can fix. Anything else is a bug and keeps its traceback."""


class InferpackError(Exception):
    """The work failed: `where: what is wrong; what would be right or what to do next`."""

    exit_code = 1

    def __init__(self, where: str, wrong: str, hint: str = "") -> None:
        self.where, self.wrong, self.hint = where, wrong, hint
        super().__init__(f"{where}: {wrong}" + (f"; {hint}" if hint else ""))


class UsageError(InferpackError):
    """The request itself is wrong: an unknown name, a bad file, a stale lock."""

    exit_code = 2
