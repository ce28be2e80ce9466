"""A bridge on mautrix's AppService, and people who write to it."""

import asyncio
import socket
import time

import aiohttp
from mautrix.appservice import AppService, ASStateStore
from mautrix.client import ClientAPI
from mautrix.client.state_store import MemoryStateStore
from mautrix.types import EventType, RoomCreatePreset

DOMAIN = "localhost"
DEADLINE_SECONDS = 30
PASSWORD = "correct horse battery staple"

REGISTRATION = """\
id: bridge
url: {url}
as_token: as-token
hs_token: hs-token
sender_localpart: bridgebot
rate_limited: false
receive_ephemeral: true
de.sorunome.msc2409.push_ephemeral: true
org.matrix.msc3202: true
namespaces:
  users:
    - exclusive: true
      regex: '@bridge_.*:localhost'
  aliases:
    - exclusive: true
      regex: '#bridge_.*:localhost'
"""


class StateStore(MemoryStateStore, ASStateStore):
    """What the bridge knows of rooms, in memory."""

    def __init__(self):
        MemoryStateStore.__init__(self)
        ASStateStore.__init__(self)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Bridge:
    """An application service that keeps all it is told."""

    def __init__(self):
        self.port = free_port()
        self.registration = REGISTRATION.format(url=f"http://127.0.0.1:{self.port}")
        self.events = []
        self.to_device = []
        self.news = asyncio.Event()

    async def start(self, server_url: str) -> None:
        self.service = AppService(
            server=server_url,
            domain=DOMAIN,
            as_token="as-token",
            hs_token="hs-token",
            bot_localpart="bridgebot",
            id="bridge",
            state_store=StateStore(),
            ephemeral_events=True,
            encryption_events=True,
            query_user=self.query_user,
            query_alias=self.query_alias,
        )
        # In order, and before the transaction is acknowledged.
        self.service.synchronous_handlers = True
        self.service.matrix_event_handler(self.take)
        self.service.to_device_handler = self.take_to_device
        await self.service.start(port=self.port)

    async def stop(self) -> None:
        await self.service.stop()

    async def take(self, event) -> None:
        self.events.append(event)
        self.news.set()

    async def take_to_device(self, event) -> None:
        self.to_device.append(event)
        self.news.set()

    async def query_user(self, user_id):
        if not user_id.startswith("@bridge_known"):
            return None
        await self.puppet(user_id.split(":")[0].removeprefix("@bridge_")).ensure_registered()
        return {"made": True}  # an empty answer is "not found" to mautrix

    async def query_alias(self, alias):
        if alias != f"#bridge_portal:{DOMAIN}":
            return None
        name = alias.split(":")[0].removeprefix("#")
        await self.service.intent.create_room(alias_localpart=name, preset=RoomCreatePreset.PUBLIC)
        return {"made": True}

    def puppet(self, name: str):
        """A user of the bridge."""
        return self.service.intent.user(f"@bridge_{name}:{DOMAIN}")

    def messages(self, room_id: str) -> list[str]:
        """The texts that were said in a room, as far as the bridge has heard."""
        said = (e for e in self.events if e.type == EventType.ROOM_MESSAGE and e.room_id == room_id)
        return [event.content.body for event in said]

    async def until(self, what: str, condition):
        """Waits until the condition gives something truthy, and returns that."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (value := condition()):
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), deadline - time.monotonic())
            except asyncio.TimeoutError:
                raise AssertionError(f"the bridge was not told: {what}; it knows {self.events}") from None
        return value


async def register(server_url: str, name: str) -> ClientAPI:
    """A person, signed in."""
    body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{server_url}/_matrix/client/v3/register", json=body) as answer:
            assert answer.status == 200, await answer.text()
            signed_in = await answer.json()
    return ClientAPI(
        signed_in["user_id"],
        device_id=signed_in["device_id"],
        base_url=server_url,
        token=signed_in["access_token"],
    )
