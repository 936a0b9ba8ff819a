"""The dev flavour is a whole Debian: a shell, and apt, dpkg and pip that work."""

import functools
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from inferpack import recipes
from inferpack.engine import Engine
from inferpack.workshop import Workshop
from tests.integration.shells import ROOT, SMALLEST, USER, bash, outside


@pytest.fixture(scope="module")
def user(engine: Engine) -> Any:
    """Runs a script as the image's own user, without network."""
    return functools.partial(bash, engine, SMALLEST, **USER)


@pytest.fixture(scope="module")
def root(engine: Engine) -> Any:
    """Runs a script as root, with network."""
    return functools.partial(bash, engine, SMALLEST, **ROOT, **outside())


def test_its_user_is_not_root_and_has_a_shell_and_a_home(user: Any) -> None:
    assert user('id -un; echo "$HOME"; touch ~/mine; sh -c "awk \'BEGIN {print 6 * 7}\'"') == (
        "inferpack\n/home/inferpack\n42"
    )


def test_dpkg_misses_only_what_the_base_removes(user: Any, shop: Workshop) -> None:
    """dpkg --verify compares every file with its package's md5."""
    rules = recipes.load_bases(shop.recipes)["bookworm-dev"].remove
    globs = [f"/{rule.removesuffix('/*')}*" for rule in rules if not rule.startswith("!")]
    lines = user("dpkg --audit; dpkg --verify || true").splitlines()
    assert len(lines) > 100
    missed = [re.fullmatch(r"missing +(?:c )?(/.*)", line) for line in lines]
    assert [
        line
        for line, match in zip(lines, missed, strict=True)
        if match is None or not any(fnmatchcase(match[1], glob) for glob in globs)
    ] == []


def test_apt_installs_packages_and_their_scripts_and_triggers_run(root: Any) -> None:
    """less has an alternative to register, jq a library for the loader's cache."""
    script = """
        apt-get update -qq
        apt-get install -qq -y --no-install-recommends jq less > /tmp/log 2>&1 || cat /tmp/log
        echo '{"answer": 42}' | jq .answer
        readlink -f "$(command -v pager)"
        ldconfig -p | grep -c libjq
        dpkg --audit
        apt-get check -qq
        ls /usr/share/man/man1
        apt-get purge -qq -y less > /dev/null 2>&1
        readlink -f "$(command -v pager)"
    """
    assert root(script).splitlines() == ["42", "/usr/bin/less", "1", "/usr/bin/more"]


def test_what_is_there_can_be_installed_again_with_all_its_scripts(root: Any) -> None:
    """Each script finds the system as it would have left it: nothing changes but services.

    A package's own link (etc/rmt) may lead to the same place by another text.
    """
    script = r"""
        apt-get update -qq
        cd /
        state() {
            find etc var/lib/pam var/lib/shells.state \
                -type l -printf '%p %l\n' -o -type f -exec md5sum {} + |
                grep -v -e ' etc/ssl/' -e '^etc/ssl/' -e ld.so.cache -e etc/systemd -e etc/rmt |
                sort
            grep -rv '/man/.*gz$' var/lib/dpkg/alternatives | grep -v '[.]gz$' | sort
        }
        state > /tmp/before
        apt-get install -qq -y --reinstall base-files base-passwd bash ca-certificates cpp dash \
            debconf debianutils dpkg g++ gcc libc-bin libpam-runtime mawk passwd python3 \
            python3-minimal python3-pip readline-common tar tzdata util-linux xz-utils \
            > /tmp/log 2>&1 || cat /tmp/log
        state > /tmp/after
        diff /tmp/before /tmp/after || true
        dpkg --audit
        dpkg-query -W -f '${db:Status-Abbrev}\n' | sort -u
    """
    assert root(script).splitlines() == ["ii"]


def test_an_authority_of_ones_own_joins_the_others(root: Any) -> None:
    script = """
        count() { grep -c BEGIN /etc/ssl/certs/ca-certificates.crt; }
        before=$(count)
        openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=mine -days 2 -keyout /dev/null \
            -out /usr/local/share/ca-certificates/mine.crt 2> /dev/null
        update-ca-certificates > /dev/null 2>&1
        echo $(($(count) - before))
    """
    assert root(script) == "1"


def test_accounts_can_be_made(root: Any) -> None:
    script = """
        useradd --create-home bob
        echo bob:secret | chpasswd
        su bob -c 'id -un; pwd' --login
        adduser --system --quiet service
        id -gn service
    """
    assert root(script).splitlines() == ["bob", "/home/bob", "nogroup"]


@pytest.mark.parametrize("who", [ROOT, {**ROOT, "user": None}], ids=["root", "user"])
def test_pip_installs_for_everyone_and_in_an_environment(
    engine: Engine, who: dict[str, Any]
) -> None:
    script = """
        python3 -m venv /tmp/venv
        /tmp/venv/bin/pip install --quiet --no-cache-dir jsonpointer
        /tmp/venv/bin/python -c 'import jsonpointer; print(jsonpointer.__name__)'
        pip install --quiet --no-cache-dir jsonpatch 2> /dev/null
        python3 -c 'import jsonpatch; print(jsonpatch.__name__)'
    """
    assert bash(engine, SMALLEST, script, **who, **outside()).splitlines() == [
        "jsonpointer",
        "jsonpatch",
    ]
