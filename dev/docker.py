"""Servers in Docker containers, reused by name."""

from dev.shell import HOST, CommandError, free_port, run, say


def runs() -> bool:
    """Whether the Docker engine responds."""
    try:
        run("docker", "info", timeout=20)
    except CommandError:
        return False
    return True


def start(name: str, image: str, port: int, *options: str) -> int:
    """Start the container, creating it first if needed, and return its published port.

    Raises:
        CommandError: Docker cannot start it.
    """
    say(f"using the Docker container {name} ({image})")
    if name not in run("docker", "ps", "--all", "--format", "{{.Names}}").splitlines():
        publish = f"{HOST}:{free_port(port)}:{port}"
        run("docker", "create", "--name", name, "--publish", publish, *options, image, timeout=600)
    run("docker", "start", name)
    address = run("docker", "port", name, f"{port}/tcp").splitlines()[0]
    return int(address.rpartition(":")[2])
