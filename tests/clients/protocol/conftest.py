"""Fixtures: somebody without an account, and as many people as a test asks for."""

import os

import pytest

from deviations import DEVIATIONS
from matrix import Client, User

SERVER = os.environ.get("IM2_SERVER_KIND", "im2")


@pytest.fixture
def nobody() -> Client:
    """A client without an access token."""
    return Client()


@pytest.fixture
def ana() -> User:
    return User.register("ana")


@pytest.fixture
def ben() -> User:
    return User.register("ben")


@pytest.fixture
def eve() -> User:
    return User.register("eve")


def pytest_collection_modifyitems(items):
    """Expects the failures that are known of another server; strictly, so that the list stays true."""
    known = DEVIATIONS.get(SERVER, {})
    for item in items:
        name = f"{item.path.stem}::{item.name}"
        if name in known:
            item.add_marker(pytest.mark.xfail(reason=known[name], strict=True))
