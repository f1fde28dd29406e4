use super::*;
use crate::api::organise::Page;

fn row(title: &str, folder: Option<FolderId>) -> ConversationRow {
    ConversationRow {
        id: ConversationId::new(),
        folder,
        title: title.to_owned(),
        pinned: false,
        archived: false,
        trashed: false,
        tags: Vec::new(),
        used_at: 0,
        model: None,
        updated_at: 0,
        messages: 2,
        rev: 1,
    }
}

fn skeleton() -> (Skeleton, FolderId, FolderId) {
    let (work, rust) = (FolderId::new(), FolderId::new());
    let folder =
        |id, parent, name: &str| Folder { id, parent, name: name.to_owned(), conversations: 1, preset: None, rev: 1 };
    let skeleton = Skeleton {
        folders: vec![folder(work, None, "work"), folder(rust, Some(work), "rust")],
        counts: Counts { unfiled: 1, trash: 3, all: 3, ..Counts::default() },
        ..Skeleton::default()
    };
    (skeleton, work, rust)
}

#[expect(clippy::unnecessary_wraps, reason = "written as `set_page` takes it")]
fn page(rows: Vec<ConversationRow>, next: Option<&str>) -> Option<Page<ConversationRow>> {
    Some(Page { rows, next: next.map(|next| Cursor(next.to_owned())) })
}

#[test]
fn shelves_are_asked_for_one_at_a_time() {
    let (skeleton, work, _) = skeleton();
    let mut tree = Tree::default();
    let first = tree.set_skeleton(skeleton).unwrap();
    assert_eq!((first.shelf, first.after.clone()), (Shelf::Folder(None), None));
    assert_eq!(tree.set_open(Shelf::Folder(Some(work)), true), None, "one request is on its way");
    let second = tree.set_page(first.asked, first.shelf, page(vec![row("loose", None)], None)).unwrap();
    assert_eq!(second.shelf, Shelf::Folder(Some(work)));
    assert_eq!(tree.set_page(second.asked, second.shelf, page(vec![row("in work", Some(work))], None)), None);
    let nodes: Vec<Node> = tree.rows.iter().map(|row| row.node).collect();
    assert_eq!(nodes.len(), 5, "work, rust, in work, loose, trash: {nodes:?}");
    assert_eq!(nodes[4], Node::Shelf(Shelf::Trash));
}

#[test]
fn the_next_page_is_asked_for_when_the_cursor_comes_near() {
    let (skeleton, ..) = skeleton();
    let mut tree = Tree::default();
    let ask = tree.set_skeleton(skeleton).unwrap();
    let rows = (0..50).map(|n| row(&format!("{n}"), None)).collect();
    tree.set_page(ask.asked, ask.shelf, page(rows, Some("fifty")));
    assert_eq!(tree.step(1), None);
    let more = tree.step(45).unwrap();
    assert_eq!((more.shelf, more.after), (Shelf::Folder(None), Some(Cursor("fifty".into()))));
    assert_eq!(tree.step(1), None, "it is on its way already");
}

#[test]
fn a_page_for_an_older_filter_is_not_shown() {
    let (skeleton, ..) = skeleton();
    let mut tree = Tree::default();
    let ask = tree.set_skeleton(skeleton).unwrap();
    tree.set_page(ask.asked, ask.shelf, page(Vec::new(), None));
    tree.set_filter(Some("bo".into()));
    let old = tree.ask_filtered().unwrap();
    tree.set_filter(Some("bor".into()));
    let new = tree.ask_filtered().unwrap();
    tree.set_page(old.asked, old.shelf, page(vec![row("boat", None)], None));
    assert!(tree.rows.is_empty());
    tree.set_page(new.asked, new.shelf, page(vec![row("borrow", None)], None));
    assert_eq!(tree.rows.len(), 1);
    assert_eq!(new.filter, "bor");
}

#[test]
fn folding_goes_to_the_folder_above_and_then_closes_it() {
    let (skeleton, work, rust) = skeleton();
    let mut tree = Tree::default();
    tree.set_skeleton(skeleton);
    tree.set_open(Shelf::Folder(Some(work)), true);
    tree.select(Node::Shelf(Shelf::Folder(Some(rust))));
    assert_eq!(tree.folder_at_cursor(), Some(rust));
    tree.fold();
    assert_eq!(tree.selected(), Some(Node::Shelf(Shelf::Folder(Some(work)))));
    tree.fold();
    assert!(!tree.is_open(Shelf::Folder(Some(work))));
}

#[test]
fn a_folder_is_not_offered_as_its_own_place() {
    let (skeleton, work, rust) = skeleton();
    let mut tree = Tree::default();
    tree.set_skeleton(skeleton);
    assert_eq!(tree.places(&[work]), []);
    assert_eq!(tree.places(&[rust]), [(work, "work".to_owned())]);
    assert_eq!(tree.path(rust), "work/rust");
}

#[test]
fn a_refresh_keeps_the_cursor_on_its_row() {
    let (skeleton, work, _) = skeleton();
    let mut tree = Tree::default();
    tree.set_skeleton(skeleton.clone());
    tree.select(Node::Shelf(Shelf::Trash));
    let mut more = skeleton;
    more.folders.push(Folder {
        id: FolderId::new(),
        parent: None,
        name: "aaa".into(),
        conversations: 0,
        preset: None,
        rev: 1,
    });
    tree.set_skeleton(more);
    assert_eq!(tree.selected(), Some(Node::Shelf(Shelf::Trash)));
    assert!(tree.folder(work).is_some());
}
