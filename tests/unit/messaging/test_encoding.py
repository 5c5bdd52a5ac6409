"""Frames are written as the client would write them, whatever they carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from service.messaging import encoding
from service.messaging.encoding import Plain

NUMBER = 3
SIZE = 100
TEXTS = st.text(max_size=60).filter(lambda text: len(text.encode()) <= 255)


MAYBE = st.none() | TEXTS


@given(st.builds(Plain, TEXTS.filter(bool), MAYBE, MAYBE, MAYBE), st.binary(max_size=350))
def test_a_message_is_written_as_the_client_writes_it(properties: Plain, body: bytes) -> None:
    ours = encoding.message("events", "people.created", properties, body, mandatory=True, number=NUMBER, size=SIZE)
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
    assert ours == b"".join(frame.marshal(one, NUMBER) for one in theirs)


def test_properties_with_headers_go_the_general_way() -> None:
    general = Basic.Properties(headers={"a": 1}, delivery_mode=2)
    ours = encoding.message("", "queue", general, b"", mandatory=False, number=NUMBER, size=SIZE)
    assert ours.endswith(frame.marshal(ContentHeader(properties=general, body_size=0), NUMBER))


def test_a_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 255 bytes"):
        encoding.message("", "queue", Plain("a" * 256, None, None), b"", mandatory=False, number=NUMBER, size=SIZE)
