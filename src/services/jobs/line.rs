//! What may begin, what stands in whose way, when something is tried again. Decided without IO.

use std::{collections::BTreeMap, time::Duration};

use rand::RngExt;

use super::Pace;
use crate::{
    api::{
        Fault, FaultKind,
        jobs::{Job, JobState, Lane, Work, WorkKind},
    },
    ollama::name::same_model,
    store::system::jobs::Wish,
};

/// Attempts in vain after which it is given up while Ollama is away: with the longest waits, most of a day. Where it is the
/// work's own trouble, the house says how many.
const AWAY_MAX: u32 = 200;
/// Jobs that are over in a moment, at the same time.
const LIGHT_AT_ONCE: usize = 4;
/// Two would measure each other.
const BENCHMARKS_AT_ONCE: usize = 1;
/// Two would wait for the same disk and the same lock.
const KEEPING_AT_ONCE: usize = 1;
/// They mostly wait for what they began.
const RULES_AT_ONCE: usize = 4;

/// What an open job means for new work.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    Free,
    /// This is the very same.
    Same(&'a Job),
    InTheWay(&'a Job),
}

pub fn standing<'a>(work: &Work, open: impl Iterator<Item = &'a Job>) -> Standing<'a> {
    let mut in_the_way = None;
    for job in open {
        if is_same(work, &job.work) {
            return Standing::Same(job);
        }
        if in_the_way.is_none() && collide(work, &job.work) {
            in_the_way = Some(job);
        }
    }
    in_the_way.map_or(Standing::Free, Standing::InTheWay)
}

fn is_same(a: &Work, b: &Work) -> bool {
    match (a, b) {
        (Work::Create(a), Work::Create(b)) => a == b,
        (Work::Remove { model: a, forget: whole }, Work::Remove { model: b, forget: other }) => {
            same_model(a, b) && whole == other
        }
        (Work::Load { model: a, keep: how }, Work::Load { model: b, keep: other }) => same_model(a, b) && how == other,
        (Work::Rule(a), Work::Rule(b)) => a.rule == b.rule && a.dry_run == b.dry_run,
        (Work::VerifyBackup { which: a }, Work::VerifyBackup { which: b }) => a == b,
        // Each has keys of its own at hand: one is never the other. They keep each other out by the lock on their place.
        (Work::Restore { .. }, Work::Restore { .. }) => false,
        (Work::Backup { .. }, Work::Backup { .. })
        | (Work::PruneBackups, Work::PruneBackups)
        | (Work::Check, Work::Check) => true,
        _ => {
            a.kind() == b.kind()
                && same_model(a.model(), b.model())
                && match (a.other(), b.other()) {
                    (Some(a), Some(b)) => same_model(a, b),
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                }
        }
    }
}

/// Whether one changes a model that the other needs as it is.
pub fn collide(a: &Work, b: &Work) -> bool {
    let meet =
        |some: &[&str], others: &[&str]| some.iter().any(|one| others.iter().any(|other| same_model(one, other)));
    if let (Work::Rule(a), Work::Rule(b)) = (a, b) {
        return a.rule == b.rule;
    }
    let ((reads_a, writes_a), (reads_b, writes_b)) = (touched(a), touched(b));
    meet(&writes_a, &writes_b) || meet(&writes_a, &reads_b) || meet(&reads_a, &writes_b)
}

/// The models that must stay as they are, and those that are changed. Memory is another matter: Ollama sorts that out.
fn touched(work: &Work) -> (Vec<&str>, Vec<&str>) {
    match work {
        Work::Install(download) | Work::Update(download) => (Vec::new(), vec![&download.model]),
        Work::Remove { model, .. } => (Vec::new(), vec![model]),
        Work::Copy { from, to } => (vec![from], vec![to]),
        Work::Rename { from, to } => (Vec::new(), vec![from, to]),
        Work::Create(new) => (Vec::new(), vec![&new.model]),
        Work::Push { model, .. } | Work::Benchmark { model, .. } => (vec![model], Vec::new()),
        Work::Load { .. }
        | Work::Unload { .. }
        | Work::Backup { .. }
        | Work::VerifyBackup { .. }
        | Work::PruneBackups
        | Work::Restore { .. }
        | Work::Check
        | Work::Rule(_)
        | Work::Export(_)
        | Work::Import { .. }
        | Work::PutAway
        | Work::Index => (Vec::new(), Vec::new()),
    }
}

/// A model is changed by one job at a time.
pub fn in_the_way(work: &Work, other: &Work) -> Fault {
    Fault::new(FaultKind::Conflict, format!("Not begun: {work}. In its way: {other}."))
        .hint("Wait until that job has ended, or cancel it.")
}

pub fn verb(wish: Wish) -> &'static str {
    match wish {
        Wish::Pause => "jobs.pause",
        Wish::Cancel => "jobs.cancel",
    }
}

/// The models it is about, for the audit trail.
pub fn target(work: &Work) -> String {
    match work.other() {
        Some(backup) if work.kind() == WorkKind::Restore => format!("{} from {backup}", work.model()),
        Some(other) => format!("{} → {other}", work.model()),
        None => work.model().to_owned(),
    }
}

/// Which of the open jobs begin now, in the order of the line, of those that are ours to begin. `heavy`: how many of those
/// may run at once, in whatever process.
pub fn next<'a>(
    open: &(impl Iterator<Item = &'a Job> + Clone),
    is_ours: impl Fn(&Job) -> bool,
    heavy: usize,
    now: i64,
) -> Vec<&'a Job> {
    let most = |lane| match lane {
        Lane::Light => LIGHT_AT_ONCE,
        Lane::Heavy => heavy,
        Lane::Benchmarks => BENCHMARKS_AT_ONCE,
        Lane::Keeping => KEEPING_AT_ONCE,
        Lane::Rules => RULES_AT_ONCE,
        Lane::Own => 0,
    };
    let mut taken: BTreeMap<Lane, usize> = BTreeMap::new();
    for job in open.clone().filter(|job| job.state == JobState::Running) {
        *taken.entry(job.work.kind().lane()).or_default() += 1;
    }
    let due = open.clone().filter(|job| job.state == JobState::Waiting && job.next_at.is_none_or(|at| at <= now));
    due.filter(|job| is_ours(job))
        .filter(|job| {
            let lane = job.work.kind().lane();
            let taken = taken.entry(lane).or_default();
            let fits = *taken < most(lane);
            *taken += usize::from(fits);
            fits
        })
        .collect()
}

/// How long to wait after so many attempts in vain; `None` = it is given up.
pub fn wait(fault: &Fault, in_vain: u32, attempts: u32, pace: &Pace) -> Option<Duration> {
    let most = if fault.kind == FaultKind::Upstream { AWAY_MAX.max(attempts) } else { attempts };
    if in_vain > most {
        return None;
    }
    let doubled = pace.first_wait.saturating_mul(1 << in_vain.saturating_sub(1).min(16));
    // Many that failed together must not come back together.
    let jitter = rand::rng().random_range(0.8..1.2);
    Some(doubled.min(pace.longest_wait).mul_f64(jitter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{JobId, jobs::JobProgress};

    fn job(seq: i64, work: Work, state: JobState, next_at: Option<i64>) -> Job {
        Job {
            id: JobId::new(),
            seq,
            work,
            account: None,
            by: None,
            state,
            attempts: 0,
            error: None,
            next_at,
            created_at: 0,
            updated_at: 0,
            progress: JobProgress::default(),
            outcome: None,
            is_here: false,
        }
    }

    #[test]
    fn so_many_begin_as_may_and_the_light_ones_do_not_wait_behind_the_heavy() {
        let install = |seq, state, at| job(seq, Work::install(format!("m{seq}")), state, at);
        let jobs = [
            install(1, JobState::Running, None),
            install(2, JobState::Waiting, Some(50)),
            install(3, JobState::Paused, None),
            install(4, JobState::Waiting, None),
            install(5, JobState::Waiting, None),
            job(6, Work::Unload { model: "x".into() }, JobState::Waiting, None),
        ];
        let begun =
            |heavy, now| next(&jobs.iter(), |_| true, heavy, now).iter().map(|job| job.seq).collect::<Vec<i64>>();
        assert_eq!(begun(2, 10), [4, 6], "the second is not due, the third is paused");
        assert_eq!(begun(2, 50), [2, 6]);
        assert_eq!(begun(1, 50), [6]);
        assert_eq!(begun(9, 50), [2, 4, 5, 6]);
        let bench = |seq, state| job(seq, Work::Benchmark { model: format!("m{seq}"), repeats: 1 }, state, None);
        let benches = [bench(7, JobState::Waiting), bench(8, JobState::Waiting)];
        let all = || jobs.iter().chain(&benches);
        let begun: Vec<i64> = next(&all(), |_| true, 2, 10).iter().map(|job| job.seq).collect();
        assert_eq!(begun, [4, 6, 7], "one benchmark at a time, beside everything else");
        let keeping = [
            job(9, Work::Backup { since: None }, JobState::Waiting, None),
            job(10, Work::Check, JobState::Waiting, None),
        ];
        let begun: Vec<i64> = next(&keeping.iter(), |_| true, 2, 10).iter().map(|job| job.seq).collect();
        assert_eq!(begun, [9], "two would wait for the same disk");
        let fifth = next(&jobs.iter(), |job| job.seq == 5, 2, 50);
        assert_eq!(fifth.len(), 1, "what nobody is there for keeps nobody up");
    }

    #[test]
    fn a_model_is_changed_by_one_job_at_a_time() {
        let remove = |model: &str| Work::remove(model);
        let copy = |from: &str, to: &str| Work::Copy { from: from.into(), to: to.into() };
        let jobs = [job(1, Work::install("Tiny:latest"), JobState::Running, None)];
        assert_eq!(standing(&Work::install("library/tiny"), jobs.iter()), Standing::Same(&jobs[0]));
        assert_eq!(standing(&remove("tiny"), jobs.iter()), Standing::InTheWay(&jobs[0]));
        assert_eq!(standing(&remove("tiny:2b"), jobs.iter()), Standing::Free);
        assert!(!collide(&copy("a", "b"), &copy("a", "c")), "both only read it");
        assert!(collide(&copy("a", "b"), &remove("a")));
        assert!(!collide(&Work::Unload { model: "a".into() }, &remove("a")));
    }

    #[test]
    fn waits_grow_to_a_bound_and_end() {
        let pace = Pace::default();
        let model = Fault::new(FaultKind::Ollama, "x");
        let seconds = |fault: &Fault, in_vain| wait(fault, in_vain, 8, &pace).map(|wait| wait.as_secs_f64());
        for (in_vain, about) in [(1, 5.0), (2, 10.0), (4, 40.0), (8, 300.0)] {
            let wait = seconds(&model, in_vain).unwrap();
            assert!((about * 0.79..about * 1.21).contains(&wait), "{in_vain}: {wait}");
        }
        assert_eq!(seconds(&model, 9), None);
        assert!(
            seconds(&Fault::new(FaultKind::Upstream, "x"), 100).unwrap() < 361.0,
            "a machine that is off comes back"
        );
    }
}
