use super::{
    arrange::{arranged, call, change, undone},
    *,
};
use crate::ui::msg::{Arrange, OrganiseCall};

/// A desk with a tree: the folder work with rust in it, two loose conversations, one in the trash.
pub fn desk_with_tree() -> Desk {
    let mut desk = Desk::reading(vec![user(1, None, "hi"), answer(2, 1, "ho", MessageState::Done)]);
    fill_tree(&mut desk);
    desk
}

pub fn fill_tree(desk: &mut Desk) {
    let at = |n, parent: Option<u128>, name: &str| Folder {
        id: folder(n),
        parent: parent.map(folder),
        name: name.into(),
        conversations: 2,
        preset: None,
        rev: 1,
    };
    let skeleton = Skeleton {
        folders: vec![at(1, None, "work"), at(2, Some(1), "rust"), at(3, None, "home")],
        counts: Counts { unfiled: 2, pinned: 1, archive: 214, trash: 3, all: 9 },
        ..Skeleton::default()
    };
    let effects = desk.reply(ChatReply::Tree(Ok(skeleton)));
    answer_shelves(desk, effects);
}

/// Answers every request for a shelf with what lies there, until none is left.
pub fn answer_shelves(desk: &mut Desk, mut effects: Vec<Effect>) {
    while let Some(Effect::Chat(ChatCall::Conversations { asked, shelf, .. })) = effects.pop() {
        let rows = match shelf {
            Shelf::Folder(None) => {
                vec![row(1, "Borrow checker and async"), row(5, "Lifetimes 生存期間 explained at length")]
            }
            Shelf::Pinned => vec![ConversationRow { pinned: true, ..row(6, "Release checklist") }],
            Shelf::Folder(Some(_)) => vec![row(7, "Standup notes")],
            Shelf::Trash => vec![ConversationRow { trashed: true, ..row(8, "Old thing") }],
            Shelf::Archive | Shelf::Recent => Vec::new(),
        };
        effects = desk.reply(ChatReply::Conversations { asked, shelf, page: Ok(Page { rows, next: None }) });
    }
}

pub fn to_tree(desk: &mut Desk) {
    while desk.screen.focus != Focus::Tree {
        desk.press(KeyCode::Tab);
    }
}

pub fn go_to(desk: &mut Desk, text: &str) {
    to_tree(desk);
    desk.press(KeyCode::Char('g'));
    for _ in 0..30 {
        let node = desk.screen.tree.selected();
        let shown = match node {
            Some(crate::ui::widgets::tree::Node::Conversation(_, id)) => {
                desk.screen.tree.row_of(id).map(|e| e.title.clone())
            }
            Some(crate::ui::widgets::tree::Node::Shelf(Shelf::Folder(Some(id)))) => {
                desk.screen.tree.folder(id).map(|folder| folder.name.clone())
            }
            Some(crate::ui::widgets::tree::Node::Shelf(shelf)) => Some(format!("{shelf:?}")),
            _ => None,
        };
        if shown.as_deref() == Some(text) {
            return;
        }
        desk.press(KeyCode::Char('j'));
    }
    panic!("{text} is not in the tree");
}

#[test]
fn a_conversation_opens_and_the_composer_has_the_keys() {
    let mut desk = desk_with_tree();
    go_to(&mut desk, "Release checklist");
    assert_eq!(calls(&desk.enter()), ["Open"]);
    assert_eq!(desk.screen.focus, Focus::Composer);
}

#[test]
fn a_new_folder_is_made_where_the_cursor_is() {
    let mut desk = desk_with_tree();
    go_to(&mut desk, "work");
    desk.press(KeyEvent::new(KeyCode::Char('N'), KeyModifiers::SHIFT));
    desk.write("Näheres");
    let effects = desk.enter();
    assert!(
        matches!(effects.as_slice(), [Effect::Chat(ChatCall::CreateFolder { parent, name })]
            if *parent == Some(folder(1)) && name == "Näheres"),
        "{effects:?}"
    );
}

#[test]
fn an_empty_name_is_not_taken_and_the_box_stays() {
    let mut desk = desk_with_tree();
    go_to(&mut desk, "work");
    desk.press(KeyEvent::new(KeyCode::Char('N'), KeyModifiers::SHIFT));
    assert_eq!(toasts(&desk.enter()).len(), 1);
    assert!(desk.screen.overlay.is_some());
    desk.press(KeyCode::Esc);
    assert!(desk.screen.overlay.is_none());
}

#[test]
fn deleting_a_folder_asks_where_its_content_goes() {
    let mut desk = desk_with_tree();
    go_to(&mut desk, "work");
    assert!(desk.press(KeyCode::Char('d')).unwrap().is_empty());
    desk.press(KeyCode::Down);
    let effects = desk.enter();
    assert!(
        matches!(effects.as_slice(), [Effect::Chat(ChatCall::DeleteFolder { id, content: crate::api::organise::FolderContent::Trash })]
            if *id == folder(1)),
        "{effects:?}"
    );
}

#[test]
fn trash_can_be_undone_with_u() {
    let mut desk = desk_with_tree();
    go_to(&mut desk, "Borrow checker and async");
    let effects = desk.press(KeyCode::Char('d')).unwrap();
    assert_eq!(change(&effects), (vec![id(1)], Arrange::Trash(true)));
    let effects = arranged(&mut desk, &[1], Arrange::Trash(true));
    assert_eq!(toasts(&effects), ["“title 1” is in the trash."]);
    assert_eq!(desk.screen.open_id(), None, "it was on view");
    let effects = desk.press(KeyCode::Char('u')).unwrap();
    assert!(matches!(call(&effects), OrganiseCall::TakeBack(undo) if *undo == undone(&[1])), "{effects:?}");
}

#[test]
fn moving_offers_every_folder_but_not_into_itself() {
    let mut desk = desk_with_tree();
    go_to(&mut desk, "work");
    desk.press(KeyCode::Char('m'));
    desk.write("home");
    let effects = desk.enter();
    let expected = Arrange::MoveFolder { id: folder(1), parent: Some(folder(3)), seen_rev: Some(1) };
    assert_eq!(change(&effects), (Vec::new(), expected));
}

#[test]
fn the_filter_finds_titles_and_escape_clears_it() {
    let mut desk = desk_with_tree();
    to_tree(&mut desk);
    desk.press(KeyCode::Char('/'));
    let effects = desk.write("bo");
    assert!(
        matches!(effects.last(), Some(Effect::Chat(ChatCall::Conversations { filter, shelf: Shelf::Recent, .. })) if filter == "bo")
    );
    desk.press(KeyCode::Esc);
    assert_eq!(desk.screen.tree.filter(), None);
    assert_eq!(desk.screen.focus, Focus::Tree);
}

#[test]
fn pinning_and_renaming_change_the_conversation() {
    let mut desk = desk_with_tree();
    go_to(&mut desk, "Borrow checker and async");
    let effects = desk.press(KeyCode::Char('p')).unwrap();
    assert_eq!(change(&effects), (vec![id(1)], Arrange::Pin(true)));
    desk.press(KeyCode::Char('r'));
    desk.write("!");
    let effects = desk.enter();
    let title = "Borrow checker and async!".to_owned();
    assert_eq!(change(&effects), (vec![id(1)], Arrange::Rename { title, seen_rev: Some(7) }));
}

#[test]
fn a_title_made_in_the_background_reaches_the_open_conversation() {
    let mut desk = desk_with_tree();
    let effects = desk.screen.on_event(&Event::Changed(Changed::Tree), &desk.cx);
    assert_eq!(calls(&effects), ["Tree"]);
    let skeleton = Skeleton { counts: Counts { unfiled: 1, ..Counts::default() }, ..Skeleton::default() };
    let effects = desk.reply(ChatReply::Tree(Ok(skeleton)));
    let Some(Effect::Chat(ChatCall::Conversations { asked, shelf, .. })) = effects.first() else {
        panic!("{effects:?}")
    };
    let page = Page { rows: vec![row(1, "A made title")], next: None };
    desk.reply(ChatReply::Conversations { asked: *asked, shelf: *shelf, page: Ok(page) });
    assert!(desk.draw(80, 24).contains("A made title"));
}
