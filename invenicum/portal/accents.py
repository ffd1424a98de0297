"""The accent color that an app asks for, made readable on both grounds. Pure.

Contrast is that of WCAG 2.2, 1.4.3 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio).
"""

LIGHT_PAPER = (255, 255, 255)
DARK_PAPER = (28, 35, 45)
DARK_GROUND = (18, 23, 30)
TEXT_CONTRAST = 4.5
_STEP = 0.04  # of the way to black or white

Color = tuple[int, int, int]


def accent_styles(accent: str) -> str:
    """The stylesheet that replaces the accent, e.g. for `#2456d6`: darker or lighter as each ground needs it."""
    color = _parse(accent)
    light, dark = _readable(color, LIGHT_PAPER, (0, 0, 0)), _readable(color, DARK_PAPER, (255, 255, 255))
    return (
        f":root {{ --accent: light-dark({_text(light)}, {_text(dark)}); "
        f"--on-accent: light-dark(#fff, {_text(DARK_GROUND)}) }}\n"
    )


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of two colors, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _readable(color: Color, paper: Color, towards: Color) -> Color:
    """The color, moved so far towards black or white that it can be read on `paper`."""
    share, moved = 0.0, color
    while contrast(moved, paper) < TEXT_CONTRAST and share < 1:
        share += _STEP
        moved = tuple(round(a + (b - a) * min(share, 1)) for a, b in zip(color, towards, strict=True))  # type: ignore[assignment]
    return moved


def _luminance(color: Color) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in (c / 255 for c in color)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _parse(text: str) -> Color:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _text(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
