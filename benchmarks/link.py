"""A slow link on loopback: whatever a client sends arrives so many milliseconds later.

    python3 link.py HOST:PORT MILLISECONDS

It prints the URL of its own end and runs until its input ends. A request and its answer take the
delay once, as behind a link whose round trip takes so long; an exchange in between, as for
`Expect: 100-continue`, takes it once more. Nothing of what passes is read: it costs little.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque


class Towards(asyncio.Protocol):
    """The connection to the server: what it sends goes to the client at once."""

    def __init__(self, client: asyncio.Transport) -> None:
        self.client = client

    def data_received(self, data: bytes) -> None:
        self.client.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.client.close()


class Link(asyncio.Protocol):
    """The connection from a client: what it sends goes to the server later, in order."""

    def __init__(self, host: str, port: int, seconds: float) -> None:
        self.host = host
        self.port = port
        self.seconds = seconds
        self.waiting: deque[bytes] = deque()
        self.server: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.client = transport
        self.loop = asyncio.get_running_loop()
        self.connecting = self.loop.create_task(self.connect())

    async def connect(self) -> None:
        self.server, _ = await self.loop.create_connection(
            lambda: Towards(self.client), self.host, self.port
        )

    def data_received(self, data: bytes) -> None:
        self.waiting.append(data)
        self.loop.call_later(self.seconds, self.pass_on)

    def pass_on(self) -> None:
        if self.server is None:
            self.loop.call_later(0.001, self.pass_on)  # Still connecting.
        else:
            self.server.write(self.waiting.popleft())

    def connection_lost(self, error: Exception | None) -> None:
        if self.server is not None:
            self.loop.call_later(2 * self.seconds, self.server.close)


async def serve(address: str, milliseconds: float) -> None:
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Link(host, int(port), milliseconds / 1000), "127.0.0.1", 0
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], float(sys.argv[2])))
