//! Figures of one run beside each other: what a question costs, and the same by reading everything.

use std::time::{Duration, Instant};

/// Does it so many times and tells how long that took; gives the median.
pub fn told(name: &str, rounds: usize, mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    let (median, worst) = (times[rounds / 2], times[rounds - 1]);
    println!("{name:<24} {median:>9.2?} median {worst:>9.2?} worst of {rounds}");
    median
}

/// Tells how many times longer `scan`, of this name, took than the slowest question, and fails where that took too long.
pub fn judged(name: &str, scan: Duration, slowest: Duration, limit: Duration) {
    println!("{name:<24} {:.0} times", scan.as_secs_f64() / slowest.as_secs_f64());
    if slowest > limit {
        println!("slower than {limit:?}");
        std::process::exit(1);
    }
}
