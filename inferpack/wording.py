"""Numbers, times and rows as a person reads them."""

from datetime import UTC, datetime

TITLES = {"resnet50": "ResNet-50", "mobilenet_v2": "MobileNetV2"}


def title_of(network: str) -> str:
    return TITLES.get(network, network)


def number(value: float) -> str:
    """Three figures or so.

    >>> number(12345.6), number(123.4), number(12.34), number(1.234)
    ('12,346', '123', '12.3', '1.23')
    """
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value: float) -> str:
    return f"{value:.2f}×"  # noqa: RUF001


def moment(seconds: int) -> str:
    """
    >>> moment(1_795_174_758)
    '2026-11-20 11:39 UTC'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def day(seconds: int) -> str:
    """
    >>> day(1_795_174_758)
    '2026-11-20'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def row(features: tuple[str, ...] | None) -> str:
    """What a row of expectations asks of a CPU.

    >>> row(("avx512f", "avx512bw")), row(()), row(None)
    ('avx512f + avx512bw', 'any CPU', 'no row')
    """
    return "no row" if features is None else " + ".join(features) or "any CPU"
