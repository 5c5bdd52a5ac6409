"""Messages are encoded as the client would encode them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from crudmq.messaging.wire.outgoing import Kind, Outgoing, Plain
from crudmq.messaging.wire.publishing import encode

NUMBER = 3
SIZE = 1200
TEXTS = st.text(max_size=60).filter(lambda text: len(text.encode()) <= 255)


MAYBE = st.none() | TEXTS


@given(st.builds(Plain, TEXTS.filter(bool), MAYBE, MAYBE, MAYBE), st.binary(max_size=3000))
def test_a_message_is_encoded_as_the_client_encodes_it(properties: Plain, body: bytes) -> None:
    message = Outgoing("events", "people.created", body, properties, mandatory=True, kind=Kind.EVENT)
    ours = encode(message, channel=NUMBER, max_body=SIZE)
    general = Basic.Properties(
        content_type=properties.content_type,
        delivery_mode=2,
        message_id=properties.message_id,
        correlation_id=properties.correlation_id,
        message_type=properties.message_type,
    )
    theirs: list[frame.FrameTypes] = [
        Basic.Publish(exchange="events", routing_key="people.created", mandatory=True),
        ContentHeader(properties=general, body_size=len(body)),
        *(ContentBody(body[start : start + SIZE]) for start in range(0, len(body), SIZE)),
    ]
    assert ours == b"".join(frame.marshal(part, NUMBER) for part in theirs)


def test_properties_with_headers_are_encoded_by_the_client() -> None:
    general = Basic.Properties(headers={"a": 1}, delivery_mode=2)
    message = Outgoing("", "queue", b"", general, mandatory=False, kind=Kind.RESULT)
    ours = encode(message, channel=NUMBER, max_body=SIZE)
    assert ours.endswith(frame.marshal(ContentHeader(properties=general, body_size=0), NUMBER))


def test_a_property_that_is_too_long_is_refused() -> None:
    message = Outgoing("", "queue", b"", Plain("a" * 256, None, None), mandatory=False, kind=Kind.RESULT)
    with pytest.raises(ValueError, match="longer than 255 bytes"):
        encode(message, channel=NUMBER, max_body=SIZE)


@pytest.mark.parametrize("length", [SIZE, 131_072])
def test_headers_that_exceed_a_frame_are_refused_before_the_broker_closes_the_connection(length: int) -> None:
    properties = Basic.Properties(headers={"a": "x" * length})
    message = Outgoing("", "queue", b"", properties, mandatory=False, kind=Kind.COMMAND)
    with pytest.raises(ValueError, match="exceed the 1200 bytes of a frame"):
        encode(message, channel=NUMBER, max_body=SIZE)
