//! The HTTP side: where clients connect, by a WebSocket, and ask why they could not.

mod places;
mod request;
mod socket;

use axum::Router;
use axum::extract::{Extension, RawQuery, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::room::link;
use crate::sfu::{JoinError, Sfu};
pub use places::ClientAddress;
pub(crate) use places::Places;
use places::{Full, Place};
use request::{Connecting, Purpose, Version};

/// The routes: `/rtc`, `/rtc/v1`, and `/validate` below each. To be mounted at the path that clients are told.
pub fn router(sfu: Sfu) -> Router {
    Router::new()
        .route("/rtc", get(connect_v0))
        .route("/rtc/v1", get(connect_v1))
        .route("/rtc/validate", get(validate_v0))
        .route("/rtc/v1/validate", get(validate_v1))
        .with_state(sfu)
}

/// A refusal, as clients expect it: a status and a sentence.
#[derive(Debug)]
pub(crate) struct Refusal(StatusCode, String);

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self(status, text.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // Pages of any origin ask; the token in the request is what lets them in.
        (self.0, [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], self.1).into_response()
    }
}

async fn validate_v0(State(sfu): State<Sfu>, query: RawQuery, headers: HeaderMap) -> Result<Response, Refusal> {
    validate(&sfu, Version::V0, query, &headers)
}

async fn validate_v1(State(sfu): State<Sfu>, query: RawQuery, headers: HeaderMap) -> Result<Response, Refusal> {
    validate(&sfu, Version::V1, query, &headers)
}

fn validate(sfu: &Sfu, version: Version, RawQuery(query): RawQuery, headers: &HeaderMap) -> Result<Response, Refusal> {
    Connecting::read(sfu, version, query.as_deref().unwrap_or_default(), headers)?;
    Ok(([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], "success").into_response())
}

type Upgrade = Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>;

type Address = Option<Extension<ClientAddress>>;

async fn connect_v0(
    State(sfu): State<Sfu>,
    query: RawQuery,
    headers: HeaderMap,
    address: Address,
    upgrade: Upgrade,
) -> Result<Response, Refusal> {
    connect(sfu, Version::V0, query, headers, address, upgrade).await
}

async fn connect_v1(
    State(sfu): State<Sfu>,
    query: RawQuery,
    headers: HeaderMap,
    address: Address,
    upgrade: Upgrade,
) -> Result<Response, Refusal> {
    connect(sfu, Version::V1, query, headers, address, upgrade).await
}

/// A place for another signalling connection.
fn place(sfu: &Sfu, connecting: &Connecting, address: Address) -> Result<Place, Refusal> {
    let address = address.map(|Extension(ClientAddress(address))| address);
    sfu.places().take(connecting.purpose.participant(), address, &sfu.options().limits).map_err(|full| {
        sfu.metrics().refused.up();
        let status = match full {
            Full::All => StatusCode::SERVICE_UNAVAILABLE,
            Full::Address | Full::Participant => StatusCode::TOO_MANY_REQUESTS,
        };
        Refusal::new(status, full.to_string())
    })
}

async fn connect(
    sfu: Sfu,
    version: Version,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    address: Address,
    upgrade: Upgrade,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|_| Refusal::new(StatusCode::NOT_FOUND, "this is for WebSockets"))?;
    let connecting = Connecting::read(&sfu, version, query.as_deref().unwrap_or_default(), &headers)?;
    let place = place(&sfu, &connecting, address)?;
    let limits = &sfu.options().limits;
    let (link, outgoing) = link(sfu.next_number(), limits.signal_queue);
    let number = link.id;
    let upgrade = upgrade.max_message_size(limits.signal_message).max_frame_size(limits.signal_message);
    let seat = match connecting.purpose {
        Purpose::Join(joining, request) => {
            let seat = sfu.join(*joining, request.map(|request| *request), link).await;
            Some(seat.map_err(|error| match error {
                JoinError::Full | JoinError::Busy => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
                JoinError::Many => Refusal::new(StatusCode::TOO_MANY_REQUESTS, error.to_string()),
                JoinError::Removed => Refusal::new(StatusCode::UNAUTHORIZED, error.to_string()),
            })?)
        }
        Purpose::Resume { room, sid, identity } => sfu.resume(&room, &sid, &identity, link).await,
    };
    Ok(upgrade.on_upgrade(move |socket| async move {
        match seat {
            Some(seat) => socket::serve(socket, seat, number, outgoing, &sfu).await,
            None => socket::no_session(socket).await,
        }
        drop(place);
    }))
}
