# SPDX-License-Identifier: Apache-2.0
"""Numbers as the page has to write them: as agent/diagnosis/phrases.h says."""

NOTHING = "\u2013"


def digits(value, count):
    text = f"{float(f'{value:.{count}g}'):f}"
    return text.rstrip("0").rstrip(".")


def grouped(value):
    return digits(value, 3) if abs(value) < 100 else f"{value:,.0f}"


def percent(share):
    return "< 1 %" if 0 < share < 0.01 else "> 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def duration(seconds):
    if seconds < 999.5e-6:
        return f"{seconds * 1e6:.0f} us"
    return f"{digits(seconds * 1e3, 3)} ms" if seconds < 999.5e-3 else f"{digits(seconds, 3)} s"


def short_duration(seconds):
    return f"{grouped(round(seconds * 1e9))} ns" if seconds < 10e-6 else duration(seconds)


def throughput(value):
    if value >= 10 << 30:
        return f"{value / (1 << 30):.1f} GiB/s"
    return f"{value / (1 << 20):.0f} MiB/s" if value >= 10 << 20 else f"{digits(value / (1 << 20), 2)} MiB/s"


def shown(value, form):
    return NOTHING if value is None else form(value)
