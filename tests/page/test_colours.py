"""The colours of states: people tell them apart however they see colours, and read what is on them.

Colour vision is simulated with the matrices of Machado, Oliveira and Fernandes (2009), on linear
RGB, at full severity; colours are compared in CIELAB.
"""

from __future__ import annotations

import itertools
import re

import pytest

from pathvein import _page

Colour = tuple[float, float, float]

_SIGHT = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
    # No colours at all: by the signs, and only roughly by how light they are.
}
_TO_XYZ = (
    (0.4124, 0.3576, 0.1805),
    (0.2126, 0.7152, 0.0722),
    (0.0193, 0.1192, 0.9505),
)


def colour(name: str, is_dark: bool) -> Colour:
    """A colour of the style, as linear RGB."""
    found = re.search(
        rf"--{name}: (?:light-dark\()?(#\w+)(?:, (#\w+)\))?;", _page._part("page.css")
    )
    assert found
    text = found[2] if is_dark and found[2] else found[1]
    parts = [int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return red, green, blue


def times(matrix: tuple[tuple[float, ...], ...], vector: Colour) -> Colour:
    one, two, three = (
        sum(factor * part for factor, part in zip(row, vector, strict=True)) for row in matrix
    )
    return one, two, three


def lab(linear: Colour) -> Colour:
    """In CIELAB, for daylight."""
    clipped = tuple(min(1.0, max(0.0, part)) for part in linear)
    xyz = times(_TO_XYZ, (clipped[0], clipped[1], clipped[2]))
    x, y, z = (
        t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116
        for t in (part / white for part, white in zip(xyz, (0.9505, 1, 1.089), strict=True))
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def contrast(one: Colour, other: Colour) -> float:
    """As WCAG 2 has it."""
    low, high = sorted(times(_TO_XYZ, each)[1] for each in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize("sight", _SIGHT)
@pytest.mark.parametrize("met", ["met", "met-bar"])
def test_states_are_told_apart(sight: str, met: str, is_dark: bool) -> None:
    states = [met, "missing", "near", "unknown"]
    seen = {name: lab(times(_SIGHT[sight], colour(name, is_dark))) for name in states}
    for one, other in itertools.combinations(states, 2):
        apart = sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True)) ** 0.5
        # 2 can just be seen side by side, 20 and more cannot be taken for one another.
        assert apart > 20, (one, other)


@pytest.mark.parametrize("is_dark", [False, True])
def test_what_is_written_on_them_can_be_read(is_dark: bool) -> None:
    for text, ground in [
        ("met-text", "met"),
        ("on-state", "missing"),
        ("on-state", "near"),
        ("on-state", "unknown"),
        ("text", "ground"),
        ("text", "raised"),
        ("dim", "ground"),
        ("dim", "raised"),
    ]:
        assert contrast(colour(text, is_dark), colour(ground, is_dark)) >= 4.5, (text, ground)


def test_the_measures_are_right() -> None:
    """Red and green of one lightness, which some take for one; black on white."""
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    red, green = (0.35, 0.07, 0.05), (0.12, 0.18, 0.03)
    seen = [lab(times(_SIGHT["deuteranopia"], each)) for each in (red, green)]
    usual = [lab(each) for each in (red, green)]
    assert sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5 < 20
    assert sum((a - b) ** 2 for a, b in zip(*usual, strict=True)) ** 0.5 > 40
