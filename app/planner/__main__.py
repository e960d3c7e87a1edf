"""Start the service: `python -m planner`."""

import logging
import os
import sys

import uvicorn

from planner import log, settings


def main() -> int:
    """Check the settings before anything else starts, then serve until SIGTERM."""
    log.configure()
    try:
        settings.load()
    except settings.SettingsError as exc:
        for problem in exc.problems:
            logging.getLogger("planner").error("settings: %s", problem)  # noqa: TRY400 - they say all
        return 2
    uvicorn.run(
        "planner.main:create_app",
        factory=True,
        host="0.0.0.0",  # noqa: S104 - the container's network decides who can reach it
        port=int(os.environ.get("PORT") or 8000),
        log_config=None,
        access_log=False,  # the proxy keeps one; queries may hold what users wrote
        server_header=False,
        ws="none",
        timeout_keep_alive=75,  # longer than the proxy's 60 s: the proxy closes idle connections
        timeout_graceful_shutdown=55,  # within a stop grace period of 60 s
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
