"""People for the tests: matrix-nio clients of users that only one test knows."""

import pytest

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
