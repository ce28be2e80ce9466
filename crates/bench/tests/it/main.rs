//! The scenarios against a fake homeserver that does, or does not do, what it acknowledges.

mod calls;
mod fake;

use clap::Parser;
use fake::Fault;
use im2_bench::args::Cli;
use im2_bench::report::Report;
use im2_bench::scenario;

/// Runs a command line against one server and gives the reports.
async fn measure(url: &str, arguments: &str) -> anyhow::Result<Vec<Report>> {
    // The fake server runs in this process.
    let pid = std::process::id();
    measure_blindly(url, &format!("--server-pid {pid} {arguments}")).await
}

/// The same of a server whose process is not known.
async fn measure_blindly(url: &str, arguments: &str) -> anyhow::Result<Vec<Report>> {
    let cli = Cli::try_parse_from(["im2-bench", "--url", url].into_iter().chain(arguments.split(' ')))?;
    let mut all = Vec::new();
    scenario::run(&cli, &mut |reports| {
        all.extend(reports);
        Ok(())
    })
    .await?;
    Ok(all)
}

/// Runs one scenario against a server with a fault.
async fn measure_one(fault: Fault, arguments: &str) -> Report {
    let url = fake::start(fault).await;
    measure(&url, arguments).await.expect("the scenario runs").remove(0)
}

fn figure(report: &Report, name: &str) -> f64 {
    report.figures.iter().find(|figure| figure.name == name).unwrap_or_else(|| panic!("no figure `{name}`")).value
}

fn count(report: &Report, name: &str) -> u64 {
    figure(report, name) as u64
}

#[track_caller]
fn assert_faults(report: &Report, words: &[&str]) {
    for word in words {
        assert!(report.faults.iter().any(|fault| fault.contains(word)), "no `{word}` in {:?}", report.faults);
    }
    assert_eq!(report.faults.is_empty(), words.is_empty(), "{:?}", report.faults);
}

const SENDS: &str = "sends --rooms 3 --users 2 --outstanding 4 --seconds 1 --warm-up 0";
const FANOUT: &str = "fanout --members 3 --rate 60 --seconds 1 --warm-up 1 --grace 20";
/// Does not wait long for what will never come.
const LOSSY_FANOUT: &str = "fanout --members 3 --rate 60 --seconds 1 --warm-up 1 --grace 3";

#[tokio::test]
async fn a_sound_server_has_no_faults() {
    let report = measure_one(Fault::None, SENDS).await;
    assert_faults(&report, &[]);
    assert!(figure(&report, "acknowledged sends") > 10.0);
    assert!(figure(&report, "verified messages") >= figure(&report, "acknowledged sends"));
    assert!(figure(&report, "server CPU per send") > 0.0);
}

#[tokio::test]
async fn lost_messages_are_noticed() {
    let report = measure_one(Fault::Lose(10), SENDS).await;
    assert_faults(&report, &["lost"]);
    assert_eq!(count(&report, "lost"), count(&report, "verified messages") / 10);
}

#[tokio::test]
async fn duplicated_messages_are_noticed() {
    let report = measure_one(Fault::Duplicate(10), SENDS).await;
    assert_faults(&report, &["duplicated"]);
    assert_eq!(count(&report, "duplicated"), count(&report, "verified messages") / 10);
}

#[tokio::test]
async fn refused_messages_are_errors() {
    let report = measure_one(Fault::Refuse(10), SENDS).await;
    assert_faults(&report, &["errors", "500 M_UNKNOWN Out of order"]);
    assert_eq!(count(&report, "lost"), 0);
}

#[tokio::test]
async fn connections_that_the_server_closes_are_reopened() {
    let report = measure_one(Fault::Close(5), SENDS).await;
    assert_faults(&report, &[]);
    assert!(figure(&report, "verified messages") > 10.0);
}

#[tokio::test]
async fn every_member_receives_every_message_once() {
    let report = measure_one(Fault::None, FANOUT).await;
    assert_faults(&report, &[]);
    assert_eq!(count(&report, "messages delivered"), 180);
    assert_eq!(count(&report, "gaps filled from /messages"), 0);
}

#[tokio::test]
async fn missed_deliveries_are_noticed() {
    let report = measure_one(Fault::Lose(10), LOSSY_FANOUT).await;
    assert_faults(&report, &["missed deliveries"]);
    assert_eq!(count(&report, "missed deliveries"), 18);
}

#[tokio::test]
async fn duplicate_deliveries_are_noticed() {
    let report = measure_one(Fault::Duplicate(10), FANOUT).await;
    assert_faults(&report, &["duplicate deliveries"]);
}

#[tokio::test]
async fn gaps_are_filled_from_the_history() {
    let report = measure_one(Fault::Limit(20), FANOUT).await;
    assert_faults(&report, &[]);
    assert_eq!(count(&report, "messages delivered"), 180);
    assert!(figure(&report, "gaps filled from /messages") > 0.0);
}

#[tokio::test]
async fn idle_polls_stay_open() {
    let report = measure_one(Fault::None, "idle --connections 200 --users 3 --seconds 1").await;
    assert_faults(&report, &[]);
    assert_eq!(count(&report, "polls open at the end"), 200);
    assert_eq!(count(&report, "polls answered while idle"), 0);
}

#[tokio::test]
async fn two_servers_are_measured_in_one_run() {
    let (one, two) = (fake::start(Fault::None).await, fake::start(Fault::None).await);
    let arguments = format!("initial-sync --rooms 4 --members 2 --messages 9 --times 3 --compare {two}");
    let reports = measure(&one, &arguments).await.expect("the scenario runs");
    assert_eq!(reports.len(), 2);
    for report in &reports {
        assert!(figure(report, "answer") > 1.0);
    }
    assert_ne!(reports[0].target, reports[1].target);
    assert!(im2_bench::report::table(&reports).contains("better by"));
}

const FIRST_SYNC: &str = "first-sync --rooms 4 --members 2 --messages 3 --times 2";

#[tokio::test]
async fn each_kind_of_first_sync_has_its_figures() {
    // A server in the generator's own process is never quiet.
    let report = measure_blindly(&fake::start(Fault::None).await, FIRST_SYNC).await.expect("it runs").remove(0);
    assert_faults(&report, &[]);
    for what in ["first /sync", "list grown to all rooms, 1 event each", "sliding sync of one message"] {
        assert!(figure(&report, &format!("4 rooms, warm: {what}, time p50")) > 0.0, "{what}");
        assert!(figure(&report, &format!("4 rooms, warm: {what}, answer")) > 0.0, "{what}");
    }
}

/// Names the address on which this program, started again, is the fake server instead of a test.
const SERVE_AT: &str = "IM2_BENCH_TEST_SERVE_AT";

/// An address that was free, and the command that serves there.
fn own_server() -> (String, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let program = std::env::current_exe().expect("this program");
    let command = format!("env {SERVE_AT}={address} {} --ignored --exact serve", program.display());
    (format!("http://{address}"), command)
}

#[tokio::test]
#[ignore = "is the server that the tests of `start` and `crash` run"]
async fn serve() {
    let address = std::env::var(SERVE_AT).expect("an address to serve at");
    let listener = tokio::net::TcpListener::bind(address).await.expect("the address is free");
    fake::serve(listener, Fault::None).await;
}

#[tokio::test]
async fn a_server_is_started_and_stopped() {
    let (url, command) = own_server();
    let report = measure(&url, &format!("start --times 2 --settle 0 -- {command}")).await.expect("it starts").remove(0);
    assert_faults(&report, &[]);
    assert!(figure(&report, "ready after p50") > 0.0);
    assert!(figure(&report, "idle memory") > 0.1);
    measure(&url, "start --times 1 --settle 0 -- true").await.expect_err("nothing is left running");
}

#[tokio::test]
async fn a_server_that_forgets_in_a_crash_is_caught() {
    let (url, command) = own_server();
    let arguments = format!("crash --kills 1 --seconds 1 --rooms 2 --outstanding 4 -- {command}");
    let report = measure(&url, &arguments).await.expect("it starts").remove(0);
    assert_faults(&report, &["lost"]);
    assert!(count(&report, "lost") < count(&report, "verified messages"));
    assert_eq!(count(&report, "duplicated"), 0);
}

#[tokio::test]
async fn a_first_sync_without_all_rooms_is_refused() {
    let (url, command) = own_server();
    let error = measure(&url, &format!("{FIRST_SYNC} -- {command}")).await.expect_err("it forgets at each start");
    assert!(format!("{error:#}").contains("0 rooms instead of 4"), "{error:#}");
}

#[tokio::test]
async fn a_server_that_ends_before_it_answers_is_reported() {
    let error = measure("http://127.0.0.1:1", "start -- true").await.expect_err("`true` is no server");
    assert!(format!("{error:#}").contains("before it answered"), "{error:#}");
}

#[tokio::test]
async fn a_start_is_refused_where_something_answers() {
    let url = fake::start(Fault::None).await;
    let error = measure(&url, "start -- true").await.expect_err("the address is taken");
    assert!(format!("{error:#}").contains("already answers"), "{error:#}");
}
