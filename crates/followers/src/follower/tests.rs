//! Followers of several nodes that take turns over the same rows, in simulated time: destinations that refuse, are slow or
//! silent, nodes that are killed, stopped and started, rows that cannot be read or written, leases that are taken away.
//!
//! Whatever happens, everything is told, in each destination's order, and nothing before what came earlier has been
//! confirmed.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use im2_core::{Error, Result, lease::TERM, shutdown::Shutdown};
use im2_model::{Position, PositionClock, Random as _, Reached, SeededRandom, StreamToken};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{Due, Follow, Lease, Outbox, Placed, RETRIES, Running, Start, run};

const DESTINATIONS: usize = 3;
const NODES: usize = 3;
/// Things that may wait for one destination.
const LIMIT: usize = 4;
/// How long a destination may take for an answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// Something to tell: the `number`th for its destination.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Thing {
    position: Position,
    destination: usize,
    number: usize,
}

impl Placed for Thing {
    fn position(&self) -> Position {
        self.position
    }
}

/// The state that the nodes share: the stream, the rows, and the world outside.
struct World {
    random: SeededRandom,
    /// Whether anything goes wrong.
    is_faulty: bool,
    clocks: [PositionClock; 2],
    stream: Vec<Arc<Thing>>,
    place: Option<Reached>,
    behind: [Option<Position>; DESTINATIONS],
    lease: Option<(usize, Instant)>,
    /// Things that each destination has been told, and how many of them it has confirmed.
    told: [usize; DESTINATIONS],
    confirmed: [usize; DESTINATIONS],
    /// Attempts under way.
    under_way: [usize; DESTINATIONS],
    most_under_way: usize,
    repeated: usize,
}

#[derive(Clone)]
struct Shared {
    world: Arc<Mutex<World>>,
    grown: watch::Sender<()>,
}

impl World {
    fn below(&self, end: usize) -> usize {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % end as u64).unwrap()
    }

    /// Whether something goes wrong that does so once in `times`.
    fn fails(&self, times: usize) -> bool {
        self.is_faulty && self.below(times) == 0
    }

    fn milliseconds(&self, most: usize) -> Duration {
        Duration::from_millis(self.below(most) as u64)
    }

    /// Something happens. Of one destination each thing comes after the last; beyond that the two writers hear of each other
    /// now and then.
    fn happen(&mut self) {
        let (writer, destination) = (self.below(2), self.below(DESTINATIONS));
        let before = self.stream.iter().filter(|thing| thing.destination == destination);
        let (number, last) = (before.clone().count(), before.map(|thing| thing.position).max());
        self.clocks[writer].see(last.unwrap_or_default());
        if self.below(4) == 0 {
            let seen = self.clocks[1 - writer].latest();
            self.clocks[writer].see(seen);
        }
        let position = self.clocks[writer].next();
        self.stream.push(Arc::new(Thing { position, destination, number }));
    }

    fn is_everything_told(&self) -> bool {
        (0..DESTINATIONS).all(|destination| {
            let all = self.stream.iter().filter(|thing| thing.destination == destination).count();
            self.told[destination] == all && self.confirmed[destination] == all
        })
    }
}

/// An attempt under way, also when it is dropped.
struct UnderWay(Shared, usize);

impl UnderWay {
    fn begin(shared: &Shared, thing: &Thing) -> Self {
        let destination = thing.destination;
        let mut world = shared.world.lock();
        assert!(thing.number <= world.confirmed[destination], "{thing:?} before an earlier one is confirmed");
        world.under_way[destination] += 1;
        world.most_under_way = world.most_under_way.max(world.under_way[destination]);
        Self(shared.clone(), destination)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.world.lock().under_way[self.1] -= 1;
    }
}

/// Tells a destination, which may hear it although it looks as if it did not.
async fn tell(shared: Shared, thing: Arc<Thing>) -> std::result::Result<(), Option<Duration>> {
    let _under_way = UnderWay::begin(&shared, &thing);
    let (there, back, is_silent, asked) = {
        let world = shared.world.lock();
        let asked = world.fails(2).then(|| world.milliseconds(20_000));
        (world.milliseconds(2_000), world.milliseconds(2_000), world.fails(10), asked)
    };
    sleep(there).await;
    {
        let mut world = shared.world.lock();
        if world.fails(8) {
            return Err(asked);
        }
        let told = &mut world.told[thing.destination];
        assert!(thing.number <= *told, "{thing:?} overtakes what it has not been told: {told}");
        let is_new = thing.number == *told;
        *told += usize::from(is_new);
        world.repeated += usize::from(!is_new);
    }
    if is_silent {
        sleep(DEADLINE).await;
        return Err(None);
    }
    sleep(back).await;
    let mut world = shared.world.lock();
    if world.fails(8) {
        return Err(asked);
    }
    let confirmed = &mut world.confirmed[thing.destination];
    *confirmed = (*confirmed).max(thing.number + 1);
    Ok(())
}

/// A follower that must not leave anything out.
struct Teller {
    shared: Shared,
    lease: TestLease,
    grown: watch::Receiver<()>,
    reached: StreamToken,
    outboxes: [Outbox<Arc<Thing>>; DESTINATIONS],
}

enum Ended {
    Told(usize, std::result::Result<(), Option<Duration>>),
    Waited(usize),
}

fn broken() -> Error {
    Error::Internal("on purpose".into())
}

impl Follow for Teller {
    type Ended = Ended;

    async fn take_up(&mut self) -> Result<()> {
        let pause = self.shared.world.lock().milliseconds(500);
        sleep(pause).await;
        let world = self.shared.world.lock();
        if world.fails(5) {
            return Err(broken());
        }
        let place = world.place.clone().unwrap_or_default();
        let told = Arc::new(place.clone());
        let mut from = Position::LAST;
        for (outbox, behind) in self.outboxes.iter_mut().zip(world.behind) {
            let start = match behind {
                None => Start::Told(Arc::clone(&told)),
                Some(behind) => Start::Told(Arc::new(told.up_to(behind))),
            };
            outbox.begin_at(start, behind);
            from = from.min(behind.unwrap_or(Position::LAST));
        }
        self.reached = place.up_to(from).into();
        Ok(())
    }

    async fn read_on(&mut self, _: &mut Running<Ended>) -> Result<ControlFlow<()>> {
        let pause = self.shared.world.lock().milliseconds(50);
        sleep(pause).await;
        let world = self.shared.world.lock();
        if world.fails(20) {
            return Err(broken());
        }
        let mut end = Reached::default();
        world.stream.iter().for_each(|thing| end.advance(thing.position));
        let mut news: Vec<_> = world.stream.iter().filter(|thing| !self.reached.includes(thing.position)).collect();
        news.sort_unstable_by_key(|thing| thing.position);
        if news.is_empty() {
            return Ok(ControlFlow::Break(()));
        }
        let mut last = Position::default();
        for thing in news {
            let outbox = &mut self.outboxes[thing.destination];
            if outbox.len() >= LIMIT {
                self.reached = self.reached.moved_to(self.reached.stream().on_the_way(&end, last));
                return Ok(ControlFlow::Break(()));
            }
            last = thing.position;
            if outbox.wants(thing.position) {
                outbox.push(Arc::clone(thing), LIMIT);
            }
        }
        self.reached = self.reached.moved_to(end);
        Ok(ControlFlow::Continue(()))
    }

    fn start(&mut self, running: &mut Running<Ended>) -> Option<Instant> {
        for (destination, outbox) in self.outboxes.iter_mut().enumerate() {
            if let Some(Due::Item(thing)) = outbox.take() {
                let shared = self.shared.clone();
                running.spawn(async move { Ended::Told(destination, tell(shared, thing).await) });
            }
        }
        None
    }

    fn ended(&mut self, ended: Ended, running: &mut Running<Ended>) {
        match ended {
            Ended::Told(destination, Ok(())) => self.outboxes[destination].confirmed(),
            Ended::Told(destination, Err(asked)) => {
                let pause = RETRIES.pause(self.outboxes[destination].failed(), asked);
                running.after_pause(pause, Ended::Waited(destination));
            }
            // One more than the limit: what is tried again has its place.
            Ended::Waited(destination) => self.outboxes[destination].try_again(LIMIT + 1),
        }
    }

    async fn woken(&mut self) {
        let _ = self.grown.changed().await;
    }

    async fn save(&mut self) -> Result<()> {
        let pause = self.shared.world.lock().milliseconds(200);
        sleep(pause).await;
        let mut world = self.shared.world.lock();
        if world.fails(5) {
            return Err(broken());
        }
        if world.lease.is_none_or(|(holder, _)| holder != self.lease.node) {
            self.lease.lost.notify_one();
            return Err(broken());
        }
        for (number, outbox) in self.outboxes.iter_mut().enumerate() {
            if let Some(behind) = outbox.take_behind(&self.reached, None) {
                world.behind[number] = behind;
            }
        }
        world.place = Some(self.reached.stream().clone());
        Ok(())
    }

    fn let_go(&mut self) {
        self.outboxes = Default::default();
    }
}

#[derive(Clone)]
struct TestLease {
    shared: Shared,
    node: usize,
    lost: Arc<Notify>,
}

impl TestLease {
    async fn row(&self, change: impl FnOnce(&mut Option<(usize, Instant)>) -> bool) -> Result<bool> {
        let (pause, hangs) = {
            let world = self.shared.world.lock();
            (world.milliseconds(300), world.fails(15))
        };
        sleep(if hangs { 2 * TERM } else { pause }).await;
        let mut world = self.shared.world.lock();
        if world.fails(8) { Err(broken()) } else { Ok(change(&mut world.lease)) }
    }
}

impl Lease for TestLease {
    fn name(&self) -> &'static str {
        "test"
    }

    async fn take(&self) -> Result<bool> {
        let (node, asked) = (self.node, Instant::now());
        let take = move |row: &mut Option<(usize, Instant)>| {
            let is_free = row.is_none_or(|(holder, until)| holder == node || until <= asked);
            if is_free {
                *row = Some((node, asked + TERM));
            }
            is_free
        };
        self.row(take).await
    }

    async fn renew(&self) -> Result<bool> {
        let (node, asked) = (self.node, Instant::now());
        let renew = move |row: &mut Option<(usize, Instant)>| match row {
            Some((holder, until)) if *holder == node => {
                *until = asked + TERM;
                true
            }
            _ => false,
        };
        self.row(renew).await
    }

    async fn release(&self) -> Result<()> {
        let node = self.node;
        let release = move |row: &mut Option<(usize, Instant)>| row.take_if(|(holder, _)| *holder == node).is_some();
        self.row(release).await.map(drop)
    }

    async fn lost(&self) {
        self.lost.notified().await;
    }
}

fn start(shared: &Shared, node: usize) -> (Shutdown, JoinHandle<()>) {
    let lease = TestLease { shared: shared.clone(), node, lost: Arc::default() };
    let teller = Teller {
        shared: shared.clone(),
        lease: lease.clone(),
        grown: shared.grown.subscribe(),
        reached: StreamToken::default(),
        outboxes: Default::default(),
    };
    let shutdown = Shutdown::default();
    (shutdown.clone(), tokio::spawn(run(teller, lease, shutdown)))
}

/// Runs one schedule. Returns the most attempts that were under way at one destination, and how many were repetitions.
async fn simulate(seed: u64, is_taken_away: bool) -> (usize, usize) {
    let world = World {
        random: SeededRandom::new(seed),
        is_faulty: true,
        clocks: [1, 2].map(|writer| PositionClock::new(writer, Position::default())),
        stream: Vec::new(),
        place: None,
        behind: [None; DESTINATIONS],
        lease: None,
        told: [0; DESTINATIONS],
        confirmed: [0; DESTINATIONS],
        under_way: [0; DESTINATIONS],
        most_under_way: 0,
        repeated: 0,
    };
    let shared = Shared { world: Arc::new(Mutex::new(world)), grown: watch::Sender::new(()) };
    let mut nodes: Vec<_> = (0..NODES).map(|node| start(&shared, node)).collect();
    for _ in 0..200 {
        let (pause, action, node) = {
            let world = shared.world.lock();
            (world.milliseconds(8_000), world.below(24), world.below(NODES))
        };
        sleep(pause).await;
        match action {
            0 => {
                nodes[node].1.abort();
                let _ = (&mut nodes[node].1).await;
                nodes[node] = start(&shared, node);
            }
            1 => {
                nodes[node].0.begin();
                (&mut nodes[node].1).await.unwrap();
                nodes[node] = start(&shared, node);
            }
            2 if is_taken_away => {
                // As if the clocks of two nodes differed by more than they may.
                shared.world.lock().lease = Some((node, Instant::now() + TERM));
            }
            _ => {
                shared.world.lock().happen();
                shared.grown.send_replace(());
            }
        }
        if nodes.iter().any(|(_, node)| node.is_finished()) {
            break;
        }
    }
    shared.world.lock().is_faulty = false;
    let end = async {
        while !shared.world.lock().is_everything_told() {
            sleep(Duration::from_secs(1)).await;
        }
    };
    let ended = timeout(Duration::from_secs(4 * 3_600), end).await;
    for (shutdown, node) in nodes {
        shutdown.begin();
        node.await.unwrap();
    }
    let world = shared.world.lock();
    assert!(ended.is_ok(), "seed {seed}: {:?} told, {:?} confirmed", world.told, world.confirmed);
    assert_eq!(world.lease, None, "seed {seed}: the last one lets the lease go");
    (world.most_under_way, world.repeated)
}

#[tokio::test(start_paused = true)]
async fn everything_is_told_in_order_whatever_fails() {
    let mut repetitions = 0;
    for seed in 0..24 {
        let (most, repeated) = simulate(seed, false).await;
        assert_eq!(most, 1, "seed {seed}: two nodes told one destination at the same time");
        repetitions += repeated;
    }
    assert!(repetitions > 24, "the schedules are too friendly: {repetitions}");
}

#[tokio::test(start_paused = true)]
async fn everything_is_told_in_order_when_a_lease_is_taken_away_too_early() {
    let mut at_once = 0;
    for seed in 1_000..1_024 {
        at_once = at_once.max(simulate(seed, true).await.0);
    }
    assert!(at_once > 1, "no lease was lost in the middle of something");
}

mod rows {
    //! The lease that is a row.

    use std::sync::Arc;

    use im2_core::{Core, Options, Store};
    use im2_model::{Clock as _, ManualClock, Position, Reached, SeededRandom, ServerName};

    use crate::follower::{HeldLease, Lease as _};

    async fn core(folder: &tempfile::TempDir) -> (Core, Arc<ManualClock>) {
        let store = Arc::new(Store::open(&im2_store::Options::new(folder.path())).unwrap());
        let clock = Arc::new(ManualClock::at(1_000_000));
        let options = Options::new(ServerName::parse("localhost").unwrap());
        (Core::open(options, store, Arc::clone(&clock) as _, Arc::new(SeededRandom::new(1))).await.unwrap(), clock)
    }

    #[tokio::test]
    async fn nothing_is_written_once_another_node_has_the_lease() {
        let folder = tempfile::tempdir().unwrap();
        let (core, clock) = core(&folder).await;
        let lease = HeldLease::new(core.clone(), "told");
        let save = |sequence| {
            let reached = Reached::everything_until(Position::from_i64(sequence));
            lease.save(reached, move |tx| tx.set_server_value("more", &sequence.to_le_bytes()))
        };
        assert!(save(5).await.is_err(), "nobody has it");
        assert!(lease.take().await.unwrap());
        save(6).await.unwrap();
        let steal = |at| core.store.write(move |tx| tx.take_lease("told", 2, at, at + 100_000));
        assert!(!steal(clock.now()).await.unwrap());
        assert!(steal(clock.now() + 60_000).await.unwrap(), "it has run out");
        assert!(save(7).await.is_err() && !lease.renew().await.unwrap());
        lease.lost().await;
        let read = |db: &im2_store::Snapshot<'_>| db.server_value("more");
        let (place, more) = lease.place(read).await.unwrap();
        assert_eq!(place, Some(Reached::everything_until(Position::from_i64(6))));
        assert_eq!(more, Some(6_i64.to_le_bytes().to_vec()));
        assert!(!lease.take().await.unwrap());
        clock.advance(160_000);
        assert!(lease.take().await.unwrap());
        save(8).await.unwrap();
        lease.release().await.unwrap();
        assert!(steal(0).await.unwrap(), "it was let go");
    }
}
