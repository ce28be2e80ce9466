//! Fairness for everything that all users share: threads, slots, queues.
//!
//! [`FairQueue`] orders work: first in, first out for each caller, and the callers take turns. It bounds how much of
//! one caller runs and waits, so that a backlog delays only its own. [`Turns`] is a semaphore on it, for asynchronous
//! code; threads use the queue itself. [`caller`] carries whose work a task does from the edge to the queue, so that
//! nothing between them has to pass it on.

pub mod caller;
mod queue;
mod round_robin;
mod turns;

pub use caller::Caller;
pub use queue::{Bounds, FairQueue, Load, Taken};
pub use turns::{Busy, Turn, Turns};
