//! Reading and changing push rules (spec: "Push Rules: API").

use axum::response::Response;
use im2_core::Code;
use im2_kernel::push::{Rule, RuleKind, Ruleset};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use im2_edge::State;
use im2_edge::{
    auth::User,
    body::{Answer, Json, Params, QueryParams, empty},
    error::{ApiError, ApiResult},
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    const RULE: &str = "/_matrix/client/v3/pushrules/global/{kind}/{ruleId}";
    const ENABLED: &str = "/_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled";
    const ACTIONS: &str = "/_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions";
    Routes::default()
        .get("/_matrix/client/v3/pushrules/", Access::User, all)
        .get("/_matrix/client/v3/pushrules/global/", Access::User, global)
        .get("/_matrix/client/v3/pushrules/global/{kind}/", Access::User, of_kind)
        .get(RULE, Access::User, get)
        .put(RULE, Access::User, put)
        .delete(RULE, Access::User, delete)
        .get(ENABLED, Access::User, enabled)
        .put(ENABLED, Access::User, set_enabled)
        .get(ACTIONS, Access::User, actions)
        .put(ACTIONS, Access::User, set_actions)
}

/// The place of a new rule among the user's own.
#[derive(Debug, Deserialize)]
struct Place {
    before: Option<String>,
    after: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Enabled {
    enabled: bool,
}

#[derive(Debug, Deserialize)]
struct Actions {
    actions: Value,
}

async fn all(User(session): User, axum::extract::State(api): State) -> ApiResult<Answer<Value>> {
    let ruleset = api.engine.chat.push_rules.ruleset(session.user, &session.user_id).await?;
    Ok(Answer(ruleset.to_content()))
}

async fn global(User(session): User, axum::extract::State(api): State) -> ApiResult<Answer<Ruleset>> {
    Ok(Answer(api.engine.chat.push_rules.ruleset(session.user, &session.user_id).await?))
}

/// The rules of a kind, which the specification does not have any more and other servers do.
async fn of_kind(
    User(session): User,
    axum::extract::State(api): State,
    Params(kind): Params<String>,
) -> ApiResult<Answer<Vec<Rule>>> {
    let ruleset = api.engine.chat.push_rules.ruleset(session.user, &session.user_id).await?;
    Ok(Answer(ruleset.rules(parse_kind(&kind)?).to_vec()))
}

async fn get(
    User(session): User,
    axum::extract::State(api): State,
    Params(path): Params<(String, String)>,
) -> ApiResult<Answer<Rule>> {
    let ruleset = api.engine.chat.push_rules.ruleset(session.user, &session.user_id).await?;
    Ok(Answer(rule_of(&ruleset, &path)?.clone()))
}

async fn put(
    User(session): User,
    axum::extract::State(api): State,
    Params((kind, rule_id)): Params<(String, String)>,
    QueryParams(place): QueryParams<Place>,
    Json(body): Json<Map<String, Value>>,
) -> ApiResult<Response> {
    let rule = (parse_kind(&kind)?, rule_id.as_str());
    let place = (place.before, place.after);
    api.engine.chat.push_rules.put(session.user, &session.user_id, rule, &body, place).await?;
    Ok(empty())
}

async fn delete(
    User(session): User,
    axum::extract::State(api): State,
    Params((kind, rule_id)): Params<(String, String)>,
) -> ApiResult<Response> {
    api.engine.chat.push_rules.delete(session.user, &session.user_id, parse_kind(&kind)?, &rule_id).await?;
    Ok(empty())
}

async fn enabled(
    User(session): User,
    axum::extract::State(api): State,
    Params(path): Params<(String, String)>,
) -> ApiResult<Answer<Value>> {
    let ruleset = api.engine.chat.push_rules.ruleset(session.user, &session.user_id).await?;
    Ok(Answer(json!({ "enabled": rule_of(&ruleset, &path)?.enabled })))
}

async fn set_enabled(
    User(session): User,
    axum::extract::State(api): State,
    Params((kind, rule_id)): Params<(String, String)>,
    Json(Enabled { enabled }): Json<Enabled>,
) -> ApiResult<Response> {
    let rule = (parse_kind(&kind)?, rule_id.as_str());
    api.engine.chat.push_rules.set_enabled(session.user, &session.user_id, rule, enabled).await?;
    Ok(empty())
}

async fn actions(
    User(session): User,
    axum::extract::State(api): State,
    Params(path): Params<(String, String)>,
) -> ApiResult<Answer<Value>> {
    let ruleset = api.engine.chat.push_rules.ruleset(session.user, &session.user_id).await?;
    Ok(Answer(json!({ "actions": rule_of(&ruleset, &path)?.actions })))
}

async fn set_actions(
    User(session): User,
    axum::extract::State(api): State,
    Params((kind, rule_id)): Params<(String, String)>,
    Json(Actions { actions }): Json<Actions>,
) -> ApiResult<Response> {
    let rule = (parse_kind(&kind)?, rule_id.as_str());
    api.engine.chat.push_rules.set_actions(session.user, &session.user_id, rule, actions).await?;
    Ok(empty())
}

fn parse_kind(kind: &str) -> ApiResult<RuleKind> {
    let names = "the kinds of push rule are override, content, room, sender and underride";
    RuleKind::parse(kind).ok_or_else(|| ApiError::new(Code::InvalidParam, names))
}

fn rule_of<'a>(ruleset: &'a Ruleset, (kind, rule_id): &(String, String)) -> ApiResult<&'a Rule> {
    // Of a kind that there is not there is no rule either: clients ask for rules of kinds to come.
    let rule = RuleKind::parse(kind).and_then(|kind| ruleset.get(kind, rule_id));
    rule.ok_or_else(|| ApiError::new(Code::NotFound, "there is no such push rule"))
}
