//! Wake-ups: hints that a stream has reached a position.
