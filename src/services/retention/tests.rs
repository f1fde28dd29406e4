use tempfile::TempDir;

use super::*;
use crate::{
    api::{
        ConversationId,
        jobs::{JobState, WhichJobs},
        organise::{NewConversation, Shelf},
    },
    store::vault::{arrange, conversations, jobs, scratch},
};

const NOW: i64 = 2_000 * DAY_MS;

/// A service over one vault, with conversations that were used so many days ago.
struct House {
    _home: TempDir,
    retention: Retention,
    vault: Vault,
    ids: Vec<ConversationId>,
}

impl House {
    async fn with(idle_days: &[i64]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let vault = scratch::vault(&home);
        let retention = Retention::new(
            Hub::new(),
            Tasks::new(),
            Book::new(Hub::new(), Tasks::new(), home.path().join("leases")),
            home.path().join("leases"),
        );
        let days = idle_days.to_vec();
        let ids = vault
            .db
            .write(move |tx| {
                days.iter()
                    .map(|days| {
                        let new = NewConversation { title: Some(format!("{days}")), ..NewConversation::default() };
                        Ok::<_, StoreError>(conversations::create(tx, &new, NOW - days * DAY_MS)?.row.id)
                    })
                    .collect::<Result<Vec<_>, _>>()
            })
            .await
            .unwrap();
        Self { _home: home, retention, vault, ids }
    }

    fn book(&self) -> &Book {
        &self.retention.0.book
    }

    async fn run(&self, rules: RetentionRules) -> Report {
        self.retention.carry_out(&self.vault, &rules, by_a_person(), None).await.unwrap().unwrap()
    }

    async fn titles(&self, shelf: Shelf) -> Vec<String> {
        let (rows, _) = self.vault.db.read(move |tx| conversations::shelf(tx, shelf, "", None, 100)).await.unwrap();
        rows.into_iter().map(|row| row.title).collect()
    }
}

fn by_a_person() -> Run {
    Run { by: RunBy::Person, booked: None, work: CancellationToken::new() }
}

fn trash_after(days: u32) -> RetentionRules {
    RetentionRules { trash_after_days: Some(days), ..RetentionRules::default() }
}

#[tokio::test]
async fn what_is_old_goes_to_the_trash_and_the_report_says_so() {
    let house = House::with(&[4000, 3000, 1]).await;
    let report = house.run(trash_after(1000)).await;
    // The scratch vault's clock is the real one, so all of these are older than they say.
    assert_eq!((report.trashed, report.archived, report.purged, report.end.clone()), (3, 0, 0, RunEnd::Done));
    assert_eq!(house.titles(Shelf::Trash).await.len(), 3);
    let kept: Vec<Report> =
        house.vault.db.read(|tx| settings::get(tx, RETENTION_REPORTS)).await.unwrap().unwrap_or_default();
    assert_eq!(kept, [report]);
}

#[tokio::test]
async fn only_one_process_at_a_time_is_at_it() {
    let house = House::with(&[10]).await;
    let other = Chore::take(&house.retention.0.leases, house.vault.account, "retention").unwrap().unwrap();
    let refused = house.retention.carry_out(&house.vault, &trash_after(1), by_a_person(), None).await.unwrap();
    assert_eq!(refused, None);
    assert_eq!(house.titles(Shelf::Trash).await, [""; 0]);
    drop(other);
    assert_eq!(house.run(trash_after(1)).await.trashed, 1);
}

#[tokio::test]
async fn a_run_that_is_stopped_keeps_what_it_did_and_says_that_it_was_stopped() {
    let house = House::with(&[5; 250]).await;
    let asked = std::sync::atomic::AtomicU32::new(0);
    // Let through twice, then stopped.
    let stop = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 2;
    let booked = house.book().begin(&house.vault, Work::PutAway, None, &CancellationToken::new()).await.unwrap();
    let by = RunBy::Person;
    let mut report = Report { at: now(), by, end: RunEnd::Open, archived: 0, trashed: 0, purged: 0, bytes: 0 };
    let told = (None, &booked.telling());
    let is_whole = house.retention.put_away(&house.vault, &trash_after(1), &mut report, &stop, told).await.unwrap();
    assert_eq!((is_whole, report.trashed), (false, 200));
    assert_eq!(house.titles(Shelf::Recent).await.len(), 50);
    drop(booked);
    let stopped = by_a_person();
    stopped.work.cancel();
    let report = house.retention.carry_out(&house.vault, &trash_after(1), stopped, None).await.unwrap().unwrap();
    assert_eq!((report.trashed, report.end), (0, RunEnd::Stopped));
}

#[tokio::test]
async fn each_run_is_a_row_of_the_vault_and_a_day_on_which_nothing_was_old_is_none() {
    let house = House::with(&[5, 5]).await;
    let rows = async || {
        let read = house.vault.db.read::<_, StoreError>(|tx| jobs::list(tx, WhichJobs::All, None, 10)).await.unwrap();
        read.into_iter().map(|kept| (kept.job.state, kept.job.attempts, kept.job.outcome)).collect::<Vec<_>>()
    };
    let by_itself = || Run { by: RunBy::Itself, booked: None, work: CancellationToken::new() };
    // One that broke off goes on in its own row.
    drop(house.book().begin(&house.vault, Work::PutAway, None, &CancellationToken::new()).await.unwrap());
    house.retention.carry_out(&house.vault, &trash_after(1), by_itself(), None).await.unwrap().unwrap();
    let done = "0 archived, 2 moved to the trash, 0 removed for good.".to_owned();
    assert_eq!(rows().await, [(JobState::Done, 2, Some(done.clone()))]);
    house.retention.carry_out(&house.vault, &trash_after(1), by_itself(), None).await.unwrap().unwrap();
    assert_eq!(rows().await.len(), 1, "nothing was old, and nobody had asked");
    house.run(trash_after(1)).await;
    assert_eq!(rows().await.len(), 2, "a person who asks wants to see it");
}

#[tokio::test]
async fn what_changes_between_the_plan_and_its_step_stays() {
    let house = House::with(&[9, 8, 7, 6]).await;
    let steps = house.retention.steps(&house.vault, &trash_after(1), now()).await.unwrap();
    assert_eq!(steps.len(), 4);
    let ids = house.ids.clone();
    let done = house
        .vault
        .db
        .write(move |tx| {
            arrange::pin(tx, &ids[..1], true, now())?;
            arrange::archive(tx, &ids[1..2], true, now())?;
            arrange::rename(tx, ids[2], "mine", None, now())?;
            steps
                .iter()
                .map(|step| Ok::<_, StoreError>(retention::act(tx, &step.seen, step.fate, now())?.is_some()))
                .collect::<Result<Vec<_>, _>>()
        })
        .await
        .unwrap();
    assert_eq!(done, [false, false, false, true]);
    assert_eq!(house.titles(Shelf::Trash).await, ["6"]);
}

#[tokio::test]
async fn a_clock_that_was_set_back_leaves_no_times_that_look_old_when_it_is_right_again() {
    let house = House::with(&[0]).await;
    let id = house.ids[0];
    let (used, thrown) = house
        .vault
        .db
        .write(move |tx| {
            // Two years back: something is said in a new conversation, and another is thrown away.
            let past = NOW - 700 * DAY_MS;
            let new = NewConversation { title: Some("late".into()), ..NewConversation::default() };
            let late = conversations::create(tx, &new, past)?.row.id;
            arrange::trash(tx, &[id], past)?;
            let used = conversations::get(tx, late)?.row.used_at;
            let thrown = retention::thrown_away(tx)?;
            Ok::<_, StoreError>((used, thrown[0].since))
        })
        .await
        .unwrap();
    assert_eq!((used, thrown), (NOW, NOW));
}

#[test]
fn after_a_leap_of_the_clock_the_rules_wait_for_a_day() {
    assert_eq!(waiting(None, None, NOW), (true, None), "the first look");
    assert_eq!(waiting(Some(NOW), None, NOW + DAY_MS), (true, None));
    assert_eq!(waiting(Some(NOW), None, NOW - 900 * DAY_MS), (true, None), "back: nothing looks older");
    let leapt = NOW + 900 * DAY_MS;
    let (may, until) = waiting(Some(NOW), None, leapt);
    assert_eq!((may, until), (false, Some(leapt + DAY_MS)));
    assert_eq!(waiting(Some(NOW), until, leapt + DAY_MS / 2), (false, until));
    assert_eq!(waiting(Some(NOW), until, leapt + DAY_MS), (true, None), "it has lasted");
    assert_eq!(waiting(Some(NOW), until, NOW + DAY_MS), (true, None), "put right again");
    let further = leapt + 900 * DAY_MS;
    assert_eq!(waiting(Some(NOW), until, further), (false, Some(further + DAY_MS)), "it leapt again");
}

#[test]
fn a_day_is_counted_from_the_last_run() {
    let ran = State { ran_at: Some(NOW), waits_until: None };
    assert!(is_day_over(&State::default(), NOW));
    assert!(!is_day_over(&ran, NOW + DAY_MS - 1));
    assert!(is_day_over(&ran, NOW + DAY_MS));
    assert!(is_day_over(&ran, NOW - 1), "set back: not silent until the clock has caught up");
}
