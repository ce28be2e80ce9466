"""A person who uses matrix-nio, and a way to wait for what they see."""

import asyncio
import os
import secrets
import time

from nio import AsyncClient, AsyncClientConfig, ErrorResponse

BASE_URL = os.environ["IM2_BASE_URL"]
PASSWORD = "correct horse battery staple"
DEADLINE_SECONDS = 30


def localpart(name: str) -> str:
    return f"{name}-{secrets.token_hex(6)}"


def connect(user: str = "", base_url: str = BASE_URL, **options) -> AsyncClient:
    """A client without encryption, unless there is a folder for its keys (`store_path`)."""
    # A refused request is refused; nio would otherwise try again for ever.
    encrypts = "store_path" in options
    config = AsyncClientConfig(max_limit_exceeded=0, max_timeouts=0, encryption_enabled=encrypts, store_sync_tokens=encrypts)
    return AsyncClient(base_url, user, config=config, **options)


def ok(answer, kind=None):
    """The answer, which must not be an error (and must be of that kind)."""
    assert not isinstance(answer, ErrorResponse), f"{type(answer).__name__}: {answer.status_code} {answer.message}"
    assert kind is None or isinstance(answer, kind), answer
    return answer


def refused(answer, errcode: str) -> None:
    """Asserts that the answer is this Matrix error."""
    assert isinstance(answer, ErrorResponse), f"not refused: {answer}"
    assert answer.status_code == errcode, f"{answer.status_code} {answer.message}"


class Person:
    """A signed-in user with everything their client has received, by room."""

    def __init__(self, client: AsyncClient):
        self.client = client
        self.timeline: dict[str, list] = {}
        self.left: set[str] = set()

    @classmethod
    async def register(cls, name: str, **options) -> "Person":
        client = connect(**options)
        ok(await client.register(localpart(name), PASSWORD, "the first device"))
        person = cls(client)
        await person.sync()
        return person

    @property
    def id(self) -> str:
        return self.client.user_id

    async def sync(self, timeout: int = 0, **options) -> None:
        answer = ok(await self.client.sync(timeout=timeout, **options))
        for room_id, room in answer.rooms.join.items():
            self.timeline.setdefault(room_id, []).extend(room.timeline.events)
        self.left |= answer.rooms.leave.keys()
        self.left -= answer.rooms.join.keys()

    async def until(self, what: str, condition):
        """Follows /sync until the condition gives something truthy, and returns that."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (value := condition()):
            assert time.monotonic() < deadline, f"{self.id} waited in vain for {what}"
            await self.sync(timeout=5_000)
        return value

    async def sees(self, room_id: str, event_id: str):
        """Waits until the event is in what the client received of the room, and returns it."""
        find = lambda: next((each for each in self.timeline.get(room_id, []) if each.event_id == event_id), None)
        return await self.until(f"the event {event_id}", find)

    async def say(self, room_id: str, body: str, **more) -> str:
        content = {"msgtype": "m.text", "body": body, **more}
        return ok(await self.client.room_send(room_id, "m.room.message", content)).event_id

    async def room_with(self, *others: "Person", **options) -> str:
        """Creates a room, invites the others, and waits until everybody is in it and knows it."""
        invite = [other.id for other in others]
        room_id = ok(await self.client.room_create(invite=invite, **options)).room_id
        for other in others:
            await other.until("the invitation", lambda other=other: room_id in other.client.invited_rooms)
            ok(await other.client.join(room_id))
        everyone = {self.id, *invite}
        for person in (self, *others):
            members = lambda person=person: room_id in person.client.rooms and set(person.client.rooms[room_id].users)
            await person.until("everybody in the room", lambda members=members: members() == everyone)
        return room_id


async def together(*awaitables):
    """Runs these at the same time and gives their answers in order."""
    return await asyncio.gather(*awaitables)
