//! The address at which a client reaches this server (spec: "Server Discovery").

use std::{convert::Infallible, sync::Arc};

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts, uri::Authority};
use serde_json::{Value, json};

use crate::{
    Api,
    peer::{Peer, Proxies},
};

/// The server's address: the operator's `public_url`, else the one in the request; `None` if there is a proxy in
/// between that does not tell how it was reached.
#[derive(Debug)]
pub struct BaseUrl(Option<String>);

impl BaseUrl {
    /// The content of `/.well-known/matrix/client`.
    pub fn well_known(&self) -> Option<Value> {
        self.0.as_ref().map(|url| json!({ "m.homeserver": { "base_url": url } }))
    }

    /// The way to calls, as clients are told of it (MSC4143, MSC4195).
    pub fn call_transport(&self) -> Option<Value> {
        self.0.as_ref().map(|url| json!({ "type": "livekit", "livekit_service_url": format!("{url}/livekit/jwt") }))
    }

    /// The address of the unit that forwards the media of calls, for WebSockets.
    pub fn call_media(&self) -> Option<String> {
        self.0.as_ref().map(|url| format!("{}/livekit/sfu", url.replacen("http", "ws", 1)))
    }
}

impl FromRequestParts<Arc<Api>> for BaseUrl {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Infallible> {
        let options = &api.options;
        Ok(Self(options.public_url.clone().or_else(|| reached_at(parts, &options.proxies))))
    }
}

/// The address at which a request reached the server, if it is known.
fn reached_at(parts: &Parts, proxies: &Proxies) -> Option<String> {
    let peer = parts.extensions.get::<Peer>()?.0.ip().to_canonical();
    let forwarded = |name| header(&parts.headers, name).filter(|_| proxies.trust(peer));
    let scheme = match forwarded("x-forwarded-proto") {
        Some(scheme) => Some(scheme).filter(|scheme| matches!(*scheme, "http" | "https"))?,
        None if forwarded("x-forwarded-for").is_some() => return None,
        None => "http",
    };
    let host = forwarded("x-forwarded-host").or_else(|| header(&parts.headers, header::HOST.as_str()))?;
    let host: Authority = host.parse().ok()?;
    (!host.as_str().contains('@')).then(|| format!("{scheme}://{host}"))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::reached_at;
    use crate::peer::{Network, Peer, Proxies};
    use http::Request;

    fn reached(peer: &str, headers: &[(&str, &str)]) -> Option<String> {
        let mut request = Request::builder().extension(Peer(format!("{peer}:1").parse().unwrap()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        reached_at(&parts, &Proxies::new(Network::parse("127.0.0.1").into_iter().collect()))
    }

    #[test]
    fn the_request_says_where_it_came_to() {
        let host = ("host", "192.168.1.5:8008");
        assert_eq!(reached("192.168.1.9", &[host]).as_deref(), Some("http://192.168.1.5:8008"));
        assert_eq!(reached("192.168.1.9", &[("host", "[fd00::5]:8008")]).as_deref(), Some("http://[fd00::5]:8008"));
        assert_eq!(reached("192.168.1.9", &[]), None);
        for bad in ["a b", "", "user@example.org", "example.org/path"] {
            assert_eq!(reached("192.168.1.9", &[("host", bad)]), None, "{bad}");
        }
    }

    #[test]
    fn a_proxy_says_how_it_was_reached_or_nothing_is_known() {
        let (host, from) = (("host", "im.example.org"), ("x-forwarded-for", "203.0.113.9"));
        let https = ("x-forwarded-proto", "https");
        assert_eq!(reached("127.0.0.1", &[host, from, https]).as_deref(), Some("https://im.example.org"));
        assert_eq!(reached("127.0.0.1", &[host, from]), None);
        assert_eq!(reached("127.0.0.1", &[host, ("x-forwarded-proto", "gopher")]), None);
        let named = ("x-forwarded-host", "chat.example.org");
        assert_eq!(reached("127.0.0.1", &[host, https, named]).as_deref(), Some("https://chat.example.org"));
        assert_eq!(reached("203.0.113.9", &[host, https, named]).as_deref(), Some("http://im.example.org"));
    }
}
