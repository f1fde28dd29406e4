//! What the kernel says about a running program.

use std::{collections::HashMap, fs, path::PathBuf, time::Duration};

/// Time on a processor since it was made, all threads, also those that have ended meanwhile: ask it often enough to see
/// each of them. From the scheduler's own count in nanoseconds: `/proc/PID/stat` counts in ticks of 10 ms, too coarse for
/// a thousand tokens.
pub struct Cpu {
    pid: i32,
    threads: HashMap<PathBuf, Duration>,
    before: Duration,
}

impl Cpu {
    pub fn of(pid: i32) -> Self {
        let mut made = Self { pid, threads: HashMap::new(), before: Duration::ZERO };
        made.before = made.look();
        made
    }

    pub fn used(&mut self) -> Duration {
        self.look().saturating_sub(self.before)
    }

    fn look(&mut self) -> Duration {
        for task in tasks(self.pid) {
            let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
            if let Some(spent) = text.split_whitespace().next().and_then(|field| field.parse().ok()) {
                self.threads.insert(task, Duration::from_nanos(spent));
            }
        }
        self.threads.values().sum()
    }
}

/// Processor time of the busiest thread, and how long all threads together were ready to run and had to wait for a
/// processor: on a machine that is shared, this tells the program's own time from the others'.
pub fn busiest_and_queued(pid: i32) -> (Duration, Duration) {
    let mut out = (Duration::ZERO, Duration::ZERO);
    for task in tasks(pid) {
        let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
        let mut fields = text.split_whitespace().map(|field| Duration::from_nanos(field.parse().unwrap_or(0)));
        out.0 = out.0.max(fields.next().unwrap_or_default());
        out.1 += fields.next().unwrap_or_default();
    }
    out
}

/// How often a thread has gone to sleep and was woken, all threads.
pub fn wake_ups(pid: i32) -> u64 {
    let count = |task: &PathBuf| {
        field(&fs::read_to_string(task.join("status")).unwrap_or_default(), "voluntary_ctxt_switches:")
    };
    tasks(pid).iter().map(count).sum()
}

/// Bytes in memory.
pub fn resident(pid: i32) -> u64 {
    field(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(), "VmRSS:") * 1024
}

fn tasks(pid: i32) -> Vec<PathBuf> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    tasks.map(|tasks| tasks.flatten().map(|task| task.path()).collect()).unwrap_or_default()
}

fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
