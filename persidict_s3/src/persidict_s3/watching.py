"""What is seen of a client's attempts: they are logged, and led in no circle."""

from __future__ import annotations

import logging
from typing import Any, Final

from .endpoints import bare_host
from .faults import REGIONS, ForeignAnswer

_MOVED: Final = (301, 302, 303, 307, 308)


def watch(client: Any) -> None:
    """Let a client tell the logger ``persidict`` what it tries again.

    Where a server redirects every request, as those do that want ``https``, botocore asks it for
    the bucket's region, is redirected, and asks again, without end. That is stopped here; S3's
    own redirections, which name a region, are followed as before.

    Args:
        client: An S3 client; only it is changed, not the session that made it.
    """
    client.meta.events.register_first("needs-retry.s3", _look)


def _look(response: Any, attempts: int, operation: Any, **_: Any) -> None:
    if attempts > 1:
        logging.getLogger("persidict").info("S3 %s: attempt %d", operation.name, attempts)
    if response is not None and response[0].status_code in _MOVED:
        headers, code = response[0].headers, response[1].get("Error", {}).get("Code")
        # The region of a bucket is asked for by HeadBucket: it must not ask itself.
        tells = code in REGIONS and operation.name != "HeadBucket"
        if not tells and "x-amz-bucket-region" not in headers:
            where = bare_host(headers.get("Location", ""))
            raise ForeignAnswer(f"it redirects to {where}" if where else "it redirects")
