"""How many descriptors the system lets the process have: one a connection, and some for itself."""

import logging
import resource

from gameserver.realtime.logs import log
from gameserver.realtime.reserve import MAX_HELD

logger = logging.getLogger(__name__)

_OWN = MAX_HELD + 144  # connections beyond the limits, the database, the log, what is spare


def raise_descriptor_limit(max_connections: int) -> None:
    """Take all the descriptors that may be had, and say so if they are fewer than so many connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = max_connections + _OWN
    wanted = max(soft, needed) if hard == resource.RLIM_INFINITY else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    except (OSError, ValueError) as error:
        logger.debug("the limit of descriptors stays at %d: %s", soft, error)
    if soft < needed:
        text = "the system has fewer descriptors for the server than max_connections needs: raise its limit (nofile)"
        log(logger, logging.WARNING, "few_descriptors", text, descriptors=soft, max_connections=max_connections)
