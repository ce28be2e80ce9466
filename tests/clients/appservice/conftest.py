"""A bridge, a server that knows it, and a person."""

import signal

import pytest

from bridge import Bridge, register
from server import Server


@pytest.fixture
async def bridge():
    bridge = Bridge()
    yield bridge
    await bridge.stop()


@pytest.fixture
async def server(bridge, tmp_path):
    server = Server(tmp_path, bridge.registration)
    await bridge.start(server.url)
    yield server
    server.end(signal.SIGTERM)


@pytest.fixture
async def ana(server):
    ana = await register(server.url, "ana")
    yield ana
    await ana.api.session.close()
