//! The forwarding of calls: started by the settings, and mounted beside the API. It knows nothing of Matrix; who may join
//! which call is written in the tokens that are signed with its key.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
};
use im2_chat::calls::Standing;
use im2_edge::{calls::Signer, peer::Proxies};
use im2_engine::Engine;
use im2_model::address::is_public;
use im2_rtc::{ApiKey, Claims, ClientAddress, Grants, Limits, Options, Sfu};
use tokio::time::{MissedTickBehavior, interval, timeout};

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
        addresses: addresses(config).await,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        limits: Limits {
            participants: settings.participants,
            room_participants: settings.participants_per_call,
            ..Limits::default()
        },
        ..Options::new(ApiKey::new(KEY, &secret(engine).await?))
    };
    match Sfu::start(options).await {
        Ok(sfu) => Ok(Some(sfu)),
        Err(error) if settings.chosen => Err(error).context("rtc.udp_port, rtc.tcp_port and rtc.addresses"),
        Err(error) => {
            tracing::warn!(%error, "no calls: set rtc.udp_port and rtc.tcp_port to other ports, or rtc.enabled to false");
            Ok(None)
        }
    }
}

/// The addresses of the settings. Else, of a server that only this machine reaches, the loopback ones; of any other, the
/// machine's own, and those of the server's name, which may be a router's that forwards to it.
pub(crate) async fn addresses(config: &Config) -> Vec<IpAddr> {
    if !config.rtc.addresses.is_empty() {
        return config.rtc.addresses.clone();
    }
    if config.is_loopback_only() && config.public_url.is_none() {
        return config.http.bind.iter().map(std::net::SocketAddr::ip).collect();
    }
    let mut addresses = im2_rtc::own_addresses();
    if let Some(host) = config.public_host() {
        let found = timeout(RESOLVING, tokio::net::lookup_host((host.trim_matches(['[', ']']), 0))).await;
        let found = found.into_iter().flatten().flatten().map(|found| found.ip());
        addresses.extend(found.filter(|address| is_public(*address)));
    }
    addresses
}

/// How long the server's own name may take to be resolved; without it, calls still work where no router is in between.
const RESOLVING: Duration = Duration::from_secs(3);

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
        let grants = grants(ticket.call, ticket.may_publish);
        let mut claims = Claims::new(ticket.participant, grants);
        claims.holder = ticket.holder.to_vec();
        key.mint(&claims, SystemTime::now(), TOKEN_LIFETIME)
    })
}

fn grants(call: &str, may_publish: bool) -> Grants {
    Grants { can_publish: Some(may_publish), can_update_own_metadata: Some(true), ..Grants::join(call) }
}

/// How often it is looked whether who takes part may still do so. It is found out from what is in memory.
const LOOK: Duration = Duration::from_secs(1);

/// Throws out of their calls who is no longer in the room, and mutes who may not speak there any more, until the shutdown
/// begins. Looking at all of them each time catches every way in which somebody can lose that right.
pub(crate) async fn watch(engine: Arc<Engine>, sfu: Sfu) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = engine.core.shutdown.begun() => return,
            _ = ticks.tick() => {}
        }
        for call in sfu.rooms() {
            for participant in sfu.participants(&call).await {
                match engine.chat.calls.standing(&participant.holder).await {
                    Ok(Standing::Out) => sfu.remove_participant(&call, &participant.identity).await,
                    Ok(standing) => {
                        let may_publish = standing == Standing::Speaks;
                        if may_publish != participant.may_publish {
                            sfu.update_permissions(&call, &participant.identity, grants(&call, may_publish)).await;
                        }
                    }
                    Err(error) => tracing::warn!(%error, "whether a participant may stay in a call is not known"),
                }
            }
        }
    }
}

/// The routes of the forwarding beside all others. They stand outside of the edge: a WebSocket is no request that is
/// answered, and the token in its URL is looked at before anything else.
pub(crate) fn mount(router: Router, sfu: Sfu, proxies: Proxies) -> Router {
    let with_address = middleware::from_fn(move |mut request: Request, next: Next| {
        if let Some(address) = proxies.client(request.extensions(), request.headers()) {
            request.extensions_mut().insert(ClientAddress(address));
        }
        next.run(request)
    });
    Router::new().nest(PATH, im2_rtc::router(sfu).layer(with_address)).fallback_service(router)
}
