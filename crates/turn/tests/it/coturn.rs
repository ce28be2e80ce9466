//! coturn's own client, `turnutils_uclient`, which checks what it gets back. Debian has it in the package `coturn`;
//! `cargo xtask test` installs it. Without it these tests say so and are left out.

use std::{net::SocketAddr, process::Stdio};

use im2_turn::{Counter, Limits, Options};
use tokio::process::Command;

use super::{Server, credentials, echo, options};

const CLIENT: &str = "turnutils_uclient";

/// What the client says of itself at the end.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    sent: u64,
    received: u64,
}

fn is_installed() -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(CLIENT).exists()));
    if !found {
        eprintln!("{CLIENT} is not installed (Debian: apt-get install coturn): this test is left out");
    }
    found
}

/// Runs the client with `flags` against a server; its report, or what it said if it made none.
async fn run(
    server: SocketAddr,
    peer: Option<SocketAddr>,
    (username, password): &(String, String),
    flags: &str,
) -> Result<Report, String> {
    let mut command = Command::new(CLIENT);
    command.args(flags.split_whitespace()).args(["-u", username, "-w", password]);
    if let Some(peer) = peer {
        command.args(["-e", &peer.ip().to_string(), "-r", &peer.port().to_string()]);
    }
    command.args(["-p", &server.port().to_string(), &server.ip().to_string()]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(std::time::Duration::from_secs(50), command.output()).await;
    let Ok(output) = output else { return Err("it did not end".into()) };
    let output = output.unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let total = |name: &str| -> Option<u64> {
        let line = said.lines().rev().find(|line| line.contains("start_mclient: tot_send_msgs"))?;
        let (_, rest) = line.split_once(&format!("{name}="))?;
        rest.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok()
    };
    match (total("tot_send_msgs"), total("tot_recv_msgs")) {
        (Some(sent), Some(received)) if output.status.success() => Ok(Report { sent, received }),
        _ => Err(said),
    }
}

/// Runs the client over a transport with each way to send, and to a peer or to itself through the server.
async fn all_ways(flags: &str, server: impl Fn(&Server) -> SocketAddr) {
    if !is_installed() {
        return;
    }
    let running = Server::start(options()).await;
    let (peer, _echo) = echo().await;
    let ana = credentials("@ana:example.org", 600);
    // By channels, by indications, with padding, with more requests, with two allocations for each pair of ports.
    for way in ["-c", "-c -s", "-c -D", "-c -G", "", "-y -c"] {
        let peer = (!way.starts_with("-y")).then_some(peer);
        let report = run(server(&running), peer, &ana, &format!("{flags} {way} -n 20 -m 2 -l 171 -z 10")).await;
        let report = report.unwrap_or_else(|said| panic!("{flags} {way}: {said}"));
        let counters: Vec<_> = running.counters.all().filter(|(_, _, value)| *value > 0).collect();
        assert!(report.sent >= 40 && report.received == report.sent, "{flags} {way}: {report:?} {counters:?}");
    }
    assert!(running.count(Counter::PacketsToPeers) >= 240 && running.count(Counter::BytesToClients) >= 240 * 171);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_udp() {
    all_ways("", |server| server.address).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tcp() {
    all_ways("-t", |server| server.address).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls() {
    all_ways("-t -S", |server| server.tls_address).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_peers_are_refused() {
    if !is_installed() {
        return;
    }
    let server = Server::start(Options { allowed_peers: Vec::new(), ..options() }).await;
    let (peer, _echo) = echo().await;
    let ana = credentials("@ana:example.org", 600);
    // The peer is at the relayed addresses' own: its port is none of theirs.
    let outcome = run(server.address, Some(peer), &ana, "-c -n 5 -z 5").await;
    assert!(!matches!(outcome, Ok(Report { received: 1.., .. })), "{outcome:?}");
    // Another one of the same machine.
    let elsewhere = SocketAddr::from(([127, 0, 0, 2], peer.port()));
    let outcome = run(server.address, Some(elsewhere), &ana, "-c -n 5 -z 5").await;
    assert!(!matches!(outcome, Ok(Report { received: 1.., .. })), "{outcome:?}");
    assert!(server.count(Counter::ForbiddenPeers) >= 2 && server.count(Counter::BytesToPeers) == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_and_expired_credentials_are_refused() {
    if !is_installed() {
        return;
    }
    let server = Server::start(options()).await;
    let (peer, _echo) = echo().await;
    let good = credentials("@ana:example.org", 600);
    let expired = credentials("@ana:example.org", -1);
    let wrong = (good.0.clone(), "guess".to_owned());
    let others = (credentials("@ben:example.org", 600).0, good.1.clone());
    for bad in [expired, wrong, others] {
        let outcome = run(server.address, Some(peer), &bad, "-c -n 5 -z 5").await;
        assert!(
            outcome.as_ref().is_err_and(|said| said.contains("Cannot complete Allocation")),
            "{bad:?}: {outcome:?}"
        );
    }
    assert_eq!((server.count(Counter::Allocated), server.counters.allocations()), (0, 0));
    run(server.address, Some(peer), &good, "-c -n 5 -z 5").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_has_used_up_their_quota_hinders_nobody() {
    if !is_installed() {
        return;
    }
    let limits = Limits { allocations_per_user: 4, bytes_per_second: 50_000, ..Limits::default() };
    let server = Server::start(Options { limits, ..options() }).await;
    let (peer, _echo) = echo().await;
    let (ana, ben) = (credentials("@ana:example.org", 600), credentials("@ben:example.org", 600));
    let refused = run(server.address, Some(peer), &ana, "-c -n 5 -z 5 -m 8").await;
    assert!(refused.is_err() && server.count(Counter::AllocationsRefused) > 0, "{refused:?}");
    // She still holds what she got. A third user sends as much as there is; another one's few packets all come back.
    assert_eq!(server.counters.allocations(), 4);
    let greedy = credentials("@greedy:example.org", 600);
    let flood = run(server.address, Some(peer), &greedy, "-c -n 300 -z 1 -m 2 -l 1000");
    let call = run(server.address, Some(peer), &ben, "-c -n 50 -z 20 -l 160");
    let (flood, call) = tokio::join!(flood, call);
    let call = call.unwrap();
    assert_eq!((call.sent, call.received), (50, 50));
    assert!(server.count(Counter::OverBandwidth) > 100, "{flood:?}");
}
