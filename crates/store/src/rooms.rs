//! Rooms, events, state and membership.
