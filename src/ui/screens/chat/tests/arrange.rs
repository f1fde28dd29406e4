//! Many at once: marks, tags, the archive, removing for good, layouts, and taking things back.

use super::{shelves::*, *};
use crate::{
    api::{
        TagId,
        organise::{FolderStanding, Grouping, Purged, Standing, Tag, TakenBack, TitleOrigin, Undo},
        retention::{Due, Fate, Preview, Report, Retention, RetentionRules, RunBy, RunEnd, Total, Why},
    },
    ui::msg::{Arrange, OrganiseCall, OrganiseReply},
};

fn press(desk: &mut Desk, key: char) -> Vec<Effect> {
    let modifiers = if key.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
    desk.press(KeyEvent::new(KeyCode::Char(key), modifiers)).unwrap_or_default()
}

pub fn undone(ids: &[u128]) -> Undo {
    let standing = |n: &u128| Standing {
        id: id(*n),
        title: format!("title {n}"),
        title_origin: TitleOrigin::Manual,
        folder: None,
        pinned: false,
        archived_at: None,
        trashed_at: None,
        tags: Vec::new(),
        rev: 2,
    };
    Undo { conversations: ids.iter().map(standing).collect(), folders: Vec::new() }
}

pub fn arranged(desk: &mut Desk, ids: &[u128], change: Arrange) -> Vec<Effect> {
    let undo = Ok(undone(ids));
    let ids = ids.iter().map(|n| id(*n)).collect();
    desk.reply(ChatReply::Organised(OrganiseReply::Arranged { ids, change, undo }))
}

/// The one call to the list among these.
pub fn call(effects: &[Effect]) -> &OrganiseCall {
    effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Chat(ChatCall::Organise(call)) => Some(call),
            _ => None,
        })
        .unwrap_or_else(|| panic!("{effects:?}"))
}

pub fn change(effects: &[Effect]) -> (Vec<ConversationId>, Arrange) {
    match call(effects) {
        OrganiseCall::Arrange { ids, change } => (ids.clone(), change.clone()),
        other => panic!("{other:?}"),
    }
}

/// The two loose conversations, marked.
fn marked() -> Desk {
    let mut desk = desk_with_tree();
    go_to(&mut desk, "Borrow checker and async");
    press(&mut desk, ' ');
    press(&mut desk, ' ');
    assert_eq!(desk.screen.tree.marks(), 2);
    desk
}

#[test]
fn marks_are_counted_and_esc_takes_them_away() {
    let mut desk = marked();
    let hint = &desk.screen.hints(&desk.cx)[0];
    assert_eq!((hint.key.as_str(), hint.help), ("2", "marked"));
    desk.press(KeyCode::Esc);
    assert_eq!((desk.screen.tree.marks(), desk.screen.focus), (0, Focus::Tree));
    go_to(&mut desk, "Trash");
    assert_eq!(toasts(&press(&mut desk, ' ')), ["Only conversations and folders can be marked."]);
}

/// A loose conversation, and two folders of which one lies in the other.
fn marked_with_folders() -> Desk {
    let mut desk = desk_with_tree();
    go_to(&mut desk, "Borrow checker and async");
    press(&mut desk, ' ');
    go_to(&mut desk, "work");
    press(&mut desk, 'l');
    press(&mut desk, ' ');
    go_to(&mut desk, "rust");
    press(&mut desk, ' ');
    assert_eq!(desk.screen.tree.marks(), 3);
    desk
}

#[test]
fn folders_are_marked_like_conversations_and_say_so() {
    let mut desk = marked_with_folders();
    let drawn = desk.draw(120, 36);
    assert!(drawn.contains("✓ ▾ work") && drawn.contains("✓ ▸ rust") && drawn.contains("✓ 3 marked"), "{drawn}");
    go_to(&mut desk, "rust");
    press(&mut desk, ' ');
    assert_eq!(desk.screen.tree.marks(), 2);
    desk.press(KeyCode::Esc);
    assert_eq!(desk.screen.tree.marks(), 0);
}

#[test]
fn marked_folders_move_together_with_marked_conversations() {
    let mut desk = marked_with_folders();
    press(&mut desk, 'm');
    let places = desk.draw(120, 36);
    assert!(places.contains("home") && !places.contains("work / rust"), "not into themselves: {places}");
    desk.write("home");
    let folders = vec![(folder(2), Some(1)), (folder(1), Some(1))];
    let moved = Arrange::MoveTogether { folders, place: Some(folder(3)) };
    assert_eq!(change(&desk.enter()), (vec![id(1)], moved.clone()), "the inner one first");
    let stood = |n: u128| FolderStanding { id: folder(n), parent: None, name: "f".into(), rev: 2 };
    let undo = Ok(Undo { folders: vec![stood(2), stood(1)], ..undone(&[1]) });
    let reply = OrganiseReply::Arranged { ids: vec![id(1)], change: moved, undo };
    let effects = desk.reply(ChatReply::Organised(reply));
    assert_eq!(toasts(&effects), ["1 conversation and 2 folders are in home now."]);
    assert_eq!(desk.screen.tree.marks(), 0);
}

#[test]
fn deleting_marked_folders_asks_once_and_goes_from_the_inside_out() {
    use crate::api::organise::FolderContent;
    let mut desk = marked_with_folders();
    assert!(press(&mut desk, 'd').is_empty());
    let question = desk.draw(120, 36);
    assert!(question.contains("Delete 2 folders") && question.contains("1 marked conversation."), "{question}");
    let effects = press(&mut desk, '2');
    let deleted: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Chat(ChatCall::DeleteFolder { id, content: FolderContent::Trash }) => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!(deleted, [folder(2), folder(1)]);
    assert_eq!(change(&effects), (vec![id(1)], Arrange::Trash(true)));
    let mut desk = marked_with_folders();
    press(&mut desk, 'd');
    assert!(press(&mut desk, '3').is_empty());
    assert_eq!(desk.screen.tree.marks(), 3, "nothing was done, and they are marked still");
}

#[test]
fn what_does_not_apply_to_folders_is_said_and_done_to_the_conversations() {
    for (key, done, said) in [
        ('p', Arrange::Pin(true), "Folders cannot be pinned: the 2 marked stay as they are."),
        ('a', Arrange::Archive(true), "Folders cannot be archived: the 2 marked stay as they are."),
    ] {
        let effects = press(&mut marked_with_folders(), key);
        assert_eq!(change(&effects), (vec![id(1)], done));
        assert_eq!(toasts(&effects), [said]);
    }
    let effects = press(&mut marked_with_folders(), 'c');
    assert_eq!(toasts(&effects), ["Folders are not copied: the 2 marked stay as they are."]);
    let effects = press(&mut marked_with_folders(), 't');
    assert_eq!(toasts(&effects), ["Folders carry no tags: the 2 marked stay as they are."]);
    // Where only folders are marked, nothing is done to the conversation under the cursor.
    let mut desk = desk_with_tree();
    go_to(&mut desk, "home");
    press(&mut desk, ' ');
    go_to(&mut desk, "Borrow checker and async");
    assert_eq!(toasts(&press(&mut desk, 'p')), ["Only conversations can be pinned."]);
}

#[test]
fn what_is_done_is_done_to_all_that_are_marked_and_to_nothing_else() {
    let both = || vec![id(1), id(5)];
    assert_eq!(change(&press(&mut marked(), 'p')), (both(), Arrange::Pin(true)));
    assert_eq!(change(&press(&mut marked(), 'a')), (both(), Arrange::Archive(true)));
    assert_eq!(change(&press(&mut marked(), 'd')), (both(), Arrange::Trash(true)));
    let mut desk = marked();
    assert!(matches!(call(&press(&mut desk, 'c')), OrganiseCall::Duplicate(ids) if *ids == both()));
    press(&mut desk, 'm');
    desk.write("rust");
    assert_eq!(change(&desk.enter()), (both(), Arrange::Move(Some(folder(2)))));
    let effects = arranged(&mut desk, &[1, 5], Arrange::Move(Some(folder(2))));
    assert_eq!(toasts(&effects), ["2 conversations are in work / rust now."]);
    assert_eq!(desk.screen.tree.marks(), 0, "what was to be done is done");
}

#[test]
fn pinning_what_is_all_pinned_unpins_it() {
    let mut desk = desk_with_tree();
    go_to(&mut desk, "Release checklist");
    assert_eq!(change(&press(&mut desk, 'p')), (vec![id(6)], Arrange::Pin(false)));
}

#[test]
fn every_change_can_be_taken_back_from_anywhere_once() {
    let mut desk = desk_with_tree();
    let effects = arranged(&mut desk, &[1], Arrange::Archive(true));
    let Some(Effect::Toast(toast)) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(toast.hint.as_deref(), Some("Alt+Z takes it back."));
    desk.screen.set_focus(Focus::Composer, &desk.cx.clone());
    let alt_z = KeyEvent::new(KeyCode::Char('z'), KeyModifiers::ALT);
    let effects = desk.press(alt_z).unwrap();
    assert!(matches!(call(&effects), OrganiseCall::TakeBack(undo) if *undo == undone(&[1])), "{effects:?}");
    assert_eq!(toasts(&desk.press(alt_z).unwrap()), ["Nothing to take back."]);
    let effects = desk.reply(ChatReply::Organised(OrganiseReply::TakenBack(Ok(TakenBack { done: 1, left: 2 }))));
    assert_eq!(toasts(&effects), ["Taken back for 1."]);
}

#[test]
fn a_change_that_changed_nothing_says_so_and_leaves_the_last_one_to_be_taken_back() {
    let mut desk = desk_with_tree();
    arranged(&mut desk, &[1], Arrange::Pin(true));
    let effects = arranged(&mut desk, &[], Arrange::Pin(true));
    assert_eq!(toasts(&effects), ["There is nothing to change: it is so already."]);
    assert!(desk.screen.undo.is_some());
}

#[test]
fn removing_for_good_asks_first_and_only_in_the_trash() {
    let mut desk = desk_with_tree();
    go_to(&mut desk, "Borrow checker and async");
    assert_eq!(toasts(&press(&mut desk, 'P')).len(), 1);
    assert!(desk.screen.overlay.is_none());
    go_to(&mut desk, "Trash");
    let effects = desk.enter();
    answer_shelves(&mut desk, effects);
    go_to(&mut desk, "Old thing");
    assert!(press(&mut desk, 'P').is_empty());
    assert!(desk.enter().is_empty(), "the first answer keeps it");
    press(&mut desk, 'P');
    let effects = press(&mut desk, '2');
    assert!(matches!(call(&effects), OrganiseCall::Purge(Some(ids)) if *ids == [id(8)]), "{effects:?}");
    let purged = Ok(Purged { conversations: 1, messages: 2, documents: 0, bytes: 1500 });
    let effects = desk.reply(ChatReply::Organised(OrganiseReply::Purged { ids: Some(vec![id(8)]), purged }));
    assert_eq!(toasts(&effects), ["1 conversation removed for good; 1.5 kB are free."]);
    go_to(&mut desk, "Trash");
    press(&mut desk, 'P');
    let effects = press(&mut desk, '2');
    assert!(matches!(call(&effects), OrganiseCall::Purge(None)), "{effects:?}");
}

fn tags(desk: &mut Desk, asked: u64, names: &[&str]) -> Vec<Effect> {
    let tag = |name: &&str| Tag { id: TagId::new(), name: (*name).to_owned(), conversations: 3, rev: 1 };
    let page = Ok(Page { rows: names.iter().map(tag).collect(), next: None });
    desk.reply(ChatReply::Organised(OrganiseReply::Tags { asked, page }))
}

fn asked_of(effects: &[Effect]) -> (u64, String) {
    match call(effects) {
        OrganiseCall::Tags { asked, text, .. } => (*asked, text.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tags_are_written_with_commas_and_completed() {
    let mut desk = desk_with_tree();
    let tagged = ConversationRow { tags: vec!["old".into()], ..row(1, "Borrow checker and async") };
    desk.screen.tree.update_row(&tagged);
    go_to(&mut desk, "Borrow checker and async");
    let (_, text) = asked_of(&press(&mut desk, 't'));
    assert_eq!(text, "", "the line begins with what it carries, and a new word");
    let (asked, text) = asked_of(&desk.write("ru")[1..]);
    assert_eq!(text, "ru");
    tags(&mut desk, asked, &["rust", "ruby"]);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Tab);
    desk.write("Rust");
    for _ in 0.."old, ruby, Rust".len() {
        desk.press(KeyCode::Left);
    }
    for _ in 0..4 {
        desk.press(KeyCode::Delete);
    }
    let (ids, change) = change(&desk.enter());
    let expected = Arrange::Tag { add: vec!["ruby".into(), "Rust".into()], remove: vec!["old".into()] };
    assert_eq!((ids, change), (vec![id(1)], expected));
}

#[test]
fn what_only_some_of_them_carry_stays_as_it_is() {
    let mut desk = marked();
    for (n, tags) in [(1, ["both", "one"]), (5, ["both", "two"])] {
        let tagged = ConversationRow { tags: tags.map(str::to_owned).to_vec(), ..row(n, "x") };
        desk.screen.tree.update_row(&tagged);
    }
    press(&mut desk, 't');
    assert!(desk.enter().is_empty(), "nothing was changed");
    press(&mut desk, 't');
    desk.write("new");
    let expected = Arrange::Tag { add: vec!["new".into()], remove: Vec::new() };
    assert_eq!(change(&desk.enter()), (vec![id(1), id(5)], expected));
}

#[test]
fn a_tag_that_is_chosen_filters_the_list() {
    let mut desk = desk_with_tree();
    to_tree(&mut desk);
    let (asked, _) = asked_of(&press(&mut desk, 'T'));
    tags(&mut desk, asked, &["rust", "to read"]);
    desk.press(KeyCode::Down);
    let effects = desk.enter();
    assert!(
        matches!(effects.as_slice(), [Effect::Chat(ChatCall::Conversations { filter, .. })] if filter == "#\"to read\""),
        "{effects:?}"
    );
}

/// The list laid out by time.
fn by_time() -> Desk {
    let mut desk = desk_with_tree();
    let day = 86_400_000;
    let skeleton = Skeleton {
        grouping: Grouping::Time,
        counts: Counts { trash: 3, all: 4, ..Counts::default() },
        ..Skeleton::default()
    };
    let effects = desk.reply(ChatReply::Tree(Ok(skeleton)));
    let [Effect::Chat(ChatCall::Conversations { asked, shelf: Shelf::Recent, .. })] = effects[..] else {
        panic!("{effects:?}")
    };
    let now = desk.cx.now_ms;
    let used = |n, title: &str, days: i64| ConversationRow { used_at: now - days * day, ..row(n, title) };
    let rows = vec![
        used(1, "Borrow checker and async", 0),
        used(5, "Lifetimes", 1),
        // Used before the one above, whatever the clock said then.
        used(6, "Of a clock that was ahead", 0),
        used(7, "Standup notes", 3),
        used(9, "Taxes", 60),
    ];
    desk.reply(ChatReply::Conversations { asked, shelf: Shelf::Recent, page: Ok(Page { rows, next: None }) });
    desk
}

#[test]
fn by_time_each_heading_stands_once_and_is_passed_over() {
    let mut desk = by_time();
    to_tree(&mut desk);
    press(&mut desk, 'g');
    let drawn = desk.draw(120, 36);
    let place = |text: &str| drawn.find(text).unwrap_or_else(|| panic!("{text}: {drawn}"));
    let order = [
        "Today",
        "› Borrow",
        "Yesterday",
        "Lifetimes",
        "Of a clock",
        "Last 7 days",
        "Standup",
        "September 2026",
        "Taxes",
    ];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{drawn}");
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(desk.screen.selected_row().map(|row| row.id));
        press(&mut desk, 'j');
    }
    assert_eq!(seen, [1, 5, 6, 7, 9].map(|n| Some(id(n))));
    for _ in 0..9 {
        press(&mut desk, 'k');
    }
    assert_eq!(desk.screen.selected_row().map(|row| row.id), Some(id(1)));
    let effects = press(&mut desk, 'v');
    assert!(matches!(call(&effects), OrganiseCall::Group(Grouping::Folders)), "{effects:?}");
}

#[test]
fn by_time_a_filter_that_is_cleared_gives_the_whole_list_back() {
    let mut desk = by_time();
    to_tree(&mut desk);
    press(&mut desk, '/');
    desk.write("tax");
    let effects = desk.press(KeyCode::Esc).unwrap();
    assert!(
        matches!(effects.as_slice(), [Effect::Chat(ChatCall::Conversations { shelf: Shelf::Recent, filter, .. })] if filter.is_empty()),
        "{effects:?}"
    );
}

fn rules_told(desk: &mut Desk) {
    let report = Report { at: 1, by: RunBy::Itself, end: RunEnd::Done, archived: 12, trashed: 3, purged: 0, bytes: 0 };
    let rules = RetentionRules { archive_after_days: Some(365), ..RetentionRules::default() };
    let told = Retention { rules, reports: vec![report], waits_until: None };
    desk.reply(ChatReply::Organised(OrganiseReply::Retention(Ok(Box::new(told)))));
}

fn preview() -> Preview {
    let due =
        |n: u128, title: &str, fate, why| Due { id: id(n), title: title.into(), fate, why, messages: 4, bytes: 12_000 };
    Preview {
        totals: vec![
            Total { fate: Fate::Archive, conversations: 1, messages: 4, bytes: 12_000 },
            Total { fate: Fate::Trash, conversations: 2, messages: 8, bytes: 24_000 },
        ],
        spared: 1,
        page: Page {
            rows: vec![
                due(1, "Taxes of the year before", Fate::Archive, Why::Idle { days: 400 }),
                due(2, "Lifetimes 生存期間 explained at length", Fate::Trash, Why::TooMany),
                due(3, "Old thing", Fate::Trash, Why::TooBig),
            ],
            next: None,
        },
    }
}

/// The dialog with its preview on view.
fn previewing() -> Desk {
    let mut desk = desk_with_tree();
    let effects = desk.screen.on_action(Action::RetentionRules, &desk.cx).unwrap();
    assert!(matches!(call(&effects), OrganiseCall::Retention));
    rules_told(&mut desk);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Down);
    desk.write("50");
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Down);
    let effects = desk.enter();
    let OrganiseCall::Preview { asked, rules, .. } = call(&effects) else { panic!("{effects:?}") };
    let expected =
        RetentionRules { archive_after_days: Some(365), keep_conversations: Some(50), ..RetentionRules::default() };
    assert_eq!(*rules, expected);
    let asked = *asked;
    desk.reply(ChatReply::Organised(OrganiseReply::Preview { asked, preview: Ok(Box::new(preview())) }));
    desk
}

#[test]
fn rules_are_kept_only_after_what_they_would_do_was_seen() {
    let mut desk = previewing();
    desk.press(KeyCode::Down);
    assert!(desk.enter().is_empty(), "it asks");
    let effects = press(&mut desk, '2');
    assert!(
        matches!(call(&effects), OrganiseCall::SetRetention { rules, run: true } if rules.keep_conversations == Some(50)),
        "{effects:?}"
    );
}

#[test]
fn a_number_that_is_none_is_told_where_it_stands() {
    let mut desk = desk_with_tree();
    let _ = desk.screen.on_action(Action::RetentionRules, &desk.cx);
    rules_told(&mut desk);
    desk.write("soon");
    for _ in 0..4 {
        desk.press(KeyCode::Down);
    }
    assert!(desk.enter().is_empty());
    assert!(desk.draw(80, 24).contains("Write a number"), "{}", desk.draw(80, 24));
}

#[test]
fn what_the_rules_did_on_their_own_is_told() {
    let mut desk = desk_with_tree();
    let report = Report { at: 1, by: RunBy::Itself, end: RunEnd::Done, archived: 2, trashed: 0, purged: 1, bytes: 5 };
    let effects = desk.screen.on_event(&Event::PutAway(Box::new(report)), &desk.cx);
    assert_eq!(toasts(&effects), ["Old conversations: 2 archived, 1 removed for good."]);
}

#[test]
fn ten_thousand_folders_a_thousand_deep_are_offered_to_move_to_and_found_by_parts_of_their_names() {
    let mut desk = desk_with_tree();
    let folders = (0..10_000_u128)
        .map(|n| Folder {
            id: folder(n + 100),
            parent: (n % 1000 > 0).then(|| folder(n + 99)),
            name: format!("level {n}"),
            conversations: 0,
            preset: None,
            rev: 1,
        })
        .collect();
    let skeleton = Skeleton { folders, counts: Counts { unfiled: 2, ..Counts::default() }, ..Skeleton::default() };
    let effects = desk.reply(ChatReply::Tree(Ok(skeleton)));
    answer_shelves(&mut desk, effects);
    go_to(&mut desk, "Borrow checker and async");
    press(&mut desk, 'm');
    desk.screen.on_paste("level 998 level 999".to_owned(), &desk.cx);
    let drawn = desk.draw(80, 24);
    assert!(drawn.contains("level 998 / level 999"), "the end of a long path is shown: {drawn}");
    let (_, change) = change(&desk.enter());
    assert_eq!(change, Arrange::Move(Some(folder(1099))));
}

/// As in `views`: the three sizes.
fn looks(name: &str, desk: &mut Desk) {
    for (width, height) in [(80, 24), (120, 36), (40, 12)] {
        desk.cx.size = (width, height);
        insta::assert_snapshot!(format!("arrange-{name}-{width}x{height}"), desk.draw(width, height));
    }
}

#[test]
fn the_list_with_marks_and_tags() {
    let mut desk = marked();
    let tagged = ConversationRow {
        tags: vec!["rust".into(), "to read".into()],
        ..row(5, "Lifetimes 生存期間 explained at length")
    };
    desk.screen.tree.update_row(&tagged);
    press(&mut desk, 'k');
    looks("marked", &mut desk);
}

#[test]
fn the_list_by_time() {
    let mut desk = by_time();
    to_tree(&mut desk);
    looks("by-time", &mut desk);
}

#[test]
fn the_editor_of_tags() {
    let mut desk = marked();
    for (n, tags) in [(1, ["rust", "old"]), (5, ["rust", "new"])] {
        let tagged = ConversationRow { tags: tags.map(str::to_owned).to_vec(), ..row(n, "x") };
        desk.screen.tree.update_row(&tagged);
    }
    press(&mut desk, 't');
    let effects = desk.write("to");
    let (asked, _) = asked_of(&effects[effects.len() - 1..]);
    tags(&mut desk, asked, &["to read", "tokio", "tools"]);
    desk.press(KeyCode::Down);
    looks("tags", &mut desk);
}

#[test]
fn the_choice_of_a_folder() {
    let mut desk = marked();
    press(&mut desk, 'm');
    looks("move", &mut desk);
}

#[test]
fn the_question_before_removing_for_good() {
    let mut desk = desk_with_tree();
    go_to(&mut desk, "Trash");
    press(&mut desk, 'P');
    looks("purge", &mut desk);
}

#[test]
fn the_rules_and_what_they_would_do() {
    let mut desk = desk_with_tree();
    let _ = desk.screen.on_action(Action::RetentionRules, &desk.cx);
    rules_told(&mut desk);
    looks("rules", &mut desk);
    looks("rules-preview", &mut previewing());
}
