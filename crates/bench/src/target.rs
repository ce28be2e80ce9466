//! The server under test: its address, its process, and how accounts are registered on it.

use std::net::ToSocketAddrs;

use anyhow::{Context, Result, bail, ensure};
use http::{HeaderValue, Uri};

use crate::client::{Connection, Endpoint};
use crate::process::{Meter, Process};

/// A server under test.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name in the report.
    pub name: String,
    /// The address at which it listens.
    pub endpoint: Endpoint,
    /// Its process, where known: without one there are no figures of CPU and memory.
    pub process: Option<Process>,
    /// The secret of Synapse's shared-secret registration; without one, `m.login.dummy` registration is used.
    pub shared_secret: Option<String>,
    /// The room version asked for; without one, the server's default.
    pub room_version: Option<String>,
}

impl Target {
    /// A connection to it that opens at the first call.
    pub fn connect(&self) -> Connection {
        Connection::new(self.endpoint.clone())
    }

    /// A meter for its process.
    pub fn meter(&self) -> Meter {
        Meter::new(self.process)
    }
}

/// Resolves `http://host:port`. A load generator pointed at the wrong machine is an attack, so anything but loopback
/// has to be allowed explicitly.
pub fn resolve(url: &str, allow_remote: bool) -> Result<Endpoint> {
    let uri: Uri = url.parse().with_context(|| format!("`{url}` is not a URL"))?;
    ensure!(uri.scheme_str() == Some("http"), "`{url}`: only plain http:// is supported");
    let authority = uri.authority().with_context(|| format!("`{url}` names no host"))?;
    ensure!(matches!(uri.path(), "" | "/") && uri.query().is_none(), "`{url}`: give scheme, host and port only");
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let port = authority.port_u16().unwrap_or(80);
    let addresses = (host, port).to_socket_addrs().with_context(|| format!("cannot resolve `{host}`"))?;
    let mut chosen = None;
    for address in addresses {
        if !allow_remote && !address.ip().is_loopback() {
            bail!("{address} is not a loopback address; --allow-remote permits load on another machine");
        }
        // `localhost` often resolves to ::1 first while servers bind 127.0.0.1.
        if chosen.is_none() || address.is_ipv4() {
            chosen = Some(address);
        }
    }
    Ok(Endpoint {
        address: chosen.with_context(|| format!("`{host}` resolves to no address"))?,
        host: HeaderValue::from_str(authority.as_str()).context("the host is no header value")?,
        local: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_urls_are_resolved() {
        for (url, address) in [
            ("http://127.0.0.1:8008", "127.0.0.1:8008"),
            ("http://127.0.0.1:8008/", "127.0.0.1:8008"),
            ("http://[::1]:8008", "[::1]:8008"),
            ("http://127.1.2.3", "127.1.2.3:80"),
        ] {
            assert_eq!(resolve(url, false).expect(url).address.to_string(), address);
        }
    }

    #[test]
    fn other_machines_need_permission() {
        let url = "http://192.0.2.1:8008";
        let refusal = resolve(url, false).expect_err("not loopback").to_string();
        assert!(refusal.contains("--allow-remote"), "{refusal}");
        assert_eq!(resolve(url, true).expect("allowed").address.to_string(), "192.0.2.1:8008");
    }

    #[test]
    fn what_is_no_plain_http_base_url_is_refused() {
        for url in
            ["", "127.0.0.1:8008", "https://127.0.0.1", "http://127.0.0.1/path", "http://127.0.0.1/?q", "ftp://[::1]"]
        {
            assert!(resolve(url, true).is_err(), "{url:?}");
        }
    }
}
