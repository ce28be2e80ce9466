//! Generators of hostile input for property tests: never shipped.
//!
//! [`text`] makes strings of what parsers trip over, [`json`] makes JSON of any shape, and valid JSON with a few things
//! changed, which gets deeper into a parser than noise does. This crate knows nothing of Matrix: words and examples
//! come from the test.
//!
//! The number of cases of a test is a share of [`proptest`]'s, which `PROPTEST_CASES` sets: see [`cases`].

pub mod json;
pub mod text;

use proptest::test_runner::Config;

/// The settings of a test whose cases cost more than others': one case where a cheap test has `cost`. `PROPTEST_CASES`
/// raises the number of all tests alike.
pub fn cases(cost: u32) -> Config {
    let config = Config::default();
    Config { cases: (config.cases / cost).max(1), ..config }
}
