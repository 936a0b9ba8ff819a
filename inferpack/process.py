"""The only subprocess: argument lists, echoed, logged, and explained when they fail."""

import atexit
import errno
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from inferpack import console
from inferpack.errors import InferpackError
from inferpack.store import disk

TAIL = 20
EVERY = 5  # seconds from one look whether another machine is there to the next
TRIES = 3  # in vain, until it counts as lost
FULL = os.strerror(errno.ENOSPC)  # what every program says of a full disk


def run(
    argv: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    quiet: bool = False,
    writes: Path | None = None,
    reach: Callable[[], None] | None = None,
) -> str:
    """Runs a command to its end and returns its stdout; stdout and stderr also go to `log`.

    `env` is added to this process's environment; `writes` is the folder to name when its disk is
    full; `reach` raises an OSError where a machine that the command needs cannot be reached: then
    it is killed, with all that it has started. Raises InferpackError with the command, its exit
    code, its last 20 lines and the log's path.
    """
    command = [str(part) for part in argv]
    if not quiet:
        console.note(f"  $ {redact(shlex.join(command))}")
    need(command[0])
    with disk(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
    with subprocess.Popen(
        command,
        env={**os.environ, **env} if env else None,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        process_group=0 if reach else None,
    ) as done:
        stdout, stderr = outputs(done, reach)
    shown, output = redact(shlex.join(command)), redact(stdout + stderr)
    with disk(log):
        log.write_text(f"$ {shown}\n{output}")
    if done.returncode == 0:
        return stdout
    if FULL in output:
        with disk(writes or Path(command[0])):
            raise OSError(errno.ENOSPC, FULL)
    tail = "\n".join(output.strip().splitlines()[-TAIL:])
    raise InferpackError(
        command[0], f"{ending(done.returncode)}: {shown}\n{tail}", f"full log: {log}"
    )


def outputs(running: "subprocess.Popen[str]", reach: Callable[[], None] | None) -> tuple[str, str]:
    """stdout and stderr, whole. A machine that is cut off says nothing, and clients may wait for a
    quarter of an hour.
    """
    failed = 0
    try:
        while True:
            try:
                return running.communicate(timeout=EVERY if reach else None)
            except subprocess.TimeoutExpired:
                failed = 0 if reached(reach) else failed + 1
            if failed == TRIES:
                end(running, group=True)
    except BaseException:
        end(running, group=reach is not None)
        raise


def end(running: "subprocess.Popen[str]", *, group: bool) -> None:
    """Kills a process, or its whole group."""
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL) if group else running.kill()


def reached(reach: Callable[[], None] | None) -> bool:
    try:
        if reach:
            reach()
    except OSError:
        return False
    return True


def lines(argv: Sequence[str | Path]) -> Iterator[str]:
    """A command's stdout as it comes, for what is too long to be held or logged.

    Raises InferpackError with the command and its exit code.
    """
    command = [str(part) for part in argv]
    need(command[0])
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as running:
        yield from running.stdout or ()
    if running.returncode:
        wrong = f"{ending(running.returncode)}: {redact(shlex.join(command))}"
        raise InferpackError(command[0], wrong)


def launch(argv: Sequence[str | Path], *, log: Path) -> "subprocess.Popen[bytes]":
    """Starts a program that stays when this one ends; what it says goes to `log`."""
    command = [str(part) for part in argv]
    need(command[0])
    with disk(log), log.open("wb") as out:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )


def relay(argv: Sequence[str | Path]) -> str:
    """unix:// of a socket, there until this process ends; each connection to it is stdin and stdout
    of a program of its own.
    """
    command = [str(part) for part in argv]
    need(command[0])
    folder = tempfile.mkdtemp(prefix="inferpack-")  # which nobody else may enter
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{folder}/socket")
    server.listen()

    def serve() -> None:
        while True:
            connection, _ = server.accept()
            with connection:
                end, nowhere = connection.fileno(), subprocess.DEVNULL
                running = subprocess.Popen(command, stdin=end, stdout=end, stderr=nowhere)
            threading.Thread(target=running.wait, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return f"unix://{folder}/socket"


def redact(text: str) -> str:
    """Text that may be shown or logged: no user name, password or token inside a URL.

    >>> redact("--index-url https://me:s3cret@host/simple")
    '--index-url https://***@host/simple'
    """
    return re.sub(r"://[^/\s'\"]*@", "://***@", text)


def need(program: str) -> None:
    if shutil.which(program) is None and not Path(program).exists():
        raise InferpackError(program, "is not installed", "./inv doctor shows how to get it")


def ending(returncode: int) -> str:
    """How a process ended, in words; codes above 128 are a shell's or Docker's signals.

    >>> ending(-11), ending(139), ending(1)
    ('was killed by SIGSEGV', 'was killed by SIGSEGV', 'exited with code 1')
    """
    number = -returncode if returncode < 0 else returncode - 128
    if number in {item.value for item in signal.Signals}:
        return f"was killed by {signal.Signals(number).name}"
    return f"exited with code {returncode}"
