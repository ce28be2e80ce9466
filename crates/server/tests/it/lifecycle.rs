//! The executable from start to end: the texts it prints, the settings it refuses, and the files it leaves behind.

use std::{
    io::{BufRead as _, BufReader},
    net::UdpSocket,
    process::{Command, Stdio},
};

use im2_testkit::{Binary, Client, Setup};

fn binary() -> Binary {
    Binary::new(env!("CARGO_BIN_EXE_im2"))
}

#[tokio::test]
async fn it_prints_one_line_when_it_answers_and_ends_in_order() {
    let binary = binary();
    for signal in ["TERM", "INT"] {
        let server = binary.serve(&[]);
        server.anonymous().get("/_matrix/client/versions").await.ok();
        server.signal(signal);
        let (status, output, log) = server.wait();
        assert!(status.success(), "{status}: {log}");
        assert_eq!(output, "", "one line is all that is printed");
        assert!(log.contains("stopped"), "{log}");
    }
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_the_end() {
    let binary = binary();
    let server = binary.serve(&[]);
    let idle = server.anonymous();
    idle.get("/_matrix/client/versions").await.ok(); // and keeps the connection
    let began = std::time::Instant::now();
    server.signal("TERM");
    let (status, _, log) = server.wait();
    assert!(status.success() && began.elapsed().as_secs() < 5, "{:?} {log}", began.elapsed());
}

#[tokio::test]
async fn a_waiting_sync_is_answered_when_the_server_ends() {
    let server = Setup::default().start().await;
    let ana = server.register("ana").await;
    let since = ana.sync(None).await["next_batch"].as_str().unwrap().to_owned();
    let waiting = tokio::spawn(async move { ana.sync_wait(&since, 60_000).await });
    server.until_somebody_waits().await;
    let began = std::time::Instant::now();
    server.stop().await;
    assert!(waiting.await.unwrap()["next_batch"].is_string());
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_is_there_once() {
    let binary = binary();
    let server = binary.serve(&[]);
    let ana = server.anonymous().register("ana").await;
    let room = ana.create_room(serde_json::json!({})).await;
    let (acknowledged, mut heard) = tokio::sync::mpsc::unbounded_channel();
    for sender in 0..8 {
        let (ana, room, acknowledged) = (ana.clone(), room.clone(), acknowledged.clone());
        tokio::spawn(async move {
            for number in 0.. {
                // Panics when the server is gone, which ends this task.
                let event_id = ana.send_text(&room, &format!("{sender}/{number}")).await;
                let _ = acknowledged.send(event_id);
            }
        });
    }
    drop(acknowledged);
    let mut events = Vec::new();
    while events.len() < 40 {
        events.push(heard.recv().await.expect("the senders go on"));
    }
    server.kill();
    while let Some(event_id) = heard.recv().await {
        events.push(event_id);
    }

    let server = binary.serve(&[]);
    let ana = server.anonymous().log_in("ana", "password of ana").await;
    let path = format!("/v3/rooms/{}/messages?dir=b&limit=1000", im2_testkit::segment(&room));
    let page = ana.get(&path).await.ok();
    let chunk = page["chunk"].as_array().unwrap();
    for event_id in &events {
        let found = chunk.iter().filter(|event| event["event_id"] == event_id.as_str()).count();
        assert_eq!(found, 1, "{event_id} of {} acknowledged", events.len());
    }
    for event in chunk.iter().filter(|event| event["type"] == "m.room.message") {
        let same = chunk.iter().filter(|other| other["content"]["body"] == event["content"]["body"]).count();
        assert_eq!(same, 1, "{event}");
    }
}

#[test]
fn a_second_instance_is_refused() {
    let binary = binary();
    let first = binary.serve(&[]);
    let second = binary.run(&["serve"], &[]);
    assert!(!second.success && second.stdout.is_empty());
    assert!(second.stderr.contains("data is in use by another running server"), "{}", second.stderr);
    first.kill();
    drop(binary.serve(&[])); // after a kill the folder is free again
}

#[test]
fn a_newer_database_is_refused() {
    let binary = binary();
    drop(binary.serve(&[]));
    let database = binary.folder().join("data/im2.db");
    let mut bytes = std::fs::read(&database).unwrap();
    // The user version is the big-endian number at offset 60 of the file's header.
    bytes[60..64].copy_from_slice(&9999_u32.to_be_bytes());
    std::fs::write(&database, bytes).unwrap();
    for rest in ["im2.db-wal", "im2.db-shm"] {
        let _ = std::fs::remove_file(binary.folder().join("data").join(rest));
    }
    let refused = binary.run(&["serve"], &[]);
    assert!(!refused.success);
    assert!(
        refused.stderr.contains("schema version 9999") && refused.stderr.contains("newer release"),
        "{}",
        refused.stderr
    );
}

#[test]
fn another_server_name_is_refused() {
    let binary = binary();
    drop(binary.serve(&[("IM2_SERVER_NAME", "one.example")]));
    let refused = binary.run(&["serve"], &[("IM2_SERVER_NAME", "two.example")]);
    assert!(!refused.success);
    assert!(refused.stderr.contains("was made for the server name one.example, not two.example"), "{}", refused.stderr);
}

#[test]
fn mistakes_in_the_configuration_are_told_with_their_place() {
    let binary = binary();
    let file = binary.folder().join("im2.toml");
    std::fs::write(&file, "server_name = \"example.org\"\n\n[registration]\nmode = \"perhaps\"\ncolour = 1\n").unwrap();
    for command in [&["serve"][..], &["config", "check"]] {
        let arguments = [command, &["--config", "im2.toml"]].concat();
        let refused = binary.run(&arguments, &[("IM2_LOG__FORMAT", "xml")]);
        assert!(!refused.success && refused.stdout.is_empty());
        for expected in [
            "im2.toml, line 4: registration.mode: \"perhaps\" is not allowed; allowed: \"open\"",
            "im2.toml, line 5: registration.colour: there is no such key; allowed: registration.mode",
            "environment variable IM2_LOG__FORMAT: log.format: \"xml\" is not allowed; allowed: \"text\" or \"json\"",
        ] {
            assert!(refused.stderr.contains(expected), "{}", refused.stderr);
        }
    }
}

#[test]
fn the_configuration_in_effect_is_shown_without_secrets() {
    let binary = binary();
    let environment = [("IM2_REGISTRATION__SHARED_SECRET", "hush hush"), ("IM2_HTTP__BIND", "0.0.0.0:80")];
    let shown = binary.run(&["config", "show"], &environment);
    assert!(shown.success, "{}", shown.stderr);
    for expected in ["data_dir = \"data\"", "bind = [\"0.0.0.0:80\"]", "mode = \"closed\"", "********"] {
        assert!(shown.stdout.contains(expected), "{}", shown.stdout);
    }
    assert!(!shown.stdout.contains("hush"));
    std::fs::write(binary.folder().join("shown.toml"), &shown.stdout).unwrap();
    let checked = binary.run(&["config", "check", "--config", "shown.toml"], &[]);
    assert!(checked.success && checked.stdout.contains("valid"), "{}", checked.stderr);
}

#[test]
fn the_routes_are_printed_as_json() {
    let listing = binary().run(&["routes", "--json"], &[]);
    let routes: serde_json::Value = serde_json::from_str(&listing.stdout).unwrap();
    let versions = serde_json::json!({ "method": "GET", "path": "/_matrix/client/versions", "access": "public" });
    assert!(routes.as_array().unwrap().contains(&versions), "{routes}");
}

#[test]
fn the_log_is_json_if_asked_for() {
    let binary = binary();
    let server = binary.serve(&[("IM2_LOG__FORMAT", "json")]);
    server.signal("TERM");
    let (_, _, log) = server.wait();
    assert!(log.lines().count() >= 2);
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn a_server_starts_again_on_its_folder() {
    let folder = Setup::default().start().await.stop().await;
    let again = Setup::default().start_in(folder).await;
    again.anonymous().get("/_matrix/client/versions").await.ok();
}

/// Another program has the port of calls: the default gives way, what was asked for does not.
#[tokio::test]
async fn calls_that_nobody_asked_for_do_not_keep_the_server_from_starting() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("im2.toml");
    std::fs::write(&config, format!("[rtc]\nudp_port = {port}\ntcp_port = 0\n")).unwrap();
    let executable = env!("CARGO_BIN_EXE_im2");
    let start = |extra: &[(&str, &str)]| {
        let mut command = Command::new(executable);
        command.args(["serve", "--config"]).arg(&config).env_clear().current_dir(folder.path());
        command.env("IM2_HTTP__BIND", "127.0.0.1:0").env("IM2_METRICS__BIND", "[]").envs(extra.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let refused = start(&[("IM2_RTC__ENABLED", "true")]).wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && log.contains("rtc.udp_port"), "{log}");

    let mut child = start(&[]);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("IM2 is ready on ").unwrap().to_owned();
    let well_known = Client::anonymous(&url).get("/.well-known/matrix/client").await.ok();
    assert!(well_known.get("org.matrix.msc4143.rtc_foci").is_none(), "{well_known}");
    child.kill().unwrap();
    let log = String::from_utf8_lossy(&child.wait_with_output().unwrap().stderr).into_owned();
    assert!(log.contains("no calls"), "{log}");
}
