"""update-alternatives' links, made without it."""

from inferpack import alternatives
from inferpack.rootfs import File, Link, whole


def test_a_choice_is_two_links_and_a_record() -> None:
    made = alternatives.links({"usr/bin/mawk": File(b"")})
    assert made == {
        "usr/bin/awk": Link("/etc/alternatives/awk", exact=True),
        "usr/bin/nawk": Link("/etc/alternatives/nawk", exact=True),
        "etc/alternatives/awk": Link("/usr/bin/mawk", exact=True),
        "etc/alternatives/nawk": Link("/usr/bin/mawk", exact=True),
        "var/lib/dpkg/alternatives/awk": File(
            b"auto\n/usr/bin/awk\nnawk\n/usr/bin/nawk\n\n/usr/bin/mawk\n5\n/usr/bin/mawk\n\n"
        ),
    }


def test_the_links_keep_the_text_that_update_alternatives_looks_for() -> None:
    made = whole(alternatives.links({"usr/bin/cpp": File(b"")}))
    assert made["usr/lib/cpp"] == Link("/etc/alternatives/cpp", exact=True)
    assert made["etc/alternatives/cpp"] == Link("/usr/bin/cpp", exact=True)


def test_a_program_that_is_not_there_has_no_links() -> None:
    assert alternatives.links({}) == {}


def test_no_two_choices_are_about_one_link() -> None:
    links = [link for item in alternatives.CHOICES for link in (item.link, *item.slaves)]
    assert len(links) == len(set(links))
