//! Generators of hostile input for property tests: never shipped.
//!
//! [`text`] makes strings of what parsers trip over, [`json`] makes JSON of any shape, and valid JSON with a few things
//! changed, which gets deeper into a parser than noise does. This crate knows nothing of Matrix: words and examples
//! come from the test.
//!
//! The number of cases of a test is a share of [`proptest`]'s, which `PROPTEST_CASES` sets; where it does not, the cases
//! are always the same: see [`cases`].

pub mod json;
pub mod text;

use proptest::test_runner::{Config, RngSeed};

/// The seed of the cases, unless more of them are asked for.
const SEED: u64 = 1;

/// The settings of a test whose cases cost more than others': one case where a cheap test has `cost`. `PROPTEST_CASES`
/// raises the number of all tests alike. Without it a change is tested with the same cases as the one before, so that a
/// failure is the change's; with it the cases are new each time.
pub fn cases(cost: u32) -> Config {
    let config = Config::default();
    let is_long = std::env::var_os("PROPTEST_CASES").is_some();
    let rng_seed = if is_long { config.rng_seed } else { RngSeed::Fixed(SEED) };
    // A case that fails becomes a test of its own rather than a line in a file.
    Config { cases: (config.cases / cost).max(1), rng_seed, failure_persistence: None, ..config }
}
