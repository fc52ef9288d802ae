"""The faults that a `Proxy` plays: what networks, proxies and S3 itself do to a request.

Those named with a noun answer in the server's place, which never sees the request; the others say
what they do. A function that takes parameters gives the fault.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from tests.s3.proxy import Answer, Exchange, Fault
from tests.s3.wire import Request

CONDITIONS = ("if-match", "if-none-match")


def lose_answer(exchange: Exchange) -> None:
    """The server acts, and its answer never arrives."""
    exchange.forward()
    exchange.hang_up(reset=True)


def lose_request(exchange: Exchange) -> None:
    """The connection is reset before the server has seen anything."""
    exchange.hang_up(reset=True)


def reset_in_body(exchange: Exchange) -> None:
    """The connection is reset after half of the answer's body."""
    answer = exchange.forward()
    exchange.send_raw(exchange.head(answer) + answer.body[: len(answer.body) // 2])
    # What was sent has to arrive: a reset throws away what still waits.
    time.sleep(0.05)
    exchange.hang_up(reset=True)


def truncate_body(exchange: Exchange) -> None:
    """The connection ends in order, after half of the answer's body."""
    answer = exchange.forward()
    exchange.send_raw(exchange.head(answer) + answer.body[: len(answer.body) // 2])
    exchange.hang_up()


def truncate_silently(exchange: Exchange) -> None:
    """Half of the answer's body arrives, under headers that claim no more than that."""
    answer = exchange.forward()
    headers = [(name, value) for name, value in answer.headers if name.lower() != "content-length"]
    exchange.send(Answer(answer.status, answer.body[: len(answer.body) // 2], headers))


def drip(pieces: int, pause: float) -> Fault:
    """The answer's body comes in pieces, with a pause in seconds before each."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.forward()
        exchange.send_raw(exchange.head(answer))
        size = max(1, -(-len(answer.body) // pieces))
        for start in range(0, len(answer.body), size):
            time.sleep(pause)
            exchange.send_raw(answer.body[start : start + size])

    return fault


def stall(seconds: float) -> Fault:
    """The server acts at once, and its answer comes late."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.forward()
        time.sleep(seconds)
        exchange.send(answer)

    return fault


def delay(
    seconds: float, fault: Fault = lambda exchange: exchange.send(exchange.forward())
) -> Fault:
    """The request waits for some seconds, and then goes on, or meets another fault."""

    def late(exchange: Exchange) -> None:
        time.sleep(seconds)
        fault(exchange)

    return late


def ignore_conditions(exchange: Exchange) -> None:
    """The server never sees the condition, as one that does not know it."""
    exchange.send(exchange.forward(without=CONDITIONS))


def drop(exchange: Exchange) -> None:
    """The server acknowledges a PUT, and keeps nothing of it."""
    etag = hashlib.md5(exchange.request.body, usedforsecurity=False).hexdigest()
    exchange.send(Answer(200, headers=[("ETag", f'"{etag}"')]))


def changes(request: Request) -> bool:
    """A condition for `Proxy.play`: true for what changes objects."""
    return request.method not in ("GET", "HEAD") and bool(request.keys)


def keep_deletes() -> Fault:
    """The server keeps the If-Match of a DELETE, as AWS does and Ceph does not.

    All that changes objects has to meet this fault: one of a key waits for another, so that nothing
    comes between the look and the deletion.
    """
    locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
    finding = threading.Lock()

    def fault(exchange: Exchange) -> None:
        request = exchange.request
        with finding:
            wanted = [locks[key] for key in sorted(set(request.keys))]
        with ExitStack() as held:
            for lock in wanted:
                held.enter_context(lock)
            if request.method == "DELETE" and "if-match" in request.headers:
                _delete_if(exchange)
            else:
                exchange.send(exchange.forward())

    return fault


def _delete_if(exchange: Exchange) -> None:
    found = exchange.look()
    assert found.status in (200, 404), found
    etag = "".join(text for name, text in found.headers if name.lower() == "etag")
    if found.status == 404:
        no_such_key(exchange)
    elif exchange.request.headers["if-match"].strip('"') not in ("*", etag.strip('"')):
        precondition_failed(exchange)
    else:
        exchange.send(exchange.forward(without=CONDITIONS))


def act_and_answer(answer: Fault) -> Fault:
    """The server acts, but what comes is another answer."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        answer(exchange)

    return fault


def xml_error(
    status: int, code: str, message: str = "as played", more: str = "", **headers: str
) -> Fault:
    """S3's own way to refuse.

    Args:
        status: The HTTP status.
        code: S3's code of the error.
        message: Its message.
        more: More XML beside them.
        headers: Headers, with ``_`` for ``-``.
    """
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message>{more}"
        "<RequestId>PLAYED</RequestId><HostId>PLAYED</HostId></Error>"
    )
    own = [(name.replace("_", "-"), value) for name, value in headers.items()]
    answer = Answer(status, body.encode(), [("Content-Type", "application/xml"), *own])

    def fault(exchange: Exchange) -> None:
        exchange.send(answer)

    return fault


slow_down = xml_error(503, "SlowDown", "Please reduce your request rate.")
internal_error = xml_error(500, "InternalError", "We encountered an internal error.")
lost_race = xml_error(500, "UnknownError")
conflict = xml_error(
    409, "ConditionalRequestConflict", "A conflicting conditional operation is in progress."
)
precondition_failed = xml_error(412, "PreconditionFailed")
no_such_key = xml_error(404, "NoSuchKey", "The specified key does not exist.")
forbidden = xml_error(403, "AccessDenied", "Access Denied")


def moved(region: str, bucket_endpoint: str = "") -> Fault:
    """301: the bucket is in another region."""
    more = f"<Endpoint>{bucket_endpoint}</Endpoint>" if bucket_endpoint else ""
    return xml_error(
        301,
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint.",
        more,
        x_amz_bucket_region=region,
    )


def page(
    status: int, text: str = "<html><body>Welcome to the hotel's network</body></html>"
) -> Fault:
    """A web page of some proxy on the way, in place of S3's answer."""
    answer = Answer(status, text.encode(), [("Content-Type", "text/html; charset=utf-8")])

    def fault(exchange: Exchange) -> None:
        exchange.send(answer)

    return fault


def any_of(faults: Sequence[Fault], seed: int) -> Fault:
    """One of several faults at random."""
    chance, lock = random.Random(seed), threading.Lock()

    def fault(exchange: Exchange) -> None:
        with lock:
            chosen = chance.choice(faults)
        chosen(exchange)

    return fault


def share(rate: float, seed: int) -> Callable[[object], bool]:
    """A condition for `Proxy.play`: true for that share of the requests, at random."""
    chance, lock = random.Random(seed), threading.Lock()

    def when(request: object) -> bool:
        with lock:
            return chance.random() < rate

    return when
