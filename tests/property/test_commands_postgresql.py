"""Random commands on PostgreSQL come to the same, in groups and one by one, as in a model of the contract."""

import pytest
from hypothesis import given

from tests.property.conftest import Place
from tests.property.effort import trying
from tests.property.judging import judge
from tests.property.messages import Sent
from tests.property.strategies.sequences import SEQUENCES, SIZES


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
@trying(700)
@given(messages=SEQUENCES, sizes=SIZES)
def test_postgresql_comes_to_what_the_model_says(place: Place, messages: list[Sent], sizes: list[int]) -> None:
    for size in (sizes, [1]):
        place.run(judge(place.bench, messages, size))
