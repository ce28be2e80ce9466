"""Media: upload, authenticated download, thumbnails."""

import io

from nio import DownloadError, MemoryDownloadResponse, ResizingMethod, ThumbnailResponse
from PIL import Image

from support import ok


async def upload(person, data: bytes, content_type: str, filename: str | None = None) -> str:
    answer, _ = await person.client.upload(
        lambda *_: io.BytesIO(data), content_type=content_type, filename=filename, filesize=len(data)
    )
    return ok(answer).content_uri


def picture(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


async def test_download_gives_what_was_uploaded(people):
    ana, ben = await people("ana", "ben")
    data = "three lines\nof text\n谢谢\n".encode()
    uri = await upload(ana, data, "text/plain", "note.txt")
    answer = ok(await ben.client.download(uri), MemoryDownloadResponse)
    assert answer.body == data
    assert answer.content_type.startswith("text/plain")
    assert answer.filename == "note.txt"


async def test_a_name_of_ones_choice(people):
    ana = await people("ana")
    uri = await upload(ana, b"content", "text/plain", "note.txt")
    assert ok(await ana.client.download(uri, filename="other.txt")).filename == "other.txt"


async def test_a_large_file(people):
    ana = await people("ana")
    data = bytes(range(256)) * 8_192
    assert ok(await ana.client.download(await upload(ana, data, "application/octet-stream"))).body == data


async def test_a_picture_in_a_room_and_its_thumbnail(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    data = picture(1_200, 800)
    uri = await upload(ana, data, "image/jpeg", "gradient.jpg")
    info = {"mimetype": "image/jpeg", "w": 1_200, "h": 800, "size": len(data)}
    content = {"msgtype": "m.image", "body": "gradient.jpg", "url": uri, "info": info}
    event_id = ok(await ana.client.room_send(room_id, "m.room.message", content)).event_id
    received = await ben.sees(room_id, event_id)
    assert received.url == uri
    server, media = uri.removeprefix("mxc://").split("/")
    answer = ok(await ben.client.thumbnail(server, media, 96, 96, ResizingMethod.crop), ThumbnailResponse)
    thumbnail = Image.open(io.BytesIO(answer.body))
    assert thumbnail.size == (96, 96)
    scaled = ok(await ben.client.thumbnail(server, media, 300, 300, ResizingMethod.scale))
    width, height = Image.open(io.BytesIO(scaled.body)).size
    assert width < 1_200
    assert abs(width / height - 1.5) < 0.05


async def test_what_does_not_exist(people):
    ana = await people("ana")
    server = ana.id.split(":", 1)[1]
    answer = await ana.client.download(f"mxc://{server}/doesnotexist")
    assert isinstance(answer, DownloadError)
    assert answer.status_code == "M_NOT_FOUND"


async def test_the_limit_is_told(people):
    ana = await people("ana")
    assert ok(await ana.client.content_repository_config()).upload_size > 1_000_000
