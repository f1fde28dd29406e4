use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::api::{DocumentId, FaultKind};

fn looked(name: &str) -> Looked {
    Looked { of: PreviewOf::File(name.into()), name: name.to_owned() }
}

fn seen(name: &str, text: &str, hidden: u32) -> Seen {
    let attachment = Attachment {
        id: DocumentId(uuid::Uuid::nil()),
        name: name.to_owned(),
        kind: AttachmentKind::Pdf,
        bytes: 20_300,
        hidden_characters: hidden,
        tokens: 1234,
    };
    Seen { attachment, body: Body::Text(Sheet::of(text)) }
}

fn screen(preview: &Preview, cx: &Cx) -> String {
    let mut terminal = Terminal::new(TestBackend::new(cx.size.0, cx.size.1)).unwrap();
    terminal.draw(|frame| preview.view(frame, frame.area(), cx)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn the_exact_text_is_shown_with_its_size_its_tokens_and_what_is_hidden_in_it() {
    let cx = Cx::fixed();
    let mut preview = Preview::of(vec![looked("bill.pdf")]).unwrap();
    assert!(screen(&preview, &cx).contains("Reading…"));
    preview.on_seen(&preview.wanted(), Ok(seen("bill.pdf", "``` bill.pdf\nPay\u{200b} 17\u{202e}\n```", 2)));
    insta::assert_snapshot!(screen(&preview, &cx));
}

#[test]
fn a_long_text_is_looked_through_from_one_end_to_the_other() {
    let cx = Cx::fixed();
    let mut preview = Preview::of(vec![looked("long.pdf")]).unwrap();
    let text: Vec<String> = (1..=500).map(|line| format!("line {line} {}", "word ".repeat(line % 40))).collect();
    preview.on_seen(&preview.wanted(), Ok(seen("long.pdf", &text.join("\n"), 0)));
    let mut pages = screen(&preview, &cx);
    preview.on_action(Action::PreviewUp, &cx);
    assert_eq!(screen(&preview, &cx), pages, "there is nothing above the top");
    loop {
        let before = preview.clone();
        preview.on_action(Action::PreviewPageDown, &cx);
        if preview == before {
            break;
        }
        pages.push_str(&screen(&preview, &cx));
    }
    for line in 1..=500 {
        assert!(pages.contains(&format!("line {line} ")), "line {line}");
    }
    assert!(screen(&preview, &cx).contains("line 500"));
    let end = preview.clone();
    preview.on_action(Action::PreviewTop, &cx);
    preview.on_action(Action::PreviewBottom, &cx);
    assert_eq!(preview, end);
    preview.on_action(Action::PreviewUp, &cx);
    assert_ne!(preview, end);
}

#[test]
fn one_looks_from_file_to_file_and_a_late_answer_does_not_count() {
    let cx = Cx::fixed();
    let mut preview = Preview::of(vec![looked("a"), looked("b")]).unwrap();
    let first = preview.wanted();
    assert_eq!(preview.on_action(Action::PreviewNext, &cx), Some(PreviewOut::Read));
    assert_eq!(preview.wanted(), PreviewOf::File("b".into()));
    preview.on_seen(&first, Ok(seen("a", "of a", 0)));
    assert!(screen(&preview, &cx).contains("Reading…"), "that was of the file before");
    let fault = Fault::new(FaultKind::Invalid, "“b” cannot be attached: it is encrypted.");
    preview.on_seen(&preview.wanted(), Err(fault));
    assert!(screen(&preview, &cx).contains("it is encrypted"));
    assert_eq!(preview.on_action(Action::PreviewNext, &cx), Some(PreviewOut::Read));
    assert_eq!(preview.wanted(), first);
    assert_eq!(preview.on_action(Action::PreviewClose, &cx), Some(PreviewOut::Close));
    assert_eq!(Preview::of(Vec::new()), None);
}

#[test]
fn ten_megabytes_are_drawn_as_fast_as_ten_lines() {
    let cx = Cx::fixed();
    let mut preview = Preview::of(vec![looked("big")]).unwrap();
    preview.on_seen(&preview.wanted(), Ok(seen("big", &"x".repeat(10 << 20), 0)));
    let began = std::time::Instant::now();
    preview.on_action(Action::PreviewBottom, &cx);
    let _ = screen(&preview, &cx);
    preview.on_action(Action::PreviewPageUp, &cx);
    let took = began.elapsed();
    assert!(took < std::time::Duration::from_secs(1), "{took:?}");
}
