//! What holds for anything that clients send, tried on the use cases.

mod sliding_sync;
mod tokens;
