"""Media: upload, download, thumbnails, asynchronous upload, headers."""

import contextlib
import http.client
import io
import json
from urllib.parse import urlsplit

import pytest
from PIL import Image

from matrix import BASE_URL, MEDIA, V1, User, fails, ok, path

FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, kind)
    return out.getvalue()


def upload(user: User, data: bytes, content_type: str | None = "application/octet-stream", **params) -> str:
    headers = {"Content-Type": content_type} if content_type else {}
    response = user.request("POST", MEDIA + "/upload", data, headers=headers, params=params)
    return ok(response)["content_uri"]


def place(uri: str) -> tuple[str, str]:
    server, media_id = uri.removeprefix("mxc://").split("/")
    return server, media_id


def download(user, uri: str, *filename: str, headers: dict | None = None, **params):
    where = path("media", "download", *place(uri), *filename, prefix=V1)
    return user.request("GET", where, headers=headers, params=params)


def thumbnail(user, uri: str, **params):
    return user.get(path("media", "thumbnail", *place(uri), prefix=V1), **params)


class TestDownload:
    def test_it_gives_what_was_uploaded(self, ana, ben):
        data = bytes(range(256)) * 100
        response = download(ben, upload(ana, data))
        assert response.status_code == 200
        assert response.content == data
        assert response.headers["Content-Length"] == str(len(data))

    @pytest.mark.parametrize("name", ["note.txt", "fünf Wörter.txt", "便条.txt", 'quote"semi;colon.txt'])
    def test_the_name_is_kept(self, ana, name):
        response = download(ana, upload(ana, b"x", "text/plain", filename=name))
        disposition = response.headers["Content-Disposition"]
        assert disposition.startswith(("inline", "attachment"))
        assert "filename" in disposition
        if name.isascii() and '"' not in name:
            assert name in disposition
        else:
            assert "filename*=utf-8''" in disposition.lower() or '\\"' in disposition

    def test_another_name_on_request(self, ana):
        response = download(ana, upload(ana, b"x", "text/plain", filename="note.txt"), "other.txt")
        assert "other.txt" in response.headers["Content-Disposition"]
        assert "note.txt" not in response.headers["Content-Disposition"]

    @pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "application/javascript", "application/pdf"])
    def test_what_could_run_is_never_shown_in_place(self, ana, content_type):
        response = download(ana, upload(ana, b"<script>alert(1)</script>", content_type))
        assert response.headers["Content-Disposition"].startswith("attachment")

    @pytest.mark.parametrize("content_type", ["image/png", "image/jpeg", "text/plain", "audio/ogg", "video/mp4"])
    def test_what_is_harmless_is_shown_in_place(self, ana, content_type):
        response = download(ana, upload(ana, b"x", content_type))
        assert response.headers["Content-Disposition"].startswith("inline")
        assert response.headers["Content-Type"].split(";")[0] == content_type

    def test_the_headers_keep_it_from_doing_harm(self, ana):
        headers = download(ana, upload(ana, b"x", "text/html")).headers
        assert "sandbox" in headers["Content-Security-Policy"]
        assert "script-src 'none'" in headers["Content-Security-Policy"] or "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert headers["Access-Control-Allow-Origin"] == "*"

    def test_without_a_type_it_is_bytes(self, ana):
        response = download(ana, upload(ana, b"x", None))
        assert response.headers["Content-Type"].split(";")[0] == "application/octet-stream"

    def test_a_token_is_needed(self, ana, nobody):
        uri = upload(ana, b"x")
        fails(download(nobody, uri), 401, "M_MISSING_TOKEN")
        fails(nobody.request("POST", MEDIA + "/upload", b"x"), 401, "M_MISSING_TOKEN")

    @pytest.mark.parametrize("kind", ["download", "thumbnail"])
    def test_the_old_endpoints_give_nothing_to_whoever_has_no_token(self, nobody, ana, kind):
        uri = upload(ana, b"x")
        size = {"width": 32, "height": 32} if kind == "thumbnail" else {}
        fails(nobody.get(path(kind, *place(uri), prefix=MEDIA), **size), 404, "M_NOT_FOUND")

    def test_what_does_not_exist(self, ana):
        fails(download(ana, f"mxc://{ana.server_name}/doesnotexist"), 404, "M_NOT_FOUND")

    @pytest.mark.parametrize("media_id", ["..", "../../etc/passwd", "%2e%2e", "a/b", "", "nul\x00"])
    def test_ids_that_are_paths_lead_nowhere(self, ana, media_id):
        response = ana.get(path("media", "download", ana.server_name, media_id, prefix=V1))
        assert response.status_code in (400, 404), response.status_code

    def test_a_part_of_it(self, ana):
        uri = upload(ana, b"0123456789")
        response = download(ana, uri, headers={"Range": "bytes=2-5"})
        if response.status_code == 206:
            assert response.content == b"2345"
            assert response.headers["Content-Range"] == "bytes 2-5/10"
        else:
            assert (response.status_code, response.content) == (200, b"0123456789")

    def test_nothing_is_something(self, ana):
        assert download(ana, upload(ana, b"")).content == b""


class TestLimits:
    def test_they_are_told(self, ana, nobody):
        limit = ok(ana.get(V1 + "/media/config"))["m.upload.size"]
        assert limit > 1_000_000
        fails(nobody.get(V1 + "/media/config"), 401, "M_MISSING_TOKEN")

    def test_they_are_kept(self, ana):
        limit = ok(ana.get(V1 + "/media/config"))["m.upload.size"]
        host = urlsplit(BASE_URL)
        connection = http.client.HTTPConnection(host.hostname, host.port, timeout=60)
        connection.putrequest("POST", MEDIA + "/upload")
        connection.putheader("Authorization", f"Bearer {ana.access_token}")
        connection.putheader("Content-Length", str(limit + 1))
        connection.endheaders()
        with contextlib.suppress(OSError):
            # A server may answer and close before it has read everything.
            connection.send(bytes(limit + 1))
        response = connection.getresponse()
        assert response.status == 413
        assert json.load(response)["errcode"] == "M_TOO_LARGE"


class TestThumbnails:
    @pytest.mark.parametrize("kind", FORMATS)
    def test_every_format(self, ana, kind):
        uri = upload(ana, picture(800, 600, kind), FORMATS[kind])
        response = thumbnail(ana, uri, width=96, height=96, method="crop")
        assert response.status_code == 200, response.text
        assert response.headers["Content-Type"].startswith("image/")
        assert Image.open(io.BytesIO(response.content)).size == (96, 96)

    def test_scaling_keeps_the_proportions(self, ana):
        uri = upload(ana, picture(1_200, 800), "image/png")
        response = thumbnail(ana, uri, width=300, height=300, method="scale")
        width, height = Image.open(io.BytesIO(response.content)).size
        assert 300 <= max(width, height) < 1_200
        assert abs(width / height - 1.5) < 0.05

    def test_nothing_is_made_larger(self, ana):
        uri = upload(ana, picture(50, 40), "image/png")
        response = thumbnail(ana, uri, width=640, height=480, method="scale")
        assert response.status_code == 200, response.text
        assert Image.open(io.BytesIO(response.content)).size[0] <= 50

    def test_what_is_no_picture_has_none(self, ana):
        response = thumbnail(ana, upload(ana, b"text", "text/plain"), width=32, height=32)
        assert response.status_code in (400, 404), response.status_code
        response = thumbnail(ana, upload(ana, b"not really", "image/png"), width=32, height=32)
        assert response.status_code in (400, 404), response.status_code

    @pytest.mark.parametrize("params", [{}, {"width": 32}, {"width": "x", "height": 32}])
    def test_sizes_are_needed(self, ana, params):
        uri = upload(ana, picture(100, 100), "image/png")
        fails(thumbnail(ana, uri, **params), 400)

    def test_a_bomb_is_refused(self, ana):
        bomb = io.BytesIO()
        Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
        response = thumbnail(ana, upload(ana, bomb.getvalue(), "image/png"), width=32, height=32)
        assert 400 <= response.status_code < 500, response.status_code
        assert ok(ana.get("/account/whoami"))

    def test_a_token_is_needed(self, ana, nobody):
        uri = upload(ana, picture(100, 100), "image/png")
        fails(thumbnail(nobody, uri, width=32, height=32), 401, "M_MISSING_TOKEN")


class TestAsynchronousUpload:
    def create(self, user: User) -> str:
        answer = ok(user.post("/_matrix/media/v1/create"))
        assert answer.get("unused_expires_at", 1) > 0
        return answer["content_uri"]

    def put(self, user: User, uri: str, data: bytes):
        return user.request("PUT", path("upload", *place(uri), prefix=MEDIA), data, headers={"Content-Type": "text/plain"})

    def test_the_place_is_filled_later(self, ana, ben):
        uri = self.create(ana)
        fails(download(ben, uri, timeout_ms=0), 504, "M_NOT_YET_UPLOADED")
        ok(self.put(ana, uri, b"late"))
        assert download(ben, uri).content == b"late"

    def test_it_is_filled_once(self, ana):
        uri = self.create(ana)
        ok(self.put(ana, uri, b"first"))
        fails(self.put(ana, uri, b"second"), 409, "M_CANNOT_OVERWRITE_MEDIA")
        assert download(ana, uri).content == b"first"

    def test_it_is_filled_by_its_owner(self, ana, eve):
        uri = self.create(ana)
        fails(self.put(eve, uri, b"Eve's"), 403, "M_FORBIDDEN")

    def test_a_place_that_was_never_made(self, ana):
        response = self.put(ana, f"mxc://{ana.server_name}/nevermade", b"x")
        assert response.status_code in (403, 404), response.status_code
