//! Unit and property tests of the queue, against a model that is a list.

use proptest::prelude::*;

use super::{Bounds, FairQueue};

const BOUNDS: Bounds =
    Bounds { running: 4, running_per_key: 2, running_per_target: 2, waiting: 1_000, waiting_per_key: 500 };

fn queue(bounds: Bounds) -> FairQueue<u8, u8, u32> {
    FairQueue::new(bounds)
}

#[test]
fn a_backlog_of_one_delays_nobody_else() {
    let mut queue = queue(BOUNDS);
    for work in 0..500 {
        queue.push(1, None, work).unwrap();
    }
    assert_eq!((queue.take().unwrap().work, queue.take().unwrap().work), (0, 1));
    assert_eq!(queue.take(), None, "it has its share");
    queue.push(2, None, 1_000).unwrap();
    assert_eq!(queue.take().unwrap().work, 1_000);
    queue.push(3, None, 2_000).unwrap();
    queue.push(4, None, 3_000).unwrap();
    assert_eq!(queue.take().unwrap().work, 2_000);
    assert_eq!(queue.take(), None, "all slots are taken");
    queue.done(&1, None);
    assert_eq!(queue.take().unwrap().work, 3_000, "who waits longest for a turn is next");
    queue.done(&2, None);
    assert_eq!(queue.take().unwrap().work, 2);
}

#[test]
fn full_queues_refuse_and_say_how_often() {
    let mut queue = queue(Bounds { waiting: 5, waiting_per_key: 3, ..BOUNDS });
    let pushed: Vec<_> = (0..5).map(|work| queue.push(1, None, work).is_ok()).collect();
    assert_eq!(pushed, [true, true, true, false, false]);
    assert_eq!((queue.push(2, None, 9), queue.push(3, None, 9), queue.push(4, None, 9)), (Ok(()), Ok(()), Err(9)));
    queue.push_always(1, None, 7);
    assert_eq!((queue.load().waiting, queue.load().refused), (6, 3));
    queue.discard(&1, |work| *work < 7);
    assert_eq!(queue.load().waiting, 3);
    assert!(queue.push(1, None, 8).is_ok());
}

#[test]
fn work_for_a_busy_target_steps_aside() {
    let mut queue = queue(BOUNDS);
    queue.limit(&9, Some(1));
    for (key, target, work) in [(1, Some(9), 10), (2, Some(9), 20), (2, None, 21), (3, Some(9), 30)] {
        queue.push(key, target, work).unwrap();
    }
    let taken: Vec<u32> = std::iter::from_fn(|| queue.take()).map(|taken| taken.work).collect();
    assert_eq!(taken, [10, 21]);
    queue.limit(&9, Some(0));
    queue.done(&1, Some(&9));
    assert_eq!(queue.take(), None, "it is held up");
    queue.limit(&9, None);
    let taken: Vec<u32> = std::iter::from_fn(|| queue.take()).map(|taken| taken.work).collect();
    assert_eq!(taken, [20, 30]);
}

#[test]
fn nothing_is_kept_of_keys_and_targets_that_are_idle() {
    let mut queue = queue(BOUNDS);
    for round in 0..100_u8 {
        assert!(queue.try_start(&round, Some(&round)));
        queue.push(round, Some(round), 1).unwrap();
        queue.done(&round, Some(&round));
        let taken = queue.take().unwrap();
        queue.done(&taken.key, taken.target.as_ref());
        queue.push(round, None, 2).unwrap();
        queue.discard(&round, |_| true);
        assert_eq!(queue.take(), None);
    }
    assert!(queue.keys.is_empty() && queue.targets.is_empty() && queue.order.is_empty());
}

#[derive(Debug, Clone)]
enum Step {
    Push(u8, Option<u8>),
    Start(u8, Option<u8>),
    Take,
    Done(usize),
    Limit(u8, Option<usize>),
    Discard(u8, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let target = || proptest::option::of(0..3_u8);
    prop_oneof![
        4 => (0..4_u8, target()).prop_map(|(key, target)| Step::Push(key, target)),
        1 => (0..4_u8, target()).prop_map(|(key, target)| Step::Start(key, target)),
        4 => Just(Step::Take),
        3 => any::<usize>().prop_map(Step::Done),
        1 => (0..3_u8, proptest::option::of(0..3_usize)).prop_map(|(target, limit)| Step::Limit(target, limit)),
        1 => (0..4_u8, 2..4_u32).prop_map(|(key, of)| Step::Discard(key, of)),
    ]
}

/// The same as a list of what waits and one of what runs.
#[derive(Default)]
struct Model {
    waiting: Vec<(u8, Option<u8>, u32)>,
    running: Vec<(u8, Option<u8>)>,
    limits: [Option<usize>; 3],
}

impl Model {
    fn may_run(&self, key: u8, target: Option<u8>) -> bool {
        let of_target = |target: u8| self.running.iter().filter(|(_, other)| *other == Some(target)).count();
        let limit = |target: u8| self.limits[usize::from(target)].unwrap_or(BOUNDS.running_per_target);
        self.running.len() < BOUNDS.running
            && self.running.iter().filter(|(other, _)| *other == key).count() < BOUNDS.running_per_key
            && target.is_none_or(|target| of_target(target) < limit(target))
    }
}

proptest! {
    #[test]
    fn slots_are_never_exceeded_nor_idle_and_nothing_is_lost(steps in proptest::collection::vec(step(), 1..200)) {
        let (mut queue, mut model) = (queue(BOUNDS), Model::default());
        for (number, step) in (0..).zip(steps) {
            match step {
                Step::Push(key, target) => {
                    queue.push(key, target, number).unwrap();
                    model.waiting.push((key, target, number));
                }
                Step::Start(key, target) => {
                    let first = model.waiting.iter().all(|(other, ..)| *other != key);
                    let started = queue.try_start(&key, target.as_ref());
                    prop_assert_eq!(started, first && model.may_run(key, target));
                    if started {
                        model.running.push((key, target));
                    }
                }
                Step::Take => {
                    if let Some(taken) = queue.take() {
                        prop_assert!(model.may_run(taken.key, taken.target));
                        // The first of its key and target; nothing that may run is overtaken by its own kind.
                        let same = |(key, target, _): &(u8, Option<u8>, u32)| (*key, *target) == (taken.key, taken.target);
                        let at = model.waiting.iter().position(same).unwrap();
                        prop_assert_eq!(model.waiting.remove(at).2, taken.work);
                        model.running.push((taken.key, taken.target));
                    } else {
                        // A target's slot may be kept for work whose key has had its share since.
                        let is_kept = |target: u8| {
                            queue.keys.values().any(|share| share.resumed.iter().any(|(of, _)| *of == target))
                        };
                        let idle = model.waiting.iter().any(|(key, target, _)| {
                            model.may_run(*key, *target) && !target.is_some_and(is_kept)
                        });
                        prop_assert!(!idle);
                    }
                }
                Step::Done(which) if !model.running.is_empty() => {
                    let (key, target) = model.running.swap_remove(which % model.running.len());
                    queue.done(&key, target.as_ref());
                }
                Step::Done(_) => {}
                Step::Limit(target, limit) => {
                    queue.limit(&target, limit);
                    model.limits[usize::from(target)] = limit;
                }
                Step::Discard(key, of) => {
                    queue.discard(&key, |work| work % of == 0);
                    model.waiting.retain(|(other, _, work)| *other != key || work % of != 0);
                }
            }
            let load = queue.load();
            prop_assert_eq!((load.waiting, load.running), (model.waiting.len(), model.running.len()));
        }
        for target in 0..3 {
            queue.limit(&target, None);
        }
        for (key, target) in model.running.drain(..) {
            queue.done(&key, target.as_ref());
        }
        let mut left = 0;
        while let Some(taken) = queue.take() {
            queue.done(&taken.key, taken.target.as_ref());
            left += 1;
        }
        prop_assert_eq!(left, model.waiting.len());
        prop_assert!(queue.keys.is_empty() && queue.targets.is_empty() && queue.order.is_empty());
    }

    #[test]
    fn everybody_has_a_turn_in_each_round(backlogs in proptest::collection::vec(1..40_usize, 1..6)) {
        let mut queue = queue(Bounds { running: 1, ..BOUNDS });
        for (key, backlog) in (0_u8..).zip(&backlogs) {
            (0..*backlog).for_each(|_| queue.push(key, None, 0).unwrap());
        }
        let mut left = backlogs.clone();
        while left.iter().any(|left| *left > 0) {
            for (key, left) in (0_u8..).zip(&mut left).filter(|(_, left)| **left > 0) {
                let taken = queue.take().unwrap();
                prop_assert_eq!(taken.key, key);
                queue.done(&key, None);
                *left -= 1;
            }
        }
        prop_assert_eq!(queue.take(), None);
    }
}
