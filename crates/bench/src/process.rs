//! CPU time and resident memory of a process and its children, from `/proc`. Linux only.
//!
//! The clock of a whole process ticks every 10 ms and remembers threads that have ended. The clocks of its threads
//! count nanoseconds ([`ThreadClocks`]): they measure one request.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::time::{ClockId, clock_gettime};

/// A process with all its descendants.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    pid: u32,
}

impl Process {
    /// The process with this id; refused when there is none.
    pub fn find(pid: u32) -> Result<Self> {
        read_stat(pid).with_context(|| format!("there is no process {pid}"))?;
        Ok(Self { pid })
    }

    /// User and system time used so far by the process, its living descendants, and the children already reaped.
    pub fn cpu(self) -> Result<Duration> {
        let ticks: u64 = self.family()?.iter().map(|(_, stat)| stat.cpu_ticks).sum();
        Ok(Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second()))
    }

    /// Resident bytes of the process and its descendants.
    pub fn resident(self) -> Result<u64> {
        let mut bytes = 0;
        for (pid, _) in self.family()? {
            bytes += resident_of(pid)?;
        }
        Ok(bytes)
    }

    /// Those of the resident bytes that no file stands behind: a mapped database is in the page cache anyhow, and the
    /// system takes it away when it wants to.
    pub fn anonymous(self) -> Result<u64> {
        let mut bytes = 0;
        for (pid, _) in self.family()? {
            let status = fs::read_to_string(format!("/proc/{pid}/status"));
            let status = status.with_context(|| format!("process {pid} has gone"))?;
            bytes += parse_kilobytes(&status, "RssAnon:").context("the system does not tell anonymous memory")?;
        }
        Ok(bytes)
    }

    /// The CPU time that each thread of the process and its descendants has used so far.
    pub fn thread_clocks(self) -> Result<ThreadClocks> {
        let mut clocks = HashMap::new();
        for (pid, _) in self.family()? {
            for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
                let Some(id) = thread.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
                let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
                if let Some(nanos) = text.split_ascii_whitespace().next().and_then(|nanos| nanos.parse().ok()) {
                    clocks.insert(id, nanos);
                }
            }
        }
        ensure!(!clocks.is_empty(), "the kernel does not tell what threads use (CONFIG_SCHED_INFO)");
        Ok(ThreadClocks(clocks))
    }

    fn family(self) -> Result<Vec<(u32, Stat)>> {
        let own = read_stat(self.pid).with_context(|| format!("process {} has gone", self.pid))?;
        let mut children: HashMap<u32, Vec<(u32, Stat)>> = HashMap::new();
        for entry in fs::read_dir("/proc").context("cannot list /proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(stat) = read_stat(pid) {
                children.entry(stat.parent).or_default().push((pid, stat));
            }
        }
        let mut family = vec![(self.pid, own)];
        let mut visited = 0;
        while let Some(&(pid, _)) = family.get(visited) {
            family.extend(children.remove(&pid).unwrap_or_default());
            visited += 1;
        }
        Ok(family)
    }
}

/// The CPU time that each thread of some processes has used so far, in nanoseconds by thread id.
#[derive(Debug, Clone, Default)]
pub struct ThreadClocks(HashMap<u32, u64>);

impl ThreadClocks {
    /// The CPU time used since an earlier look. The time of a thread that has ended meanwhile is not known: servers end
    /// threads after they were idle for long, so for a single request it is nothing.
    pub fn since(&self, earlier: &Self) -> Duration {
        let used = |(id, now): (&u32, &u64)| now.saturating_sub(earlier.0.get(id).copied().unwrap_or(0));
        Duration::from_nanos(self.0.iter().map(used).sum())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    cpu_ticks: u64,
}

fn read_stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Parses `/proc/PID/stat`. The command name stands in parentheses and may itself hold spaces and parentheses, so
/// fields are counted from the last `)`: state, parent, … and, as the 12th to 15th, the times in clock ticks.
fn parse_stat(line: &str) -> Option<Stat> {
    let (_, fields) = line.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        cpu_ticks: number(11)? + number(12)? + number(13)? + number(14)?,
    })
}

/// `smaps_rollup` counts exactly; `status` (which may lag by some pages per thread) is readable for more users.
fn resident_of(pid: u32) -> Result<u64> {
    fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
        .ok()
        .and_then(|text| parse_kilobytes(&text, "Rss:"))
        .or_else(|| parse_kilobytes(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "VmRSS:"))
        .with_context(|| format!("cannot read the resident memory of process {pid}"))
}

/// The bytes in the line `LABEL   123 kB`.
fn parse_kilobytes(text: &str, label: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(label))?;
    let kilobytes: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// CPU time used so far by this process, to the nanosecond: beside a fast server it is small.
fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Reads the CPU clocks of the server under test (where its process is known) and of the generator.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    server: Option<Process>,
}

/// CPU time used so far, or between two samples.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// The server with its children; `None` when no process id was given.
    pub server: Option<Duration>,
    /// This process.
    pub generator: Duration,
}

impl Meter {
    /// A meter for the given server process.
    pub fn new(server: Option<Process>) -> Self {
        Self { server }
    }

    /// CPU time used until now.
    pub fn sample(&self) -> Result<Cpu> {
        Ok(Cpu { server: self.server.map(Process::cpu).transpose()?, generator: own_cpu() })
    }

    /// CPU time used since an earlier sample.
    pub fn since(&self, earlier: &Cpu) -> Result<Cpu> {
        let now = self.sample()?;
        Ok(Cpu {
            server: now.server.zip(earlier.server).map(|(now, earlier)| now.saturating_sub(earlier)),
            generator: now.generator.saturating_sub(earlier.generator),
        })
    }

    /// Resident bytes of the server.
    pub fn resident(&self) -> Result<Option<u64>> {
        self.server.map(Process::resident).transpose()
    }

    /// Those of them that no file stands behind.
    pub fn anonymous(&self) -> Result<Option<u64>> {
        self.server.map(Process::anonymous).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_parsed_behind_any_command_name() {
        let line = "42 (a ) (b c) S 7 42 42 0 -1 4194304 24033 546 2 0 263 17 5 1 20 0 13 0 62965 1026375680";
        assert_eq!(parse_stat(line), Some(Stat { parent: 7, cpu_ticks: 263 + 17 + 5 + 1 }));
    }

    #[test]
    fn a_malformed_stat_is_none() {
        for line in ["", "42", "42 (x)", "42 (x) S", "42 (x) S 7 1 1 0", "42 (x) S seven 1 1 0 0 0 0 0 0 0 1 1 1 1"] {
            assert_eq!(parse_stat(line), None, "{line:?}");
        }
    }

    #[test]
    fn memory_lines_are_found_by_label() {
        let text = "Rss:              119476 kB\nPss:               90000 kB\n";
        assert_eq!(parse_kilobytes(text, "Rss:"), Some(119_476 * 1024));
        assert_eq!(parse_kilobytes(text, "Swap:"), None);
        assert_eq!(parse_kilobytes("Rss: many kB", "Rss:"), None);
    }

    #[test]
    fn a_child_counts_with_its_parent() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep starts");
        let own = Process::find(std::process::id()).expect("this process");
        let family = own.family().expect("own family");
        child.kill().expect("child is killed");
        child.wait().expect("child is reaped");
        assert!(family.iter().any(|(pid, _)| *pid == child.id()));
        assert!(family.iter().any(|(pid, _)| *pid == std::process::id()));
        assert!(own.resident().expect("own memory") > 100_000);
    }

    #[test]
    fn the_clocks_of_threads_count_what_the_process_uses() {
        let own = Process::find(std::process::id()).expect("this process");
        let (before, started) = (own.thread_clocks().expect("clocks"), own_cpu());
        let mut sum = 0_u64;
        while own_cpu() < started + Duration::from_millis(20) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        let used = own.thread_clocks().expect("clocks").since(&before);
        // A running thread's clock is brought up to date at each tick of the scheduler, 10 ms at most.
        assert!(used >= Duration::from_millis(5), "{used:?}");
        assert_eq!(before.since(&before), Duration::ZERO);
    }

    #[test]
    fn cpu_time_advances_with_work() {
        let meter = Meter::new(Some(Process::find(std::process::id()).expect("this process")));
        let before = meter.sample().expect("sample");
        let mut sum = 0_u64;
        while own_cpu() < before.generator + Duration::from_millis(50) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        let used = meter.since(&before).expect("sample");
        // The server's clock, which is this process's own here, ticks every 10 ms.
        assert!(used.server >= Some(Duration::from_millis(30)), "{used:?}");
        assert!(used.generator >= Duration::from_millis(50), "{used:?}");
    }
}
