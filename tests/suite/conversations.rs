//! Folders, conversations, branches and drafts through the gateway, over a real vault.

use ollamanet::api::{
    FaultKind,
    auth::SignedIn,
    chat::{Draft, Written},
    events::{Changed, Event},
    organise::{ConversationPatch, Cursor, FolderContent, NewConversation, Shelf},
};

use crate::common::house::House;

async fn signed_in() -> (tempfile::TempDir, House, SignedIn) {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("ann").await;
    (home, house, ann)
}

fn titled(title: &str) -> NewConversation {
    NewConversation { title: Some(title.to_owned()), ..NewConversation::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_of_folders_is_made_renamed_moved_and_deleted() {
    let (_home, house, ann) = signed_in().await;
    let (gateway, session) = (&house.gateway, &ann.session);
    let work = gateway.create_folder(session, None, "work").await.unwrap();
    let rust = gateway.create_folder(session, Some(work.id), " Rust ").await.unwrap();
    assert_eq!(rust.name, "Rust");
    let taken = gateway.create_folder(session, None, "WORK").await.unwrap_err();
    assert_eq!(taken.kind, FaultKind::Conflict);
    let inside = gateway.move_folder(session, work.id, Some(rust.id), None).await.unwrap_err();
    assert_eq!(inside.kind, FaultKind::Invalid);
    assert_eq!(gateway.create_folder(session, None, "a\nb").await.unwrap_err().kind, FaultKind::Invalid);

    let new = NewConversation { folder: Some(rust.id), ..titled("lifetimes") };
    let made = gateway.create_conversation(session, new).await.unwrap();
    let tree = gateway.tree(session).await.unwrap();
    assert_eq!(tree.folders.iter().find(|folder| folder.id == rust.id).unwrap().conversations, 1);
    gateway.delete_folder(session, work.id, FolderContent::Trash).await.unwrap();
    let tree = gateway.tree(session).await.unwrap();
    assert_eq!((tree.folders.len(), tree.counts.trash, tree.counts.all), (0, 1, 0));
    gateway.restore_conversations(session, vec![made.row.id]).await.unwrap();
    assert_eq!(gateway.conversation(session, made.row.id).await.unwrap().row.folder, None);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_and_changes_that_saw_an_older_row_are_refused() {
    let (_home, house, ann) = signed_in().await;
    let (gateway, session) = (&house.gateway, &ann.session);
    for number in 0..7 {
        gateway.create_conversation(session, titled(&format!("number {number}"))).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = gateway.conversations(session, Shelf::Recent, "", after, 3).await.unwrap();
        seen.extend(page.rows.into_iter().map(|row| row.title));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..7).rev().map(|number| format!("number {number}")).collect::<Vec<_>>());
    let list = |limit, after| gateway.conversations(session, Shelf::Recent, "", after, limit);
    assert_eq!(list(0, None).await.unwrap_err().kind, FaultKind::Invalid);
    assert_eq!(list(101, None).await.unwrap_err().kind, FaultKind::Invalid);
    assert_eq!(list(3, Some(Cursor("elsewhere".to_owned()))).await.unwrap_err().kind, FaultKind::Invalid);

    let row = list(1, None).await.unwrap().rows.remove(0);
    let rename = |title: &str| ConversationPatch {
        title: Some(title.to_owned()),
        seen_rev: Some(row.rev),
        ..ConversationPatch::default()
    };
    assert!(gateway.change_conversation(session, row.id, rename("mine")).await.unwrap().title_is_manual);
    let late = gateway.change_conversation(session, row.id, rename("late")).await.unwrap_err();
    assert_eq!(late.kind, FaultKind::Conflict);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_survives_the_program() {
    let (home, house, ann) = signed_in().await;
    let id = house.gateway.create_conversation(&ann.session, titled("c")).await.unwrap().row.id;
    let next = Written { text: "next".to_owned(), ..Written::default() };
    let draft = Draft { text: "half a thought".to_owned(), queued: vec![next], ..Draft::default() };
    house.gateway.save_draft(&ann.session, Some(id), draft.clone()).await.unwrap();
    house.gateway.save_draft(&ann.session, None, Draft { text: "new".to_owned(), ..Draft::default() }).await.unwrap();
    house.close().await;
    let house = House::alone(home.path());
    let passphrase = ollamanet::api::auth::Secret::new(crate::common::house::PASSPHRASE);
    let again = house.sign_in("ann", &passphrase).await.unwrap();
    let opened = house.gateway.open_conversation(&again.session, id, 50).await.unwrap();
    assert_eq!((opened.draft, opened.page.messages.len(), opened.running), (draft, 0, None));
    assert_eq!(house.gateway.draft(&again.session, None).await.unwrap().text, "new");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_window_hears_that_something_changed() {
    let (home, house, ann) = signed_in().await;
    let mut events = house.gateway.events(&ann.session).await.unwrap();
    let other = House::alone(home.path());
    let passphrase = ollamanet::api::auth::Secret::new(crate::common::house::PASSPHRASE);
    let there = other.sign_in("ann", &passphrase).await.unwrap();
    let heard = async {
        loop {
            if events.recv().await.expect("the subscription lives") == Event::Changed(Changed::Everything) {
                return;
            }
        }
    };
    let mut heard = std::pin::pin!(heard);
    // The first look remembers how the vault stood, so one change may come before it.
    let mut number = 0;
    let found = async {
        loop {
            number += 1;
            other.gateway.create_conversation(&there.session, titled(&number.to_string())).await.unwrap();
            if tokio::time::timeout(std::time::Duration::from_millis(1500), &mut heard).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), found).await.expect("the other window's write is noticed");
    other.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_subscription_with_the_reason() {
    let (_home, house, ann) = signed_in().await;
    let mut events = house.gateway.events(&ann.session).await.unwrap();
    house.gateway.sign_out(&ann.session).await.unwrap();
    let last = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        let mut last = None;
        while let Some(event) = events.recv().await {
            last = Some(event);
        }
        last
    });
    let last = last.await.expect("the subscription ends");
    assert!(matches!(last, Some(Event::SessionEnded(fault)) if fault.kind == FaultKind::SignedOut));
    house.close().await;
}
