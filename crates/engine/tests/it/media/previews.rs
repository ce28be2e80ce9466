//! URL previews of a site on this machine, and of what must not be fetched.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use im2_core::Code;
use im2_media::preview;
use im2_model::MxcUri;
use image::ImageFormat;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{NO_WAIT, bytes, files, find, pictures};
use crate::Fixture;

type Page = (&'static str, Vec<u8>);

/// A web site: answers from a table, and remembers what was asked.
struct Site {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    async fn start(address: &str, pages: impl FnOnce(SocketAddr) -> HashMap<&'static str, Page>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, pages) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(pages(address)));
        let remember = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&pages), Arc::clone(&remember)));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn answer(mut stream: TcpStream, pages: Arc<HashMap<&'static str, Page>>, asked: Arc<Mutex<Vec<String>>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let (head, body) = pages.get(&*path).cloned().unwrap_or(("404 Not Found", Vec::new()));
    asked.lock().unwrap().push(path);
    let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    // A client that has read enough may have gone.
    drop(stream.write_all(&[head.as_bytes(), &body].concat()).await);
}

const HTML: &str = "200 OK\r\nContent-Type: text/html; charset=utf-8";
const PNG: &str = "200 OK\r\nContent-Type: image/png";

fn pages() -> HashMap<&'static str, Page> {
    let picture = pictures::encoded(&pictures::halves(40, 30), ImageFormat::Png);
    let mut huge = b"<title>huge</title>".to_vec();
    huge.resize(600_000, b' ');
    huge.extend(b"<meta property='og:description' content='too late'>");
    HashMap::from([
        (
            "/page",
            (
                HTML,
                b"<title>A page</title><meta property='og:image' content='/img/cat.png'>
                <meta property='og:image:width' content='9999'><meta property='og:description' content='\xe4\xbd\xa0'>"
                    .to_vec(),
            ),
        ),
        ("/img/cat.png", (PNG, picture)),
        ("/fake", (HTML, b"<title>F</title><meta property='og:image' content='/fake.png'>".to_vec())),
        ("/fake.png", (PNG, b"no picture at all".to_vec())),
        ("/large", (HTML, b"<title>L</title><meta property='og:image' content='/large.png'>".to_vec())),
        ("/large.png", (PNG, vec![0; (10 << 20) + 1])),
        ("/huge", (HTML, huge)),
        ("/text", ("200 OK\r\nContent-Type: text/plain", b"<title>text</title>".to_vec())),
        ("/1", ("301 Moved Permanently\r\nLocation: /2", Vec::new())),
        ("/2", ("307 Temporary Redirect\r\nLocation: page#part", Vec::new())),
        ("/loop", ("302 Found\r\nLocation: /loop", Vec::new())),
        ("/file", ("302 Found\r\nLocation: file:///etc/passwd", Vec::new())),
        ("/error", ("500 Internal Server Error\r\nContent-Type: text/html", b"<title>oops</title>".to_vec())),
    ])
}

/// A server that may fetch from 127.0.0.1 at this port.
async fn fixture(port: u16) -> Fixture {
    let networks = vec!["127.0.0.1".parse().unwrap()];
    let options = preview::Options { ports: vec![port], networks, anywhere: false };
    Fixture::with(|all| all.media.url_previews = Some(options)).await
}

async fn look(fixture: &Fixture, url: &str) -> Value {
    let preview = fixture.engine.media.url_preview(url, None).await.unwrap();
    serde_json::from_str(&preview).unwrap()
}

#[tokio::test]
async fn a_page_is_described_and_its_picture_kept() {
    let site = Site::start("127.0.0.1:0", |_| pages()).await;
    let fixture = fixture(site.address.port()).await;
    let first = look(&fixture, &site.url("/page#a")).await;
    let uri = MxcUri::parse(first["og:image"].as_str().unwrap()).unwrap();
    let found = find(&fixture.engine, &uri, NO_WAIT).await.unwrap();
    let expected = json!({
        "og:title": "A page", "og:description": "你", "og:image": uri, "og:image:type": "image/png",
        "og:image:width": 40, "og:image:height": 30, "matrix:image:size": found.size,
    });
    assert_eq!(first, expected);
    assert_eq!(bytes(&fixture.engine, found.digest, found.size).await, pages()["/img/cat.png"].1);
    assert_eq!(site.asked(), ["/page", "/img/cat.png"]);
    assert_eq!(look(&fixture, &site.url("/page#b")).await, first);
    assert_eq!(site.asked().len(), 2, "kept");
    fixture.clock.advance(6 * 60 * 60 * 1000);
    assert_eq!(look(&fixture, &site.url("/page")).await, first, "the same picture stays the same media");
    assert_eq!(site.asked().len(), 4, "not for ever");
    assert_eq!(files(&fixture).len(), 1);
}

#[tokio::test]
async fn redirects_are_followed_so_far() {
    let site = Site::start("127.0.0.1:0", |_| pages()).await;
    let fixture = fixture(site.address.port()).await;
    assert_eq!(look(&fixture, &site.url("/1")).await["og:title"], "A page");
    let before = site.asked().len();
    assert_eq!(look(&fixture, &site.url("/loop")).await, json!({}));
    assert_eq!(site.asked().len() - before, 6);
    assert_eq!(look(&fixture, &site.url("/loop")).await, json!({}));
    assert_eq!(site.asked().len() - before, 6, "that there is nothing is kept as well");
    assert_eq!(look(&fixture, &site.url("/file")).await, json!({}));
}

#[tokio::test]
async fn pictures_have_previews_of_their_own() {
    let site = Site::start("127.0.0.1:0", |_| pages()).await;
    let fixture = fixture(site.address.port()).await;
    let preview = look(&fixture, &site.url("/img/cat.png")).await;
    assert_eq!((&preview["og:title"], &preview["og:image:width"]), (&json!("cat.png"), &json!(40)));
}

#[tokio::test]
async fn what_is_no_use_is_left_out() {
    let site = Site::start("127.0.0.1:0", |_| pages()).await;
    let fixture = fixture(site.address.port()).await;
    for (path, expected) in [
        ("/fake", json!({ "og:title": "F" })),
        ("/large", json!({ "og:title": "L" })),
        ("/huge", json!({ "og:title": "huge" })),
        ("/text", json!({})),
        ("/error", json!({})),
        ("/nowhere", json!({})),
    ] {
        assert_eq!(look(&fixture, &site.url(path)).await, expected, "{path}");
    }
    assert!(files(&fixture).is_empty());
}

#[tokio::test]
async fn many_who_ask_at_once_cause_one_fetch() {
    let site = Site::start("127.0.0.1:0", |_| pages()).await;
    let fixture = fixture(site.address.port()).await;
    let url = site.url("/huge");
    let asking: Vec<_> = (0..10)
        .map(|_| {
            let (media, url) = (fixture.engine.media.clone(), url.clone());
            tokio::spawn(async move { media.url_preview(&url, None).await })
        })
        .collect();
    for asked in asking {
        assert_eq!(&*asked.await.unwrap().unwrap(), r#"{"og:title":"huge"}"#);
    }
    assert_eq!(site.asked(), ["/huge"]);
}

#[tokio::test]
async fn the_private_network_is_not_reached() {
    // The same site at an address that is allowed and at one that is not.
    let inner = Site::start("127.0.0.2:0", |_| pages()).await;
    let port = inner.address.port();
    let to_inner = move |_| {
        let location = format!("302 Found\r\nLocation: http://127.0.0.2:{port}/page");
        let page =
            format!("<title>outer</title><meta property='og:image' content='http://127.0.0.2:{port}/img/cat.png'>");
        HashMap::from([("/to-inner", (&*location.leak(), Vec::new())), ("/picture", (HTML, page.into_bytes()))])
    };
    let outer = Site::start(&format!("127.0.0.1:{port}"), to_inner).await;
    let fixture = fixture(port).await;
    assert_eq!(look(&fixture, &outer.url("/to-inner")).await, json!({}));
    assert_eq!(look(&fixture, &outer.url("/picture")).await, json!({ "og:title": "outer" }));
    assert_eq!(outer.asked(), ["/to-inner", "/picture"]);
    for host in ["127.0.0.2", "2130706434", "0x7f.2", "0177.0.0.2", "127.2", "[::ffff:127.0.0.2]", "[::ffff:7f00:2]"] {
        assert_eq!(look(&fixture, &format!("http://{host}:{port}/page")).await, json!({}), "{host}");
    }
    assert_eq!(inner.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn other_ports_and_names_and_passwords_are_not_used() {
    let site = Site::start("127.0.0.1:0", |_| pages()).await;
    let port = site.address.port();
    let strict = Fixture::with(|all| {
        let networks = vec!["127.0.0.0/8".parse().unwrap()];
        all.media.url_previews = Some(preview::Options { networks, ..preview::Options::default() });
    });
    let strict = strict.await;
    assert_eq!(look(&strict, &site.url("/page")).await, json!({}));
    let with_password = format!("http://name:password@127.0.0.1:{port}/page");
    assert_eq!(look(&fixture(port).await, &with_password).await, json!({}));
    assert_eq!(site.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_url_must_be_one() {
    let fixture = fixture(80).await;
    let long = format!("http://127.0.0.1/{}", "a".repeat(2048));
    for url in ["", "page", "ftp://127.0.0.1/", "file:///etc/passwd", "javascript:alert(1)", "http://", &long] {
        let refusal = fixture.engine.media.url_preview(url, None).await.unwrap_err();
        assert_eq!(refusal.code(), Some(Code::InvalidParam), "{url}");
    }
}

#[tokio::test]
async fn previews_are_off_unless_wanted() {
    let fixture = Fixture::new().await;
    let refusal = fixture.engine.media.url_preview("https://example.org", None).await.unwrap_err();
    assert_eq!(refusal.code(), Some(Code::Unrecognized));
}
