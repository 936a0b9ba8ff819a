import os
import signal

import pytest

from inferpack import cli
from inferpack.errors import InferpackError, UsageError


def failing(error: BaseException) -> None:
    @cli.command
    def body() -> None:
        raise error

    body()


TAKERS = {"list", "lock", "image", "scan"}
VALUED = {"--arch", "--advisories"}
INTERRUPTED = "error: interrupted; the same command continues where it stopped\n"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UsageError("here", "is wrong", "do that"), 2, "error: here: is wrong; do that\n"),
        (InferpackError("here", "went wrong"), 1, "error: here: went wrong\n"),
        (KeyboardInterrupt(), 130, INTERRUPTED),
    ],
)
def test_what_a_user_can_fix_is_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        failing(error)
    assert (ended.value.code, capsys.readouterr()) == (code, ("", message))


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError())


def test_a_request_to_end_is_an_interruption() -> None:
    with pytest.raises(KeyboardInterrupt):
        cli.terminate(signal.SIGTERM, None)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("list", "list *"),
        ("list pytorch", "list pytorch"),
        ("lock --upgrade", "lock * --upgrade"),
        ("lock --upgrade pytorch", "lock pytorch --upgrade"),
        ("image pytorch openvino", "image pytorch,openvino"),
        ("image -- pytorch", "image pytorch"),
        ("image --glob=pytorch", "image --glob=pytorch"),
        ("image --glob pytorch --arch all", "image --glob pytorch --arch all"),
        ("scan --advisories globex/a", "scan * --advisories globex/a"),
        ("scan a --advisories globex b", "scan a,b --advisories globex"),
        ("image -h", "image * -h"),
        ("doctor --install", "doctor --install"),
        ("registry -p 5001", "registry -p 5001"),
        ("scan --advisories a pytorch", "scan pytorch --advisories a"),
        ("", ""),
    ],
)
def test_a_glob_that_is_not_given_means_all(given: str, read: str) -> None:
    assert cli.with_default_glob(["inv", *given.split()], TAKERS, VALUED) == ["inv", *read.split()]


@pytest.mark.parametrize("flag", ["-a", "-a=all", "-aall"])
def test_a_flag_of_one_letter_is_refused(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    """Its value would count as a glob."""
    with pytest.raises(SystemExit) as ended:
        cli.with_default_glob(["inv", "image", flag, "arm64"], TAKERS, VALUED)
    wrong = f"error: {flag}: flags are whole words here; ./inv image --help tells them\n"
    assert (ended.value.code, capsys.readouterr().err) == (2, wrong)


def test_a_variant_is_not_called_unknown_where_arch_leaves_it_out() -> None:
    for chosen in (cli.chosen, cli.chosen_wheels):
        with pytest.raises(UsageError, match=r": is for arm64; leave out --arch, or: --arch arm64"):
            chosen("*-arm64", "amd64")


def test_the_machine_is_the_one_we_run_on() -> None:
    assert (cli.machine().uid, cli.machine().root) == (os.geteuid(), cli.ROOT)
