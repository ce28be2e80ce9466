//! Passwords that are guessed first are refused wherever one is set; short ones where people choose their own.

use im2_testkit::{Binary, Setup, segment};
use serde_json::{Value, json};

#[tokio::test]
async fn a_password_that_is_guessed_first_is_refused_on_every_path() {
    let server = Setup::default().set("registration.shared_secret", "s").set("registration.guests", true).start().await;
    let (root, ana) = (server.register_admin("root").await, server.register("ana-lovelace").await);
    let guest = server.anonymous().post("/v3/register?kind=guest", json!({})).await.ok();
    let guest_name = guest["user_id"].as_str().unwrap()[1..].split(':').next().unwrap().to_owned();
    let auth = json!({ "type": "m.login.password", "user": "ana-lovelace", "password": "password of ana-lovelace" });
    let user = segment(ana.user_id());
    let dummy = json!({ "type": "m.login.dummy" });
    for weak in ["password", "P@ssw0rd1!", "ana-lovelace", "12345678", "qwertyuiop"] {
        // Each of them is set for somebody of that name.
        let paths: [(&str, &str, String, Value); 7] = [
            ("POST", "nobody", "/v3/register".into(), json!({ "username": "ben", "password": weak, "auth": dummy })),
            (
                "POST",
                "nobody",
                "/v3/register".into(),
                json!({
                    "username": guest_name, "password": weak, "auth": dummy, "guest_access_token": guest["access_token"],
                }),
            ),
            ("POST", "ana", "/v3/account/password".into(), json!({ "new_password": weak, "auth": auth })),
            ("POST", "root", format!("/_synapse/admin/v1/reset_password/{user}"), json!({ "new_password": weak })),
            ("PUT", "root", format!("/_synapse/admin/v2/users/{user}"), json!({ "password": weak })),
            ("PUT", "root", "/_synapse/admin/v2/users/@ana-lovelace2:localhost".into(), json!({ "password": weak })),
            (
                "PUT",
                "root",
                format!("/_synapse/admin/v2/users/{user}"),
                json!({ "password": weak, "displayname": "A" }),
            ),
        ];
        for (method, who, path, body) in paths {
            if weak == "ana-lovelace" && !path.contains("password") && !path.contains(&user) {
                continue; // which is the name of somebody else there
            }
            let client = match who {
                "nobody" => &ana.nobody(),
                "ana" => &ana,
                _ => &root,
            };
            let answer = client.send_request(client.request(method.parse().unwrap(), &path).json(&body)).await;
            assert_eq!(answer.json()["errcode"], "M_WEAK_PASSWORD", "{weak} at {path}: {}", answer.text());
            answer.refused(400, "M_WEAK_PASSWORD");
        }
    }
    server.anonymous().log_in("ana-lovelace", "password of ana-lovelace").await;
    // Who chooses their own has to choose a longer one than who is given one for a first time.
    ana.post("/v3/account/password", json!({ "new_password": "x7", "auth": auth }))
        .await
        .refused(400, "M_WEAK_PASSWORD");
    root.put(&format!("/_synapse/admin/v2/users/{user}"), json!({ "password": "x7" })).await.ok();
}

#[test]
fn the_command_line_refuses_a_password_that_is_guessed_first() {
    let binary = Binary::new(env!("CARGO_BIN_EXE_im2"));
    let weak = binary.run_with_input(&["user", "create", "ana", "--password-stdin"], "password1");
    assert!(!weak.success && weak.stderr.contains("too easy to guess"), "{}", weak.stderr);
    let good = binary.run_with_input(&["user", "create", "ana", "--password-stdin"], "a kitchen cabinet");
    assert!(good.success, "{}", good.stderr);
    let weak = binary.run_with_input(&["user", "reset-password", "ana", "--password-stdin"], "ana2024");
    assert!(!weak.success && weak.stderr.contains("your name"), "{}", weak.stderr);
}
