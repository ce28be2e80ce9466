//! The sandbox that the process enters before it reads a stranger's data.

use std::{fs::File, io};

/// Addresses that are used beside what decoding takes: the stack, tables, what the allocator rounds up to.
const BESIDE: u64 = 24 << 20;

/// Shuts the process in: it is left with its input, its output, memory, and the time of a processor.
#[cfg(target_os = "linux")]
pub(crate) fn enter(input: &File, output: &File, (memory, seconds): (u64, u64)) -> io::Result<()> {
    use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal};

    // What counts is the end of the thread that started this process, which waits for it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Other processes of the same user cannot look into it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    limit_resources(memory, seconds)?;
    filter::apply(input, output)
}

/// There is no sandbox for other systems, so nothing is decoded on them.
#[cfg(not(target_os = "linux"))]
pub(crate) fn enter(_input: &File, _output: &File, _limits: (u64, u64)) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn limit_resources(memory: u64, seconds: u64) -> io::Result<()> {
    use rustix::{
        param::page_size,
        process::{Resource, Rlimit, setrlimit},
    };

    // What is there already, the program itself and its libraries, is not counted.
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages = pages.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    let addresses = pages.ok_or(io::ErrorKind::InvalidData)? * page_size() as u64 + memory + BESIDE;
    let limits = [
        (Resource::As, addresses, addresses),
        // The first ends the process with a signal of its own, the second whatever it does.
        (Resource::Cpu, seconds, seconds + 1),
        (Resource::Core, 0, 0),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, 0, 0),
        (Resource::Nproc, 0, 0),
    ];
    for (resource, soft, hard) in limits {
        setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) })?;
    }
    Ok(())
}

/// The filter that leaves only a few calls of the operating system.
#[cfg(target_os = "linux")]
mod filter {
    use std::{env::consts::ARCH, fs::File, io, os::fd::AsRawFd as _};

    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
        apply_filter,
    };

    /// Refuses all calls but those that decoding needs, from now on. A call that is refused fails as one that is not
    /// permitted; the C library may ask for what it can do without.
    pub(super) fn apply(input: &File, output: &File) -> io::Result<()> {
        let program = program(input, output).map_err(io::Error::other)?;
        apply_filter(&program).map_err(io::Error::other)
    }

    fn program(input: &File, output: &File) -> Result<BpfProgram, seccompiler::BackendError> {
        let from = |file: &File| is(0, file.as_raw_fd() as u64);
        // Memory that can be executed is not given out, and none is shared or made of a file.
        let private = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let data = [
            has_none_of(2, libc::PROT_EXEC as u64)?,
            SeccompCondition::new(3, Dword, SeccompCmpOp::MaskedEq(private as u64), private as u64)?,
        ];
        let rules = [
            (libc::SYS_read, vec![SeccompRule::new(vec![from(input)?])?]),
            (libc::SYS_lseek, vec![SeccompRule::new(vec![from(input)?])?]),
            (libc::SYS_write, vec![SeccompRule::new(vec![from(output)?])?]),
            (libc::SYS_mmap, vec![SeccompRule::new(data.into())?]),
            (libc::SYS_mprotect, vec![SeccompRule::new(vec![has_none_of(2, libc::PROT_EXEC as u64)?])?]),
            (libc::SYS_munmap, vec![]),
            (libc::SYS_mremap, vec![]),
            (libc::SYS_madvise, vec![]),
            (libc::SYS_brk, vec![]),
            (libc::SYS_futex, vec![]),
            (libc::SYS_getrandom, vec![]),
            (libc::SYS_clock_gettime, vec![]),
            (libc::SYS_sched_yield, vec![]),
            // Cleaning up at the end of a thread, and how a panic ends the process.
            (libc::SYS_sigaltstack, vec![]),
            (libc::SYS_rt_sigprocmask, vec![]),
            (libc::SYS_rt_sigreturn, vec![]),
            (libc::SYS_exit, vec![]),
            (libc::SYS_exit_group, vec![]),
        ];
        let refused = SeccompAction::Errno(libc::EPERM as u32);
        let filter = SeccompFilter::new(rules.into_iter().collect(), refused, SeccompAction::Allow, ARCH.try_into()?)?;
        filter.try_into()
    }

    fn is(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
        SeccompCondition::new(argument, Dword, SeccompCmpOp::Eq, value)
    }

    fn has_none_of(argument: u8, bits: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
        SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(bits), 0)
    }
}
