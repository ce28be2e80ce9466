//! The forwarding unit alone, for tests with real clients: routes at `/`, and tokens for whoever asks at `/token`. Never
//! for use: anybody gets in. The arguments are the port of HTTP, 0 is any, and the addresses for media, by default that
//! of IPv4's loopback. The address of HTTP is printed when it is there.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use im2_rtc::{ApiKey, Claims, Grants, Options, Sfu, router};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let mut options = Options::new(ApiKey::new("test", b"a secret that everybody knows"));
    options.addresses = std::env::args().skip(2).map(|address| address.parse()).collect::<Result<_, _>>()?;
    if options.addresses.is_empty() {
        options.addresses.push(Ipv4Addr::LOCALHOST.into());
    }
    options.tcp_port = Some(0);
    let sfu = Sfu::start(options).await?;
    let routes = Router::new()
        .route("/token", get(token))
        .route("/metrics", get(metrics))
        .route("/remove", post(remove))
        .route("/mute", post(mute))
        .with_state(sfu.clone())
        .merge(router(sfu));
    let listener = tokio::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    #[expect(clippy::print_stdout, reason = "the test reads it")]
    {
        println!("http://{}", listener.local_addr()?);
    }
    axum::serve(listener, routes).await?;
    Ok(())
}

type Parameters = Query<HashMap<String, String>>;

async fn token(State(sfu): State<Sfu>, Query(parameters): Parameters) -> impl IntoResponse {
    let of = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    let mut grants = Grants::join(of("room"));
    grants.can_update_own_metadata = Some(true);
    grants.hidden = of("hidden") == "1";
    let mut claims = Claims::new(of("identity"), grants);
    of("identity").clone_into(&mut claims.name);
    let token = sfu.options().key.mint(&claims, SystemTime::now(), Duration::from_secs(3600));
    ([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], token)
}

async fn metrics(State(sfu): State<Sfu>) -> String {
    let metrics = sfu.metrics();
    let all = metrics.gauges().into_iter().chain(metrics.counters());
    all.fold(String::new(), |text, (name, _, value)| text + &format!("{name} {value}\n"))
}

async fn remove(State(sfu): State<Sfu>, Query(parameters): Parameters) {
    sfu.remove_participant(&parameters["room"], &parameters["identity"]).await;
}

async fn mute(State(sfu): State<Sfu>, Query(parameters): Parameters) {
    let muted = parameters["muted"] == "1";
    sfu.mute_track(&parameters["room"], &parameters["identity"], &parameters["track"], muted).await;
}
