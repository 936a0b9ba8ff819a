"""What maintainer scripts would have done, on made-up packages' files."""

from pathlib import Path

import pytest

from inferpack import scripts
from inferpack.errors import UsageError
from inferpack.rootfs import File, Tree
from tests.unit.debs import made

USER = "inferpack:x:10001:10001:inferpack:/home/inferpack:/bin/bash"


def test_a_package_whose_scripts_nobody_has_read_is_refused(tmp_path: Path) -> None:
    quiet = made("quiet", {"x": File(b"")}, tmp_path / "x", prerm="#!/bin/sh\n")
    known = made("bash", {"x": File(b"")}, tmp_path / "x", postinst="#!/bin/sh\n")
    scripts.refuse_unread([quiet, known])
    new = made("novel", {"x": File(b"")}, tmp_path / "x", postinst="#!/bin/sh\n")
    with pytest.raises(UsageError) as caught:
        scripts.refuse_unread([quiet, known, new])
    assert str(caught.value) == (
        "recipes/bases.toml: nobody has read the maintainer scripts of 'novel', which do not run"
        " here; do what they do in inferpack/scripts.py, and add its name to READ there"
    )


def test_debians_accounts_and_the_images_have_no_password() -> None:
    tree: Tree = {
        "usr/share/base-passwd/passwd.master": File(b"root:*:0:0:root:/root:/bin/bash\n"),
        "usr/share/base-passwd/group.master": File(b"root:*:0:\n"),
    }
    assert scripts.accounts(tree, USER) == {
        "etc/passwd": File(f"root:x:0:0:root:/root:/bin/bash\n{USER}\n".encode()),
        "etc/group": File(b"root:x:0:\ninferpack:x:10001:\n"),
        "etc/shadow": File(b"root:*::0:99999:7:::\ninferpack:*::0:99999:7:::\n", 0o640),
        "etc/gshadow": File(b"root:*::\ninferpack:*::\n", 0o640),
        "etc/subuid": File(b""),
        "etc/subgid": File(b""),
    }


def test_every_shell_is_listed_by_both_of_its_names() -> None:
    tree: Tree = {
        "usr/share/debianutils/shells": File(b"# valid login shells\n/bin/sh\n"),
        "usr/share/debianutils/shells.d/dash": File(b"/bin/dash\n"),
    }
    names = b"/bin/sh\n/usr/bin/sh\n/bin/dash\n/usr/bin/dash\n"
    assert scripts.shells(tree) == {
        "etc/shells": File(b"# valid login shells\n" + names),
        "var/lib/shells.state": File(names),
    }


def test_every_authority_is_trusted_when_the_bundle_is_made_anew() -> None:
    tree: Tree = {
        "usr/share/ca-certificates/mozilla/B.crt": File(b""),
        "usr/share/ca-certificates/mozilla/A.crt": File(b""),
        "usr/share/ca-certificates/README": File(b""),
    }
    assert scripts.certificates(tree) == {
        "etc/ca-certificates.conf": File(b"mozilla/A.crt\nmozilla/B.crt\n")
    }


def test_what_the_base_removes_dpkg_leaves_out_of_later_packages() -> None:
    example = b"# See\ndeb http://mirror/debian bookworm main contrib\n#deb-src http://mirror x y\n"
    tree: Tree = {"usr/share/doc/apt/examples/sources.list": File(example)}
    found = scripts.package_managers(tree, ("usr/share/doc/*", "!usr/share/doc/*/copyright"))
    assert found["etc/dpkg/dpkg.cfg.d/inferpack"] == File(
        b"path-exclude=/usr/share/doc/*\npath-include=/usr/share/doc/*/copyright\n"
    )
    assert found["etc/apt/sources.list"] == File(b"deb http://mirror/debian bookworm main\n")


def test_pam_asks_unix_alone() -> None:
    stack = b"# head\n${0}_primary\nauth\trequisite\tpam_deny.so\n${0}_additional\n# end\n"
    tree: Tree = {
        f"usr/share/pam/common-{kind}": File(stack.replace(b"{0}", kind.encode()))
        for kind in scripts.PAM
    }
    found = scripts.authentication(tree)
    assert found["etc/pam.d/common-auth"] == File(
        b"# head\nauth\t[success=1 default=ignore]\tpam_unix.so nullok\n"
        b"auth\trequisite\tpam_deny.so\n# end\n"
    )
    assert found["etc/pam.d/common-session-noninteractive"] == File(
        b"# head\nsession\t[default=1]\t\t\tpam_permit.so\n"
        b"auth\trequisite\tpam_deny.so\nsession\trequired\tpam_unix.so \n# end\n"
    )
    assert found["var/lib/pam/session"] == File(
        b"Module: null\n[default=1]\t\t\tpam_permit.so\nModule: unix\nrequired\tpam_unix.so\n"
    )
