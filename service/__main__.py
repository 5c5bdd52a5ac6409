"""`python -m service` is the command `crudmq`."""

from service.cli import main

main()
