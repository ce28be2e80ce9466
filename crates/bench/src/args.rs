//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, value_parser};

/// Measures a Matrix homeserver through its client-server API.
///
/// Turn off the rate limits of the server under test, build it for release, and give its process id, from which the
/// figures of CPU and memory come. Accounts and rooms of their own are created for every run and stay behind: use a
/// server whose data you can throw away. The exit status is 1 when anything was lost, duplicated or answered with
/// an error.
#[derive(Debug, Parser)]
#[command(name = "im2-bench", version)]
pub struct Cli {
    /// Options that all scenarios have in common.
    #[command(flatten)]
    pub common: Common,
    /// The scenario to measure.
    #[command(subcommand)]
    pub scenario: Scenario,
}

/// Options of all scenarios.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// Base URL of the server under test (plain HTTP)
    #[arg(long, global = true, default_value = "http://127.0.0.1:8008")]
    pub url: String,
    /// Process id of the server; its children are counted with it
    #[arg(long, global = true, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// Name of the server in the report [default: its host and port]
    #[arg(long, global = true)]
    pub name: Option<String>,
    /// Register through Synapse's shared-secret endpoint instead of open registration
    #[arg(long, global = true, value_name = "SECRET")]
    pub shared_secret: Option<String>,
    /// Base URL of a second server, measured in turn with the first
    #[arg(long, global = true, value_name = "URL")]
    pub compare: Option<String>,
    /// Process id of the second server
    #[arg(long, global = true, value_name = "PID", requires = "compare")]
    pub compare_pid: Option<u32>,
    /// Name of the second server in the report
    #[arg(long, global = true, value_name = "NAME", requires = "compare")]
    pub compare_name: Option<String>,
    /// Shared secret of the second server
    #[arg(long, global = true, value_name = "SECRET", requires = "compare")]
    pub compare_shared_secret: Option<String>,
    /// Room version to create rooms with [default: the server's]
    #[arg(long, global = true, value_name = "VERSION")]
    pub room_version: Option<String>,
    /// Write the figures to this file as JSON
    #[arg(long, global = true, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Permit load on addresses that are not loopback
    #[arg(long, global = true)]
    pub allow_remote: bool,
}

/// The scenarios.
#[derive(Debug, Clone, Subcommand)]
pub enum Scenario {
    /// Sends messages as fast as the server acknowledges them, and checks that each is there afterwards
    Sends(SendsOptions),
    /// Messages at a fixed rate into one room of syncing members: how fast and how cheaply each reaches all
    Fanout(FanoutOptions),
    /// Memory and CPU time of idle long polls
    Idle(IdleOptions),
    /// A full first /sync of an account in many rooms
    InitialSync(InitialSyncOptions),
    /// The first answers of /sync and sliding sync for accounts in very many rooms, and those that follow
    FirstSync(FirstSyncOptions),
    /// Starts a server and measures the time to its first answer, its idle memory and its shutdown
    Start(StartOptions),
    /// Kills a server under load (SIGKILL) again and again, and checks that nothing acknowledged is gone or doubled
    Crash(CrashOptions),
    /// Costs of a room of very many members: to bring it into memory after a start, to send, to join, to sync
    LargeRoom(LargeRoomOptions),
    /// Memory that stays in use: very many rooms, readers that do not read, a room of very much state
    Memory(MemoryOptions),
    /// One account after the other attacks while others talk: how much longer the others wait than in quiet
    Hostile(HostileOptions),
    /// Calls of groups: costs of forwarding, waits for the first media and after a change of address
    Calls(CallsOptions),
    /// All that measure, in one table per scenario
    All(AllOptions),
}

/// Options of `sends`.
#[derive(Debug, Clone, Args)]
pub struct SendsOptions {
    /// Rooms that messages are spread over
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(1..=10_000))]
    pub rooms: u32,
    /// Users who send; each is a member of every room
    #[arg(long, default_value_t = 4, value_parser = value_parser!(u32).range(1..=1000))]
    pub users: u32,
    /// Requests outstanding at any moment
    #[arg(long, default_value_t = 32, value_parser = value_parser!(u32).range(1..=4096))]
    pub outstanding: u32,
    /// Seconds of measurement
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=600))]
    pub seconds: u32,
    /// Seconds of the same load before the measurement
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u32).range(0..=120))]
    pub warm_up: u32,
    /// Bytes of text in a message
    #[arg(long, default_value_t = 80, value_parser = value_parser!(u32).range(1..=30_000))]
    pub body_bytes: u32,
}

/// Options of `fanout`.
#[derive(Debug, Clone, Args)]
pub struct FanoutOptions {
    /// Members of the room who follow it with long polls
    #[arg(long, default_value_t = 60, value_parser = value_parser!(u32).range(1..=10_000))]
    pub members: u32,
    /// Messages per second, sent whether or not the server keeps up
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u32).range(1..=10_000))]
    pub rate: u32,
    /// Seconds of measurement
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=600))]
    pub seconds: u32,
    /// Seconds of the same load before the measurement
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u32).range(0..=120))]
    pub warm_up: u32,
    /// Sends that may be outstanding; when all are, the next is late and its latency counts from when it was due
    #[arg(long, default_value_t = 16, value_parser = value_parser!(u32).range(1..=1024))]
    pub senders: u32,
    /// Seconds to wait for deliveries after the last send
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=300))]
    pub grace: u32,
    /// Bytes of text in a message
    #[arg(long, default_value_t = 80, value_parser = value_parser!(u32).range(1..=30_000))]
    pub body_bytes: u32,
}

/// Options of `idle`.
#[derive(Debug, Clone, Args)]
pub struct IdleOptions {
    /// Long polls held open
    #[arg(long, default_value_t = 2000, value_parser = value_parser!(u32).range(1..=100_000))]
    pub connections: u32,
    /// Users who share the connections evenly
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(1..=100_000))]
    pub users: u32,
    /// Seconds of idling over which CPU is measured
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=600))]
    pub seconds: u32,
}

/// Options of `initial-sync`.
#[derive(Debug, Clone, Args)]
pub struct InitialSyncOptions {
    /// Rooms the account is in
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(1..=10_000))]
    pub rooms: u32,
    /// Members of each room
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=1000))]
    pub members: u32,
    /// Messages in each room
    #[arg(long, default_value_t = 30, value_parser = value_parser!(u32).range(0..=10_000))]
    pub messages: u32,
    /// How often the sync is repeated
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=10_000))]
    pub times: u32,
}

/// Options of `first-sync`.
#[derive(Debug, Clone, Args)]
pub struct FirstSyncOptions {
    /// Rooms that the accounts are in: an account for each number
    #[arg(long, value_delimiter = ',', default_values_t = [500, 5000],
          value_parser = value_parser!(u32).range(1..=20_000))]
    pub rooms: Vec<u32>,
    /// Members of each room beside the accounts that are measured
    #[arg(long, default_value_t = 4, value_parser = value_parser!(u32).range(1..=20))]
    pub members: u32,
    /// Messages in each room
    #[arg(long, default_value_t = 12, value_parser = value_parser!(u32).range(1..=1000))]
    pub messages: u32,
    /// How often each request is measured, with the server's caches full and after a restart
    #[arg(long, default_value_t = 7, value_parser = value_parser!(u32).range(1..=1000))]
    pub times: u32,
    /// Let the output of a server that is started through
    #[arg(long)]
    pub show_output: bool,
    /// The command that runs the server in the foreground, listening at --url, so that it can be started anew
    /// before a request; without it, only a running server with full caches is measured
    #[arg(last = true)]
    pub command: Vec<String>,
}

/// Options of `calls`.
///
/// The server has to forward calls (`rtc.enabled`). Everybody is shown one camera large and the others small.
#[derive(Debug, Clone, Args)]
pub struct CallsOptions {
    /// People in a call: a call for each number
    #[arg(long, value_delimiter = ',', default_values_t = [2, 10, 50],
          value_parser = value_parser!(u32).range(2..=500))]
    pub groups: Vec<u32>,
    /// People whose microphone is on
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(0..=100))]
    pub voices: u32,
    /// People whose camera is on
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(0..=100))]
    pub cameras: u32,
    /// Seconds of measurement
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=600))]
    pub seconds: u32,
    /// The server is the example `unit` of im2-rtc, which only forwards calls
    #[arg(long)]
    pub unit: bool,
}

/// Options of `start`.
#[derive(Debug, Clone, Args)]
pub struct StartOptions {
    /// How often the server is started
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..=100))]
    pub times: u32,
    /// Seconds of idling before memory is read
    #[arg(long, default_value_t = 2, value_parser = value_parser!(u32).range(0..=60))]
    pub settle: u32,
    /// The server.
    #[command(flatten)]
    pub server: ServerCommand,
}

/// Options of `crash`.
#[derive(Debug, Clone, Args)]
pub struct CrashOptions {
    /// How often the server is killed and started again
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..=1000))]
    pub kills: u32,
    /// Seconds of load before each kill, and after the last start
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..=120))]
    pub seconds: u32,
    /// Rooms that messages are spread over
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=10_000))]
    pub rooms: u32,
    /// Requests outstanding at any moment
    #[arg(long, default_value_t = 32, value_parser = value_parser!(u32).range(1..=4096))]
    pub outstanding: u32,
    /// The server.
    #[command(flatten)]
    pub server: ServerCommand,
}

/// Options of `memory`.
#[derive(Debug, Clone, Args)]
pub struct MemoryOptions {
    /// Rooms of the account
    #[arg(long, default_value_t = 5_000, value_parser = value_parser!(u32).range(1..=20_000))]
    pub rooms: u32,
    /// Messages in each room
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(1..=1000))]
    pub messages: u32,
    /// Connections that ask for a first /sync and do not read the answer
    #[arg(long, default_value_t = 40, value_parser = value_parser!(u32).range(0..=1000))]
    pub readers: u32,
    /// State events of one room
    #[arg(long, default_value_t = 4_000, value_parser = value_parser!(u32).range(0..=100_000))]
    pub state_events: u32,
    /// Bytes of each of them
    #[arg(long, default_value_t = 55_000, value_parser = value_parser!(u32).range(1..=60_000))]
    pub state_bytes: u32,
}

/// Options of `hostile`.
///
/// The server is started twice on the same data: without rate limits to prepare the attacks, and with its own to
/// measure. Give it a data directory that can be thrown away.
#[derive(Debug, Clone, Args)]
pub struct HostileOptions {
    /// Others, who talk and follow with long polls
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(2..=1000))]
    pub talkers: u32,
    /// Rooms they talk in; each talker is a member of one
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=1000))]
    pub rooms: u32,
    /// Milliseconds between two messages of one talker
    #[arg(long, default_value_t = 500, value_parser = value_parser!(u32).range(50..=60_000))]
    pub interval: u32,
    /// Seconds that each attack lasts
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=600))]
    pub seconds: u32,
    /// Seconds of quiet that are measured before and after each attack
    #[arg(long, default_value_t = 6, value_parser = value_parser!(u32).range(1..=600))]
    pub quiet: u32,
    /// Seconds between an attack and the quiet after it, which are not measured
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(0..=600))]
    pub settle: u32,
    /// Connections of an attacker, where the attack is not of connections
    #[arg(long, default_value_t = 16, value_parser = value_parser!(u32).range(1..=1000))]
    pub lanes: u32,
    /// How many times as long as in quiet the others may wait (99th percentile)
    #[arg(long, default_value_t = 3.0)]
    pub bound: f64,
    /// Milliseconds that quiet counts as at least, so that noise does not decide
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=10_000))]
    pub floor: u32,
    /// Only these attacks, by the names in the report
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub only: Vec<String>,
    /// Set in the environment of the server while attacks are prepared
    #[arg(long, value_name = "NAME=VALUE", default_value = "IM2_RATE_LIMITS__ENABLED=false")]
    pub prepare_with: Vec<String>,
    /// Set in the environment of the server always: hosts that it is led to are on this machine
    #[arg(long, value_name = "NAME=VALUE", default_values = [
        "IM2_PUSH__ALLOW_PRIVATE_ADDRESSES=true",
        "IM2_MEDIA__ALLOW_PRIVATE_ADDRESSES=true",
        "IM2_MEDIA__URL_PREVIEWS=true",
    ])]
    pub with: Vec<String>,
    /// The server.
    #[command(flatten)]
    pub server: ServerCommand,
}

/// Options of `large-room`.
///
/// The members are users of an application service, which are quick to make. The server has to know it by this
/// registration: `as_token` as given here, `rate_limited: false`, and the users `@bench-member-.*`.
#[derive(Debug, Clone, Args)]
pub struct LargeRoomOptions {
    /// Members of the room
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u32).range(10..=1_000_000))]
    pub members: u32,
    /// How often each request is repeated
    #[arg(long, default_value_t = 100, value_parser = value_parser!(u32).range(1..=10_000))]
    pub times: u32,
    /// The application service's token
    #[arg(long, value_name = "TOKEN")]
    pub as_token: String,
    /// The server.
    #[command(flatten)]
    pub server: ServerCommand,
}

/// A server that a scenario starts itself.
#[derive(Debug, Clone, Args)]
pub struct ServerCommand {
    /// Let the server's own output through
    #[arg(long)]
    pub show_output: bool,
    /// The command that runs the server in the foreground, listening at --url
    #[arg(required = true, last = true)]
    pub command: Vec<String>,
}

/// Options of `all`. Each scenario has further options of its own.
#[derive(Debug, Clone, Args)]
pub struct AllOptions {
    /// Seconds of measurement in each scenario
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=600))]
    pub seconds: u32,
    /// Idle long polls
    #[arg(long, default_value_t = 2000, value_parser = value_parser!(u32).range(1..=100_000))]
    pub connections: u32,
    /// Rooms in `sends` and `initial-sync`
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u32).range(1..=10_000))]
    pub rooms: u32,
    /// Requests outstanding in `sends`
    #[arg(long, default_value_t = 32, value_parser = value_parser!(u32).range(1..=4096))]
    pub outstanding: u32,
    /// Syncing members in `fanout`
    #[arg(long, default_value_t = 60, value_parser = value_parser!(u32).range(1..=10_000))]
    pub members: u32,
    /// Messages per second in `fanout`
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u32).range(1..=10_000))]
    pub rate: u32,
    /// Command for `start`, split at spaces; without it, `start` is left out
    #[arg(long, value_name = "COMMAND", requires = "start_url")]
    pub start_command: Option<String>,
    /// Address at which the started server listens; not the running server's
    #[arg(long, value_name = "URL", requires = "start_command")]
    pub start_url: Option<String>,
    /// Command that starts the second server
    #[arg(long, value_name = "COMMAND", requires = "compare_start_url", requires = "start_command")]
    pub compare_start_command: Option<String>,
    /// Address at which the started second server listens
    #[arg(long, value_name = "URL", requires = "compare_start_command")]
    pub compare_start_url: Option<String>,
}

/// The defaults of a scenario's options, as the command line has them.
pub fn defaults<T: Args>() -> T {
    let command = T::augment_args(clap::Command::new("defaults"));
    let matches = command.try_get_matches_from(["defaults"]).expect("every option has a default");
    T::from_arg_matches(&matches).expect("every option has a default")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        assert_eq!(defaults::<SendsOptions>().outstanding, 32);
        assert_eq!(defaults::<FanoutOptions>().members, 60);
        assert_eq!(defaults::<IdleOptions>().connections, 2000);
        assert_eq!(defaults::<InitialSyncOptions>().rooms, 50);
        assert_eq!(defaults::<FirstSyncOptions>().rooms, [500, 5000]);
    }

    #[test]
    fn common_options_stand_before_or_after_the_scenario() {
        let parsed =
            Cli::try_parse_from(["im2-bench", "sends", "--rooms", "3", "--url", "http://[::1]:1"]).expect("valid");
        assert_eq!(parsed.common.url, "http://[::1]:1");
        let parsed =
            Cli::try_parse_from(["im2-bench", "--server-pid", "7", "start", "--", "im2", "serve"]).expect("valid");
        assert_eq!(parsed.common.server_pid, Some(7));
        assert!(matches!(parsed.scenario, Scenario::Start(start) if start.server.command == ["im2", "serve"]));
    }

    #[test]
    fn limits_are_enforced() {
        for arguments in [
            ["im2-bench", "sends", "--rooms", "0"],
            ["im2-bench", "fanout", "--rate", "1000000"],
            ["im2-bench", "sends", "--compare-pid", "1"],
        ] {
            assert!(Cli::try_parse_from(arguments).is_err(), "{arguments:?}");
        }
    }
}
