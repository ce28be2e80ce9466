//! The tests and the binary that they start are built with the same features of their dependencies, so that each
//! dependency is compiled once.

use std::collections::BTreeSet;

use super::Finding;

/// The arguments of `cargo tree` for [`check`]; `edges` are the kinds of dependencies that it follows.
pub(super) fn arguments(edges: &str) -> [&str; 9] {
    ["tree", "--locked", "--workspace", "--edges", edges, "--prefix", "none", "--format", "{p} [{f}]"]
}

/// Compares the packages that the workspace is built of without dev-dependencies and with them, a line each. With
/// them there may be more, and each has to have the features that it has without.
pub(super) fn check(without: &str, with: &str) -> Vec<Finding> {
    let with = lines(with);
    let differs = |line: &&str| !with.contains(line);
    let finding = |line: &str| {
        let package = line.split(" [").next().unwrap_or(line);
        Finding::error(
            "Cargo.toml",
            format!(
                "{package} has other features where tests are built, and is compiled twice: a dev-dependency asks for \
                 them; let im2-testkit ask for them"
            ),
        )
    };
    lines(without).into_iter().filter(differs).map(finding).collect()
}

/// What `cargo tree` printed, without the marks of lines that stood there before.
fn lines(tree: &str) -> BTreeSet<&str> {
    tree.lines().map(|line| line.strip_suffix(" (*)").unwrap_or(line)).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_that_differ_are_found() {
        let without = "im2 v0.1.0 (/im2) []\ntokio v1.0.0 [net]\ntokio v1.0.0 [net] (*)\n\nring v0.17.0 [std]\n";
        let with = "im2 v0.1.0 (/im2) []\np256 v0.14.0 []\ntokio v1.0.0 [net,test-util]\nring v0.17.0 [std]\n";
        let messages: Vec<_> = check(without, with).into_iter().map(|finding| finding.message).collect();
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(messages[0].starts_with("tokio v1.0.0 has other features"), "{messages:?}");
        assert_eq!(check(without, without), []);
    }
}
