//! The public keys of end-to-end encryption: of devices, for one use, for cross-signing, and their signatures.
//!
//! Keys are text here; what is in them is the engine's to judge. They hang on rows of `devices` and go with them.

mod cross_signing;
mod dehydrated;
mod device_keys;
mod device_lists;
mod one_time_keys;

pub use cross_signing::{CrossSigningKey, KeySignature};
pub use device_keys::DeviceKeys;
pub use device_lists::Member;
pub use one_time_keys::{ClaimKeys, ClaimedKey, ClaimedKeys, FallbackKey, KeyCounts, KeyDigest, OneTimeKey};
