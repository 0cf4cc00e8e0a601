# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing wrong with something good: as objects, or as bytes."""

import struct
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

# Values that stand at a border, or are of another type than anything expected.
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 255, 2**16, 2**31, -(2**31) - 1, 2**53 + 1, 2**63, 2**64 - 1,
    10**30, 0.5, -0.0, 1e-320, 1e308, float("inf"), float("-inf"), float("nan"),
    "", "x", "\x00", "\n", "\x1b[2J", "ä" * 50, "y" * 70_000, "\u2028", "../../etc/passwd", "/",
    "1e999", "-inf", b"", b"\xff" * 9, [], [[]], [None] * 300, {}, {"": None},
)  # fmt: skip

_ODD_BYTES = (b"", b"\x00", b"\xff", b"\x7f", b"\x80", b"\n", b"\xff\xff\xff\xff", b"\x00" * 8)


def odd_values() -> st.SearchStrategy[Any]:
    plain = st.one_of(st.integers(), st.floats(), st.text(max_size=20), st.booleans())
    borders = st.sampled_from(ODD_VALUES).map(_copy)
    return st.one_of(borders, plain, st.recursive(plain, _nested, max_leaves=5))


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    )


@st.composite
def damaged_objects(draw: st.DrawFn, whole: st.SearchStrategy[Any]) -> Any:
    """Nested dicts and lists of `whole` with one to three places changed, lost or added."""
    root = [_copy(draw(whole))]
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(root))
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        match draw(st.sampled_from(("change", "change", "lose", "add", "double"))):
            case "lose" if holder is not root:
                del holder[key]
            case "add" if isinstance(holder[key], dict):
                holder[key][draw(st.text(max_size=8))] = draw(odd_values())
            case "add" | "double" if isinstance(holder[key], list) and holder[key]:
                holder[key].append(_copy(draw(st.sampled_from(holder[key]))))
            case _:
                holder[key] = draw(odd_values())
    return root[0]


def _places(holder: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(holder) if isinstance(holder, dict) else range(len(holder))
    for key in keys:
        yield holder, key
        if isinstance(holder[key], dict | list):
            yield from _places(holder[key])


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(inner) for inner in value]
    return value


@st.composite
def damaged_bytes(
    draw: st.DrawFn, whole: st.SearchStrategy[bytes], header: int | None = None, least: int = 0
) -> bytes:
    """`whole` with `least` to four pieces overwritten, cut out or put in; where `header` is given,
    most of them within so many bytes of the beginning, where formats keep what they count."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.integers(least, 4))):
        reach = len(data) if header is None or draw(st.integers(0, 3)) == 0 else header
        at = draw(st.integers(0, max(0, min(reach, len(data)) - 1)))
        piece = draw(
            st.one_of(
                st.sampled_from(_ODD_BYTES),
                st.binary(min_size=1, max_size=4),
                st.sampled_from([0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1]).map(
                    lambda number: struct.pack("<I", number)
                ),
            )
        )
        match draw(st.sampled_from(("over", "over", "in", "out", "cut"))):
            case "over":
                data[at : at + len(piece)] = piece
            case "in":
                data[at:at] = piece
            case "out":
                del data[at : at + draw(st.integers(1, 8))]
            case "cut":
                del data[at:]
    return bytes(data)
