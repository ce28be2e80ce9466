//! The browsers and other programs of the tests: found on `PATH`, or installed where we may install them.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;

/// A program that tests need, and where it comes from.
#[derive(Debug)]
pub(crate) struct Program {
    /// The name that people know it by.
    title: &'static str,
    /// The names that it may have on `PATH`; Debian's name first.
    names: &'static [&'static str],
    /// Debian's packages of it, and of what its pages are drawn with.
    packages: &'static [&'static str],
}

pub(crate) const CHROMIUM: Program = Program {
    title: "Chromium",
    names: &["chromium", "chromium-browser", "google-chrome", "chrome"],
    packages: &["chromium", "fonts-noto-cjk"],
};

pub(crate) const FIREFOX: Program = Program {
    title: "Firefox",
    names: &["firefox-esr", "firefox"],
    packages: &["firefox-esr", "fonts-noto-cjk", "fonts-noto-color-emoji"],
};

/// The driver of `WebKitGTK`, whose package brings the engine and its `MiniBrowser`.
pub(crate) const WEBKIT: Program =
    Program { title: "WebKitGTK's driver", names: &["WebKitWebDriver"], packages: &["webkit2gtk-driver"] };

/// The display of `WebKitGTK`, which has no way to do without.
pub(crate) const DISPLAY: Program = Program { title: "a virtual display", names: &["Xvfb"], packages: &["xvfb"] };

/// coturn's client, which the relay is tried with.
pub(crate) const TURN_CLIENT: Program =
    Program { title: "coturn's client", names: &["turnutils_uclient"], packages: &["coturn"] };

/// The paths of the programs, in their order; a missing one is installed, or else named in the error.
pub(crate) fn find_or_install<const N: usize>(programs: [&Program; N]) -> Result<[PathBuf; N]> {
    let missing: Vec<_> = programs.into_iter().filter(|program| program.find().is_none()).collect();
    if !missing.is_empty() {
        if process::find(&["apt-get"]).is_none() || !is_root()? {
            bail!("{}", request(&missing));
        }
        let packages = missing.iter().flat_map(|program| program.packages);
        let install = ["install", "-y"].iter().chain(packages).copied().collect::<Vec<_>>();
        for arguments in [vec!["update"], install] {
            let mut command = Command::new("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
            process::run(command)?;
        }
    }
    let mut found = Vec::new();
    for program in programs {
        let path =
            program.find().with_context(|| format!("{} was installed, but PATH does not have it", program.title))?;
        found.push(path);
    }
    found.try_into().ok().context("each program has one path")
}

impl Program {
    fn find(&self) -> Option<PathBuf> {
        process::find(self.names)
    }
}

/// A sentence that asks for what is missing.
fn request(missing: &[&Program]) -> String {
    let wanted = missing.iter().map(|program| format!("{} (as {})", program.title, program.names.join(" or ")));
    let packages = missing.iter().flat_map(|program| program.packages).copied().collect::<Vec<_>>();
    format!(
        "these tests need on PATH: {}; please install them (Debian: apt-get install {})",
        wanted.collect::<Vec<_>>().join(", "),
        packages.join(" "),
    )
}

fn is_root() -> Result<bool> {
    let mut command = Command::new("id");
    command.arg("-u");
    Ok(process::output(command)?.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_its_packages() {
        assert_eq!(
            request(&[&WEBKIT, &DISPLAY]),
            "these tests need on PATH: WebKitGTK's driver (as WebKitWebDriver), a virtual display (as Xvfb); please \
             install them (Debian: apt-get install webkit2gtk-driver xvfb)",
        );
    }
}
