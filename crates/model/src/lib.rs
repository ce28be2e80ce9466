//! Identifiers, stream positions, names as they may be shown and as they are searched, the clock and randomness, and
//! which network addresses are public.
//!
//! Values only: nothing here does I/O, knows a table or speaks HTTP. Every other crate may use this one; it uses
//! none of them.

pub mod address;
mod clock;
mod display_name;
mod folding;
mod ids;
mod name_search;
mod pinyin;
mod position;
mod random;

pub use clock::{Clock, ManualClock, Millis, SystemClock};
pub use display_name::shown_name;
pub use folding::{fold, fold_term};
pub use ids::{
    DeviceId, EventId, IdError, MAX_ID_BYTES, MxcUri, RoomAliasId, RoomId, RoomNid, ServerName, UserId, UserNid,
};
pub use name_search::NameSearch;
pub use pinyin::spellings;
pub use position::{LAST_WRITER, Position, PositionClock, Reached, StreamToken, TokenError, WriterId};
pub use random::{Random, SeededRandom, SystemRandom};
