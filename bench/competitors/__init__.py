"""Those who are measured, in the order in which they run."""

import sys

from bench.competitor import Competitor

_ALL = "all"
_CONCURRENCIES = (1, 4, 8, 16)

OURS = Competitor(
    name="crudmq",
    argv=(sys.executable, "-m", "service", "run"),
    guarantees=_ALL,
    has_inbox=True,
)
OURS_ALONE = Competitor(
    name="crudmq, groups of one",
    argv=OURS.argv,
    guarantees=_ALL,
    has_inbox=True,
    settings=(("CRUDMQ_GROUP_SIZE", "1"),),
)
ONE_SESSION_EACH = Competitor(
    name="one session each",
    argv=(sys.executable, "-m", "bench.competitors.one_session"),
    guarantees=_ALL,
    has_inbox=True,
    concurrencies=_CONCURRENCIES,
)
USUAL_WAY = Competitor(
    name="the usual way",
    argv=(sys.executable, "-m", "bench.competitors.usual_way"),
    guarantees="confirms only",
    has_inbox=False,
    concurrencies=_CONCURRENCIES,
)
ALL = (OURS, ONE_SESSION_EACH, OURS_ALONE, USUAL_WAY)
