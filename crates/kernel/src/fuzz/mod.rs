//! Properties that hold for any input, however hostile: checked against references that are simple and slow.

mod canonical;
mod events;
mod push;
