//! The other side: an application service that listens, writes down what it is told, and answers as a test wants.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use im2_testkit::PATIENCE;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) token: String,
    pub(super) body: Value,
    /// The status code of the answer.
    pub(super) status: u16,
}

impl Told {
    /// The events of a transaction.
    pub(super) fn events(&self) -> Vec<Value> {
        self.body["events"].as_array().cloned().unwrap_or_default()
    }
}

type Answer = Arc<dyn Fn(&Told) -> (u16, Value) + Send + Sync>;

/// A service that listens on a port of its own.
pub(super) struct Listener {
    pub(super) url: String,
    told: mpsc::UnboundedReceiver<Told>,
    answer: Arc<Mutex<Answer>>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Shared {
    told: mpsc::UnboundedSender<Told>,
    answer: Arc<Mutex<Answer>>,
}

impl Listener {
    /// Listens, and answers everything with success.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, told) = mpsc::unbounded_channel();
        let agree: Answer = Arc::new(|_| (200, json!({})));
        let answer = Arc::new(Mutex::new(agree));
        let router = Router::new().fallback(take).with_state(Shared { told: sender, answer: Arc::clone(&answer) });
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, told, answer, serving }
    }

    /// Answers requests with this function from now on.
    pub(super) fn answer(&self, answer: impl Fn(&Told) -> (u16, Value) + Send + Sync + 'static) {
        *self.answer.lock() = Arc::new(answer);
    }

    /// The next request.
    pub(super) async fn next(&mut self) -> Told {
        let next = tokio::time::timeout(PATIENCE, self.told.recv());
        next.await.expect("the server asks something of the service").expect("the listener lives")
    }

    /// Drops a request that has come already; returns whether there was one.
    pub(super) fn is_told(&mut self) -> bool {
        self.told.try_recv().is_ok()
    }

    /// The next request that is `wanted`; those before it are dropped.
    pub(super) async fn until(&mut self, wanted: impl Fn(&Told) -> bool) -> Told {
        loop {
            let told = self.next().await;
            if wanted(&told) {
                return told;
            }
        }
    }

    /// The events of all acknowledged transactions from here up to one that has the message `last`.
    pub(super) async fn events_until(&mut self, last: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let told = self.next().await;
            if told.status != 200 {
                continue;
            }
            events.extend(told.events());
            if events.iter().any(|event| event["content"]["body"] == last) {
                return events;
            }
        }
    }

    /// The first ephemeral event that is `wanted`.
    pub(super) async fn ephemeral(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let told = self.next().await;
            let found = told.body["ephemeral"].as_array().into_iter().flatten().find(|event| wanted(event));
            if let Some(found) = found {
                return found.clone();
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let token = parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut told = Told {
        method: parts.method.to_string(),
        path: percent_encoding::percent_decode_str(parts.uri.path()).decode_utf8().unwrap().into_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        token: token.trim_start_matches("Bearer ").to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        status: 0,
    };
    let answer = Arc::clone(&shared.answer.lock());
    // What the test does for an answer may block: it may be a request to the server.
    let answered = tokio::task::spawn_blocking(move || {
        let (status, json) = answer(&told);
        told.status = status;
        (told, json)
    });
    let (told, json) = answered.await.unwrap();
    let status = told.status;
    let _ = shared.told.send(told); // the test may be over
    let headers = [("content-type", "application/json")];
    (axum::http::StatusCode::from_u16(status).unwrap(), headers, json.to_string()).into_response()
}
