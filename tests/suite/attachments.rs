//! Files that go with a message, through the gateway: looked at, refused, sent.

use std::fs;

use ollamanet::api::{
    FaultKind,
    chat::{AttachmentKind, NewTurn, PreviewContent, PreviewOf, TurnAct},
    organise::NewConversation,
    search::{Asked, HitKind, IndexProgress},
};

use crate::common::{house::House, papers};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_looked_at_before_it_is_sent_and_refused_with_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("ann").await;
    let path = |name: &str| home.path().join(name);
    fs::write(path("plain.txt"), "visible\u{202E}").unwrap();
    fs::write(path("picture"), papers::PNG).unwrap();
    fs::write(path("binary"), [0xC3, 0x28, 0, 1]).unwrap();
    fs::write(path("big"), vec![b'x'; 10 * 1024 * 1024 + 1]).unwrap();
    std::os::unix::fs::symlink(path("plain.txt"), path("link")).unwrap();

    let look = |path| house.gateway.inspect_attachment(&ann.session, path);
    let text = look(path("plain.txt")).await.unwrap();
    assert_eq!((text.kind, text.hidden_characters, text.name.as_str()), (AttachmentKind::Text, 1, "plain.txt"));
    assert_eq!(look(path("picture")).await.unwrap().kind, AttachmentKind::Image);
    for (refused, why) in [
        (path("binary"), "neither text"),
        (path("big"), "larger than 10 MiB"),
        (path("link"), "symbolic link"),
        (path("."), "directory"),
        ("/dev/zero".into(), "device"),
    ] {
        let fault = look(refused).await.unwrap_err();
        assert!(fault.kind == FaultKind::Invalid && fault.message.contains(why), "{fault}");
    }
    assert_eq!(look(path("missing")).await.unwrap_err().kind, FaultKind::NotFound);

    let new = NewConversation { model: Some("m".to_owned()), ..NewConversation::default() };
    let conversation = house.gateway.create_conversation(&ann.session, new).await.unwrap().row.id;
    let act = TurnAct::Send { text: "Look".to_owned(), attachments: vec![path("plain.txt"), path("link")] };
    let turn = NewTurn { conversation, act, model: None, shorten: false };
    assert_eq!(house.gateway.start_turn(&ann.session, turn).await.unwrap_err().kind, FaultKind::Invalid);
    let opened = house.gateway.open_conversation(&ann.session, conversation, 5).await.unwrap();
    assert_eq!(opened.page.messages, [], "one refused file keeps the whole message back");

    let act = TurnAct::Send { text: "Look".to_owned(), attachments: vec![path("plain.txt")] };
    let turn = NewTurn { conversation, act, model: None, shorten: false };
    let started = house.gateway.start_turn(&ann.session, turn).await.unwrap();
    let sent = started.user.unwrap();
    assert_eq!((sent.attachments[0].name.as_str(), sent.attachments[0].bytes), ("plain.txt", text.bytes));
    // The vault is encrypted: none of the file's words lie on the disk beside the file itself.
    house.close().await;
    let beside = fs::read_dir(home.path().join("data/vaults")).unwrap().flatten().map(|entry| entry.path());
    for file in beside.filter(|path| path.is_file()) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"visible"), "{}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_vault_are_listed_once_each_with_the_messages_that_have_them() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("ann").await;
    let (gateway, by) = (&house.gateway, &ann.session);
    let file = |name: &str, text: &str| {
        fs::write(home.path().join(name), text).unwrap();
        home.path().join(name)
    };
    let new = |title: &str| NewConversation {
        title: Some(title.to_owned()),
        model: Some("m".to_owned()),
        ..NewConversation::default()
    };
    let mut sent = Vec::new();
    for (title, name, text) in
        [("first", "Café.txt", "same"), ("second", "renamed.md", "same"), ("second", "other.txt", "more\u{202E}")]
    {
        let conversation = gateway.create_conversation(by, new(title)).await.unwrap().row.id;
        let act = TurnAct::Send { text: "Look".to_owned(), attachments: vec![file(name, text)] };
        let turn = NewTurn { conversation, act, model: None, shorten: false };
        sent.push((conversation, gateway.start_turn(by, turn).await.unwrap().user.unwrap().id));
    }

    let first = gateway.documents(by, "", None, 1).await.unwrap();
    let rest = gateway.documents(by, "", first.next, 1).await.unwrap();
    assert_eq!((rest.rows.len(), rest.next), (1, None));
    let [other, same] = [&first.rows[0], &rest.rows[0]];
    assert_eq!((other.name.as_str(), other.hidden_characters, other.messages), ("other.txt", 1, 1));
    assert_eq!((same.name.as_str(), same.bytes, same.messages, same.conversations), ("renamed.md", 4, 2, 2));
    // It is found by each of its names.
    for (filter, found) in [("CAFE", vec!["renamed.md"]), ("renamed", vec!["renamed.md"]), ("pdf", vec![])] {
        let page = gateway.documents(by, filter, None, 10).await.unwrap();
        assert_eq!(page.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), found, "{filter}");
    }

    gateway.trash_conversations(by, vec![sent[0].0]).await.unwrap();
    let newest = gateway.document_places(by, same.id, None, 1).await.unwrap();
    assert_eq!((newest.rows[0].conversation, newest.rows[0].message), sent[1]);
    let oldest = gateway.document_places(by, same.id, newest.next, 10).await.unwrap();
    assert_eq!((oldest.rows.len(), oldest.next), (1, None));
    let place = &oldest.rows[0];
    assert_eq!((place.conversation, place.message, place.trashed), (sent[0].0, sent[0].1, true));
    assert_eq!((place.name.as_str(), place.title.as_str()), ("Café.txt", "first"));

    gateway.purge_conversations(by, vec![sent[0].0]).await.unwrap();
    assert_eq!(gateway.document_places(by, same.id, None, 10).await.unwrap().rows.len(), 1);
    gateway.trash_conversations(by, vec![sent[1].0]).await.unwrap();
    gateway.purge_conversations(by, vec![sent[1].0]).await.unwrap();
    assert_eq!(gateway.document_places(by, same.id, None, 10).await.unwrap_err().kind, FaultKind::NotFound);
    assert_eq!(gateway.documents(by, "", None, 10).await.unwrap().rows.len(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pdf_and_word_files_are_read_kept_once_and_found_by_what_they_say() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("ann").await;
    let path = |name: &str| home.path().join(name);
    fs::write(path("bill.pdf"), papers::pdf(&["Seventeen quinces", "and a zero\\040width"])).unwrap();
    fs::write(path("again.pdf"), fs::read(path("bill.pdf")).unwrap()).unwrap();
    fs::write(path("letter.docx"), papers::docx(&papers::paragraph("Dear&#x200B; medlar"))).unwrap();

    let bill = house.gateway.inspect_attachment(&ann.session, path("bill.pdf")).await.unwrap();
    assert_eq!((bill.kind, bill.hidden_characters), (AttachmentKind::Pdf, 0));
    assert!(bill.tokens > 5 && bill.tokens < 40, "it weighs what is read of it: {}", bill.tokens);
    let letter = house.gateway.inspect_attachment(&ann.session, path("letter.docx")).await.unwrap();
    assert_eq!((letter.kind, letter.hidden_characters), (AttachmentKind::Docx, 1));

    let new = NewConversation { model: Some("m".to_owned()), ..NewConversation::default() };
    let conversation = house.gateway.create_conversation(&ann.session, new).await.unwrap().row.id;
    let attachments = vec![path("bill.pdf"), path("again.pdf"), path("letter.docx")];
    let act = TurnAct::Send { text: "Look".to_owned(), attachments };
    let turn = NewTurn { conversation, act, model: None, shorten: false };
    let sent = house.gateway.start_turn(&ann.session, turn).await.unwrap().user.unwrap();
    assert_eq!(sent.attachments[0].id, sent.attachments[1].id, "the same bytes are one file");
    assert_eq!(sent.attachments[0].bytes, fs::metadata(path("bill.pdf")).unwrap().len());

    for (word, name) in [("quinces", "bill.pdf"), ("medlar", "letter.docx")] {
        let found = house.gateway.search(&ann.session, Asked::typed(word, 10)).await.unwrap();
        assert_eq!(found.hits.len(), 1, "{word}");
        assert_eq!(found.hits[0].kind, HitKind::File, "{word}");
        assert!(found.hits[0].snippet.text.contains(word), "{name}: {}", found.hits[0].snippet.text);
    }
    // Exactly what the model got, hidden characters and all; and nobody else gets it.
    let of = |place: usize| PreviewOf::Sent { message: sent.id, document: sent.attachments[place].id };
    let preview = house.gateway.preview_attachment(&ann.session, of(2)).await.unwrap();
    assert_eq!(preview.content, PreviewContent::Text("``` letter.docx\nDear\u{200B} medlar\n```".to_owned()));
    assert_eq!(preview.attachment, sent.attachments[2]);
    let before = house.gateway.preview_attachment(&ann.session, PreviewOf::File(path("letter.docx"))).await.unwrap();
    assert_eq!(before.content, preview.content, "before it is sent it is the same");
    let bob = house.newcomer(&ann.session, "bob", "user").await;
    assert_eq!(house.gateway.preview_attachment(&bob.session, of(2)).await.unwrap_err().kind, FaultKind::NotFound);

    let (progress, _) = tokio::sync::watch::channel(IndexProgress::default());
    let report = house.gateway.check_search(&ann.session, progress).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_cannot_be_read_are_refused_within_a_second() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("ann").await;
    let catalogue = [b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), b"<< /Kids [] >>".to_vec()];
    let spaces = vec![b' '; 20 << 20];
    for (bytes, why) in [
        (papers::pdf_of(&catalogue, "/Encrypt << /V 4 >>"), "it is encrypted"),
        (b"%PDF-1.7 and nothing more".to_vec(), "it is damaged"),
        (papers::pdf(&[]), "no text in it"),
        (papers::zip(&[("word/document.xml", &spaces)]), "unpacks to far more"),
        (papers::PNG[..60].to_vec(), "damaged or cut off"),
        (papers::JPEG[..600].to_vec(), "damaged or cut off"),
        (papers::GIF[..40].to_vec(), "damaged or cut off"),
        (papers::WEBP[..30].to_vec(), "damaged or cut off"),
    ] {
        let path = home.path().join("paper");
        fs::write(&path, bytes).unwrap();
        let began = std::time::Instant::now();
        let fault = house.gateway.inspect_attachment(&ann.session, path).await.unwrap_err();
        assert!(began.elapsed() < std::time::Duration::from_secs(1), "{why} took {:?}", began.elapsed());
        assert!(fault.kind == FaultKind::Invalid && fault.message.contains(why), "{fault}");
        assert!(fault.hint.is_some(), "{why} says what to do");
    }
}
