"""crudmq: CRUD over RabbitMQ. An idempotent consumer that runs commands on exposed SQLAlchemy models."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crudmq.resources import ExposureError, Registry, expose, register_statement
else:

    def __getattr__(name: str) -> object:
        # A client imports `crudmq.client` without SQLAlchemy, so modules that need it are imported on first use.
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            from crudmq import resources  # noqa: PLC0415 - as said above
        except ModuleNotFoundError as exc:
            if (exc.name or "").partition(".")[0] != "sqlalchemy":
                raise
            raise ImportError(f'{name} needs SQLAlchemy: run `pip install "crudmq[server]"`', name=exc.name) from exc

        return getattr(resources, name)


__all__ = ["ExposureError", "Registry", "expose", "register_statement"]

__version__ = "0.1.0"
