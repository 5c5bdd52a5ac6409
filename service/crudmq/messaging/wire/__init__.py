"""Everything below aiormq's public API. `install` has to be called before the first connection is opened."""

from crudmq.messaging.wire.compatibility import check_versions

# First: with another version, the import of the package's modules may fail, with a less helpful error.
check_versions()

from crudmq.messaging.wire.decoding import install  # noqa: E402 - see above

__all__ = ["install"]
