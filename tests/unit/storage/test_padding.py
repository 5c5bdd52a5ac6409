"""Lists for `IN`."""

from hypothesis import given
from hypothesis import strategies as st

from service.storage.padding import MOST, padded, parts, room


@given(st.lists(st.integers(), min_size=1, max_size=300))
def test_a_padded_list_has_the_same_values_in_one_of_few_lengths(values: list[int]) -> None:
    found = padded(values)
    assert found[: len(values)] == values
    assert set(found) == set(values)
    assert len(found) in {2**power for power in range(10)}
    assert len(found) < 2 * len(values) or len(values) == len(found)


@given(st.integers(0, 3 * MOST), st.integers(1, 40))
def test_parts_have_all_values_in_their_order_and_each_fits_a_statement(number: int, width: int) -> None:
    found = [list(part) for part in parts(range(number), width)]
    assert [value for part in found for value in part] == list(range(number))
    assert all(room(len(part)) * width <= MOST for part in found)
