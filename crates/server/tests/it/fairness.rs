//! Fairness of everything that users share: one user's backlog delays that user's requests and nobody else's; and the server as a whole
//! says when it no longer works.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use im2_core::committed::{Apply, Committed};
use im2_fair::{Caller, caller::scope};
use im2_testkit::{Client, Server, Setup, until};
use parking_lot::Mutex;
use serde_json::json;

/// Blocks those who pass, on threads that may block, until it is opened by being dropped.
pub(crate) struct Gate {
    _open: mpsc::Sender<()>,
    closed: Arc<Mutex<mpsc::Receiver<()>>>,
    arrived: Arc<AtomicUsize>,
}

impl Gate {
    pub(crate) fn closed() -> Self {
        let (open, closed) = mpsc::channel();
        Self { _open: open, closed: Arc::new(Mutex::new(closed)), arrived: Arc::default() }
    }

    /// How many have come to it. What the pools count is no measure of that: the server reads and writes for itself as well.
    pub(crate) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Relaxed)
    }

    pub(crate) fn passage(&self) -> impl Fn() + Send + Sync + 'static + use<> {
        let (closed, arrived) = (Arc::clone(&self.closed), Arc::clone(&self.arrived));
        move || {
            arrived.fetch_add(1, Ordering::Relaxed);
            let _ = closed.lock().recv(); // fails once the gate is open
        }
    }
}

pub(crate) async fn caller(server: &Server, client: &Client) -> Caller {
    let user_id = client.user_id().parse().unwrap();
    let found = server.engine().core.store.read(move |db| db.user_nid(&user_id)).await;
    Caller::User(found.unwrap().unwrap())
}

#[tokio::test]
async fn slow_reads_of_one_user_leave_readers_to_others() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (store, ana_calls) = (Arc::clone(&server.engine().core.store), caller(&server, &ana).await);
    let gate = Gate::closed();
    for _ in 0..20 {
        let (store, pass) = (Arc::clone(&store), gate.passage());
        tokio::spawn(scope(ana_calls, async move {
            let read = store.read(move |_| {
                pass();
                Ok(())
            });
            read.await.unwrap();
        }));
    }
    until("ana has her share of the readers", async || store.reader_load().waiting >= 18 && gate.arrived() > 1).await;
    assert_eq!(gate.arrived(), 2, "of five");
    ben.get("/v3/pushers").await.ok();
    let waiting = store.reader_load().waiting;
    let ana_waits = tokio::spawn(async move { ana.get("/v3/pushers").await.ok() });
    until("a request of ana's waits behind her own", async || store.reader_load().waiting > waiting).await;
    ben.get("/v3/pushers").await.ok();
    assert!(!ana_waits.is_finished());
    drop(gate);
    ana_waits.await.unwrap();
}

#[tokio::test]
async fn pages_of_one_user_are_made_one_after_the_other() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    for client in [&ana, &ben] {
        client.get("/v3/pushers").await.ok(); // their tokens are known from here on
    }
    let (store, ana_calls) = (Arc::clone(&server.engine().core.store), caller(&server, &ana).await);
    let gate = Gate::closed();
    for _ in 0..2 {
        let (store, pass) = (Arc::clone(&store), gate.passage());
        tokio::spawn(scope(ana_calls, async move {
            let read = store.read(move |_| {
                pass();
                Ok(())
            });
            read.await.unwrap();
        }));
    }
    until("ana's readers are busy", async || gate.arrived() == 2).await;
    for _ in 0..5 {
        let ana = ana.clone();
        tokio::spawn(async move { ana.get("/v3/notifications").await.ok() });
    }
    let load = || server.engine().pools().find(|(pool, _)| *pool == "pages").unwrap().1;
    until("four pages wait for one", async || load().waiting == 4).await;
    assert_eq!(load().running, 1);
    ben.get("/v3/notifications").await.ok();
}

#[tokio::test]
async fn a_flood_of_writes_of_one_user_is_not_ahead_of_everybody() {
    let server = Server::start().await;
    let (ana, ben) = (server.register("ana").await, server.register("ben").await);
    let (store, ana_calls) = (Arc::clone(&server.engine().core.store), caller(&server, &ana).await);
    let ben_calls = caller(&server, &ben).await;
    let (gate, order) = (Gate::closed(), Arc::new(Mutex::new(Vec::new())));
    let pass = gate.passage();
    let blocking = Arc::clone(&store);
    let blocking = tokio::spawn(async move {
        let wait = move |_: &mut im2_core::Transaction<'_>| {
            pass();
            Ok(())
        };
        blocking.write(wait).await
    });
    let write = |who: &'static str, calls, number: usize| {
        let (store, order) = (Arc::clone(&store), Arc::clone(&order));
        tokio::spawn(scope(calls, async move {
            let note = move |_: &mut im2_core::Transaction<'_>| {
                let mut order = order.lock();
                if order.last() != Some(&(who, number)) {
                    order.push((who, number)); // once, however often the change is made
                }
                Ok(())
            };
            store.write(note).await.unwrap();
        }))
    };
    let flood: Vec<_> = (0..1_000).map(|number| write("ana", ana_calls, number)).collect();
    until("all of the flood waits", async || store.writer_load().running + store.writer_load().waiting > 1_000).await;
    let bens = write("ben", ben_calls, 0);
    let queued = store.writer_load().running;
    until("ben's change is queued", async || store.writer_load().running > queued).await;
    drop(gate);
    bens.await.unwrap();
    for one in flood {
        one.await.unwrap();
    }
    blocking.await.unwrap().unwrap();
    let ahead = order.lock().iter().position(|(who, _)| *who == "ben").unwrap();
    assert!(ahead <= 64, "{ahead} changes of somebody else were ahead");
}

#[tokio::test]
async fn readiness_asks_the_writer() {
    let server = Server::start().await;
    let gate = Gate::closed();
    let (store, pass) = (Arc::clone(&server.engine().core.store), gate.passage());
    let stuck = tokio::spawn(async move {
        let wait = move |_: &mut im2_core::Transaction<'_>| {
            pass();
            Ok(())
        };
        store.write(wait).await
    });
    until("the writer is stuck", async || gate.arrived() == 1).await;
    let answer = server.anonymous().get("/health/ready").await;
    assert_eq!((answer.status, answer.json()["status"].as_str()), (503, Some("the database does not respond")));
    drop(gate);
    stuck.await.unwrap().unwrap();
    until("it is ready again", async || server.anonymous().get("/health/ready").await.status == 200).await;
}

#[tokio::test]
async fn a_panic_while_a_commit_is_applied_is_the_end_of_the_server() {
    #[derive(Debug)]
    struct Panics;
    impl Apply for Panics {
        fn apply(&self, _: &Committed) {
            panic!("on purpose");
        }
    }
    let mut server = Server::start().await;
    let ana = server.register("ana").await;
    let panics: Arc<dyn Apply> = Arc::new(Panics);
    server.engine().core.layers.add(&panics);
    let change = server.engine().core.store.write(|tx| {
        tx.publish(Committed::SessionsEnded(None));
        Ok(())
    });
    assert!(change.await.is_err());
    assert_eq!(server.failed().await, "store-writer");
    assert_eq!(server.anonymous().get("/health/ready").await.status, 503);
    assert_eq!(ana.post("/v3/createRoom", json!({})).await.status, 500);
}

#[tokio::test]
async fn a_panic_in_a_change_or_a_read_fails_only_itself() {
    let server = Server::start().await;
    let ana = server.register("ana").await;
    let store = &server.engine().core.store;
    assert!(store.write(|_| -> im2_store::Result<()> { panic!("on purpose") }).await.is_err());
    assert!(store.read(|_| -> im2_store::Result<()> { panic!("on purpose") }).await.is_err());
    ana.create_room(json!({})).await;
    server.anonymous().get("/health/ready").await.ok();
}

#[tokio::test]
async fn pools_are_measured() {
    let server = Setup::default().set("metrics.bind", "127.0.0.1:0").start().await;
    server.register("ana").await;
    let page = server.metrics().expect("metrics are switched on").get("/metrics").await.text();
    for pool in
        ["readers", "writer", "files", "passwords", "thumbnails", "previews", "search", "pages", "key_backups", "push"]
    {
        for name in ["running", "waiting", "started_total", "refused_total", "waited_seconds_total"] {
            let line = format!("im2_pool_{name}{{pool=\"{pool}\"}} ");
            assert!(page.contains(&line), "{line}: {page}");
        }
    }
}
