//! The list of models by key, and what it looks like.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::{Terminal, backend::TestBackend};

use super::{super::ModelsScreen, *};
use crate::{
    api::{
        FaultKind,
        auth::Role,
        fleet::{
            Card, CatalogueState, Column, Detail, Fit, Installed, ModelTag, Parts, Place, Query, Rating, Variant,
            Verdict,
        },
        models::{Loaded, ModelDetail},
        organise::Cursor,
        recommend::{RecommendQuery, Recommendation, Recommended, Task},
    },
    ui::{
        msg::{ModelsReply, ShellCall, TagAct, Timer},
        screens::Screen,
        testing::toasts,
    },
};

pub(super) struct Desk {
    pub screen: ModelsScreen,
    pub cx: Cx,
}

fn row(name: &str) -> Row {
    Row {
        name: name.to_owned(),
        family: name.split(':').next().unwrap_or_default().to_owned(),
        is_catalogued: true,
        variants: 1,
        ..Row::default()
    }
}

/// One that runs, one that is installed, one of which only the name is known, one that is too big.
pub(super) fn four() -> Vec<Row> {
    let llama = Row {
        summary: Some("Small \u{1b}[31mand quick".into()),
        parameters: Some("3.2B".into()),
        quantization: Some("Q4_K_M".into()),
        bytes: Some(2_019_393_189),
        is_exact: true,
        context_length: Some(131_072),
        capabilities: Some(vec!["completion".into(), "tools".into()]),
        installed: Some(Installed { digest: "a80c4f17acd5".into(), modified_at: "2026-11-20T10:00:00Z".into() }),
        loaded: Some(Loaded {
            bytes: 3_000_000_000,
            gpu_bytes: 3_000_000_000,
            context_length: Some(8_192),
            expires_at: "2026-11-24T10:07:00Z".into(),
        }),
        tags: vec!["work".into()],
        has_notes: true,
        last_used_at: Some(1_795_514_520_000 - 60_000),
        speed: Some(41.3),
        rating: Some(Rating { liked: 4, disliked: 1 }),
        fit: Fit {
            verdict: Verdict::Gpu,
            context: Some(8_192),
            needs: Some(3_000_000_000),
            in_gpu: Some(3_000_000_000),
            is_measured: true,
            because: "It ran here, wholly in the GPU.".into(),
            ..Fit::default()
        },
        ..row("llama3.2:3b")
    };
    let qwen = Row {
        parameters: Some("8B".into()),
        bytes: Some(5_200_000_000),
        capabilities: Some(vec!["completion".into(), "tools".into(), "thinking".into(), "vision".into()]),
        installed: Some(Installed { digest: "b1".into(), modified_at: "2026-11-01T10:00:00Z".into() }),
        fit: Fit { verdict: Verdict::Partly, because: "A part goes into main memory.".into(), ..Fit::default() },
        ..row("qwen3-vl:8b")
    };
    let big = Row {
        bytes: Some(404_000_000_000),
        fit: Fit {
            verdict: Verdict::TooBig,
            needs: Some(420_000_000_000),
            parts: Some(Parts {
                weights: 404_000_000_000,
                context_cache: 15_000_000_000,
                working: 1_073_741_824,
                is_cache_exact: false,
            }),
            because: "It needs more than this machine has.".into(),
            ..Fit::default()
        },
        ..row("deepseek-v3:671b")
    };
    vec![llama, qwen, row("someone/漢字\u{202e}model:latest"), big]
}

pub(super) fn page(rows: Vec<Row>) -> Page {
    let total = rows.len() as u64;
    Page {
        rows,
        total,
        known: 1_234,
        tags: vec![tag("work", "use", 1), tag("private", "use", 0)],
        age_ms: Some(12_000),
        catalogue: CatalogueState { dated: "2026-08-21".into(), ..CatalogueState::default() },
        is_machine_known: true,
        ..Page::default()
    }
}

fn tag(name: &str, category: &str, models: u64) -> ModelTag {
    ModelTag { name: name.into(), category: category.into(), models }
}

pub(super) fn calls(effects: &[Effect]) -> Vec<ModelsCall> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Models(call) => Some(call.clone()),
            _ => None,
        })
        .collect()
}

/// The last question for a page.
fn found(effects: &[Effect]) -> (u64, Query) {
    let mut all = calls(effects).into_iter().rev();
    all.find_map(|call| match call {
        ModelsCall::Find { asked, query } => Some((asked, *query)),
        _ => None,
    })
    .expect("a page was asked for")
}

impl Desk {
    pub fn new() -> (Self, Vec<Effect>) {
        let mut desk = Self { screen: ModelsScreen::default(), cx: Cx::fixed() };
        let effects = desk.screen.shown(&desk.cx);
        (desk, effects)
    }

    /// With these models on view, and Ollama asked as well.
    pub fn with(page: Page) -> Self {
        let (mut desk, effects) = Self::new();
        let effects = desk.answer(&effects, page.clone());
        desk.answer(&effects, page);
        desk
    }

    pub fn answer(&mut self, effects: &[Effect], page: Page) -> Vec<Effect> {
        let (asked, _) = found(effects);
        self.screen.on_reply(ModelsReply::Found { asked, page: Ok(Box::new(page)) }, &self.cx)
    }

    pub fn press(&mut self, key: impl Into<KeyEvent>) -> Vec<Effect> {
        let key = key.into();
        let action = self.cx.keymap.resolve(self.screen.context(), key);
        let used = action.and_then(|action| self.screen.on_action(action, &self.cx));
        used.or_else(|| self.screen.on_key(key, &self.cx)).unwrap_or_default()
    }

    pub fn letter(&mut self, letter: char) -> Vec<Effect> {
        self.press(KeyCode::Char(letter))
    }

    pub fn shift(&mut self, letter: char) -> Vec<Effect> {
        self.press(KeyEvent::new(KeyCode::Char(letter.to_ascii_uppercase()), KeyModifiers::SHIFT))
    }

    fn write(&mut self, text: &str) -> Vec<Effect> {
        text.chars().flat_map(|letter| self.letter(letter)).collect()
    }

    pub fn draw(&mut self, width: u16, height: u16) -> String {
        self.cx.size = (width, height);
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| self.screen.view(frame, frame.area(), &self.cx, true)).unwrap();
        terminal.backend().to_string()
    }

    /// Opens the model under the cursor and answers what it asks.
    pub fn open(&mut self) {
        let effects = self.press(KeyCode::Enter);
        let Some(ModelsCall::Detail { asked, name }) = calls(&effects).into_iter().next() else {
            panic!("{effects:?}")
        };
        let row = four().into_iter().find(|row| row.name == name).unwrap();
        let detail = Detail {
            card: Card {
                notes: Some("Quick enough for mails.".into()),
                links: vec!["https://example.org/llama".into()],
                rev: 3,
                ..Card::default()
            },
            shown: Some(ModelDetail {
                name,
                template: Some("{{ .Prompt }}".into()),
                license: Some("LLAMA 3.2\nCOMMUNITY LICENSE".into()),
                ..ModelDetail::default()
            }),
            variants: vec![
                Variant { name: "llama3.2:1b".into(), bytes: Some(1_300_000_000), ..Variant::default() },
                Variant {
                    name: "llama3.2:3b".into(),
                    is_installed: true,
                    is_exact: true,
                    bytes: Some(2_019_393_189),
                    verdict: Verdict::Gpu,
                    ..Variant::default()
                },
            ],
            row,
            ..Detail::default()
        };
        self.screen.on_reply(ModelsReply::Detail { asked, detail: Ok(Box::new(detail)) }, &self.cx);
    }
}

pub(super) fn as_member(desk: &mut Desk) {
    if let Some(account) = &mut desk.cx.account {
        account.role = Role::User;
    }
}

#[test]
fn the_list_looks_right_wide_narrow_and_small() {
    let mut desk = Desk::with(page(four()));
    desk.letter(' ');
    insta::assert_snapshot!("fleet_80x24", desk.draw(80, 24));
    insta::assert_snapshot!("fleet_120x36", desk.draw(120, 36));
    insta::assert_snapshot!("fleet_40x12", desk.draw(40, 12));
}

#[test]
fn a_model_in_full_says_what_is_known_and_what_is_not() {
    let mut desk = Desk::with(page(four()));
    desk.open();
    insta::assert_snapshot!("detail_80x24", desk.draw(80, 24));
    insta::assert_snapshot!("detail_120x36", desk.draw(120, 36));
    insta::assert_snapshot!("detail_40x12", desk.draw(40, 12));
    let text = desk.draw(80, 36);
    assert!(text.contains("GPU (measured)") && text.contains("publisher      —"), "{text}");
    desk.letter(']');
    let tags = desk.draw(80, 24);
    assert!(tags.contains("[Tags]") && tags.contains("✓ llama3.2:3b") && tags.contains("~1.3 GB"), "{tags}");
    desk.letter('[');
    desk.letter('[');
    let modelfile = desk.draw(80, 24);
    assert!(modelfile.contains("[Modelfile]") && modelfile.contains('—'), "{modelfile}");
}

#[test]
fn what_is_at_hand_is_shown_first_and_then_ollama_is_asked() {
    let (mut desk, effects) = Desk::new();
    assert_eq!(found(&effects).1.freshness, Freshness::Kept);
    let effects = desk.answer(&effects, page(four()));
    assert_eq!(found(&effects).1.freshness, Freshness::Usual);
    let effects = desk.answer(&effects, page(four()));
    assert_eq!(calls(&effects), [], "and that is all");
    let effects = desk.press(KeyCode::F(5));
    let refreshed = if effects.is_empty() { desk.screen.refresh(&desk.cx) } else { effects };
    assert_eq!(found(&refreshed).1.freshness, Freshness::Fresh);
}

#[test]
fn this_machine_is_looked_at_once_when_it_is_not_known_yet() {
    let (mut desk, effects) = Desk::new();
    let unknown = Page { is_machine_known: false, ..page(four()) };
    let effects = desk.answer(&effects, unknown.clone());
    assert!(calls(&effects).contains(&ModelsCall::Machine));
    let effects = desk.answer(&effects, unknown);
    assert!(!calls(&effects).contains(&ModelsCall::Machine));
    let effects = desk.screen.on_reply(ModelsReply::Machine(Ok(crate::api::fleet::Machine::default())), &desk.cx);
    assert_eq!(found(&effects).1.freshness, Freshness::Kept, "what fits is told now");
}

#[test]
fn typing_filters_without_asking_ollama_and_only_the_newest_answer_counts() {
    let mut desk = Desk::with(page(four()));
    desk.letter('/');
    let older = desk.write("ll");
    let newer = desk.write("a");
    let (_, query) = found(&newer);
    assert_eq!((query.text.as_str(), query.freshness, query.at.clone()), ("lla", Freshness::Kept, Place::Start));
    desk.answer(&newer, page(vec![row("llama3.2:3b")]));
    desk.answer(&older, page(four()));
    let text = desk.draw(80, 24);
    assert!(text.contains("1 of 1 234 models") && !text.contains("qwen3"), "{text}");
    desk.press(KeyCode::Esc);
    assert!(!desk.draw(80, 24).contains(" / lla"));
}

#[test]
fn a_mistake_in_the_filter_is_a_sentence_and_the_rows_stay() {
    let mut desk = Desk::with(page(four()));
    desk.letter('/');
    let effects = desk.write("sise:<8GB");
    let (asked, _) = found(&effects);
    let fault = Fault::invalid("There is no filter “sise:”; did you mean “size:”?");
    desk.screen.on_reply(ModelsReply::Found { asked, page: Err(fault) }, &desk.cx);
    let text = desk.draw(80, 24);
    assert!(text.contains("did you mean “size:”?") && text.contains("qwen3-vl:8b"), "{text}");
}

#[test]
fn tab_completes_a_filter_and_its_value() {
    let mut desk = Desk::with(page(four()));
    desk.letter('/');
    desk.write("ca");
    let effects = desk.press(KeyCode::Tab);
    assert_eq!(found(&effects).1.text, "cap:");
    desk.write("vi");
    assert!(desk.draw(80, 24).contains("Tab cap:vision"));
    assert_eq!(found(&desk.press(KeyCode::Tab)).1.text, "cap:vision");
}

#[test]
fn the_list_goes_on_in_both_directions_before_the_cursor_is_at_an_end() {
    let many = |from: usize| (from..from + 100).map(|n| row(&format!("model-{n:05}:latest"))).collect::<Vec<_>>();
    let first = Page { total: 10_000, next: Some(Cursor("100".into())), ..page(many(0)) };
    let mut desk = Desk::with(first.clone());
    let effects = desk.press(KeyCode::End);
    assert_eq!(found(&effects).1.at, Place::End);
    let last = Page { total: 10_000, first: 9_900, previous: Some(Cursor("9900".into())), ..page(many(9_900)) };
    desk.answer(&effects, last);
    assert!(desk.draw(80, 24).contains("› ■") || desk.draw(80, 24).contains("›   model-09999"));
    let effects: Vec<Effect> = (0..8).flat_map(|_| desk.press(KeyCode::PageUp)).collect();
    assert_eq!(found(&effects).1.at, Place::Before(Cursor("9900".into())));
    let before = Page { total: 10_000, first: 9_800, previous: Some(Cursor("9800".into())), ..page(many(9_800)) };
    let cursor = desk.screen.fleet.row().unwrap().name.clone();
    desk.answer(&effects, before);
    assert_eq!(desk.screen.fleet.row().unwrap().name, cursor, "the cursor stays on its model");
    let effects = desk.press(KeyCode::Home);
    assert_eq!(found(&effects).1.at, Place::Start);
    desk.answer(&effects, first);
    let effects: Vec<Effect> = (0..6).flat_map(|_| desk.press(KeyCode::PageDown)).collect();
    assert_eq!(found(&effects).1.at, Place::After(Cursor("100".into())));
}

#[test]
fn marks_stay_over_filters_and_are_what_something_is_done_to() {
    let mut desk = Desk::with(page(four()));
    desk.letter(' ');
    desk.letter('/');
    let effects = desk.write("deep");
    desk.answer(&effects, page(vec![four().remove(3)]));
    desk.press(KeyCode::Enter);
    desk.letter(' ');
    assert!(desk.draw(80, 24).contains("■ 2 marked"));
    let step = Tab::on_action(&mut desk.screen.fleet, Action::FleetInstall, &desk.cx).unwrap();
    let (action, targets) = step.begin.unwrap();
    let told: Vec<(&str, bool)> =
        targets.iter().map(|target| (target.name.as_str(), target.too_big_because.is_some())).collect();
    assert_eq!((action, told), (Action::FleetInstall, vec![("deepseek-v3:671b", true), ("llama3.2:3b", false)]));
    desk.press(KeyCode::Esc);
    let step = Tab::on_action(&mut desk.screen.fleet, Action::FleetRemove, &desk.cx).unwrap();
    assert_eq!(step.begin.unwrap().1.len(), 1, "without marks it is the one under the cursor");
}

#[test]
fn members_see_everything_and_are_told_what_is_not_theirs() {
    let mut desk = Desk::with(page(four()));
    as_member(&mut desk);
    assert_eq!(toasts(&desk.letter('o')), ["Only administrators ask registries for updates."]);
    for letter in ['i', 'd', 'u', 'c', 'r', 'b', 'e'] {
        assert_eq!(toasts(&desk.letter(letter)), ["Only administrators change models."], "{letter}");
    }
    for letter in ['m', 'l', 'u', 'k', 't', 'b'] {
        assert_eq!(toasts(&desk.shift(letter)), ["Only administrators change models."], "shift {letter}");
    }
    let hints: Vec<&str> = desk.screen.footer(&desk.cx).iter().map(|hint| hint.help).collect();
    assert!(!hints.contains(&"install") && hints.contains(&"ask it"), "{hints:?}");
}

#[test]
fn the_list_is_sorted_by_any_column_and_turned_round() {
    let mut desk = Desk::with(page(four()));
    desk.letter('s');
    desk.write("speed");
    let effects = desk.press(KeyCode::Enter);
    assert_eq!(found(&effects).1.sort, Some(Sort { column: Column::Speed, descending: true }));
    desk.answer(&effects, page(four()));
    assert!(desk.draw(80, 24).contains("by speed ↓"));
    let effects = desk.shift('s');
    assert_eq!(found(&effects).1.sort, Some(Sort { column: Column::Speed, descending: false }));
}

#[test]
fn tags_narrow_the_list_to_any_or_all_of_them() {
    let mut desk = Desk::with(page(four()));
    desk.letter('t');
    insta::assert_snapshot!("tags_80x24", desk.draw(80, 24));
    let effects = desk.letter(' ');
    let (_, query) = found(&effects);
    assert_eq!((query.tags, query.tags_by), (vec!["private".to_owned()], Match::All));
    desk.press(KeyCode::Down);
    desk.letter(' ');
    let (_, query) = found(&desk.letter('a'));
    assert_eq!((query.tags, query.tags_by), (vec!["private".to_owned(), "work".to_owned()], Match::Any));
    desk.press(KeyCode::Esc);
    assert!(desk.draw(80, 24).contains("#private or #work"));
}

#[test]
fn administrators_change_tags_where_they_are_listed_and_members_do_not() {
    let mut desk = Desk::with(page(four()));
    desk.letter('t');
    desk.press(KeyCode::Down);
    desk.letter('r');
    desk.write("ing");
    let effects = desk.press(KeyCode::Enter);
    let act = TagAct::Rename { name: "work".into(), new: "working".into() };
    assert_eq!(calls(&effects), [ModelsCall::Tags(act.clone())]);
    let fault = Fault::invalid("There is a tag of that name.");
    desk.screen.on_reply(ModelsReply::Tagged { act: act.clone(), done: Err(fault) }, &desk.cx);
    assert!(desk.draw(80, 24).contains("There is a tag of that name."), "in the form it came from");
    let effects = desk.screen.on_reply(ModelsReply::Tagged { act, done: Ok(1) }, &desk.cx);
    assert_eq!(toasts(&effects), ["The tag work is called working now."]);
    desk.letter('m');
    desk.write("private");
    let effects = desk.press(KeyCode::Enter);
    assert_eq!(calls(&effects), [ModelsCall::Tags(TagAct::Merge { from: "work".into(), into: "private".into() })]);
    desk.press(KeyCode::Esc);
    desk.letter('d');
    assert!(desk.draw(80, 24).contains("One model carries it."));
    assert_eq!(calls(&desk.press(KeyCode::Enter)), [], "the answer that changes nothing stands first");
    desk.letter('d');
    assert_eq!(calls(&desk.letter('2')), [ModelsCall::Tags(TagAct::Delete { name: "work".into() })]);
    as_member(&mut desk);
    assert_eq!(toasts(&desk.letter('d')), ["Only administrators change models."]);
}

#[test]
fn models_are_given_tags_and_lose_those_that_are_no_longer_written() {
    let mut desk = Desk::with(page(four()));
    desk.shift('t');
    desk.press(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
    desk.write("quick, small");
    let effects = desk.press(KeyCode::Enter);
    let act = TagAct::Put {
        models: vec!["llama3.2:3b".into()],
        add: vec!["quick".into(), "small".into()],
        remove: vec!["work".into()],
    };
    assert_eq!(calls(&effects), [ModelsCall::Tags(act)]);
}

#[test]
fn a_filter_is_saved_chosen_and_deleted() {
    let mut desk = Desk::with(page(four()));
    assert_eq!(toasts(&desk.shift('f')), ["There is no filter to save."]);
    desk.letter('/');
    desk.write("cap:tools");
    desk.press(KeyCode::Enter);
    desk.shift('f');
    desk.write("with tools");
    let filter = SavedFilter { name: "with tools".into(), text: "cap:tools".into() };
    assert_eq!(calls(&desk.press(KeyCode::Enter)), [ModelsCall::SaveFilter(filter.clone())]);
    let effects = desk.screen.on_reply(ModelsReply::FilterSaved(Ok(vec![filter])), &desk.cx);
    assert_eq!(toasts(&effects), ["The filter is saved."]);
    desk.press(KeyCode::Esc);
    desk.letter('f');
    let effects = desk.press(KeyCode::Enter);
    assert_eq!(found(&effects).1.text, "cap:tools");
    desk.letter('f');
    assert_eq!(calls(&desk.press(KeyCode::Delete)), [ModelsCall::DeleteFilter("with tools".into())]);
    desk.screen.on_reply(ModelsReply::Filters(Ok(Vec::new())), &desk.cx);
    assert!(desk.draw(80, 24).contains("No filter is saved yet."));
}

#[test]
fn the_part_on_view_and_the_name_are_copied_as_safe_text() {
    let copied = |effects: Vec<Effect>| match effects.into_iter().next() {
        Some(Effect::Shell(ShellCall::Copy(clip))) => clip.text,
        other => panic!("{other:?}"),
    };
    let mut desk = Desk::with(page(four()));
    assert_eq!(copied(desk.shift('y')), "llama3.2:3b");
    desk.open();
    let overview = copied(desk.letter('y'));
    assert!(overview.contains("quantisation   Q4_K_M") && !overview.contains('\u{1b}'), "{overview}");
    for _ in 0..6 {
        desk.letter(']');
    }
    assert_eq!(desk.screen.fleet.part(), detail::Part::Template);
    assert_eq!(copied(desk.letter('y')), "{{ .Prompt }}");
    desk.letter(']');
    desk.letter(']');
    assert_eq!(toasts(&desk.letter('y')), ["There is nothing to copy here."]);
}

#[test]
fn what_the_house_writes_is_sent_with_the_revision_that_was_seen() {
    let mut desk = Desk::with(page(four()));
    assert!(toasts(&desk.letter('e'))[0].contains("press it once more"));
    desk.press(KeyCode::Esc);
    desk.open();
    desk.letter('e');
    insta::assert_snapshot!("card_80x24", desk.draw(80, 24));
    desk.write(" Really.");
    let effects = desk.press(KeyCode::Enter);
    let Some(ModelsCall::Write { name, patch, seen }) = calls(&effects).into_iter().next() else {
        panic!("{effects:?}")
    };
    assert_eq!((name.as_str(), seen), ("llama3.2:3b", 3));
    assert_eq!((patch.description, patch.links), (None, None), "what was not changed stays");
    assert!(patch.notes.as_deref().is_some_and(|notes| notes.contains("Really.")));
    let fault = Fault::new(FaultKind::Conflict, "Somebody else wrote on it meanwhile.");
    let effects = desk.screen.on_reply(ModelsReply::Written { name, card: Err(fault) }, &desk.cx);
    assert!(matches!(calls(&effects)[0], ModelsCall::Detail { .. }), "it is read anew");
    let text = desk.draw(80, 24);
    assert!(text.contains("Somebody else wrote on it") && text.contains("Really."), "{text}");
}

#[test]
fn an_installed_model_is_asked_in_the_chat_and_another_is_not() {
    let mut desk = Desk::with(page(four()));
    let effects = desk.letter('a');
    assert!(matches!(&effects[..], [Effect::UseModel(name)] if name == "llama3.2:3b"), "{effects:?}");
    desk.press(KeyCode::End);
    assert_eq!(toasts(&desk.letter('a')), ["deepseek-v3:671b is not installed."]);
}

#[test]
fn what_others_change_is_read_at_once_and_the_cursor_stays() {
    let mut desk = Desk::with(page(four()));
    desk.press(KeyCode::Down);
    let effects = desk.screen.changed(&desk.cx);
    let mut rows = four();
    rows.insert(0, row("aya:8b"));
    desk.answer(&effects, page(rows));
    let text = desk.draw(80, 24);
    assert!(text.contains("aya:8b") && text.contains("›   qwen3-vl:8b"), "{text}");
    desk.screen.hidden();
    assert!(desk.screen.changed(&desk.cx).is_empty(), "nobody looks");
}

#[test]
fn beside_the_list_the_model_is_read_once_the_cursor_rests() {
    let mut desk = Desk::with(page(four()));
    desk.cx.size = (120, 36);
    let still = |effects: Vec<Effect>| {
        effects.into_iter().find_map(|effect| match effect {
            Effect::After(_, Timer::Settle(asked)) => Some(asked),
            _ => None,
        })
    };
    let first = still(desk.press(KeyCode::Down)).unwrap();
    let second = still(desk.press(KeyCode::Down)).unwrap();
    assert_eq!(calls(&desk.screen.on_settled(first)), [], "the cursor has gone on");
    let name = "someone/漢字\u{202e}model:latest".to_owned();
    assert_eq!(calls(&desk.screen.on_settled(second))[0], ModelsCall::Detail { asked: second, name });
}

#[test]
fn a_click_selects_and_a_second_one_opens() {
    let mut desk = Desk::with(page(four()));
    let text = desk.draw(80, 24);
    let line = text.lines().position(|line| line.contains("qwen3-vl")).unwrap() as u16;
    let click = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: 10,
        row: line,
        modifiers: KeyModifiers::NONE,
    };
    let area = Rect::new(0, 0, 80, 24);
    desk.screen.on_mouse(click, area, &desk.cx);
    assert!(desk.draw(80, 24).contains("›   qwen3-vl:8b"));
    let effects = desk.screen.on_mouse(click, area, &desk.cx);
    assert!(matches!(calls(&effects)[0], ModelsCall::Detail { .. }));
}

#[test]
fn a_click_on_a_heading_sorts_by_it_and_another_the_other_way_round() {
    let mut desk = Desk::with(page(four()));
    let drawn = desk.draw(120, 36);
    let (line, text) = drawn.lines().enumerate().find(|(_, line)| line.contains(" params ")).unwrap();
    let column = |word: &str| text[..text.find(word).unwrap()].chars().count() as u16 - 1;
    let click = |column, row| MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column,
        row,
        modifiers: KeyModifiers::NONE,
    };
    let mut sorted = |word: &str| {
        let (_, query) =
            found(&desk.screen.on_mouse(click(column(word), line as u16), Rect::new(0, 0, 120, 36), &desk.cx));
        query.sort.unwrap()
    };
    let by = |column, descending| Sort { column, descending };
    assert_eq!(sorted("size"), by(Column::Size, false));
    assert_eq!(sorted("size"), by(Column::Size, true));
    assert_eq!(sorted("params"), by(Column::Parameters, true), "of figures one wants the most");
    assert_eq!(sorted("model"), by(Column::Name, false));
    assert!(desk.draw(120, 36).contains("model↑"), "which one it is stands there without a colour");
}

#[test]
fn why_the_list_is_old_is_said_above_it() {
    let stale = Page { age_ms: Some(720_000), stale_because: Some("Ollama does not answer.".into()), ..page(four()) };
    let mut desk = Desk::with(stale);
    assert!(desk.draw(80, 24).contains("! What is installed is 12 min old: Ollama does not answer."));
    // It grows older while it is looked at.
    desk.cx.now_ms += 480_000;
    assert!(desk.draw(80, 24).contains("! What is installed is 20 min old: Ollama does not answer."));
    let mut desk = Desk::with(page(four()));
    desk.cx.now_ms += 480_000;
    assert!(desk.draw(120, 36).contains("as of 8 min ago"), "{}", desk.draw(120, 36));
}

#[test]
fn a_model_that_no_list_knows_is_installed_by_its_name_from_an_empty_list() {
    let mut desk = Desk::with(page(Vec::new()));
    let step = Tab::on_action(&mut desk.screen.fleet, Action::FleetInstall, &desk.cx).unwrap();
    assert_eq!(step.begin.map(|(action, targets)| (action, targets.len())), Some((Action::FleetInstall, 0)));
    desk.letter('/');
    let effects = desk.write("hf.co/nobody/knows");
    desk.answer(&effects, page(Vec::new()));
    let drawn = desk.draw(120, 36);
    assert!(drawn.contains("i installs one by"), "{drawn}");
    desk.press(KeyCode::Enter);
    let step = Tab::on_action(&mut desk.screen.fleet, Action::FleetRemove, &desk.cx).unwrap();
    assert!(step.begin.is_none() && toasts(&step.effects) == ["There is no model to do that to."]);
}

#[test]
fn which_model_to_take_is_told_by_task_with_reasons_and_found_in_the_list() {
    let mut desk = Desk::with(page(four()));
    let effects = desk.letter('w');
    assert_eq!(calls(&effects), [ModelsCall::Advise(Task::Chat)]);
    assert!(desk.draw(80, 24).contains("[talk]"));
    let row = |model: &str, is_installed: bool| Recommendation {
        model: model.into(),
        reasons: vec![
            "Fits into memory, without a GPU, and takes 4.3 GB.".into(),
            "Wrote 41 tokens a second in its benchmark.".into(),
            "Liked in 3 of 4 ratings.".into(),
        ],
        is_estimate: !is_installed,
        is_installed,
        bytes: Some(3_300_000_000),
        verdict: Verdict::Ram,
        speed: is_installed.then_some(41.0),
        liked: if is_installed { 3 } else { 0 },
        disliked: u64::from(is_installed),
        points: 1.0,
    };
    let rows = vec![row("llama3.2:3b", true), row("gem\u{202e}ma3:4b", false)];
    let query = RecommendQuery { limit: 6, ..RecommendQuery::default() };
    let found = || Ok(Box::new(Recommended { query: query.clone(), rows: rows.clone(), is_estimate: false }));
    desk.screen.on_reply(ModelsReply::Advised { task: Task::Code, found: found() }, &desk.cx);
    assert!(!desk.draw(80, 24).contains("Liked in 3 of 4"), "the answer to another question does not count");
    desk.screen.on_reply(ModelsReply::Advised { task: Task::Chat, found: found() }, &desk.cx);
    insta::assert_snapshot!("advice_80x24", desk.draw(80, 24));
    insta::assert_snapshot!("advice_120x36", desk.draw(120, 36));
    insta::assert_snapshot!("advice_40x12", desk.draw(40, 12));
    assert_eq!(calls(&desk.press(KeyCode::Tab)), [ModelsCall::Advise(Task::Code)]);
    desk.screen.on_reply(ModelsReply::Advised { task: Task::Code, found: found() }, &desk.cx);
    let (_, query) = self::found(&desk.press(KeyCode::Enter));
    assert_eq!(query.text, "llama3.2:3b");
}
