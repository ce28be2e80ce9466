//! `im2 user`, `im2 registration-token`, `im2 doctor`: on the data directory and beside a running server.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use im2_testkit::{Binary, Client, Ended};
use serde_json::json;

fn binary() -> Binary {
    Binary::new(env!("CARGO_BIN_EXE_im2"))
}

impl Command<'_> {
    #[track_caller]
    fn works(&self, arguments: &[&str]) -> String {
        let ended = self.0.run(arguments, &[]);
        assert!(ended.success, "{arguments:?}: {}", ended.stderr);
        ended.stdout
    }

    #[track_caller]
    fn fails(&self, arguments: &[&str]) -> String {
        let Ended { success, stdout, stderr } = self.0.run(arguments, &[]);
        assert!(!success && stdout.is_empty(), "{arguments:?}: {stdout}");
        stderr
    }
}

struct Command<'a>(&'a Binary);

/// The password that a command has printed.
#[track_caller]
fn password(output: &str) -> &str {
    output.lines().find_map(|line| line.strip_prefix("Password: ")).unwrap_or_else(|| panic!("none in {output}"))
}

#[tokio::test]
async fn accounts_are_made_before_the_first_start_and_beside_a_running_server() {
    let binary = binary();
    let im2 = Command(&binary);
    let before = im2.works(&["user", "create", "root", "--admin"]);
    assert!(before.contains("@root:localhost has been created, an administrator."), "{before}");
    let server = binary.serve(&[]);
    let beside = im2.works(&["user", "create", "ana"]);
    for (name, output) in [("root", &before), ("ana", &beside)] {
        server.anonymous().log_in(name, password(output)).await;
    }
    let list = im2.works(&["user", "list"]);
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(lines.len(), 2, "{list}");
    assert!(lines[0].contains("@root:localhost") && lines[0].contains("administrator"), "{list}");
    assert!(lines[1].contains("@ana:localhost") && lines[1].contains(" user "), "{list}");
    assert!(im2.fails(&["user", "create", "ana"]).contains("im2: "), "a name is given once");
    server.kill();
    assert_eq!(im2.works(&["user", "list"]), list, "a killed server is not in the way");
}

#[tokio::test]
async fn a_password_is_reset_and_an_account_ended() {
    let binary = binary();
    let im2 = Command(&binary);
    let server = binary.serve(&[]);
    let ana = server.anonymous().register("ana").await;
    let reset = binary.run_with_input(&["user", "reset-password", "ana", "--password-stdin"], "correct horse\nbattery");
    assert!(reset.success && !reset.stdout.contains("horse"), "{}", reset.stderr);
    ana.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    let ana = server.anonymous().log_in("ana", "correct horse").await;
    im2.works(&["user", "deactivate", "@ana:localhost"]);
    ana.get("/v3/account/whoami").await.refused(401, "M_UNKNOWN_TOKEN");
    assert!(im2.works(&["user", "list"]).contains("deactivated"));
    assert!(im2.fails(&["user", "deactivate", "nobody"]).contains("no such account"));
    assert!(!binary.run_with_input(&["user", "create", "ben", "--password-stdin"], "\n").success);
}

#[tokio::test]
async fn the_right_to_administer_is_given_and_taken() {
    let binary = binary();
    let im2 = Command(&binary);
    im2.works(&["user", "create", "ana"]);
    im2.works(&["user", "set-admin", "ana"]);
    assert!(im2.works(&["user", "list"]).contains("administrator"));
    im2.works(&["user", "set-admin", "ana", "--remove"]);
    assert!(!im2.works(&["user", "list"]).contains("administrator"));
}

async fn register(client: &Client, name: &str, token: &str) -> u16 {
    let auth = json!({ "type": "m.login.registration_token", "token": token });
    let body = json!({ "username": name, "password": "a password of theirs" });
    let first = client.post("/v3/register", body.clone()).await;
    assert_eq!(first.status, 401, "{}", first.text());
    let mut body = body;
    body["auth"] = auth;
    body["auth"]["session"] = first.json()["session"].clone();
    client.post("/v3/register", body).await.status
}

#[tokio::test]
async fn a_registration_token_lets_somebody_in_as_often_as_it_says() {
    let binary = binary();
    let im2 = Command(&binary);
    let server = binary.serve(&[("IM2_REGISTRATION__MODE", "token")]);
    let client = server.anonymous();
    let drawn = im2.works(&["registration-token", "create", "--expires-in", "7d"]);
    assert_eq!(register(&client, "ana", drawn.trim()).await, 200);
    assert_eq!(register(&client, "ben", drawn.trim()).await, 401, "once");
    im2.works(&["registration-token", "create", "spring", "--unlimited"]);
    assert_eq!(register(&client, "ben", "spring").await, 200);
    let list = im2.works(&["registration-token", "list"]);
    assert!(list.contains("spring") && list.contains("used 1 of any number"), "{list}");
    assert!(list.contains("used 1 of 1, until 20"), "{list}");
    im2.works(&["registration-token", "revoke", "spring"]);
    assert_eq!(register(&client, "cleo", "spring").await, 401);
    assert!(im2.fails(&["registration-token", "revoke", "spring"]).contains("no such registration token"));
}

#[tokio::test]
async fn the_first_start_invites_the_first_administrator_once() {
    let binary = binary();
    let server = binary.serve(&[("IM2_REGISTRATION__MODE", "closed")]);
    let url = server.url().to_owned();
    server.signal("TERM");
    let (_, _, log) = server.wait();
    let link = log.lines().find_map(|line| line.trim().strip_prefix(&format!("{url}/register?token=")));
    let token = link.unwrap_or_else(|| panic!("no link in {log}")).to_owned();

    let server = binary.serve(&[("IM2_REGISTRATION__MODE", "closed")]);
    assert_eq!(register(&server.anonymous(), "root", &token).await, 200);
    let again = server.anonymous().post("/v3/register", json!({ "username": "x", "password": "y" })).await;
    again.refused(403, "M_FORBIDDEN");
    assert!(Command(&binary).works(&["user", "list"]).contains("administrator"));
    server.kill();
    let server = binary.serve(&[]);
    server.signal("TERM");
    assert!(!server.wait().2.contains("/register?token="), "there is an administrator");
}

#[test]
fn the_doctor_says_where_the_media_of_calls_go() {
    let binary = Binary::new(env!("CARGO_BIN_EXE_im2"));
    let told = |addresses: &str| {
        let public = [("IM2_RTC__ENABLED", "true"), ("IM2_PUBLIC_URL", "https://im.invalid")];
        binary.run(&["doctor"], &[public[0], public[1], ("IM2_RTC__ADDRESSES", addresses)]).stdout
    };
    let hidden = told("[\"10.0.0.1\"]");
    assert!(hidden.contains("warning  the media of calls go to UDP port 7882 of 10.0.0.1, none of which"), "{hidden}");
    let open = told("[\"10.0.0.1\", \"1.1.1.1\"]");
    assert!(open.contains("ok       the media of calls go to UDP port 7882 of 10.0.0.1, 1.1.1.1"), "{open}");
    let off = binary.run(&["doctor"], &[]).stdout;
    assert!(!off.contains("calls"), "{off}");
}

#[test]
fn the_doctor_looks_and_says() {
    let binary = binary();
    let healthy = binary.run(&["doctor"], &[]);
    assert!(healthy.success && healthy.stdout.contains("only this machine can connect"), "{}", healthy.stdout);
    assert!(!binary.folder().join("data").exists(), "it only looks");
    assert!(!cfg!(target_os = "linux") || healthy.stdout.contains("ok       AVIF"), "{}", healthy.stdout);
    let server = binary.serve(&[]);
    let running = binary.run(&["doctor"], &[]);
    assert!(running.success && running.stdout.contains("data is in use by a running server"), "{}", running.stdout);
    server.signal("TERM");
    assert!(server.wait().0.success());
    let stopped = binary.run(&["doctor"], &[]);
    assert!(stopped.success && stopped.stdout.contains("its database is usable"), "{}", stopped.stdout);
    let exposed = binary.run(&["doctor"], &[("IM2_HTTP__BIND", "0.0.0.0:0"), ("IM2_REGISTRATION__MODE", "open")]);
    assert!(exposed.success && exposed.stdout.contains("warning"), "{}", exposed.stdout);
    let nowhere = binary.folder().join("file");
    std::fs::write(&nowhere, "").unwrap();
    let broken = binary.run(&["doctor"], &[("IM2_DATA_DIR", "file")]);
    assert!(!broken.success && broken.stdout.contains("PROBLEM  file is not a folder"), "{}", broken.stdout);
}

#[tokio::test]
async fn nobody_else_has_access_to_the_data() {
    fn tree(path: &Path) -> Vec<(PathBuf, u32)> {
        let metadata = path.symlink_metadata().unwrap();
        let mut found = vec![(path.to_owned(), metadata.permissions().mode() & 0o777)];
        if metadata.is_dir() {
            found.extend(std::fs::read_dir(path).unwrap().flat_map(|entry| tree(&entry.unwrap().path())));
        }
        found
    }
    let binary = binary();
    let data = binary.folder().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    let mut ana: Option<String> = None;
    for _ in ["made", "found"] {
        let warned = binary.run(&["doctor"], &[]);
        assert!(warned.success && warned.stdout.contains("warning  others on this machine"), "{}", warned.stdout);
        let server = binary.serve(&[("IM2_REGISTRATION__MODE", "open")]);
        let client = match &ana {
            None => server.anonymous().register("ana").await,
            Some(token) => server.anonymous().with_token(token),
        };
        ana = Some(client.token().to_owned());
        let upload = client.request(reqwest::Method::POST, "/_matrix/media/v3/upload").body(vec![7; 100_000]);
        client.send_request(upload).await.ok();
        let found = tree(&data);
        for name in ["im2.db", "im2.db-wal", "im2.db-shm", "im2.lock", "im2.sock", "media"] {
            assert!(found.iter().any(|(path, _)| path.ends_with(name)), "there is no {name}: {found:?}");
        }
        for (path, mode) in found {
            assert_eq!(mode & 0o077, 0, "{} has {mode:o}", path.display());
        }
        let fine = binary.run(&["doctor"], &[]);
        assert!(fine.stdout.contains("ok       only its owner has access to data"), "{}", fine.stdout);
        server.signal("TERM");
        assert!(server.wait().0.success());
        for path in [data.clone(), data.join("im2.db"), data.join("media")] {
            std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
    }
}

#[test]
fn help_teaches() {
    let binary = binary();
    for (arguments, expected) in [
        (&["--help"][..], "Start it with `im2 serve`"),
        (&["serve", "--help"], "IM2_HTTP__BIND=0.0.0.0:8008 im2 serve"),
        (&["user", "create", "--help"], "im2 user create ben --admin"),
        (&["registration-token", "create", "--help"], "--expires-in 7d"),
        (&["config", "show", "--help"], "im2 config show > im2.toml"),
    ] {
        let help = binary.run(arguments, &[]);
        assert!(help.success && help.stdout.contains(expected), "{}", help.stdout);
    }
    let version = binary.run(&["version"], &[]);
    assert_eq!(version.stdout, format!("im2 {}\n", env!("CARGO_PKG_VERSION")));
    let mistake = binary.run(&["sevre"], &[]);
    assert!(!mistake.success && mistake.stderr.contains("serve"), "{}", mistake.stderr);
}
