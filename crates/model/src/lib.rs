//! Identifiers, stream positions, names as they may be shown, the clock and randomness.
//!
//! Values only: nothing here does I/O, knows a table or speaks HTTP. Every other crate may use this one; it uses
//! none of them.

mod clock;
mod ids;
mod position;
mod random;
mod shown;

pub use clock::{Clock, ManualClock, Millis, SystemClock};
pub use ids::{
    DeviceId, EventId, IdError, MAX_ID_BYTES, MxcUri, RoomAliasId, RoomId, RoomNid, ServerName, UserId, UserNid,
};
pub use position::{Position, Reached, StreamToken, TokenError, WriterId};
pub use random::{Random, SeededRandom, SystemRandom};
pub use shown::shown_name;
