//! A push gateway of the test's own.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, extract::State, http::StatusCode, routing::post, serve::ListenerExt as _};
use im2_testkit::PATIENCE;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

/// Listens on this machine and keeps what it is told.
pub(super) struct Gateway {
    pub(super) url: String,
    heard: UnboundedReceiver<Value>,
    answers: Answers,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

type Answers = Arc<Mutex<VecDeque<(u16, Value)>>>;

impl Gateway {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/_matrix/push/v1/notify", listener.local_addr().expect("an address"));
        let (sender, heard) = unbounded_channel();
        let answers = Answers::default();
        let router = Router::new().route("/_matrix/push/v1/notify", post(notify));
        let router = router.with_state((sender, Arc::clone(&answers)));
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let listener = listener.tap_io(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, heard, answers, connections, task }
    }

    /// How many connections have been made to it.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Queues an answer for a request. Once the queue is empty, the gateway accepts everything again.
    pub(super) fn answer_next(&self, status: u16, body: Value) {
        self.answers.lock().expect("not poisoned").push_back((status, body));
    }

    /// The next `notification` it is told.
    pub(super) async fn next(&mut self) -> Value {
        let next = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
        let mut body = next.expect("the server tells the gateway something").expect("the gateway lives");
        body["notification"].take()
    }

    /// The next notification of an event, past those that only tell numbers.
    pub(super) async fn next_event(&mut self) -> Value {
        loop {
            let next = self.next().await;
            if next.get("event_id").is_some() {
                return next;
            }
        }
    }

    /// The next notification that only tells numbers, past those of events.
    pub(super) async fn next_badge(&mut self) -> Value {
        loop {
            let next = self.next().await;
            if next.get("event_id").is_none() {
                return next;
            }
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn notify(
    State((heard, answers)): State<(UnboundedSender<Value>, Answers)>,
    body: String,
) -> (StatusCode, String) {
    let answer = answers.lock().expect("not poisoned").pop_front();
    let (status, answer) = answer.unwrap_or((200, json!({ "rejected": [] })));
    let _ = heard.send(serde_json::from_str(&body).expect("a notification is JSON"));
    (StatusCode::from_u16(status).expect("a status"), answer.to_string())
}
