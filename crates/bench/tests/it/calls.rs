//! `calls` against a forwarding unit in the same process.

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::get;
use im2_rtc::{ApiKey, Claims, Grants, Options, Sfu, router};

use super::measure;

/// A unit that lets everybody in, `participants` to a room.
async fn unit(participants: usize) -> String {
    let mut options = Options::new(ApiKey::new("test", b"a secret of tests"));
    options.addresses = vec![Ipv4Addr::LOCALHOST.into()];
    options.limits.room_participants = participants;
    let sfu = Sfu::start(options).await.expect("the unit starts");
    let routes = Router::new().route("/token", get(token)).with_state(sfu.clone()).merge(router(sfu));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

async fn token(State(sfu): State<Sfu>, RawQuery(query): RawQuery) -> String {
    let query = query.unwrap_or_default();
    let (room, identity) = query.split_once('&').expect("a room and an identity");
    let claims = Claims::new(identity, Grants::join(room));
    sfu.options().key.mint(&claims, SystemTime::now(), Duration::from_secs(60))
}

#[tokio::test]
async fn a_call_is_measured() {
    let url = unit(9).await;
    let report = measure(&url, "calls --unit --groups 4 --voices 2 --cameras 1 --seconds 2").await.expect("it runs");
    let report = &report[0];
    assert_eq!(report.faults, [""; 0]);
    let figure = |name: &str| report.rows[0].figures.iter().find(|figure| figure.name == name).expect(name).value;
    // Two voices and a camera for each of four people, but for those that they send themselves.
    assert!((figure("streams") - 9.0).abs() < 0.1);
    // The one camera is shown large by three people: at 1.5 Mbit each, some of which the beginning takes.
    let forwarded = figure("forwarded");
    assert!((1.0..6.0).contains(&forwarded), "{forwarded}");
    assert!(figure("first media p95") > 0.0 && figure("new address p95") > 0.0 && figure("CPU per packet") > 0.0);
}

#[tokio::test]
async fn whoever_is_not_let_in_is_a_fault() {
    let url = unit(2).await;
    let report = measure(&url, "calls --unit --groups 3 --seconds 1").await.expect("it runs");
    let faults = report[0].faults.join("; ");
    assert!(faults.contains("cannot be reached") && faults.contains("not receive everything"), "{faults}");
}
