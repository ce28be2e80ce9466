"""Discovery, capabilities, and the form of errors for what does not exist."""

import pytest

from matrix import V3, fails, ok

UNKNOWN = ["/_matrix/client/v3/nothing/here", "/_matrix/client/v9/sync", "/_matrix/nothing", "/_matrix/client/v3"]


def test_versions_are_listed_without_a_token(nobody):
    answer = ok(nobody.get("/_matrix/client/versions"))
    assert "v1.11" in answer["versions"]
    assert all(isinstance(version, str) for version in answer["versions"])
    assert all(isinstance(value, bool) for value in answer.get("unstable_features", {}).values())


def test_versions_accept_a_token(ana):
    assert ok(ana.get("/_matrix/client/versions"))["versions"]


def test_capabilities_need_a_token(nobody):
    fails(nobody.get("/capabilities"), 401, "M_MISSING_TOKEN")


def test_capabilities_name_the_room_versions(ana):
    versions = ok(ana.get("/capabilities"))["capabilities"]["m.room_versions"]
    assert {"10", "11", "12"} <= set(versions["available"])
    assert versions["available"][versions["default"]] == "stable"


def test_the_default_room_version_is_12(ana):
    assert ok(ana.get("/capabilities"))["capabilities"]["m.room_versions"]["default"] == "12"
    room_id = ana.create_room()
    assert ok(ana.state(room_id, "m.room.create"))["room_version"] == "12"


def test_password_change_is_a_capability(ana):
    capabilities = ok(ana.get("/capabilities"))["capabilities"]
    assert capabilities.get("m.change_password", {"enabled": True})["enabled"] is True


@pytest.mark.parametrize("where", UNKNOWN)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_an_unknown_endpoint_is_unrecognised(nobody, method, where):
    fails(nobody.request(method, where), 404, "M_UNRECOGNIZED")


def test_a_wrong_method_is_unrecognised(ana):
    fails(ana.request("DELETE", "/sync"), 405, "M_UNRECOGNIZED")
    fails(ana.request("PUT", "/createRoom", {}), 405, "M_UNRECOGNIZED")


def test_a_made_up_token_is_unknown(nobody):
    nobody.access_token = "made-up"
    answer = fails(nobody.get("/account/whoami"), 401, "M_UNKNOWN_TOKEN")
    assert answer.get("soft_logout", False) is False


def test_another_scheme_than_bearer_is_no_token(nobody):
    response = nobody.request("GET", "/account/whoami", headers={"Authorization": "Basic YTpi"})
    fails(response, 401, "M_MISSING_TOKEN")


def test_answers_may_be_read_by_any_web_page(nobody):
    response = nobody.get("/_matrix/client/versions")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Content-Type"].split(";")[0] == "application/json"


def test_preflight_requests_are_answered(nobody):
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "PUT"}
    response = nobody.request("OPTIONS", V3 + "/createRoom", headers=headers)
    assert response.status_code in (200, 204)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    methods = {method.strip() for method in response.headers["Access-Control-Allow-Methods"].split(",")}
    assert {"GET", "POST", "PUT", "DELETE", "OPTIONS"} <= methods
    allowed = {header.strip().lower() for header in response.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"x-requested-with", "content-type", "authorization"} <= allowed


def test_errors_carry_the_headers_for_web_pages_as_well(nobody):
    response = nobody.get("/account/whoami")
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == "*"
