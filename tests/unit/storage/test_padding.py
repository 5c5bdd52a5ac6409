"""Lists for `IN`."""

from hypothesis import given
from hypothesis import strategies as st

from service.storage.padding import padded


@given(st.lists(st.integers(), min_size=1, max_size=300))
def test_a_padded_list_has_the_same_values_in_one_of_few_lengths(values: list[int]) -> None:
    found = padded(values)
    assert found[: len(values)] == values
    assert set(found) == set(values)
    assert len(found) in {2**power for power in range(10)}
    assert len(found) < 2 * len(values) or len(values) == len(found)
