//! A semaphore that is fair between callers.

use std::{
    fmt,
    hash::Hash,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::{Bounds, Caller, FairQueue, Load, caller};

/// Too much of a caller's work waits already, or of everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much work waits already; try again in a few seconds")]
pub struct Busy;

/// Slots that callers take in turn. Work may have a target `T`, a remote host for example, with a share of its own.
#[derive(Debug)]
pub struct Turns<T: Hash + Eq + Clone = ()>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    queue: FairQueue<Caller, T, Waiter>,
    waited: Duration,
}

#[derive(Debug)]
struct Waiter {
    sender: oneshot::Sender<()>,
    since: Instant,
}

/// A slot, until it is dropped.
pub struct Turn<T: Hash + Eq + Clone = ()>(Seat<T>);

/// The slot that a turn holds or a place is for.
struct Seat<T> {
    shared: Arc<Shared<T>>,
    caller: Caller,
    target: Option<T>,
}

/// A place in the queue. Given up when dropped, also with a slot that has just been assigned to it.
struct Place<T: Hash + Eq + Clone> {
    receiver: oneshot::Receiver<()>,
    seat: Option<Seat<T>>,
}

impl<T: Hash + Eq + Clone> Turns<T> {
    /// Slots within bounds.
    pub fn new(bounds: Bounds) -> Self {
        let state = State { queue: FairQueue::new(bounds), waited: Duration::ZERO };
        Self(Arc::new(Shared(Mutex::new(state))))
    }

    /// Waits for a slot in the current caller's turn.
    pub async fn take(&self) -> Result<Turn<T>, Busy> {
        self.take_for(caller::current(), None).await
    }

    /// Does as [`Turns::take`], however much waits: for the rest of work that has begun within the bounds and cannot be
    /// refused any more.
    pub async fn take_next(&self) -> Result<Turn<T>, Busy> {
        self.enter(caller::current(), None, true).await
    }

    /// Waits for a slot in the turn of `caller` and for a slot of `target`.
    pub async fn take_for(&self, caller: Caller, target: Option<T>) -> Result<Turn<T>, Busy> {
        // The server's own work is bounded by what makes it, and nobody could be told to come back.
        self.enter(caller, target, caller == Caller::Server).await
    }

    async fn enter(&self, caller: Caller, target: Option<T>, always: bool) -> Result<Turn<T>, Busy> {
        let seat = Seat { shared: Arc::clone(&self.0), caller, target: target.clone() };
        let mut place = {
            let mut state = self.0.0.lock();
            if state.queue.try_start(&caller, target.as_ref()) {
                return Ok(Turn(seat));
            }
            let (sender, receiver) = oneshot::channel();
            let waiter = Waiter { sender, since: Instant::now() };
            if always {
                state.queue.push_always(caller, target.clone(), waiter);
            } else {
                state.push(caller, target.clone(), waiter)?;
            }
            state.dispatch();
            Place { receiver, seat: Some(seat) }
        };
        let assigned = (&mut place.receiver).await;
        let seat = place.seat.take();
        assigned.ok().and(seat).map(Turn).ok_or(Busy)
    }

    /// The state, for metrics.
    pub fn load(&self) -> Load {
        let state = self.0.0.lock();
        Load { waited: state.waited, ..state.queue.load() }
    }
}

impl<T: Hash + Eq + Clone> State<T> {
    fn push(&mut self, caller: Caller, target: Option<T>, waiter: Waiter) -> Result<(), Busy> {
        let Err(waiter) = self.queue.push(caller, target.clone(), waiter) else { return Ok(()) };
        self.queue.discard(&caller, |waiter| waiter.sender.is_closed());
        self.queue.push(caller, target, waiter).map_err(|_| Busy)
    }

    /// Assigns free slots.
    fn dispatch(&mut self) {
        while let Some(taken) = self.queue.take() {
            let Waiter { sender, since } = taken.work;
            if sender.send(()).is_ok() {
                self.waited += since.elapsed();
            } else {
                self.queue.done(&taken.key, taken.target.as_ref());
            }
        }
    }
}

impl<T: Hash + Eq + Clone> Drop for Turn<T> {
    fn drop(&mut self) {
        let Seat { shared, caller, target } = &self.0;
        let mut state = shared.0.lock();
        state.queue.done(caller, target.as_ref());
        state.dispatch();
    }
}

impl<T: Hash + Eq + Clone> Drop for Place<T> {
    fn drop(&mut self) {
        let Some(seat) = self.seat.take() else { return };
        self.receiver.close();
        // Without a slot there is nothing to give back: the queue skips waiters that have gone.
        if self.receiver.try_recv().is_ok() {
            drop(Turn(seat));
        }
    }
}

impl<T: Hash + Eq + Clone> fmt::Debug for Turn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("caller", &self.0.caller).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::{Pin, pin},
        task::Poll,
    };

    use im2_model::UserNid;
    use tokio::task::yield_now;

    use super::{Busy, Turn, Turns};
    use crate::{Bounds, Caller, caller::scope};

    const BOUNDS: Bounds =
        Bounds { running: 2, running_per_key: 1, running_per_target: 2, waiting: 10, waiting_per_key: 3 };

    type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Turn, Busy>> + 'a>>;

    fn user(nid: i64) -> Caller {
        Caller::User(UserNid(nid))
    }

    /// Whether a future is still pending after one look.
    async fn waits<F: Future + ?Sized>(future: Pin<&mut F>) -> bool {
        let mut future = future;
        std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn a_callers_backlog_waits_for_itself_only() {
        let turns = Turns::<()>::new(BOUNDS);
        let first = scope(user(1), turns.take()).await.unwrap();
        let mut second = pin!(turns.take_for(user(1), None));
        assert!(waits(second.as_mut()).await);
        let other: Turn = turns.take_for(user(2), None).await.unwrap();
        let mut third = pin!(turns.take_for(user(3), None));
        assert!(waits(third.as_mut()).await);
        drop(other);
        let third = third.await.unwrap();
        assert!(waits(second.as_mut()).await, "one slot is free, but its caller has its share");
        drop(first);
        drop((second.await.unwrap(), third));
        assert_eq!((turns.load().running, turns.load().waiting, turns.load().started), (0, 0, 4));
    }

    #[tokio::test]
    async fn a_slot_assigned_to_a_waiter_that_has_gone_goes_to_the_next() {
        let turns = Turns::<()>::new(Bounds { running: 1, ..BOUNDS });
        let held = turns.take_for(user(1), None).await.unwrap();
        let mut gone_before = Box::pin(turns.take_for(user(2), None));
        let mut gone_after = Box::pin(turns.take_for(user(3), None));
        let mut stays = pin!(turns.take_for(user(4), None));
        assert!(waits(gone_before.as_mut()).await && waits(gone_after.as_mut()).await && waits(stays.as_mut()).await);
        drop(gone_before);
        drop(held);
        drop(gone_after); // has the slot, and nobody has looked
        drop(stays.await.unwrap());
        assert_eq!((turns.load().running, turns.load().waiting), (0, 0));
    }

    #[tokio::test]
    async fn waiters_that_have_gone_do_not_keep_a_caller_out() {
        let turns = Turns::<()>::new(BOUNDS);
        let held = turns.take_for(user(1), None).await.unwrap();
        for _ in 0..10 {
            assert!(waits(pin!(turns.take_for(user(1), None))).await);
        }
        let mut waiting: Vec<Waiting<'_>> = Vec::new();
        for _ in 0..3 {
            let mut place: Waiting<'_> = Box::pin(turns.take_for(user(1), None));
            assert!(waits(place.as_mut()).await);
            waiting.push(place);
        }
        assert_eq!(turns.take_for(user(1), None).await.map(drop), Err(Busy));
        assert!(!waits(pin!(turns.take_for(Caller::Server, None))).await, "the server has its own share");
        let mut begun: Waiting<'_> = Box::pin(scope(user(1), turns.take_next()));
        assert!(waits(begun.as_mut()).await, "what has begun waits, but is not refused");
        waiting.push(begun);
        drop(held);
        yield_now().await;
        for place in waiting {
            drop(place.await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_busy_target_holds_up_its_own_work_only() {
        let turns = Turns::<&str>::new(Bounds { running: 4, running_per_target: 1, running_per_key: 4, ..BOUNDS });
        let slow = turns.take_for(user(1), Some("slow")).await.unwrap();
        let mut behind = pin!(turns.take_for(user(1), Some("slow")));
        assert!(waits(behind.as_mut()).await);
        drop(turns.take_for(user(2), Some("quick")).await.unwrap());
        let mut own = pin!(turns.take_for(user(1), Some("quick")));
        assert!(!waits(own.as_mut()).await);
        drop(slow);
        drop(behind.await.unwrap());
    }
}
