//! Asking application services for users and aliases that are not there yet (spec: "Querying"). A service that knows
//! one makes it before it answers.

use std::time::Duration;

use http::Method;
use im2_model::{RoomAliasId, ServerName, UserId};

use super::{
    call::Call,
    service::{Service, Services},
};
use crate::{Code, Error, Result};

/// How long a service may take: it asks the network it bridges, and makes a room.
const DEADLINE: Duration = Duration::from_secs(15);
/// How often a service is asked that does not answer.
const ATTEMPTS: usize = 3;
/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

impl Services {
    /// Asks the services in whose namespaces a local user is; returns whether one of them has made the user.
    pub async fn query_user(&self, user_id: &UserId) -> Result<bool> {
        for service in self.for_user(user_id) {
            let id = user_id.as_str();
            let call = Call::new(Method::GET, &["users", id], DEADLINE).or_legacy(&["users", id]);
            if self.query(service, call).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks the services in whose namespaces a local alias is; returns whether one of them has made the alias.
    pub async fn query_alias(&self, alias: &RoomAliasId, server: &ServerName) -> Result<bool> {
        for service in self.for_alias(alias, server) {
            let id = alias.as_str();
            let call = Call::new(Method::GET, &["rooms", id], DEADLINE).or_legacy(&["rooms", id]);
            if self.query(service, call).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn query(&self, service: &Service, call: Call) -> Result<bool> {
        for attempt in 1..=ATTEMPTS {
            match self.call(service, call.clone()).await {
                None => return Ok(false),
                Some(Ok(answer)) => {
                    let status = answer.status();
                    if !status.is_success() && status != http::StatusCode::NOT_FOUND {
                        tracing::warn!(service = %service.id, %status, "an application service refused a query");
                    }
                    return Ok(status.is_success());
                }
                Some(Err(failure)) => {
                    tracing::warn!(service = %service.id, %failure, attempt, "an application service did not answer");
                    if attempt < ATTEMPTS {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
        Err(Error::refused(Code::NoAnswer, "the bridge responsible for this does not respond"))
    }
}
