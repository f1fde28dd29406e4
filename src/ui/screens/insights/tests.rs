//! Keys in, calls out; and what the screen looks like.

use crossterm::event::{KeyCode, KeyEvent};
use insta::assert_snapshot;
use jiff::{ToSpan, civil::Date};
use ratatui::{Terminal, backend::TestBackend};

use super::*;
use crate::{
    api::{
        ConversationId, FolderId, MessageId, TurnId,
        insights::{Figures, Grain, OfFolder, OfReason, Outcomes, Spread, Stretch, UsedConversation},
        organise::{Cursor, Page, Tree},
    },
    ui::theme::Theme,
};

/// The screen with its surroundings, typed at as the root does it.
struct Desk {
    screen: InsightsScreen,
    cx: Cx,
}

impl Desk {
    /// On view, with thirty days read.
    fn new() -> Self {
        let mut desk = Self { screen: InsightsScreen::default(), cx: Cx::fixed() };
        let asked = desk.screen.shown(&desk.cx);
        assert_eq!(reads(&asked), [(1, InsightsQuery::default())]);
        desk.told(1, thirty_days());
        desk
    }

    fn told(&mut self, asked: u64, shown: Insights) -> Vec<Effect> {
        self.screen.on_reply(InsightsReply::Read { asked, shown: Ok(Box::new(shown)) })
    }

    fn press(&mut self, key: impl Into<KeyEvent>) -> Vec<Effect> {
        let key = key.into();
        let action = self.cx.keymap.resolve(self.screen.context(), key);
        action
            .and_then(|action| self.screen.on_action(action, &self.cx))
            .or_else(|| self.screen.on_key(key, &self.cx))
            .unwrap_or_default()
    }

    fn write(&mut self, text: &str) -> Vec<Effect> {
        text.chars().flat_map(|c| self.press(KeyCode::Char(c))).collect()
    }

    fn draw(&self, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let cx = Cx { size: (width, height), ..self.cx.clone() };
        terminal.draw(|frame| self.screen.view(frame, frame.area(), &cx, true)).unwrap();
        let text = terminal.backend().to_string();
        text.lines().map(|line| line.trim_matches('"').trim_end()).collect::<Vec<_>>().join("\n")
    }

    fn assert_views(&self, name: &str) {
        for (width, height) in [(80, 22), (120, 34), (40, 10)] {
            assert_snapshot!(format!("{name}-{width}x{height}"), self.draw(width, height));
        }
    }
}

fn reads(effects: &[Effect]) -> Vec<(u64, InsightsQuery)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Insights(InsightsCall::Read { asked, query }) => Some((*asked, query.clone())),
            _ => None,
        })
        .collect()
}

fn figures(asked: u64, share: u64) -> Figures {
    let time = |ms: u64| (asked > 0).then_some(Spread { median_ms: ms, p90_ms: ms * 4, of: asked });
    Figures {
        asked: Some(asked),
        answers: Outcomes { done: asked, stopped: asked / 10, failed: asked / 25, ..Outcomes::default() },
        prompt_tokens: asked * 900,
        answer_tokens: asked * 210,
        answer_time: time(2000 + share * 100),
        first_token: time(300 + share * 10),
        answering_ms: asked * 3000,
        tokens_per_second: (asked > 0).then_some(30.0 + share as f64),
        liked: asked / 4,
        disliked: asked / 12,
    }
}

fn thirty_days() -> Insights {
    let last = Date::constant(2026, 11, 24);
    let first = last - 29.days();
    let stretches: Vec<Stretch> = (0..30_u64)
        .map(|number| {
            let day = first + i64::try_from(number).unwrap().days();
            Stretch { first: day, last: day, figures: figures(number * 7 % 23, number % 9) }
        })
        .collect();
    let mut hours = [[0; 24]; 7];
    for (day, hours) in hours.iter_mut().enumerate().take(5) {
        for (hour, messages) in hours.iter_mut().enumerate().skip(8).take(11) {
            *messages = ((hour * 7 + day * 13) % 19) as u64;
        }
    }
    let model = |name: &str, asked| OfModel {
        model: Some(name.to_owned()),
        figures: Figures { asked: None, ..figures(asked, 5) },
    };
    let folder = |path: &str, id, asked| OfFolder {
        folder: Some(FolderId(uuid::Uuid::from_u128(id))),
        path: path.to_owned(),
        figures: figures(asked, 1),
    };
    let long = |number: u128, title: &str, trashed| UsedConversation {
        id: ConversationId(uuid::Uuid::from_u128(number)),
        title: title.to_owned(),
        trashed,
        messages: 120 - number as u64,
        answer_tokens: 4200,
    };
    Insights {
        query: InsightsQuery::default(),
        first,
        last,
        grain: Grain::Day,
        total: figures(331, 5),
        stretches,
        models: vec![
            model("llama3.2:3b", 240),
            model("qwen3:30b-a3b-instruct-2507-q4_K_M", 80),
            model("\u{1b}[31mred:1b", 11),
        ],
        folders: vec![
            folder("work/rust", 1, 200),
            OfFolder { folder: None, path: String::new(), figures: figures(90, 1) },
            folder("Bücher/日本", 2, 41),
        ],
        reasons: vec![
            OfReason { reason: "too_long".to_owned(), liked: 0, disliked: 9 },
            OfReason { reason: "helpful".to_owned(), liked: 6, disliked: 0 },
        ],
        left_out: 0,
        hours,
        active_days: 28,
        streak: 9,
        longest_streak: 14,
        longest: vec![
            long(1, "Borrow checker and async", false),
            long(2, "Lifetimes \u{202e}reversed", false),
            long(3, "Old plans", true),
        ],
        as_of: 1_795_514_520_000,
    }
}

#[test]
fn every_tab_says_in_words_and_bars_what_it_knows() {
    let mut desk = Desk::new();
    for (key, name) in [('1', "overview"), ('2', "models"), ('3', "folders"), ('4', "hours"), ('5', "ratings")] {
        desk.press(KeyCode::Char(key));
        desk.assert_views(name);
    }
    desk.cx.theme = Theme::plain();
    for (key, name) in [('1', "overview"), ('2', "models"), ('4', "hours"), ('5', "ratings")] {
        desk.press(KeyCode::Char(key));
        let drawn = desk.draw(80, 22);
        assert_snapshot!(format!("plain-{name}"), drawn);
        let strange = drawn.chars().find(|c| !c.is_ascii() && !matches!(c, '·' | '–' | '…'));
        assert_eq!(strange, None, "{drawn}");
    }
}

#[test]
fn nothing_yet_says_what_will_be_here() {
    let mut desk = Desk::new();
    let nothing = Insights { total: Figures { asked: Some(0), ..Figures::default() }, ..thirty_days() };
    desk.screen.refresh(&desk.cx.clone());
    desk.told(2, nothing);
    assert_snapshot!("nothing", desk.draw(80, 22));
    // With a filter it is the filter's doing.
    desk.press(KeyCode::Char('m'));
    desk.write("llama3");
    desk.press(KeyCode::Enter);
    desk.told(3, Insights { total: Figures::default(), ..thirty_days() });
    assert!(desk.draw(80, 22).contains("Esc takes the filters away"), "{}", desk.draw(80, 22));
}

#[test]
fn a_bar_leads_to_the_conversations_of_its_day_and_they_open() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Left);
    desk.press(KeyCode::Char('h'));
    let effects = desk.press(KeyCode::Enter);
    let [Effect::Insights(InsightsCall::Days { asked, days, after: None, .. })] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let (asked, day) = (*asked, Date::constant(2026, 11, 22));
    assert_eq!(*days, (day, day));
    let page = |rows: std::ops::Range<usize>, more: bool| {
        let one = thirty_days().longest;
        let rows = rows.map(|number| UsedConversation { title: format!("Talk {number}"), ..one[number % 3].clone() });
        Page { rows: rows.collect(), next: more.then(|| Cursor("9".to_owned())) }
    };
    desk.screen.on_reply(InsightsReply::Days { asked: asked - 1, page: Ok(page(0..1, false)) });
    assert!(!desk.draw(80, 22).contains("Talk"), "what was asked before is not shown");
    desk.screen.on_reply(InsightsReply::Days { asked, page: Ok(page(0..50, true)) });
    assert_snapshot!("days", desk.draw(80, 22));
    // Reading on before the end, from where the page ended.
    let mut effects = Vec::new();
    for _ in 0..45 {
        effects.extend(desk.press(KeyCode::Down));
    }
    assert!(matches!(effects.as_slice(), [Effect::Insights(InsightsCall::Days { after: Some(Cursor(_)), .. })]));
    desk.screen.on_reply(InsightsReply::Days { asked, page: Ok(page(50..60, false)) });
    let effects = desk.press(KeyCode::Enter);
    let [Effect::OpenAt(spot)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((spot.conversation, spot.back), (thirty_days().longest[0].id, Some(Action::ScreenInsights)));
    assert_eq!(desk.screen.context(), Context::Insights, "the list is gone");
}

#[test]
fn what_lies_in_the_trash_is_not_opened() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('3'));
    desk.press(KeyCode::End);
    let effects = desk.press(KeyCode::Enter);
    assert!(matches!(effects.as_slice(), [Effect::Toast(_)]), "{effects:?}");
    desk.press(KeyCode::Up);
    assert!(matches!(desk.press(KeyCode::Enter).as_slice(), [Effect::OpenAt(_)]));
}

#[test]
fn a_model_and_a_folder_are_shown_alone_until_escape() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('2'));
    desk.press(KeyCode::Down);
    let only =
        InsightsQuery { model: Some("qwen3:30b-a3b-instruct-2507-q4_K_M".to_owned()), ..InsightsQuery::default() };
    assert_eq!(reads(&desk.press(KeyCode::Enter)), [(2, only.clone())]);
    desk.told(2, Insights { query: only.clone(), models: thirty_days().models[1..2].to_vec(), ..thirty_days() });
    assert!(desk.draw(80, 22).contains("model qwen3:30b"), "{}", desk.draw(80, 22));
    // The other models can still be chosen.
    desk.press(KeyCode::Char('m'));
    assert_snapshot!("choosing-a-model", desk.draw(80, 22));
    desk.press(KeyCode::Esc);
    // Folders are asked for first, and the choice opens when they are told.
    let asked = desk.press(KeyCode::Char('f'));
    assert!(matches!(asked.as_slice(), [Effect::Insights(InsightsCall::Folders)]));
    let folder = |id: u128, parent: Option<u128>, name: &str| Folder {
        id: FolderId(uuid::Uuid::from_u128(id)),
        parent: parent.map(|id| FolderId(uuid::Uuid::from_u128(id))),
        name: name.to_owned(),
        conversations: 0,
        preset: None,
        rev: 1,
    };
    let tree = Tree { folders: vec![folder(1, Some(9), "rust"), folder(9, None, "work")], ..Tree::default() };
    desk.screen.on_reply(InsightsReply::Folders(Ok(tree)));
    desk.write("rust");
    let both = InsightsQuery { folder: Some(FolderId(uuid::Uuid::from_u128(1))), ..only };
    assert_eq!(reads(&desk.press(KeyCode::Enter)), [(3, both)]);
    desk.told(3, thirty_days());
    assert!(desk.draw(120, 34).contains("folder work/rust"), "{}", desk.draw(120, 34));
    assert_eq!(reads(&desk.press(KeyCode::Esc)), [(4, InsightsQuery::default())]);
    assert!(desk.screen.on_action(Action::Escape, &desk.cx.clone()).is_none(), "nothing is left to take away");
}

#[test]
fn the_period_goes_round_and_a_late_answer_to_another_one_is_not_shown() {
    let mut desk = Desk::new();
    let quarter = InsightsQuery { period: Period::Quarter, ..InsightsQuery::default() };
    assert_eq!(reads(&desk.press(KeyCode::Char('p'))), [(2, quarter)]);
    let year = InsightsQuery { period: Period::Year, ..InsightsQuery::default() };
    assert_eq!(reads(&desk.press(KeyCode::Char('p'))), [(3, year)]);
    desk.told(2, Insights { active_days: 1, ..thirty_days() });
    assert!(desk.draw(80, 22).contains("28 of 30"), "the answer to the quarter came too late");
    for (asked, period) in [(4, Period::All), (5, Period::Week), (6, Period::Month)] {
        assert_eq!(
            reads(&desk.press(KeyCode::Char('p')))[0],
            (asked, InsightsQuery { period, ..InsightsQuery::default() })
        );
    }
    let back = InsightsQuery { period: Period::Week, ..InsightsQuery::default() };
    assert_eq!(reads(&desk.press(KeyCode::Char('P'))), [(7, back)]);
}

#[test]
fn what_ends_or_changes_is_read_while_it_is_on_view_and_once_at_a_time() {
    let mut desk = Desk::new();
    let ended = Event::Changed(Changed::Everything);
    assert_eq!(reads(&desk.screen.on_event(&ended)).len(), 1);
    assert_eq!(reads(&desk.screen.on_event(&ended)), [], "one is on its way");
    assert_eq!(reads(&desk.told(2, thirty_days())).len(), 1, "what changed meanwhile is read too");
    assert_eq!(reads(&desk.told(3, thirty_days())), []);
    let running = Event::Turn {
        turn: TurnId::new(),
        conversation: ConversationId::new(),
        answer: MessageId::new(),
        event: TurnEvent::Waiting,
    };
    assert_eq!(reads(&desk.screen.on_event(&running)), [], "an answer that runs changes no figure");
    desk.screen.hidden();
    assert_eq!(reads(&desk.screen.on_event(&ended)), [], "nobody is looking");
    // What was chosen stays chosen when it is read anew, and a failure leaves the figures.
    desk.screen.shown(&desk.cx.clone());
    desk.press(KeyCode::Left);
    desk.told(4, thirty_days());
    assert!(desk.draw(80, 22).contains("Mon 23 Nov 2026: "), "{}", desk.draw(80, 22));
    desk.screen.refresh(&desk.cx.clone());
    desk.screen.on_reply(InsightsReply::Read { asked: 5, shown: Err(Fault::not_found("folder")) });
    let drawn = desk.draw(80, 22);
    assert!(drawn.contains("not read anew, as of 10:02") && drawn.contains("28 of 30"), "{drawn}");
}

#[test]
fn figures_go_to_a_file_by_the_ending_of_its_name() {
    let mut desk = Desk::new();
    desk.press(KeyCode::Char('2'));
    desk.press(KeyCode::Char('x'));
    assert_snapshot!("export", desk.draw(80, 22));
    desk.write("x");
    assert_eq!(desk.press(KeyCode::Enter).len(), 0);
    assert!(desk.draw(80, 22).contains("neither .csv nor .json"), "{}", desk.draw(80, 22));
    desk.press(KeyCode::Backspace);
    let effects = desk.press(KeyCode::Enter);
    let [Effect::Insights(InsightsCall::Export { by: By::Model, what, path, .. })] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((what.as_str(), path.to_str()), ("csv", Some("~/ollamanet-insights-2026-11-24.csv")));
    let there = Fault::invalid("figures.csv is there already.");
    desk.screen.on_reply(InsightsReply::Exported(Err(there)));
    assert!(desk.draw(80, 22).contains("is there already"), "it can be corrected where it was typed");
    desk.press(KeyCode::Enter);
    let told = desk.screen.on_reply(InsightsReply::Exported(Ok("/home/a/figures.csv".into())));
    assert!(matches!(told.as_slice(), [Effect::Toast(_)]));
    assert_eq!(desk.screen.context(), Context::Insights);
}

#[test]
fn the_tokens_of_answers_that_tell_none_are_not_told_as_nothing() {
    let mut desk = Desk::new();
    let total = Figures { prompt_tokens: 0, answer_tokens: 0, ..figures(40, 1) };
    desk.screen.refresh(&desk.cx.clone());
    desk.told(2, Insights { total, ..thirty_days() });
    let drawn = desk.draw(80, 22);
    let line = drawn.lines().find(|line| line.contains("tokens out")).unwrap();
    assert!(line.contains("not told"), "{line}");
}

#[test]
fn a_click_opens_a_tab_at_every_width() {
    for width in [40, 80, 120] {
        let mut desk = Desk::new();
        let line = desk.draw(width, 24).lines().next().unwrap_or_default().to_owned();
        let column = line.find('5').unwrap() as u16;
        let click = MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row: 0,
            modifiers: crossterm::event::KeyModifiers::NONE,
        };
        desk.screen.on_mouse(click, Rect::new(0, 0, width, 24), &desk.cx);
        assert!(desk.draw(width, 24).contains("[5 Ratings]"), "{width}");
    }
}
