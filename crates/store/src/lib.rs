//! Persistence in the words of the domain, on SQLite.
