"""Accounts: registration, login, devices, profile, presence, signing out."""

from nio import LoginResponse, ProfileGetResponse, WhoamiResponse

from support import PASSWORD, connect, localpart, ok, refused


async def test_registration_signs_in(people):
    ana = await people("ana")
    answer = ok(await ana.client.whoami(), WhoamiResponse)
    assert answer.user_id == ana.id
    assert answer.device_id == ana.client.device_id


async def test_a_name_is_given_once(people):
    ana = await people("ana")
    client = connect()
    refused(await client.register(ana.id.split(":")[0][1:], PASSWORD), "M_USER_IN_USE")
    await client.close()


async def test_a_name_with_spaces_is_refused():
    client = connect()
    refused(await client.register("two words", PASSWORD), "M_INVALID_USERNAME")
    await client.close()


async def test_login_and_a_second_device(people):
    ana = await people("ana")
    client = connect(ana.id)
    answer = ok(await client.login(PASSWORD, device_name="the second device"), LoginResponse)
    assert answer.user_id == ana.id
    assert answer.device_id != ana.client.device_id
    devices = {device.id: device.display_name for device in ok(await client.devices()).devices}
    assert devices == {ana.client.device_id: "the first device", answer.device_id: "the second device"}
    await client.close()


async def test_login_flows_offer_the_password():
    client = connect()
    assert "m.login.password" in ok(await client.login_info()).flows
    await client.close()


async def test_a_wrong_password_is_refused(people):
    ana = await people("ana")
    client = connect(ana.id)
    refused(await client.login("wrong"), "M_FORBIDDEN")
    await client.close()


async def test_nobody_logs_in_as_a_stranger():
    client = connect(localpart("nobody"))
    refused(await client.login(PASSWORD), "M_FORBIDDEN")
    await client.close()


async def test_a_device_is_renamed_and_deleted(people):
    ana = await people("ana")
    client = connect(ana.id)
    device_id = ok(await client.login(PASSWORD)).device_id
    ok(await ana.client.update_device(device_id, {"display_name": "Old phone"}))
    names = {device.id: device.display_name for device in ok(await ana.client.devices()).devices}
    assert names[device_id] == "Old phone"
    challenge = await ana.client.delete_devices([device_id])
    proof = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": ana.id},
        "password": PASSWORD,
        "session": challenge.session,
    }
    ok(await ana.client.delete_devices([device_id], proof))
    refused(await client.whoami(), "M_UNKNOWN_TOKEN")
    await client.close()


async def test_name_and_avatar(people):
    ana, ben = await people("ana", "ben")
    ok(await ana.client.set_displayname("Ana 安娜"))
    ok(await ana.client.set_avatar("mxc://localhost/picture"))
    profile = ok(await ben.client.get_profile(ana.id), ProfileGetResponse)
    assert (profile.displayname, profile.avatar_url) == ("Ana 安娜", "mxc://localhost/picture")
    assert ok(await ben.client.get_displayname(ana.id)).displayname == "Ana 安娜"
    assert ok(await ben.client.get_avatar(ana.id)).avatar_url == "mxc://localhost/picture"


async def test_presence(people):
    ana, ben = await people("ana", "ben")
    await ana.room_with(ben)
    ok(await ana.client.set_presence("unavailable", "at lunch"))
    answer = ok(await ben.client.get_presence(ana.id))
    assert (answer.presence, answer.status_msg) == ("unavailable", "at lunch")


async def test_signing_out_ends_the_token(people):
    ana = await people("ana")
    token = ana.client.access_token
    ok(await ana.client.logout())
    client = connect()
    client.restore_login(ana.id, "GONE", token)
    refused(await client.whoami(), "M_UNKNOWN_TOKEN")
    await client.close()


async def test_signing_out_everywhere(people):
    ana = await people("ana")
    client = connect(ana.id)
    ok(await client.login(PASSWORD))
    ok(await ana.client.logout(all_devices=True))
    refused(await client.whoami(), "M_UNKNOWN_TOKEN")
    await client.close()
