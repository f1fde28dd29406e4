//! Files that go with a message, through the gateway: looked at, refused, sent.

use std::fs;

use ollamanet::api::{
    FaultKind,
    chat::{AttachmentKind, NewTurn, TurnAct},
    organise::NewConversation,
};

use crate::common::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_looked_at_before_it_is_sent_and_refused_with_the_reason() {
    let home = tempfile::tempdir().unwrap();
    let house = House::alone(home.path());
    let ann = house.first_admin("ann").await;
    let path = |name: &str| home.path().join(name);
    fs::write(path("plain.txt"), "visible\u{202E}").unwrap();
    fs::write(path("picture"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").unwrap();
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
