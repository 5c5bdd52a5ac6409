"""Events."""

import json
import uuid

from crudmq.contract import event
from crudmq.contract.delivery import Delivery

CAUSE = Delivery(b"{}", message_id="m1", user_id="billing", headers={"traceparent": "00-1-2-01"})


def changed(cause: Delivery) -> event.Event:
    return event.change(cause, "/here", type="people.updated", subject="people/1", version=4, data={"key": {"id": 1}})


def test_an_event_is_a_cloud_event() -> None:
    created = changed(CAUSE)
    content = json.loads(created.body)
    assert content.pop("id") == created.id
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
    assert {uuid.UUID(id_).version for id_ in ids} == {7}
    milliseconds = [id_[:13] for id_ in ids]
    assert milliseconds == sorted(milliseconds)


def test_a_repeated_failure_has_the_same_id() -> None:
    data = {"action": "create", "error": {"code": "timeout"}}
    failed, repeated = (event.failure(CAUSE, "/here", resource="people", data=data) for _ in range(2))
    other = event.failure(Delivery(b"{}", message_id="m2"), "/here", resource="people", data=data)
    assert failed.id == repeated.id != other.id


def test_a_subject_quotes_the_values_of_a_key() -> None:
    assert event.subject_of("users", (1, "a/b@c d")) == "users/1/a%2Fb%40c%20d"


def test_the_partition_key_of_the_message_takes_precedence_over_the_subject() -> None:
    cause = Delivery(b"{}", message_id="m1", headers={"partition-key": "tenant-7"})
    assert json.loads(changed(cause).body)["partitionkey"] == "tenant-7"
