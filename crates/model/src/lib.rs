//! Identifiers, stream positions, the clock and randomness: values, no I/O.
