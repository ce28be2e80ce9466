//! Pings of a service, by which it finds out whether it can be reached (spec: "Pinging").

use std::time::{Duration, Instant};

use http::Method;
use im2_core::{
    Code, Error, Result,
    outbound::Failure,
    services::{Call, Service},
};
use serde_json::json;

use super::Appservices;

/// How long the service may take to answer.
const DEADLINE: Duration = Duration::from_secs(15);
/// The part of a failed answer's body that is passed on, in characters.
const MAX_SHOWN: usize = 1_000;

impl Appservices {
    /// Asks the service called `id`, which has to be the one that asks, whether it is there. Returns how long the
    /// answer took.
    pub async fn ping(&self, service: &Service, id: &str, transaction_id: Option<&str>) -> Result<Duration> {
        if service.id != id {
            return Err(Error::refused(Code::Forbidden, "this access token belongs to another application service"));
        }
        let mut call = Call::new(Method::POST, &["ping"], DEADLINE);
        let body = transaction_id.map_or_else(|| json!({}), |id| json!({ "transaction_id": id }));
        call.body = body.to_string().into();
        let began = Instant::now();
        let answer = self.core.services.call(service, call).await;
        let answer = answer
            .ok_or_else(|| Error::refused(Code::UrlNotSet, "the application service's registration has no url"))?;
        match answer {
            Ok(answer) if answer.status().is_success() => {
                service.heard_of();
                Ok(began.elapsed())
            }
            Ok(answer) => {
                let status = answer.status();
                let body: String = String::from_utf8_lossy(answer.body()).chars().take(MAX_SHOWN).collect();
                let error = Error::refused(Code::BadStatus, format!("the application service responded with {status}"));
                Err(error.with("status", status.as_u16()).with("body", body))
            }
            Err(Failure::TooSlow) => {
                Err(Error::refused(Code::ConnectionTimeout, "the application service took too long to respond"))
            }
            Err(failure) => Err(Error::refused(
                Code::ConnectionFailed,
                format!("the application service could not be reached: {failure}"),
            )),
        }
    }
}
