"""Events."""

import json
import uuid

from service.contract import event
from service.contract.delivery import Delivery

CAUSE = Delivery(b"{}", message_id="m1", user_id="billing", headers={"traceparent": "00-1-2-01"})


def changed(cause: Delivery) -> event.Event:
    return event.change(cause, "/here", type="people.updated", subject="people/1", version=4, data={"key": {"id": 1}})


def test_an_event_is_a_cloud_event() -> None:
    found = changed(CAUSE)
    content = json.loads(found.body)
    assert content.pop("id") == found.id
    assert content.pop("time").endswith("Z")
    assert content == {
        "specversion": "1.0",
        "source": "/here",
        "type": "people.updated",
        "subject": "people/1",
        "datacontenttype": "application/json",
        "commandid": "m1",
        "correlationid": "m1",
        "actor": "billing",
        "partitionkey": "people/1",
        "sequence": "4",
        "traceparent": "00-1-2-01",
        "data": {"key": {"id": 1}},
    }


def test_ids_are_uuids_that_sort_by_time() -> None:
    ids = [event.new_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert {uuid.UUID(one).version for one in ids} == {7}
    milliseconds = [one[:13] for one in ids]
    assert milliseconds == sorted(milliseconds)


def test_the_same_failure_has_the_same_id_each_time_it_is_told() -> None:
    data = {"action": "create", "error": {"code": "timeout"}}
    first, again = (event.failure(CAUSE, "/here", resource="people", data=data) for _ in range(2))
    other = event.failure(Delivery(b"{}", message_id="m2"), "/here", resource="people", data=data)
    assert first.id == again.id != other.id


def test_a_subject_keeps_apart_what_a_key_holds() -> None:
    assert event.subject_of("users", (1, "a/b@c d")) == "users/1/a%2Fb%40c%20d"


def test_the_partition_key_of_the_message_goes_before_the_subject() -> None:
    cause = Delivery(b"{}", message_id="m1", headers={"partition-key": "tenant-7"})
    assert json.loads(changed(cause).body)["partitionkey"] == "tenant-7"
