//! Clients' questions about third-party networks, passed on to the services that bridge them (spec: "Third-party
//! networks"). The answers of several services are put together; a service that does not answer is passed over.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::Method;
use im2_core::{
    Code, Error, Result,
    services::{Call, Service, instance_id},
};
use im2_model::Millis;
use serde_json::{Map, Value};
use tokio::task::JoinSet;

use super::Appservices;

/// How long a service may take. The client waits meanwhile.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long it is remembered what a service says of a network: clients ask whenever they show a dialogue.
const REMEMBERED: Millis = 60 * 60 * 1000;
/// Things found that one answer passes on.
const MAX_FOUND: usize = 1_000;

/// A kind of thing that is looked for in third-party networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Rooms that lead to places in the network.
    Location,
    /// Users that stand for those of the network.
    User,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::User => "user",
        }
    }

    /// The parameter and the member that hold the Matrix identifier.
    fn identifier(self) -> &'static str {
        match self {
            Self::Location => "alias",
            Self::User => "userid",
        }
    }

    /// Whether a service's answer has the shape that clients rely on.
    fn is_one(self, found: &Value) -> bool {
        found[self.identifier()].is_string() && found["protocol"].is_string() && found["fields"].is_object()
    }
}

/// The descriptions of networks that are remembered: by service and protocol, with the time until which they are.
pub(super) type Protocols = BTreeMap<(String, String), (Millis, Value)>;

impl Appservices {
    /// The networks that are bridged, by protocol.
    pub async fn protocols(&self) -> Map<String, Value> {
        let mut found = Map::new();
        for service in self.core.services.all() {
            for protocol in &service.protocols {
                if !found.contains_key(protocol)
                    && let Ok(about) = self.protocol(protocol).await
                {
                    found.insert(protocol.clone(), about);
                }
            }
        }
        found
    }

    /// The description of a protocol. If several services bridge networks by it, their instances are put together.
    pub async fn protocol(&self, protocol: &str) -> Result<Value> {
        let unknown = || Error::refused(Code::NotFound, "no bridge on this server supports this protocol");
        let now = self.core.now();
        let mut known: Vec<(Arc<Service>, Value)> = Vec::new();
        let mut asked = Vec::new();
        for service in self.bridging(protocol) {
            let key = (service.id.clone(), protocol.to_owned());
            let remembered = self.protocols.lock().get(&key).filter(|(until, _)| now < *until).cloned();
            match remembered {
                Some((_, about)) => known.push((service, about)),
                None => asked.push(service),
            }
        }
        let call = call(&["protocol", protocol], Vec::new());
        for (service, about) in self.ask(asked, &call).await {
            if !about.is_object() {
                continue;
            }
            let key = (service.id.clone(), protocol.to_owned());
            self.protocols.lock().insert(key, (now + REMEMBERED, about.clone()));
            known.push((service, about));
        }
        known.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        let mut instances = Vec::new();
        for (service, about) in &known {
            for instance in about["instances"].as_array().into_iter().flatten().filter_map(Value::as_object) {
                let mut instance = instance.clone();
                if let Some(network) = instance.get("network_id").and_then(Value::as_str) {
                    let id = instance_id(&service.id, network);
                    instance.insert("instance_id".into(), id.into());
                }
                instances.push(Value::Object(instance));
            }
        }
        let (_, mut about) = known.into_iter().next().ok_or_else(unknown)?;
        about["instances"] = instances.into();
        Ok(about)
    }

    /// Looks into the networks of a protocol by fields that their services know.
    pub async fn search(&self, kind: Kind, protocol: &str, fields: Vec<(String, String)>) -> Result<Vec<Value>> {
        let services = self.bridging(protocol);
        if services.is_empty() {
            return Err(Error::refused(Code::NotFound, "no bridge on this server supports this protocol"));
        }
        self.find(kind, services, call(&[kind.as_str(), protocol], fields)).await
    }

    /// The things in third-party networks that a Matrix identifier, an alias or a user ID, stands for.
    pub async fn reverse(&self, kind: Kind, identifier: &str) -> Result<Vec<Value>> {
        let services = self.core.services.all().iter().filter(|service| !service.protocols.is_empty());
        let query = vec![(kind.identifier().to_owned(), identifier.to_owned())];
        self.find(kind, services.cloned().collect(), call(&[kind.as_str()], query)).await
    }

    async fn find(&self, kind: Kind, services: Vec<Arc<Service>>, call: Call) -> Result<Vec<Value>> {
        let answers = self.ask(services, &call).await;
        let found = answers.into_iter().flat_map(|(_, answer)| match answer {
            Value::Array(found) => found,
            _ => Vec::new(),
        });
        let found: Vec<Value> = found.filter(|found| kind.is_one(found)).take(MAX_FOUND).collect();
        if found.is_empty() {
            return Err(Error::refused(Code::NotFound, "nothing was found in the bridged networks"));
        }
        Ok(found)
    }

    fn bridging(&self, protocol: &str) -> Vec<Arc<Service>> {
        let bridges = |service: &&Arc<Service>| service.protocols.iter().any(|known| known == protocol);
        self.core.services.all().iter().filter(bridges).cloned().collect()
    }

    /// Asks services all at once; what they answer, in their order.
    async fn ask(&self, services: Vec<Arc<Service>>, call: &Call) -> Vec<(Arc<Service>, Value)> {
        let mut asking = JoinSet::new();
        for (number, service) in services.into_iter().enumerate() {
            let (all, call) = (Arc::clone(&self.core.services), call.clone());
            asking.spawn(async move {
                let answer = all.call(&service, call).await;
                (number, service, answer)
            });
        }
        let mut answers = Vec::new();
        while let Some(Ok((number, service, answer))) = asking.join_next().await {
            match answer {
                Some(Ok(answer)) if answer.status().is_success() => {
                    answers.push((number, service, serde_json::from_slice(answer.body()).unwrap_or_default()));
                }
                Some(Err(failure)) => {
                    tracing::warn!(service = %service.id, %failure, "an application service did not answer");
                }
                _ => {}
            }
        }
        answers.sort_by_key(|(number, ..)| *number);
        answers.into_iter().map(|(_, service, answer)| (service, answer)).collect()
    }
}

fn call(path: &[&str], query: Vec<(String, String)>) -> Call {
    let specified: Vec<&str> = ["thirdparty"].iter().chain(path).copied().collect();
    let legacy: Vec<&str> = ["_matrix", "app", "unstable"].iter().chain(&specified).copied().collect();
    Call::new(Method::GET, &specified, DEADLINE).or_legacy(&legacy).with_query(query)
}
