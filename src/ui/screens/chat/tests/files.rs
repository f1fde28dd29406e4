use std::path::{Path, PathBuf};

use super::*;
use crate::{
    api::chat::PreviewOf,
    ui::{
        files::{Entry, Folder},
        msg::{FilesCall, FilesReply},
    },
};

fn alt(desk: &mut Desk, c: char) -> Option<Vec<Effect>> {
    desk.press(KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT))
}

fn files(effects: &[Effect]) -> Vec<&FilesCall> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Chat(ChatCall::Files(call)) => Some(call),
            _ => None,
        })
        .collect()
}

fn inspected(effects: &[Effect]) -> Vec<PathBuf> {
    let path = |effect: &Effect| match effect {
        Effect::Chat(ChatCall::Inspect(path)) => Some(path.clone()),
        _ => None,
    };
    effects.iter().filter_map(path).collect()
}

fn folder(path: &str, names: &[(&str, Option<u64>)]) -> ChatReply {
    let entry = |(name, size): &(&str, Option<u64>)| Entry {
        name: (*name).to_owned(),
        path: Path::new(path).join(name),
        size: *size,
    };
    let folder = Folder { path: path.into(), entries: names.iter().map(entry).collect(), is_cut: false };
    ChatReply::Files(FilesReply::Folder(Ok(folder)))
}

fn screen(desk: &Desk) -> String {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| desk.screen.view(frame, frame.area(), &desk.cx, true)).unwrap();
    terminal.backend().to_string()
}

const HERE: [(&str, Option<u64>); 4] =
    [("papers", None), (".secret", Some(3)), ("bill.pdf", Some(20_300)), ("notes.md", Some(1200))];

#[test]
fn files_are_chosen_from_a_directory_and_several_are_marked() {
    let mut desk = Desk::reading(Vec::new());
    let effects = alt(&mut desk, 'a').unwrap();
    assert!(matches!(files(&effects)[..], [FilesCall::Folder(path)] if path.as_os_str().is_empty()));
    desk.reply(folder("/home/me", &HERE));
    insta::assert_snapshot!(screen(&desk));
    // Enter opens a directory.
    desk.press(KeyCode::Down);
    let effects = desk.press(KeyCode::Enter).unwrap();
    assert!(matches!(files(&effects)[..], [FilesCall::Folder(path)] if path == Path::new("/home/me/papers")));
    desk.reply(folder("/home/me/papers", &[]));
    // Backspace leads up, and one stands on where one came from.
    let effects = desk.press(KeyCode::Backspace).unwrap();
    assert!(matches!(files(&effects)[..], [FilesCall::Folder(path)] if path == Path::new("/home/me")));
    desk.reply(folder("/home/me", &HERE));
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char(' '));
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char(' '));
    assert!(screen(&desk).contains("2 marked"));
    let effects = desk.press(KeyCode::Enter).unwrap();
    assert_eq!(inspected(&effects), [PathBuf::from("/home/me/bill.pdf"), PathBuf::from("/home/me/notes.md")]);
    assert!(desk.screen.overlay.is_none());
}

#[test]
fn typing_narrows_the_files_and_a_dot_shows_the_hidden_ones() {
    let mut desk = Desk::reading(Vec::new());
    alt(&mut desk, 'a');
    desk.reply(folder("/home/me", &HERE));
    assert!(!screen(&desk).contains(".secret"));
    desk.press(KeyCode::Char('.'));
    desk.press(KeyCode::Char('s'));
    assert!(screen(&desk).contains(".secret"));
    desk.press(KeyCode::Backspace);
    desk.press(KeyCode::Backspace);
    for letter in "bill".chars() {
        desk.press(KeyCode::Char(letter));
    }
    assert!(!screen(&desk).contains("notes.md"));
    let effects = desk.press(KeyCode::Enter).unwrap();
    assert_eq!(inspected(&effects), [PathBuf::from("/home/me/bill.pdf")]);
}

#[test]
fn a_pasted_path_of_a_file_is_offered_as_an_attachment() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("look at ");
    let effects = desk.screen.on_paste("'/tmp/a b.pdf'\n".to_owned(), &desk.cx);
    let [FilesCall::Pasted { text, path }] = files(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(path, Path::new("/tmp/a b.pdf"));
    let found = || ChatReply::Files(FilesReply::Pasted { text: text.clone(), path: path.clone() });
    desk.reply(found());
    assert!(screen(&desk).contains("a b.pdf is a file"));
    let effects = desk.press(KeyCode::Enter).unwrap();
    assert_eq!(inspected(&effects), [PathBuf::from("/tmp/a b.pdf")]);
    assert_eq!(desk.screen.composer.text(), "look at ", "the path made way for the file");

    // Or it stays what it is.
    let effects = desk.screen.on_paste("/tmp/c.txt".to_owned(), &desk.cx);
    assert_eq!(files(&effects).len(), 1);
    let (text, path) = ("/tmp/c.txt".to_owned(), PathBuf::from("/tmp/c.txt"));
    desk.reply(ChatReply::Files(FilesReply::Pasted { text: text.clone(), path: path.clone() }));
    desk.press(KeyCode::Down);
    assert_eq!(inspected(&desk.press(KeyCode::Enter).unwrap()), [] as [PathBuf; 0]);
    assert_eq!(desk.screen.composer.text(), "look at /tmp/c.txt");

    // Whoever wrote on meanwhile is not asked any more.
    desk.write(" and so on");
    desk.reply(ChatReply::Files(FilesReply::Pasted { text, path }));
    assert!(desk.screen.overlay.is_none());
    assert!(files(&desk.screen.on_paste("just words".to_owned(), &desk.cx)).is_empty());
}

#[test]
fn what_is_attached_and_what_was_sent_can_be_looked_at() {
    let mut sent = user(1, None, "Look");
    sent.attachments = vec![attachment("old.txt")];
    let document = sent.attachments[0].id;
    let mut desk = Desk::reading(vec![sent, answer(2, 1, "Seen.", MessageState::Done)]);
    assert_eq!(toasts(&alt(&mut desk, 'v').unwrap()), ["Nothing is attached; Alt+A chooses a file."]);
    desk.write("@/tmp/new.txt");
    desk.screen.attach_all(vec!["/tmp/new.txt".into()]);
    assert!(desk.screen.hints(&desk.cx).iter().any(|hint| hint.help == "look at files"));
    let effects = alt(&mut desk, 'v').unwrap();
    assert!(
        matches!(files(&effects)[..], [FilesCall::Preview { of: PreviewOf::File(path), .. }] if path == Path::new("/tmp/new.txt"))
    );
    desk.press(KeyCode::Esc);
    assert!(desk.screen.overlay.is_none());

    // In the messages it is the files of the message on which one stands.
    desk.screen.set_focus(crate::ui::screens::chat::state::Focus::Transcript, &desk.cx);
    assert_eq!(toasts(&desk.press(KeyCode::Char('a')).unwrap()), ["No file went with this message."]);
    desk.press(KeyCode::Up);
    let effects = desk.press(KeyCode::Char('a')).unwrap();
    let wanted = PreviewOf::Sent { message: msg(1), document };
    assert!(matches!(files(&effects)[..], [FilesCall::Preview { of, .. }] if *of == wanted), "{effects:?}");
}

#[test]
fn what_the_text_names_with_an_at_sign_can_be_looked_at_before_it_is_sent() {
    let mut desk = Desk::reading(Vec::new());
    desk.write("What do @/tmp/a.txt and @~/b.md say, @/tmp/a.txt above all?");
    let effects = alt(&mut desk, 'v').unwrap();
    let [FilesCall::Preview { of: PreviewOf::File(path), .. }] = &files(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(path, Path::new("/tmp/a.txt"));
    let drawn = desk.draw(80, 24);
    assert!(drawn.contains("1 of 2"), "{drawn}");
}
