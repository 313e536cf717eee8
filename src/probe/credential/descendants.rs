//! Ends a command with everything that it started, also what moved to a session of its own.

/// From now on, processes whose parent ends become children of this one, so that [`end`] finds them.
pub(super) fn adopt() {
    #[cfg(target_os = "linux")]
    {
        // Without it, only the process group is ended.
        let _ = nix::sys::prctl::set_child_subreaper(true);
    }
}

/// Ends the process group of a command and all of its descendants.
#[cfg(unix)]
pub(super) fn end(group: i32) {
    use nix::{
        sys::signal::{Signal, kill, killpg},
        unistd::Pid,
    };
    // The tree is read before its root is gone; what was orphaned since is read afterwards.
    let before = of_group(group);
    // A group that has ended by itself is gone already.
    let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    for process in before.into_iter().chain(of_group(group)) {
        let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
    }
}

/// Descendants of the group's leader, and orphans in a session of their own: this process is their
/// parent only since theirs ended.
#[cfg(target_os = "linux")]
fn of_group(group: i32) -> Vec<i32> {
    let processes = processes();
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let own_session = session(&processes, own);
    // As the first process of a container it is the parent of every orphan, also of others.
    let orphan =
        |process: &&Process| own != 1 && process.parent == own && process.session != own_session;
    let mut found: Vec<i32> = processes.iter().filter(orphan).map(|process| process.id).collect();
    found.push(group);
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        let child = |process: &&Process| {
            process.parent == parent && process.id != own && !found.contains(&process.id)
        };
        let children: Vec<i32> = processes.iter().filter(child).map(|child| child.id).collect();
        found.extend(children);
        at += 1;
    }
    found.retain(|id| *id != group);
    found
}

#[cfg(all(unix, not(target_os = "linux")))]
fn of_group(_: i32) -> Vec<i32> {
    Vec::new()
}

/// A process, as far as `/proc` shows it.
#[cfg(target_os = "linux")]
struct Process {
    id: i32,
    parent: i32,
    session: i32,
}

#[cfg(target_os = "linux")]
fn session(processes: &[Process], id: i32) -> i32 {
    processes.iter().find(|process| process.id == id).map_or(0, |process| process.session)
}

#[cfg(target_os = "linux")]
fn processes() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let id = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = crate::input::text_start(format!("/proc/{id}/stat"), STAT_LIMIT).ok()?;
            process(id, &stat)
        })
        .collect()
}

/// A line of numbers.
#[cfg(target_os = "linux")]
const STAT_LIMIT: u64 = 4096;

/// Source: proc_pid_stat(5). The name of the command is in parentheses and may hold anything.
#[cfg(target_os = "linux")]
fn process(id: i32, stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Process { id, parent, session })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::process;

    #[test]
    fn the_name_of_a_command_may_hold_anything() {
        let read = process(7, "7 (a) b (c)) S 3 7 5 0 -1 4194560").expect("a process");
        assert_eq!((read.id, read.parent, read.session), (7, 3, 5));
        assert!(process(7, "").is_none());
    }
}
