"""People for the tests: matrix-nio clients of users that only one test knows."""

import signal

import pytest

from encryption import EncryptingPerson
from server import Server
from support import Person


@pytest.fixture
async def people():
    """Makes people; their connections are closed when the test ends."""
    made: list[Person] = []

    async def make(*names: str):
        for name in names:
            made.append(await Person.register(name))
        new = made[-len(names) :]
        return new[0] if len(names) == 1 else new

    yield make
    for person in made:
        await person.client.close()


@pytest.fixture
async def secretive(tmp_path):
    """Makes people who encrypt, each with a folder for their keys, and devices of theirs (`device_of`)."""
    made: list[EncryptingPerson] = []

    async def make(*names: str, device_of: EncryptingPerson | None = None, **options):
        for name in names:
            options["store_path"] = str(tmp_path / f"{len(made)}")
            (tmp_path / f"{len(made)}").mkdir()
            if device_of:
                made.append(await EncryptingPerson.new_device(device_of.id, **options))
            else:
                made.append(await EncryptingPerson.register(name, **options))
        new = made[-len(names) :]
        return new[0] if len(names) == 1 else new

    make.made = made
    yield make
    for person in made:
        await person.client.close()


@pytest.fixture
def own_server(tmp_path_factory):
    """A server of this test's own."""
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.end(signal.SIGKILL)
