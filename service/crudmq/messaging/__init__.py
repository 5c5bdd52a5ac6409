"""RabbitMQ: topology, connections, consumer and publisher."""
