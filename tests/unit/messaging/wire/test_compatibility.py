"""The check of the client's version."""

import pytest

from crudmq.messaging import wire
from crudmq.messaging.wire.compatibility import UnsupportedClientError, check_attributes, check_versions

SUPPORTED = {"aiormq": "7.2.4", "pamqp": "4.0.1"}


def test_the_installed_client_is_supported() -> None:
    wire.install()
    wire.install()


@pytest.mark.parametrize("versions", [SUPPORTED, {"aiormq": "7.10.0rc1", "pamqp": "4.9"}])
def test_supported_versions_pass(versions: dict[str, str]) -> None:
    check_versions(versions.__getitem__)


@pytest.mark.parametrize(("package", "version"), [("aiormq", "7.1.9"), ("aiormq", "8.0.0"), ("pamqp", "5.0")])
def test_any_other_version_is_refused_by_name(package: str, version: str) -> None:
    versions = {**SUPPORTED, package: version}
    with pytest.raises(UnsupportedClientError) as caught:
        check_versions(versions.__getitem__)
    assert str(caught.value) == (
        "crudmq requires aiormq>=7.2,<8 and pamqp>=4,<5; "
        f"installed: aiormq {versions['aiormq']}, pamqp {versions['pamqp']}"
    )


def test_a_name_that_the_client_no_longer_has_is_reported() -> None:
    with pytest.raises(UnsupportedClientError, match=r"installed: aiormq 7.*; str lacks _read_content, number$"):
        check_attributes(str, ["upper", "_read_content", "number"])
