//! The forwarding of calls: started by the settings, and mounted beside the API. It knows nothing of Matrix; who may join
//! which call is written in the tokens that are signed with its key.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result};
use axum::Router;
use im2_edge::calls::Signer;
use im2_engine::Engine;
use im2_rtc::{ApiKey, Claims, Grants, Limits, Options, Sfu};

use crate::config::Config;

/// Where clients are told to connect.
pub(crate) const PATH: &str = "/livekit/sfu";
/// The name under which the secret of tokens is kept, beside the key that signs events.
const SECRET: &str = "rtc_secret";
/// The name of the key in tokens.
const KEY: &str = "im2";
/// Bytes of the secret: as many as the hash that it is used with has.
const SECRET_LENGTH: usize = 32;

/// Starts the forwarding, if the settings want it.
pub(crate) async fn start(config: &Config, engine: &Engine) -> Result<Option<Sfu>> {
    let settings = &config.rtc;
    if !settings.enabled {
        return Ok(None);
    }
    let options = Options {
        udp_port: settings.udp_port,
        tcp_port: settings.tcp_port,
        addresses: addresses(config),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        limits: Limits {
            participants: settings.participants,
            room_participants: settings.participants_per_call,
            ..Limits::default()
        },
        ..Options::new(ApiKey::new(KEY, &secret(engine).await?))
    };
    let sfu = Sfu::start(options).await.context("rtc.udp_port, rtc.tcp_port and rtc.addresses")?;
    Ok(Some(sfu))
}

/// The addresses of the settings; of a server that only this machine reaches, the loopback ones.
fn addresses(config: &Config) -> Vec<IpAddr> {
    if config.rtc.addresses.is_empty() && config.is_loopback_only() && config.public_url.is_none() {
        return config.http.bind.iter().map(std::net::SocketAddr::ip).collect();
    }
    config.rtc.addresses.clone()
}

/// The secret of this server's tokens, made when it is first needed.
async fn secret(engine: &Engine) -> Result<Vec<u8>> {
    let mut fresh = vec![0; SECRET_LENGTH];
    engine.core.random.fill(&mut fresh);
    let kept = engine.core.store.write(move |tx| match tx.server_value(SECRET)? {
        Some(kept) => Ok(kept),
        None => tx.set_server_value(SECRET, &fresh).map(|()| fresh.clone()),
    });
    kept.await.context("the secret of calls")
}

/// How long a token lets somebody in: clients ask for one and connect at once.
const TOKEN_LIFETIME: Duration = Duration::from_secs(600);

/// Signs tokens for the calls of this unit.
pub(crate) fn signer(sfu: &Sfu) -> Signer {
    let key = sfu.options().key.clone();
    Signer::by(move |ticket| {
        let grants = Grants {
            can_publish: Some(ticket.may_publish),
            can_update_own_metadata: Some(true),
            ..Grants::join(ticket.call)
        };
        key.mint(&Claims::new(ticket.participant, grants), SystemTime::now(), TOKEN_LIFETIME)
    })
}

/// The routes of the forwarding beside all others. They stand outside of the edge: a WebSocket is no request that is
/// answered, and the token in its URL is looked at before anything else.
pub(crate) fn mount(router: Router, sfu: Sfu) -> Router {
    Router::new().nest(PATH, im2_rtc::router(sfu)).fallback_service(router)
}
