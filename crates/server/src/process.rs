//! The operating system's limits and figures for this process (Linux).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files to what the system allows and returns it. Every connection is a file, and the usual
/// soft limit of 1,024 is meant for programs that use `select`.
pub(crate) fn raise_file_limit() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::debug!(%error, "the limit of open files could not be raised");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The resources that this process has used and holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// Resident memory in bytes.
    pub(crate) resident_bytes: u64,
    /// Processor time in user and system mode since the start, in seconds.
    pub(crate) cpu_seconds: f64,
    /// Open files and sockets.
    pub(crate) open_files: u64,
}

/// Reads the usage, or nothing where there is no `/proc`.
pub(crate) fn usage() -> Option<Usage> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let open_files = std::fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    Some(Usage { resident_bytes: resident(&status)?, cpu_seconds: cpu(&stat)?, open_files })
}

/// `VmRSS:   12345 kB`.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// Fields 14 and 15 in ticks; the second field is the program's name in parentheses, which may hold anything.
fn cpu(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let ticks = fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?;
    Some(f64::from(ticks) / f64::from(rustix::param::clock_ticks_per_second() as u32))
}

#[cfg(test)]
mod tests {
    use super::{cpu, resident, usage};

    #[test]
    fn usage_is_read() {
        assert_eq!(resident("Name:\tim2\nVmRSS:\t  2048 kB\n"), Some(2 << 20));
        let stat = "1 (a) b) S 0 1 1 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0";
        assert_eq!(cpu(stat), Some(200.0 / f64::from(rustix::param::clock_ticks_per_second() as u32)));
        let usage = usage().unwrap();
        assert!(usage.resident_bytes > 1 << 20 && usage.open_files >= 3);
    }
}
