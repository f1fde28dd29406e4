use ratatui::{Terminal, backend::TestBackend};

use super::*;

fn msg(n: u128) -> MessageId {
    MessageId(uuid::Uuid::from_u128(n))
}

fn message(n: u128, role: MessageRole, content: &str) -> Message {
    Message { parent: (n > 1).then(|| msg(n - 1)), ..crate::ui::testing::message(n, role, content) }
}

fn page(numbers: std::ops::RangeInclusive<u128>, has_older: bool) -> MessagePage {
    let role = |n: u128| if n % 2 == 1 { MessageRole::User } else { MessageRole::Assistant };
    MessagePage {
        messages: numbers.map(|n| message(n, role(n), &format!("text {n}"))).collect(),
        has_older,
        has_newer: false,
    }
}

struct Reader {
    transcript: Transcript,
    cx: Cx,
    highlights: Highlights,
}

impl Reader {
    fn new(page: MessagePage) -> Self {
        let reader = Self {
            transcript: Transcript::new(page, ContextMeter::default()),
            cx: Cx::fixed(),
            highlights: Highlights::default(),
        };
        reader.draw();
        reader
    }

    fn draw(&self) -> String {
        let mut terminal = Terminal::new(TestBackend::new(40, 9)).unwrap();
        let look = self.highlights.look(&self.cx);
        terminal.draw(|frame| self.transcript.view(frame, frame.area(), &look, true)).unwrap();
        terminal.backend().to_string()
    }

    fn act(&mut self, act: impl FnOnce(&mut Transcript, &Look)) -> String {
        let look = self.highlights.look(&self.cx);
        act(&mut self.transcript, &look);
        self.draw()
    }

    fn laid_out(&self) -> usize {
        self.transcript.items.iter().filter(|item| item.layout.borrow().is_some()).count()
    }
}

#[test]
fn only_what_is_on_the_screen_is_laid_out() {
    let reader = Reader::new(page(1..=1000, false));
    assert!(reader.draw().contains("text 1000"));
    assert!(reader.laid_out() <= 4, "{}", reader.laid_out());
}

#[test]
fn scrolling_up_and_down_again_follows_the_end() {
    let mut reader = Reader::new(page(1..=20, false));
    let end = reader.draw();
    reader.act(|transcript, look| transcript.scroll(-7, look));
    assert!(matches!(reader.transcript.place(), Place::At { .. }));
    let back = reader.act(|transcript, look| transcript.scroll(7, look));
    assert_eq!((reader.transcript.place(), back), (Place::Follow, end));
}

#[test]
fn scrolling_by_single_lines_shows_every_line_once() {
    let mut reader = Reader::new(page(1..=12, false));
    reader.act(|transcript, _| transcript.to_top());
    let mut seen = Vec::new();
    while reader.transcript.place() != Place::Follow {
        let screen = reader.draw();
        seen.push(screen.lines().next().unwrap().to_owned());
        reader.act(|transcript, look| transcript.scroll(1, look));
    }
    let texts: Vec<&String> = seen.iter().filter(|line| line.contains("text")).collect();
    assert_eq!(texts.len(), 9, "every message but those on the last screen: {texts:?}");
}

#[test]
fn the_reader_stays_while_the_answer_grows_and_older_messages_come() {
    let mut reader = Reader::new(page(21..=40, true));
    reader.act(|transcript, look| transcript.scroll(-20, look));
    // The mark in the corner says that there is more below; the lines themselves stay.
    let lines = |screen: &str| screen.lines().take(8).map(str::to_owned).collect::<Vec<_>>();
    let before = lines(&reader.draw());
    reader.transcript.on_delta(msg(40), &Delta { content: "more\n\nand more".into(), ..Delta::default() }, 0);
    assert_eq!(lines(&reader.draw()), before);
    reader.transcript.prepend(page(1..=20, false));
    assert_eq!(lines(&reader.draw()), before);
    assert!(reader.draw().contains("↓ new"));
}

#[test]
fn older_messages_are_wanted_some_screens_before_the_reader_comes_to_them() {
    let mut reader = Reader::new(page(21..=80, true));
    while reader.transcript.wants().is_none() {
        reader.act(|transcript, look| transcript.scroll(-1, look));
    }
    let Place::At { index, .. } = reader.transcript.place() else { panic!("still at the end") };
    assert_eq!(index, 23);
}

#[test]
fn older_messages_are_wanted_near_the_beginning_and_once() {
    let mut reader = Reader::new(page(21..=60, true));
    assert_eq!(reader.transcript.wants(), None);
    reader.transcript.place = Place::At { index: 3, line: 0 };
    assert_eq!(reader.transcript.wants(), Some(Wanted::Older(msg(21))));
    assert_eq!(reader.transcript.wants(), None);
    reader.transcript.prepend(page(11..=20, true));
    assert_eq!(reader.transcript.place(), Place::At { index: 13, line: 0 });
}

#[test]
fn the_beginning_and_the_end_are_one_step_away_however_long_the_conversation_is() {
    let mut reader = Reader::new(page(49_941..=50_000, true));
    reader.act(|transcript, _| transcript.to_top());
    assert_eq!(reader.transcript.wants(), Some(Wanted::Oldest));
    assert_eq!(reader.transcript.wants(), None, "it is asked for once");
    reader.transcript.begin_with(MessagePage { has_newer: true, ..page(1..=60, false) });
    assert!(reader.draw().contains("text 1 "), "{}", reader.draw());
    assert_eq!((reader.transcript.items.len(), reader.transcript.is_seeking_top()), (60, false));
    assert_eq!(reader.transcript.last(), None, "the last one loaded is not the last");
    // What changes at the end does not pull the reader there.
    reader.transcript.refresh(page(49_941..=50_000, true), ContextMeter::default());
    assert!(reader.draw().contains("text 1 "));
    reader.act(|transcript, _| transcript.to_bottom());
    assert_eq!(reader.transcript.wants(), Some(Wanted::Newest));
    reader.transcript.refresh(page(49_941..=50_000, true), ContextMeter::default());
    assert!(reader.draw().contains("text 50000"), "{}", reader.draw());
    assert!(reader.transcript.is_at_end());
}

#[test]
fn what_is_loaded_stays_bounded_while_the_reader_goes_both_ways() {
    let all = 3000;
    let mut reader = Reader::new(page(all - 59..=all, true));
    let mut most = 0;
    for down in [false, true] {
        for _ in 0..20_000 {
            let before = reader.draw();
            reader.act(|transcript, look| transcript.page(down, look));
            let top = |screen: &str| screen.lines().find(|line| line.contains("text")).map(str::to_owned);
            let after = top(&reader.draw());
            match reader.transcript.wants() {
                Some(Wanted::Older(first)) => {
                    let first = first.0.as_u128();
                    let start = first.saturating_sub(60).max(1);
                    reader.transcript.prepend(MessagePage { has_newer: true, ..page(start..=first - 1, start > 1) });
                }
                Some(Wanted::Newer(last)) => {
                    let last = last.0.as_u128();
                    let end = (last + 60).min(all);
                    reader.transcript.append(MessagePage { has_newer: end < all, ..page(last + 1..=end, true) });
                }
                Some(Wanted::Oldest | Wanted::Newest) | None => {}
            }
            most = most.max(reader.transcript.items.len());
            assert_eq!(top(&reader.draw()), after, "what comes in does not move what is read");
            if reader.draw() == before {
                break;
            }
        }
        let end = if down { format!("text {all}") } else { "text 1 ".to_owned() };
        assert!(reader.draw().contains(&end), "{}", reader.draw());
    }
    assert!(most <= KEPT, "{most}");
}

#[test]
fn the_selection_moves_by_message_and_through_a_long_one() {
    let mut messages = page(1..=3, false);
    messages.messages[1].content = (1..=30).map(|n| format!("line {n}\n\n")).collect::<Vec<_>>().concat();
    let mut reader = Reader::new(messages);
    reader.act(super::Transcript::select_some);
    assert_eq!(reader.transcript.selected().unwrap().id, msg(3));
    reader.act(|transcript, look| transcript.step(false, look));
    assert_eq!(reader.transcript.selected().unwrap().id, msg(2));
    let mut screens = Vec::new();
    while reader.transcript.selected().unwrap().id == msg(2) {
        screens.push(reader.act(|transcript, look| transcript.step(false, look)));
    }
    assert!(screens.len() > 5, "a long message is read before the next is selected");
    assert!(screens.iter().any(|screen| screen.contains("line 17")));
}

#[test]
fn prompts_are_jumped_between() {
    let mut reader = Reader::new(page(1..=20, false));
    reader.act(|transcript, look| transcript.step_prompt(false, look));
    let first = reader.transcript.selected().unwrap().id;
    let screen = reader.act(|transcript, look| transcript.step_prompt(false, look));
    let second = reader.transcript.selected().unwrap().clone();
    assert!(second.id < first && second.role == MessageRole::User);
    assert!(screen.lines().nth(1).unwrap().contains(&second.content), "it is at the top: {screen}");
}

#[test]
fn a_very_long_message_is_shown_short_until_it_is_asked_for() {
    let mut messages = page(1..=2, false);
    messages.messages[0].content = "words and words ".repeat(100_000);
    let mut reader = Reader::new(messages);
    reader.act(|transcript, _| transcript.select(0));
    let short = reader.transcript.lines_of(0, &reader.highlights.look(&reader.cx));
    assert!(short < 300, "{short}");
    reader.act(super::Transcript::toggle_fold);
    assert!(reader.transcript.lines_of(0, &reader.highlights.look(&reader.cx)) > 10_000);
    reader.act(super::Transcript::toggle_fold);
    assert_eq!(reader.transcript.lines_of(0, &reader.highlights.look(&reader.cx)), 3);
}

#[test]
fn thinking_unfolds() {
    let mut messages = page(1..=2, false);
    messages.messages[1].thinking = "Hm, let me think.".into();
    messages.messages[1].metrics.thinking_ms = Some(3200);
    let mut reader = Reader::new(messages);
    assert!(reader.draw().contains("▸ thought for 3.2 s"));
    let open = reader.act(super::Transcript::toggle_thinking);
    assert!(open.contains("▾ thought for 3.2 s") && open.contains("Hm, let me think."), "{open}");
}

#[test]
fn the_end_of_an_answer_does_not_move_the_text() {
    let text = "A paragraph with **strong** words.\n\n- one\n- two\n";
    let mut reader = Reader::new(page(1..=1, false));
    let mut answer = message(2, MessageRole::Assistant, "");
    answer.state = MessageState::Streaming;
    reader.transcript.begin_answer(answer);
    for piece in text.split_inclusive(' ') {
        reader.transcript.on_delta(msg(2), &Delta { content: piece.into(), ..Delta::default() }, 0);
        reader.draw();
    }
    let body = |screen: &str| {
        screen
            .lines()
            .filter(|line| line.contains("one") || line.contains("words"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before = body(&reader.draw());
    reader.transcript.end_answer(message(2, MessageRole::Assistant, text), None, ContextMeter::default());
    assert_eq!(body(&reader.draw()), before);
}

#[test]
fn a_refresh_keeps_older_messages_and_the_place() {
    let mut reader = Reader::new(page(1..=40, false));
    reader.act(|transcript, look| transcript.scroll(-30, look));
    let before = reader.draw();
    reader.transcript.refresh(page(31..=40, true), ContextMeter::default());
    assert_eq!(reader.draw(), before);
    assert_eq!(reader.transcript.items.len(), 40);
}

#[test]
fn a_click_finds_the_message_that_was_drawn() {
    let reader = Reader::new(page(1..=2, false));
    let look = reader.highlights.look(&reader.cx);
    assert_eq!(reader.transcript.hit(0, &look), Some(Hit { index: 0, line: 0, is_thinking: false }));
    assert_eq!(reader.transcript.hit(3, &look), Some(Hit { index: 1, line: 0, is_thinking: false }));
    assert_eq!(reader.transcript.hit(8, &look), None);
}

#[test]
fn a_message_that_was_looked_for_is_shown_with_its_words_marked() {
    let mut reader = Reader::new(page(1..=40, true));
    let mut around = page(101..=140, true);
    around.has_newer = true;
    around.messages[20].content = format!("{}\n\nthe Borrow checker", "line\n\n".repeat(30));
    let terms: Vec<Term> = Term::new("borrow check", true).into_iter().collect();
    let screen = reader.act(|transcript, look| transcript.show_around(around, msg(121), terms, look));
    assert!(screen.contains("the Borrow checker"), "{screen}");
    assert_eq!(reader.transcript.selected().map(|message| message.id), Some(msg(121)));
    let mut terminal = Terminal::new(TestBackend::new(40, 9)).unwrap();
    let look = reader.highlights.look(&reader.cx);
    terminal.draw(|frame| reader.transcript.view(frame, frame.area(), &look, true)).unwrap();
    let highlight = reader.cx.theme.highlight.bg;
    let buffer = terminal.backend().buffer();
    let marked: String =
        buffer.content().iter().filter(|cell| Some(cell.bg) == highlight).map(ratatui::buffer::Cell::symbol).collect();
    assert_eq!(marked, "Borrow checker");
    // Both sides are read on.
    assert!(matches!(reader.transcript.wants(), Some(Wanted::Older(_) | Wanted::Newer(_))));
}
