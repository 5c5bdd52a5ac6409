"""Random commands come to the same, in groups and one by one, as in a model of the contract."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.property.conftest import Place
from tests.property.judging import judge
from tests.property.messages import Sent
from tests.property.strategies.sequences import SEQUENCES, SIZES

pytestmark = pytest.mark.search

EXAMPLES = 700


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(messages=SEQUENCES, sizes=SIZES)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=[HealthCheck.too_slow],
)
def test_commands_come_to_what_the_model_says(place: Place, messages: list[Sent], sizes: list[int]) -> None:
    for size in (sizes, [1]):
        place.run(judge(place.bench, messages, size))
