"""Labels of a crowded picture: over nothing, inside, and the first ones first."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from analgesia.report.labels import Box, place

BOUNDS = Box(0.0, 0.0, 6.0, 4.0)
POINTS = st.lists(st.tuples(st.floats(0.0, 6.0), st.floats(0.0, 4.0)), min_size=1, max_size=40, unique=True)


def put(points: list[tuple[float, float]], width: float = 1.0) -> list[tuple[int, Box, bool]]:
    signs = [Box(x - 0.04, y - 0.04, x + 0.04, y + 0.04) for x, y in points]
    found = place(points, [width] * len(points), 0.12, signs, BOUNDS, 0.08)
    return [(one.index, one.box, one.led) for one in found]


@given(POINTS)
def test_no_label_covers_a_sign_or_another_label(points: list[tuple[float, float]]) -> None:
    found = put(points)
    signs = [Box(x - 0.04, y - 0.04, x + 0.04, y + 0.04) for x, y in points]
    for _, box, _ in found:
        assert box.within(BOUNDS)
        assert not any(box.meets(sign) for sign in signs)
    for (_, one, _), (_, other, _) in combinations(found, 2):
        assert not one.meets(other)


@given(POINTS)
def test_a_label_that_is_alone_or_first_is_never_moved_by_later_ones(
    points: list[tuple[float, float]],
) -> None:
    few = place(points[:1], [0.3], 0.12, [], BOUNDS, 0.08)
    many = place(points, [0.3] * len(points), 0.12, [], BOUNDS, 0.08)
    assert few == many[: len(few)]
    assert [one.index for one in many] == sorted(one.index for one in many)


def test_one_point_in_the_middle_has_its_label_on_the_right() -> None:
    ((index, box, led),) = put([(3.0, 2.0)])
    assert (index, led) == (0, False)
    assert box.left == 3.08
    assert box.bottom < 2.0 < box.top


def test_at_the_right_edge_it_goes_to_the_left() -> None:
    ((_, box, _),) = put([(5.9, 2.0)])
    assert box.right < 5.9


def test_a_crowd_leaves_some_without_a_label() -> None:
    crowd = [(3.0 + 0.01 * column, 2.0 + 0.01 * row) for column in range(12) for row in range(12)]
    assert 0 < len(put(crowd)) < len(crowd)
