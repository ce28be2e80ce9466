//! The memory that the machine, or the control group that the server runs in, has and has left (Linux).

use std::{
    fs,
    path::{Path, PathBuf},
};

use im2_core::memory::{Machine, Pressure};

/// The part of the memory that caches may take where nothing is set.
const PART: u64 = 4;
/// The least that they may take then: with less a small server would read everything again and again.
const LEAST: u64 = 32 << 20;
/// The memory that is assumed where nothing tells how much there is, in bytes.
const UNKNOWN: u64 = 1 << 30;
/// Memory is scarce when less than this part of it (one byte in ten) is left, and nearly used up at half of that.
const SCARCE: u64 = 10;
/// The same for the share of the last ten seconds, in percent, in which some task waited for memory.
const STALLED: f64 = 20.0;

/// The memory of this machine.
#[derive(Debug, Clone)]
pub(crate) struct System {
    root: PathBuf,
}

/// Bytes in all, and bytes left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Memory {
    total: u64,
    left: u64,
}

impl Default for System {
    fn default() -> Self {
        Self { root: PathBuf::from("/") }
    }
}

impl System {
    /// The memory budget of caches where nothing is set: a quarter of what the machine has, or the control group.
    pub(crate) fn default_budget(&self) -> u64 {
        let least = self.limits().iter().map(|memory| memory.total).min().unwrap_or(UNKNOWN);
        (least / PART).max(LEAST)
    }

    /// The memory of everything that bounds this process: the machine, and each control group that it is in.
    fn limits(&self) -> Vec<Memory> {
        let mut found: Vec<_> = self.machine().into_iter().collect();
        let groups = self.read("proc/self/cgroup").unwrap_or_default();
        for line in groups.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            // Version 2 has one hierarchy without names; in version 1 memory has one of its own.
            if controllers.is_empty() {
                found.extend(self.group("sys/fs/cgroup", path, ["memory.max", "memory.current"]));
            } else if controllers.split(',').any(|name| name == "memory") {
                let files = ["memory.limit_in_bytes", "memory.usage_in_bytes"];
                found.extend(self.group("sys/fs/cgroup/memory", path, files));
            }
        }
        found
    }

    fn machine(&self) -> Option<Memory> {
        let text = self.read("proc/meminfo")?;
        let kibibytes = |label: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(label))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
        };
        Some(Memory { total: kibibytes("MemTotal:")? << 10, left: kibibytes("MemAvailable:")? << 10 })
    }

    /// The limits of a control group and of those that it is in. Inside a container the path may be one of outside,
    /// so the top of the hierarchy is always looked at.
    fn group(&self, hierarchy: &str, path: &str, [limit, usage]: [&str; 2]) -> Vec<Memory> {
        let path = Path::new(path.trim_start_matches('/'));
        let folders = path.ancestors().map(|folder| Path::new(hierarchy).join(folder));
        let memory = |folder: PathBuf| {
            let number = |file: &str| self.read(folder.join(file))?.trim().parse::<u64>().ok();
            let total = number(limit)?;
            // Pages of files are given up when they are needed.
            let stat = self.read(folder.join("memory.stat")).unwrap_or_default();
            let files = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok());
            let used = number(usage)?.saturating_sub(files.unwrap_or(0));
            Some(Memory { total, left: total.saturating_sub(used) })
        };
        folders.filter_map(memory).collect()
    }

    /// The share of the last ten seconds in which some task waited for memory, in percent.
    fn stalled(&self) -> Option<f64> {
        let text = self.read("proc/pressure/memory")?;
        let some = text.lines().find_map(|line| line.strip_prefix("some avg10="))?;
        some.split(' ').next()?.parse().ok()
    }

    fn read(&self, path: impl AsRef<Path>) -> Option<String> {
        fs::read_to_string(self.root.join(path)).ok()
    }
}

impl Machine for System {
    fn pressure(&self) -> Pressure {
        let is_below = |part: u64| self.limits().iter().any(|memory| memory.left < memory.total / part);
        if is_below(2 * SCARCE) {
            Pressure::High
        } else if is_below(SCARCE) || self.stalled().is_some_and(|percent| percent >= STALLED) {
            Pressure::Some
        } else {
            Pressure::None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use im2_core::memory::{Machine as _, Pressure};

    use super::System;

    const MIB: u64 = 1 << 20;

    fn system(files: &[(&str, &str)]) -> (tempfile::TempDir, System) {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let system = System { root: folder.path().to_owned() };
        (folder, system)
    }

    const MACHINE: (&str, &str) =
        ("proc/meminfo", "MemTotal:        8388608 kB\nMemFree:  1 kB\nMemAvailable:    4194304 kB\n");

    #[test]
    fn the_budget_is_a_quarter_of_the_machine_or_of_the_group() {
        let (_folder, alone) = system(&[MACHINE]);
        assert_eq!(alone.default_budget(), 2_048 * MIB);
        let (_folder, in_group) = system(&[
            MACHINE,
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("sys/fs/cgroup/a/b/memory.current", "1\n"),
            ("sys/fs/cgroup/a/memory.max", "536870912\n"),
            ("sys/fs/cgroup/a/memory.current", "1\n"),
        ]);
        assert_eq!(in_group.default_budget(), 128 * MIB);
        let (_folder, version_1) = system(&[
            MACHINE,
            ("proc/self/cgroup", "5:cpu,memory:/docker/x\n1:name=systemd:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n"),
        ]);
        assert_eq!(version_1.default_budget(), 256 * MIB);
        let (_folder, tiny) = system(&[("proc/meminfo", "MemTotal: 65536 kB\nMemAvailable: 1 kB\n")]);
        assert_eq!(tiny.default_budget(), 32 * MIB, "there is a floor");
        assert_eq!(System { root: "/nowhere".into() }.default_budget(), 256 * MIB);
    }

    #[test]
    fn pressure_is_what_is_left_of_the_narrowest_limit() {
        let group = |used: u64, files: u64| {
            let (_folder, system) = system(&[
                MACHINE,
                ("proc/self/cgroup", "0::/\n"),
                ("sys/fs/cgroup/memory.max", "1000\n"),
                ("sys/fs/cgroup/memory.current", &used.to_string()),
                ("sys/fs/cgroup/memory.stat", &format!("anon 5\ninactive_file {files}\n")),
            ]);
            system.pressure()
        };
        assert_eq!(group(500, 0), Pressure::None);
        assert_eq!(group(920, 0), Pressure::Some);
        assert_eq!(group(920, 500), Pressure::None, "pages of files can go");
        assert_eq!(group(980, 0), Pressure::High);
        let stalled = "some avg10=35.10 avg60=1.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0 avg300=0 total=0\n";
        let (_folder, system) = system(&[MACHINE, ("proc/pressure/memory", stalled)]);
        assert_eq!(system.pressure(), Pressure::Some);
    }
}
