use std::time::Duration;

use super::*;
use crate::store::{While, vault::scratch};

/// What the table of jobs does for a while: it takes no row that says that a job is over.
const FULL: &str = "CREATE INDEX full ON jobs (json_extract(iif(state = 'done', 'nonsense', '{}'), '$'))";

async fn change(vault: &Vault, sql: &'static str) {
    let changed = vault.db.write::<_, StoreError>(move |tx| tx.execute_batch(sql).while_("changing the table"));
    changed.await.unwrap();
}

async fn in_the_table(vault: &Vault, id: JobId) -> JobState {
    vault.db.read::<_, StoreError>(move |tx| jobs::get(tx, id)).await.unwrap().unwrap().job.state
}

// Time goes on whenever everybody waits, so that nobody here waits for long.
#[tokio::test(start_paused = true)]
async fn an_end_that_cannot_be_written_is_told_here_at_once_and_written_once_it_can_be() {
    let home = tempfile::tempdir().unwrap();
    let vault = scratch::vault(&home);
    let book = Book::new(Hub::new(), Tasks::new(), home.path().join("leases"));
    let booked = book.begin(&vault, Work::Index, None, &CancellationToken::new()).await.unwrap();
    let id = booked.id();
    change(&vault, FULL).await;
    booked.end(OwnEnd::Done("All of it.".to_owned())).await;
    assert_eq!(in_the_table(&vault, id).await, JobState::Running);
    let job = book.found(&vault, id).await.unwrap();
    assert_eq!((job.state, job.outcome.as_deref(), job.is_here), (JobState::Done, Some("All of it."), false));
    // Whoever looks at the table meanwhile does not take it for one that broke off.
    book.settle(&vault).await.unwrap();
    assert_eq!(in_the_table(&vault, id).await, JobState::Running);
    change(&vault, "DROP INDEX full").await;
    for _ in 0..10_000 {
        if in_the_table(&vault, id).await == JobState::Done {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(in_the_table(&vault, id).await, JobState::Done);
    assert_eq!(book.found(&vault, id).await.unwrap().outcome.as_deref(), Some("All of it."));
}
