//! Headers of any bytes.

use im2_fuzz::{cases, text};
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use reqwest::{Method, header::HeaderValue};

use super::{World, is_an_answer};

const NAMES: &[&str] = &[
    "authorization",
    "range",
    "if-none-match",
    "if-range",
    "content-type",
    "accept-language",
    "accept",
    "origin",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-request-id",
    "user-agent",
    "access-control-request-method",
    "content-disposition",
    "cookie",
];

fn value() -> impl Strategy<Value = Vec<u8>> {
    let valid = [
        "Bearer token",
        "bytes=0-4",
        "bytes=-500",
        "\"etag\"",
        "W/\"a\", \"b\"",
        "text/html; charset=utf-8",
        "image/png",
        "multipart/form-data; boundary=x",
        "en;q=0.5, zh",
        "127.0.0.1, 203.0.113.9",
        "https",
        "example.org:443",
        "POST",
        "attachment; filename*=utf-8''a%00b",
    ];
    prop_oneof![
        text::mutated_bytes(valid.iter().map(|value| value.as_bytes().to_vec()).collect()),
        text::any_text().prop_map(String::into_bytes),
    ]
}

#[test]
fn any_headers_are_answered() {
    let world = World::new();
    let upload = |kind: &'static str| {
        let request = world.ana.request(Method::POST, "/_matrix/media/v3/upload?filename=a%22b.txt");
        world.runtime.block_on(world.ana.send_request(request.header("content-type", kind).body("0123456789"))).ok()
    };
    let uri = upload("text/plain")["content_uri"].as_str().unwrap().replace("mxc://", "/v1/media/download/");
    let paths = [
        (Method::GET, uri),
        (Method::GET, "/v3/sync?timeout=0".to_owned()),
        (Method::OPTIONS, "/v3/sync".to_owned()),
        (Method::POST, "/_matrix/media/v3/upload".to_owned()),
        (Method::GET, "/".to_owned()),
        (Method::GET, "/_matrix/client/versions".to_owned()),
        (Method::POST, "/v3/login".to_owned()),
        (Method::GET, "/.well-known/matrix/client".to_owned()),
    ];
    let headers = prop::collection::vec((select(NAMES), value()), 0..4);
    let outcome = TestRunner::new(cases(1)).run(&(select(paths.to_vec()), headers), |((method, path), headers)| {
        let mut request = world.ana.request(method.clone(), &path);
        let mut shown = true;
        for (name, value) in headers {
            let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
            shown &= name != "authorization";
            request = request.header(name, value);
        }
        if method == Method::POST {
            request = request.body("{}");
        }
        let answer = world.runtime.block_on(world.ana.send_request(request));
        if answer.status == 404 && path == "/" {
            return Ok(()); // the web client may not be there
        }
        if method != Method::OPTIONS && answer.status != 304 {
            is_an_answer(&answer)?;
        }
        if shown && answer.status == 206 {
            let range = answer.header("content-range").to_owned();
            let (first, rest) = range.strip_prefix("bytes ").unwrap().split_once('-').unwrap();
            let (first, last): (usize, usize) =
                (first.parse().unwrap(), rest.strip_suffix("/10").unwrap().parse().unwrap());
            prop_assert_eq!(&answer.bytes, &b"0123456789"[first..=last]);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
