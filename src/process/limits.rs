//! What the operating system grants this process: descriptors and stack.

use std::{io, sync::Mutex};

/// Descriptors that one target needs at the same time, with some reserve.
const DESCRIPTORS_PER_TARGET: u64 = 24;
/// Descriptors for everything else: standard streams, the runtime, files.
const DESCRIPTORS_IN_RESERVE: u64 = 40;
/// More are never needed, and some systems grant billions.
#[cfg(unix)]
const MOST_DESCRIPTORS: u64 = 16_384;
/// The main thread's stack is 1 MiB on Windows, and what `ulimit -s` says elsewhere. Without
/// optimization the same frames are several times as large.
const STACK: usize = if cfg!(debug_assertions) { 16 << 20 } else { 4 << 20 };

/// Whether an error says that this process, or this machine, ran out of descriptors or memory.
#[must_use]
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use nix::errno::Errno;
        let numbers = [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::ENOBUFS];
        error.raw_os_error().is_some_and(|raw| numbers.iter().any(|known| *known as i32 == raw))
    }
    #[cfg(not(unix))]
    {
        error.kind() == io::ErrorKind::OutOfMemory
    }
}

/// Raises the soft limit of descriptors as far as the hard one permits. A shell of macOS grants 256.
pub(crate) fn raise_descriptors() {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
            let wanted = hard.min(MOST_DESCRIPTORS);
            if soft < wanted {
                // Without the permission, the limit stays as it is.
                let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard);
            }
        }
    }
}

/// How many targets can be checked at the same time with the descriptors that there are.
#[must_use]
pub(crate) fn jobs(wanted: usize) -> usize {
    wanted.min(jobs_within(descriptors()))
}

fn jobs_within(descriptors: u64) -> usize {
    let jobs = descriptors.saturating_sub(DESCRIPTORS_IN_RESERVE) / DESCRIPTORS_PER_TARGET;
    usize::try_from(jobs).unwrap_or(usize::MAX).max(1)
}

fn descriptors() -> u64 {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit};
        getrlimit(Resource::RLIMIT_NOFILE).map_or(256, |(soft, _)| soft)
    }
    #[cfg(not(unix))]
    {
        u64::MAX
    }
}

/// Does work in a thread with enough stack, whatever the main thread has; here if there is no thread to
/// be had. `None` if the work panicked.
pub(crate) fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    let work = Mutex::new(Some(work));
    let run = || {
        let taken = work.lock().ok()?.take();
        taken.map(|work| work())
    };
    let done = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run);
        thread.ok()?.join().ok()?
    });
    done.or_else(run)
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use super::is_exhaustion;
    use super::{jobs_within, with_stack};
    #[cfg(unix)]
    use std::io;

    #[test]
    fn jobs_follow_the_descriptors() {
        assert_eq!(jobs_within(256), 9);
        assert_eq!(jobs_within(12), 1);
        assert!(jobs_within(16_384) > 256);
    }

    #[cfg(unix)]
    #[test]
    fn only_our_own_limits_are_exhaustion() {
        let of = |errno| io::Error::from_raw_os_error(errno);
        assert!(is_exhaustion(&of(nix::libc::EMFILE)));
        assert!(!is_exhaustion(&of(nix::libc::ECONNREFUSED)));
        assert!(!is_exhaustion(&io::Error::other("Too many open files (os error 24)")));
    }

    #[test]
    fn work_is_done_in_another_thread() {
        let here = std::thread::current().id();
        assert_ne!(with_stack(|| std::thread::current().id()), Some(here));
    }
}
