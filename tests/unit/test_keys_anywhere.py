"""One machine plans what others, of another architecture, have made or will make."""

import pytest

from inferpack import base, cli
from inferpack.keys import Keys
from inferpack.model import Arch


@pytest.mark.parametrize("arch", Arch)
def test_no_key_tells_which_machine_reads_it(monkeypatch: pytest.MonkeyPatch, arch: Arch) -> None:
    image = cli.shop().variants("onnxruntime-mlas-py311-arm64")[0]
    wheel = cli.shop().wheel_variants("fasttext-plain-arm64")[0]
    here = Keys(shop=cli.shop())
    expected = here.image(image), here.wheel(wheel)
    monkeypatch.setattr(base, "native", lambda: arch)
    there = Keys(shop=cli.shop())
    assert (there.image(image), there.wheel(wheel)) == expected
