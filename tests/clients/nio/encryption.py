"""People whose clients encrypt."""

from nio import AsyncClient, RoomMessageText
from nio.crypto import SasState

from support import PASSWORD, Person, connect, ok


class EncryptingPerson(Person):
    """A person who does between two syncs what encryption asks for."""

    @classmethod
    async def new_device(cls, user: str, **options) -> "EncryptingPerson":
        """Signs in to an account on a device that knows nothing yet."""
        client = connect(user, **options)
        ok(await client.login(PASSWORD))
        person = cls(client)
        await person.sync()
        return person

    @classmethod
    async def back(cls, before: AsyncClient, base_url: str) -> "EncryptingPerson":
        """The same device again, with nothing but what it has stored."""
        client = connect(before.user_id, base_url, device_id=before.device_id, store_path=before.store_path)
        client.restore_login(before.user_id, before.device_id, before.access_token)
        person = cls(client)
        # nio takes up its stored token but has no rooms then, so it asks for them.
        await person.sync(full_state=True)
        return person

    async def sync(self, timeout: int = 0, **options) -> None:
        await super().sync(timeout, **options)
        await self.keep_up()

    async def keep_up(self) -> None:
        client = self.client
        for answer in await client.send_to_device_messages():
            ok(answer)
        if client.should_upload_keys:
            ok(await client.keys_upload())
        if client.should_query_keys:
            ok(await client.keys_query())
        if client.should_claim_keys:
            ok(await client.keys_claim(client.get_users_for_key_claiming()))

    async def encrypted_room_with(self, *others: Person) -> str:
        encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
        room_id = await self.room_with(*others, initial_state=[encryption])
        for person in (self, *others):
            room = person.client.rooms[room_id]
            await person.until("encryption", lambda room=room: room.encrypted)
        return room_id

    async def knows(self, *others: Person) -> None:
        """Waits until this client has the others' devices."""
        store = self.client.device_store
        for other in others:
            device_id = other.client.device_id
            await self.until(f"the device {device_id}", lambda: device_id in store[other.id])

    async def say(self, room_id: str, body: str, **more) -> str:
        content = {"msgtype": "m.text", "body": body, **more}
        send = self.client.room_send(room_id, "m.room.message", content, ignore_unverified_devices=True)
        return ok(await send).event_id

    async def reads(self, room_id: str, event_id: str) -> str:
        """Waits until the client has the event, and gives its text, which was encrypted."""
        event = await self.sees(room_id, event_id)
        assert isinstance(event, RoomMessageText) and event.decrypted, f"{self.id} cannot read it: {event}"
        return event.body


async def all_read(sender: EncryptingPerson, room_id: str, body: str, *readers: EncryptingPerson) -> None:
    """One says something, and all read it."""
    event_id = await sender.say(room_id, body)
    for reader in readers:
        assert await reader.reads(room_id, event_id) == body


async def verify_by_emoji(ana: EncryptingPerson, ben: EncryptingPerson, between=lambda: None) -> None:
    """Two devices verify each other. `between` runs while both people look at the emoji."""
    await ana.knows(ben)
    await ben.knows(ana)
    device = ana.client.device_store[ben.id][ben.client.device_id]
    ok(await ana.client.start_key_verification(device))
    (transaction,) = ana.client.key_verifications
    await ben.until("the question", lambda: transaction in ben.client.key_verifications)
    ok(await ben.client.accept_key_verification(transaction))
    mine, theirs = (each.client.key_verifications[transaction] for each in (ana, ben))
    # Each answers when it keeps up after the sync that brought the question: accepted, the one's key, the other's.
    await ana.until("the acceptance", lambda: mine.state != SasState.created)
    await ben.until("a key", lambda: theirs.established_sas)
    await ana.until("a key", lambda: mine.established_sas)
    assert mine.get_emoji() == theirs.get_emoji() and len(mine.get_emoji()) == 7
    between()
    for person in (ana, ben):
        ok(await person.client.confirm_short_auth_string(transaction))
    for person, other, sas in ((ana, ben, mine), (ben, ana, theirs)):
        await person.until("the confirmation", lambda sas=sas: sas.verified)
        assert person.client.device_store[other.id][other.client.device_id].verified
