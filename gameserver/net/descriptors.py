"""The process's limit of file descriptors: one for each connection, and some for the server itself."""

import logging
import resource

from gameserver.net.reserve import MAX_HELD
from gameserver.ops.log import log

logger = logging.getLogger(__name__)

_RESERVED = MAX_HELD + 144  # connections held in reserve, the database, the log, spares


def raise_descriptor_limit(max_connections: int) -> None:
    """Raise the soft limit of descriptors to the hard limit, and warn if ``max_connections`` need more than that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = max_connections + _RESERVED
    wanted = max(soft, needed) if hard == resource.RLIM_INFINITY else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    except (OSError, ValueError) as error:
        logger.debug("the descriptor limit stays at %d: %s", soft, error)
    if soft < needed:
        text = "the descriptor limit is too low for max_connections: raise it (nofile)"
        log(logger, logging.WARNING, "few_descriptors", text, descriptors=soft, max_connections=max_connections)
