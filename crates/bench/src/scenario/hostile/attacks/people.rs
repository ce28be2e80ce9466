//! Attacks by memberships, invites and profiles.

use anyhow::Result;
use serde_json::json;

use super::super::attack::{Attack, Shot};
use super::super::ground::Ground;
use crate::matrix::encode;

const INVITED: usize = 1_000;

/// Invites, bans and unbans by `PUT` of member events, and changes of one's own name in every room of the others.
pub(super) async fn members(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account_among_others("members").await?;
    let room = encode(&ground.room(&account).await?);
    let mut shots = Vec::new();
    for (talker, membership) in ground.talkers.iter().zip(["invite", "ban", "leave"].iter().cycle()) {
        let path = format!("/_matrix/client/v3/rooms/{room}/state/m.room.member/{}", encode(&talker.user_id));
        shots.push(Shot::new("PUT", &path, &account, json!({"membership": membership}).to_string()));
    }
    for theirs in &ground.rooms {
        let theirs = encode(&theirs.id);
        let path = format!("/_matrix/client/v3/rooms/{theirs}/state/m.room.member/{}", encode(&account.user_id));
        let content = json!({"membership": "join", "displayname": "name {number}"}).to_string();
        shots.push(Shot::new("PUT", &path, &account, content));
        let unknown = encode(&format!("@nobody-{}:{}", ground.run, ground.server_name()));
        let path = format!("/_matrix/client/v3/rooms/{theirs}/state/m.room.member/{unknown}");
        shots.push(Shot::new("PUT", &path, &account, json!({"membership": "invite"}).to_string()));
    }
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Rooms that a thousand people are invited to as they are made: the others, and names that nobody has.
pub(super) async fn rooms_with_invites(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account_among_others("invites").await?;
    let server = ground.server_name();
    let unknown = (0..).map(|number| format!("@nobody-{number}:{server}"));
    let invited: Vec<String> =
        ground.talkers.iter().map(|talker| talker.user_id.clone()).chain(unknown).take(INVITED).collect();
    let others = &invited[..ground.talkers.len().min(INVITED)];
    let path = "/_matrix/client/v3/createRoom";
    let state: Vec<_> = (0..100)
        .map(|key| json!({"type": "im2.bench", "state_key": key.to_string(), "content": {"x": "x".repeat(1_000)}}))
        .collect();
    let shots = vec![
        Shot::new("POST", path, &account, json!({"invite": invited}).to_string()),
        Shot::new("POST", path, &account, json!({"invite": others, "is_direct": true}).to_string()),
        Shot::new("POST", path, &account, json!({"initial_state": state}).to_string()),
    ];
    Ok(Attack::volley(name, ground.lanes, shots))
}

/// Joining and leaving the rooms of the others again and again.
pub(super) async fn joins(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account("joins").await?;
    let mut shots = Vec::new();
    for room in &ground.rooms {
        for act in ["join", "leave"] {
            let path = format!("/_matrix/client/v3/rooms/{}/{act}", encode(&room.id));
            shots.push(Shot::new("POST", &path, &account, "{}"));
        }
    }
    // One connection, so that leaving follows joining.
    Ok(Attack::volley(name, 1, shots))
}

/// Changes of one's name and picture, which many rooms hear of.
pub(super) async fn profile(name: &'static str, ground: &Ground<'_>) -> Result<Attack> {
    let account = ground.account_among_others("profile").await?;
    ground.many_rooms(&account, 200, json!({})).await?;
    let user = encode(&account.user_id);
    let shot = |field: &str, value: &str| {
        let path = format!("/_matrix/client/v3/profile/{user}/{field}");
        Shot::new("PUT", &path, &account, json!({field: value}).to_string())
    };
    let shots = vec![
        shot("displayname", "name {number}"),
        shot("avatar_url", "mxc://example.org/{number}"),
        shot("im2.bench", &format!("{{number}}{}", "x".repeat(10_000))),
    ];
    Ok(Attack::volley(name, ground.lanes, shots))
}
