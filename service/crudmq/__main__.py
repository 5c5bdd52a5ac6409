"""`python -m crudmq` runs the command `crudmq`."""

from crudmq.cli import main

main()
