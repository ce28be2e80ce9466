"""Fixtures: somebody without an account, as many people as a test asks for, and an administrator."""

import hashlib
import hmac
import os

import pytest

from deviations import DEVIATIONS
from matrix import PASSWORD, SHARED_SECRET, Client, User, ok, unique

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


@pytest.fixture
def admin(nobody) -> User:
    """An administrator, registered with the shared secret."""
    if not SHARED_SECRET:
        pytest.skip("IM2_SHARED_SECRET is not set")
    where = "/_synapse/admin/v1/register"
    name, nonce = unique("ada"), ok(nobody.get(where))["nonce"]
    text = "\x00".join([nonce, name, PASSWORD, "admin"]).encode()
    mac = hmac.new(SHARED_SECRET.encode(), text, hashlib.sha1).hexdigest()
    body = {"nonce": nonce, "username": name, "password": PASSWORD, "admin": True, "mac": mac}
    return User.from_answer(ok(nobody.post(where, body)))


def pytest_collection_modifyitems(items):
    """Expects the failures that are known of another server; strictly, so that the list stays true."""
    known = DEVIATIONS.get(SERVER, {})
    for item in items:
        name = f"{item.path.stem}::{item.name}"
        # A class of parameters is told by its brackets alone.
        reason = known.get(name) or known.get(f"{item.path.stem}::*[{name.partition('[')[2]}")
        if reason:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
