"""Random commands on MariaDB, in groups and one by one, have the results of a model of the contract."""

import pytest
from hypothesis import given

from tests.property.conftest import ServiceRunner
from tests.property.effort import examples
from tests.property.messages import Sent
from tests.property.oracle import check_against_model
from tests.property.strategies.sequences import SEQUENCES, SIZES


@pytest.mark.parametrize("service", ["mariadb"], indirect=True)
@examples(700)
@given(messages=SEQUENCES, sizes=SIZES)
def test_mariadb_agrees_with_the_model(service: ServiceRunner, messages: list[Sent], sizes: list[int]) -> None:
    for size in (sizes, [1]):
        service.run(check_against_model(service.bench, messages, size))
