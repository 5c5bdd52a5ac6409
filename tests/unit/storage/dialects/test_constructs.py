"""Value lists for `IN`."""

from hypothesis import given
from hypothesis import strategies as st

from crudmq.storage.dialects.constructs import MAX_PARAMETERS, chunks, pad_to_power_of_two, padded_length


@given(st.lists(st.integers(), min_size=1, max_size=300))
def test_a_padded_list_has_the_same_values_in_one_of_few_lengths(values: list[int]) -> None:
    result = pad_to_power_of_two(values)
    assert result[: len(values)] == values
    assert set(result) == set(values)
    assert len(result) in {2**power for power in range(10)}
    assert len(result) < 2 * len(values) or len(values) == len(result)


@given(st.integers(0, 3 * MAX_PARAMETERS), st.integers(1, 40))
def test_chunks_have_all_values_in_their_order_and_each_fits_a_statement(number: int, width: int) -> None:
    lists = [list(chunk) for chunk in chunks(range(number), width)]
    assert [value for chunk in lists for value in chunk] == list(range(number))
    assert all(padded_length(len(chunk)) * width <= MAX_PARAMETERS for chunk in lists)
