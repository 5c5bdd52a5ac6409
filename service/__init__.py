"""crudmq: create, read, update and delete over RabbitMQ, exactly once, in groups that share a transaction."""

__version__ = "0.1.0"
