"""The models as an operator would expose them: what `CRUDMQ_MODELS` names."""

from service import resources
from tests.property import models

models.expose_in(resources)
