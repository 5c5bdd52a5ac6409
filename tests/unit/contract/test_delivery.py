"""The properties that every command needs."""

import pytest

from crudmq.contract.delivery import Delivery
from crudmq.contract.errors import Invalid, Malformed, Timeout


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery(b"{}"),
        Delivery(b"{}", message_id=""),
        Delivery(b"{}", message_id="x" * 201),
        Delivery(b"{}", message_id="m", content_type="text/plain"),
        Delivery(b"{}", message_id="m", content_encoding="gzip"),
        Delivery(b"{}", message_id="m", headers={"partition-key": "x" * 513}),
    ],
)
def test_a_message_without_the_required_properties_is_malformed(delivery: Delivery) -> None:
    with pytest.raises(Malformed):
        delivery.check_properties()


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery(b"{}", message_id="x" * 200),
        Delivery(b"{}", message_id="m", content_type="application/json", content_encoding="utf-8"),
    ],
)
def test_a_message_with_the_required_properties_passes(delivery: Delivery) -> None:
    delivery.check_properties()


@pytest.mark.parametrize("deadline", ["soon", 7, "2999-01-01T00:00:00", ["2999-01-01T00:00:00Z"]])
def test_a_deadline_must_be_a_timestamp_with_an_offset(deadline: object) -> None:
    with pytest.raises(Invalid) as caught:
        Delivery(b"{}", message_id="m", headers={"x-deadline": deadline}).check_deadline()
    assert caught.value.details[0].path == "headers.x-deadline"


def test_a_deadline_that_has_passed_is_a_timeout() -> None:
    with pytest.raises(Timeout):
        Delivery(b"{}", message_id="m", headers={"x-deadline": "2020-01-01T00:00:00+02:00"}).check_deadline()


@pytest.mark.parametrize(("value", "shown"), [("x" * 512, "x" * 512), ("x" * 513, None), ("", None), (7, None)])
def test_a_header_that_events_copy_is_short_or_absent(value: object, shown: str | None) -> None:
    assert Delivery(b"{}", message_id="m", headers={"tracestate": value}).header("tracestate") == shown


def test_a_deadline_in_the_future_passes() -> None:
    Delivery(b"{}", message_id="m", headers={"x-deadline": "2999-01-01T00:00:00Z"}).check_deadline()


def test_headers_that_are_not_text_count_as_absent() -> None:
    delivery = Delivery(b"{}", message_id="m", headers={"traceparent": 1, "partition-key": ""})
    assert delivery.header("traceparent") is None
    assert delivery.header("partition-key") is None
