//! SQLite: connections, statements, rows and errors. Nothing outside this folder names the library behind it.

mod connection;
mod error;
mod statement;

pub use error::DatabaseError;

pub(crate) use connection::Connection;
#[cfg(test)]
pub(crate) use statement::work;
pub(crate) use statement::{Row, Statement, statements};
