//! The challenge to a client whose request needs user-interactive authentication (spec: "User-Interactive
//! Authentication API").

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::Code;

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Stage {
    /// Nothing to prove.
    #[serde(rename = "m.login.dummy")]
    Dummy,
    /// The account's password.
    #[serde(rename = "m.login.password")]
    Password,
    /// A registration token.
    #[serde(rename = "m.login.registration_token")]
    RegistrationToken,
}

/// The answer while an authentication is not complete: the body of the 401 answer.
#[derive(Debug, Clone, Serialize)]
pub struct Challenge {
    /// The ways to complete it.
    pub flows: Vec<Flow>,
    /// Parameters of the stages, by stage. Empty for those of this server.
    pub params: BTreeMap<String, Value>,
    /// The session to refer to in the next attempt.
    pub session: String,
    /// The stages that have been passed; not said before the first attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed: Option<Vec<Stage>>,
    /// The reason why the attempt failed, if it did.
    #[serde(skip)]
    pub failure: Option<(Code, &'static str)>,
}

/// One way to complete an authentication.
#[derive(Debug, Clone, Serialize)]
pub struct Flow {
    /// Its stages, in order.
    pub stages: Vec<Stage>,
    /// Whether clients are told of it. One that they are not told of is accepted from those who know it.
    #[serde(skip)]
    pub offered: bool,
}

impl Flow {
    /// The flow of one stage, of which clients are told.
    pub fn of(stage: Stage) -> Self {
        Self { stages: vec![stage], offered: true }
    }

    /// The flow of one stage, of which clients are not told.
    pub fn unoffered(stage: Stage) -> Self {
        Self { stages: vec![stage], offered: false }
    }
}
