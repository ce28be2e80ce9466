//! The content repository over HTTP: headers, ranges, limits, who may do what.

use im2_testkit::{Answer, Client, Server, Setup, until};
use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A picture of one red pixel.
const PIXEL: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

async fn upload(client: &Client, query: &str, content_type: &str, content: &[u8]) -> Answer {
    let request = client.request(Method::POST, &format!("/_matrix/media/v3/upload{query}"));
    let request = if content_type.is_empty() { request } else { request.header("content-type", content_type) };
    client.send_request(request.body(content.to_vec())).await
}

/// Uploads and returns `server/media`, the rest of a download's path.
async fn uploaded(client: &Client, query: &str, content_type: &str, content: &[u8]) -> String {
    path_of(&upload(client, query, content_type, content).await.ok()["content_uri"])
}

fn path_of(uri: &serde_json::Value) -> String {
    uri.as_str().and_then(|uri| uri.strip_prefix("mxc://")).expect("an mxc URI").to_owned()
}

async fn download(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = client.request(Method::GET, &format!("/v1/media/download/{path}"));
    client.send_request(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
async fn content_comes_back_with_headers_that_keep_browsers_safe() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let path = uploaded(&ana, "?filename=a%20cat.gif", "image/gif", PIXEL).await;
    let answer = download(&ben, &path, &[]).await;
    assert_eq!((answer.status, &*answer.bytes), (200, PIXEL));
    for (name, value) in [
        ("content-type", "image/gif"),
        ("content-disposition", "inline; filename=\"a cat.gif\""),
        ("content-length", &PIXEL.len().to_string()),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("cache-control", "private, max-age=31536000, immutable"),
        ("accept-ranges", "bytes"),
        (
            "content-security-policy",
            "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; \
             object-src 'self';",
        ),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let renamed = download(&ben, &format!("{path}/%E7%8C%AB.gif"), &[]).await;
    assert_eq!(renamed.header("content-disposition"), "inline; filename*=utf-8''%E7%8C%AB.gif");
}

#[tokio::test]
async fn only_harmless_types_are_shown_in_place() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for (content_type, served_as, disposition) in [
        ("text/html", "text/html", "attachment"),
        ("image/svg+xml", "image/svg+xml", "attachment"),
        ("text/plain; charset=gbk", "text/plain; charset=gbk", "inline"),
        ("", "application/octet-stream", "attachment"),
    ] {
        let path = uploaded(&ana, "", content_type, b"<script>alert(1)</script>").await;
        let answer = download(&ana, &path, &[]).await;
        assert_eq!((answer.header("content-type"), answer.header("content-disposition")), (served_as, disposition));
    }
}

#[tokio::test]
async fn ranges_and_conditions() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let content: Vec<u8> = (0..600_000_u32).map(|at| (at % 251) as u8).collect();
    let path = uploaded(&ana, "", "video/mp4", &content).await;
    let whole = download(&ana, &path, &[]).await;
    assert_eq!(whole.bytes, content);
    let etag = whole.header("etag").to_owned();

    let part = download(&ana, &path, &[("range", "bytes=300000-599998")]).await;
    assert_eq!((part.status, part.header("content-range")), (206, "bytes 300000-599998/600000"));
    assert_eq!((part.header("content-length"), &part.bytes[..]), ("299999", &content[300_000..599_999]));
    let tail = download(&ana, &path, &[("range", "bytes=-5")]).await;
    assert_eq!((tail.status, &tail.bytes[..]), (206, &content[599_995..]));
    let beyond = download(&ana, &path, &[("range", "bytes=600000-")]).await;
    assert_eq!(beyond.header("content-range"), "bytes */600000");
    beyond.refused(416, "M_UNKNOWN");
    for range in ["bytes=0-1,5-6", "bytes=5-4", "pages=1-2"] {
        assert_eq!(download(&ana, &path, &[("range", range)]).await.status, 200, "{range}");
    }
    let current = download(&ana, &path, &[("range", "bytes=0-9"), ("if-range", &etag)]).await;
    assert_eq!((current.status, current.bytes.len()), (206, 10));
    let outdated = download(&ana, &path, &[("range", "bytes=0-9"), ("if-range", "\"other\"")]).await;
    assert_eq!((outdated.status, outdated.bytes.len()), (200, 600_000));

    let known = download(&ana, &path, &[("if-none-match", &etag)]).await;
    assert_eq!((known.status, known.bytes.len(), known.header("etag")), (304, 0, &*etag));
    assert_eq!(download(&ana, &path, &[("if-none-match", "\"other\"")]).await.status, 200);

    let head = ana.request(Method::HEAD, &format!("/v1/media/download/{path}")).header("range", "bytes=0-9");
    let head = ana.send_request(head).await;
    assert_eq!((head.status, head.header("content-length"), head.bytes.len()), (200, "600000", 0));
}

#[tokio::test]
async fn uploads_have_a_limit_however_they_come() {
    let server = Setup::default().set("media.max_upload_bytes", 300_000_i64).start().await;
    let ana = server.register("ana").await;
    for path in ["/v1/media/config", "/_matrix/media/v3/config"] {
        assert_eq!(ana.get(path).await.ok(), json!({ "m.upload.size": 300_000 }));
    }
    upload(&ana, "", "", &vec![1; 300_001]).await.refused(413, "M_TOO_LARGE");
    uploaded(&ana, "", "", &vec![1; 300_000]).await;
    uploaded(&ana, "", "", b"").await;

    // In chunks, so that nothing is announced.
    let mut stream = upload_stream(&server, &ana, "Transfer-Encoding: chunked").await;
    let mut chunk = b"30000\r\n".to_vec(); // 196,608
    chunk.resize(chunk.len() + 0x30000, 7);
    chunk.extend(b"\r\n");
    stream.write_all(&chunk).await.unwrap();
    stream.write_all(&chunk).await.unwrap();
    assert!(first_line(&mut stream).await.starts_with("HTTP/1.1 413"));
    incoming(&server, 0).await; // nothing is left of it
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let mut stream = upload_stream(&server, &ana, "Content-Length: 1000000").await;
    stream.write_all(&vec![7; 600_000]).await.unwrap();
    incoming(&server, 1).await;
    drop(stream);
    incoming(&server, 0).await;
}

/// A connection on which an upload has begun.
async fn upload_stream(server: &Server, client: &Client, header: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).await.unwrap();
    let token = client.token();
    let head = format!(
        "POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: im\r\nAuthorization: Bearer {token}\r\n{header}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn first_line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(line).unwrap()
}

/// Waits until this many uploads are under way.
async fn incoming(server: &Server, expected: usize) {
    let folder = server.engine().core.store.directory().join("media/incoming");
    let are_there = async || std::fs::read_dir(&folder).map_or(0, Iterator::count) == expected;
    until(&format!("{expected} uploads are under way"), are_there).await;
}

#[tokio::test]
async fn content_may_come_after_its_name() {
    const NOW: u64 = 1_700_000_000_000;
    let server = Setup::default().clock_at(NOW).start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let create = ana.post("/_matrix/media/v1/create", json!({})).await.ok();
    assert_eq!(create["unused_expires_at"], NOW + 24 * 60 * 60 * 1000);
    let path = path_of(&create["content_uri"]);
    let put = async |client: &Client, path: &str| {
        let request = client.request(Method::PUT, &format!("/_matrix/media/v3/upload/{path}?filename=late.gif"));
        client.send_request(request.header("content-type", "image/gif").body(PIXEL)).await
    };
    download(&ben, &format!("{path}?timeout_ms=0"), &[]).await.refused(504, "M_NOT_YET_UPLOADED");
    let thumbnail = format!("/v1/media/thumbnail/{path}?width=32&height=32&timeout_ms=0");
    ben.get(&thumbnail).await.refused(504, "M_NOT_YET_UPLOADED");
    put(&ben, &path).await.refused(403, "M_FORBIDDEN");
    put(&ana, "localhost/unknown").await.refused(404, "M_NOT_FOUND");
    let (waited, put_answer) = tokio::join!(download(&ben, &path, &[]), put(&ana, &path));
    assert_eq!(put_answer.ok(), json!({}));
    assert_eq!((waited.status, &*waited.bytes), (200, PIXEL));
    assert_eq!(waited.header("content-disposition"), "inline; filename=\"late.gif\"");
    put(&ana, &path).await.refused(409, "M_CANNOT_OVERWRITE_MEDIA");

    let unused = path_of(&ana.post("/_matrix/media/v1/create", json!({})).await.ok()["content_uri"]);
    server.advance(24 * 60 * 60 * 1000);
    put(&ana, &unused).await.refused(404, "M_NOT_FOUND");
    for _ in 0..64 {
        ana.post("/_matrix/media/v1/create", json!({})).await.ok();
    }
    let refusal = ana.post("/_matrix/media/v1/create", json!({})).await;
    assert!(!refusal.header("retry-after").is_empty());
    refusal.refused(429, "M_LIMIT_EXCEEDED");
}

#[tokio::test]
async fn thumbnails_and_their_parameters() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let path = uploaded(&ana, "", "application/octet-stream", PIXEL).await;
    let thumbnail = format!("/v1/media/thumbnail/{path}");
    for query in ["?width=32&height=32", "?width=32&height=32&method=crop", "?width=1&height=9000&animated=true"] {
        let answer = ana.get(&format!("{thumbnail}{query}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "image/gif"), "{query}");
        assert_eq!(answer.header("content-disposition"), "inline; filename=\"thumbnail.gif\"");
        assert_eq!(answer.bytes, PIXEL);
    }
    for (query, errcode) in [
        ("", "M_MISSING_PARAM"),
        ("?width=32", "M_MISSING_PARAM"),
        ("?width=32&height=a", "M_INVALID_PARAM"),
        ("?width=-1&height=32", "M_INVALID_PARAM"),
        ("?width=1.5&height=32", "M_INVALID_PARAM"),
        ("?width=0&height=32", "M_INVALID_PARAM"),
        ("?width=99999999999&height=32", "M_INVALID_PARAM"),
        ("?width=32&height=32&method=stretch", "M_INVALID_PARAM"),
        ("?width=32&height=32&animated=maybe", "M_INVALID_PARAM"),
        ("?width=32&height=32&timeout_ms=-1", "M_INVALID_PARAM"),
    ] {
        ana.get(&format!("{thumbnail}{query}")).await.refused(400, errcode);
    }
    let text = uploaded(&ana, "", "image/png", b"no picture").await;
    ana.get(&format!("/v1/media/thumbnail/{text}?width=32&height=32")).await.refused(400, "M_UNKNOWN");
    let mut bomb = PIXEL.to_vec();
    bomb[6..10].copy_from_slice(&[0xff; 4]);
    let bomb = uploaded(&ana, "", "image/gif", &bomb).await;
    ana.get(&format!("/v1/media/thumbnail/{bomb}?width=32&height=32")).await.refused(413, "M_TOO_LARGE");
}

/// A grey JPEG of `width` by `height`: two bits a block, a difference of nothing and the end of the block.
fn grey_jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0];
    bytes.extend([1; 64]);
    bytes.extend([0xFF, 0xC0, 0, 11, 8]);
    bytes.extend([height.to_be_bytes(), width.to_be_bytes()].concat());
    bytes.extend([1, 1, 0x11, 0]);
    for class in [0x00, 0x10] {
        bytes.extend([0xFF, 0xC4, 0, 20, class, 1]);
        bytes.extend([0; 16]);
    }
    bytes.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0]);
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    bytes.extend(vec![0; (2 * blocks).div_ceil(8)]);
    bytes.extend([0xFF, 0xD9]);
    bytes
}

#[tokio::test]
async fn pictures_of_phones() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    for (width, height) in [(8000, 6000), (12_000, 9000), (16_384, 12_288)] {
        let path = uploaded(&ana, "", "image/jpeg", &grey_jpeg(width, height)).await;
        for query in ["?width=320&height=240&method=scale", "?width=800&height=600&method=scale"] {
            let answer = ana.get(&format!("/v1/media/thumbnail/{path}{query}")).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, "image/jpeg"), "{width} {query}");
        }
    }
    let bomb = uploaded(&ana, "", "image/jpeg", &grey_jpeg(65_535, 65_535)[..200]).await;
    ana.get(&format!("/v1/media/thumbnail/{bomb}?width=32&height=32")).await.refused(413, "M_TOO_LARGE");
    let heic = uploaded(&ana, "", "image/heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").await;
    let refusal = ana.get(&format!("/v1/media/thumbnail/{heic}?width=32&height=32")).await;
    let refusal = refusal.refused(400, "M_UNKNOWN");
    assert!(refusal["error"].as_str().is_some_and(|message| message.contains("HEIC")), "{refusal}");
}

#[tokio::test]
async fn what_is_not_here_and_what_is_frozen() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let path = uploaded(&ana, "", "image/gif", PIXEL).await;
    for missing in ["localhost/unknown", "matrix.example.org/abc", "localhost/..%2F..%2Fim2.db", "a%20b/c"] {
        download(&ana, missing, &[]).await.refused(404, "M_NOT_FOUND");
        ana.get(&format!("/v1/media/thumbnail/{missing}?width=32&height=32")).await.refused(404, "M_NOT_FOUND");
    }
    for path in [format!("download/{path}"), format!("download/{path}/x"), format!("thumbnail/{path}?width=1")] {
        server.anonymous().get(&format!("/_matrix/media/v3/{path}")).await.refused(404, "M_NOT_FOUND");
    }
}

#[tokio::test]
async fn nobody_may_do_nothing() {
    let server = Server::start().await;
    let path = uploaded(&server.register("ana").await, "", "image/gif", PIXEL).await;
    let nobody = server.anonymous();
    for (method, path) in [
        (Method::GET, "/v1/media/config".to_owned()),
        (Method::GET, "/_matrix/media/v3/config".to_owned()),
        (Method::POST, "/_matrix/media/v3/upload".to_owned()),
        (Method::POST, "/_matrix/media/v1/create".to_owned()),
        (Method::PUT, format!("/_matrix/media/v3/upload/{path}")),
        (Method::GET, format!("/v1/media/download/{path}")),
        (Method::GET, format!("/v1/media/download/{path}/name")),
        (Method::GET, format!("/v1/media/thumbnail/{path}?width=32&height=32")),
        (Method::GET, "/v1/media/preview_url?url=https://example.org".to_owned()),
        (Method::GET, "/_matrix/media/v3/preview_url?url=https://example.org".to_owned()),
    ] {
        nobody.send_request(nobody.request(method, &path)).await.refused(401, "M_MISSING_TOKEN");
    }
}

#[tokio::test]
async fn previews_are_off_unless_switched_on() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    ana.get("/v1/media/preview_url?url=https://example.org").await.refused(404, "M_UNRECOGNIZED");

    let server = Setup::default().set("media.url_previews", true).start().await;
    let ana = server.register("ana").await;
    for path in ["/v1/media/preview_url", "/_matrix/media/v3/preview_url"] {
        ana.get(path).await.refused(400, "M_MISSING_PARAM");
        ana.get(&format!("{path}?url=ftp://example.org")).await.refused(400, "M_INVALID_PARAM");
        // The server itself is at a private address.
        let own = format!("{path}?url={}/_matrix/client/versions&ts=1510610716656", server.url());
        assert_eq!(ana.get(&own).await.ok(), json!({}));
    }
}
