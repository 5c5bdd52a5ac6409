"""The module for `CRUDMQ_MODELS`: exposes the models of the property tests."""

from crudmq import resources
from tests.property import models

models.expose_in(resources)
