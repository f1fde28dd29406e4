//! What stands in front of the Admin screen: questions, forms, choices, the one-time code, how many things went.
//!
//! A form stays until what it sent is told to be done, so that nothing typed is lost to a refusal.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Margin, Rect},
    text::{Line, Span, Text},
    widgets::{Block, BorderType, Paragraph, Wrap},
};

use super::{
    backups,
    editors::{LimitsEditor, ModelsEditor},
    house_rules, overview,
    settings::SettingEditor,
    table::{broken, first_row, fit, row_style, safe},
    trail::{self, When},
};
use crate::{
    api::{
        Fault,
        admin::{AccountState, ActivationCode, AuditFilter, NewUser},
        auth::Role,
        reports::Question,
        rules::ActionKind,
    },
    safe_text::SafeText,
    ui::{
        actions::{Action, Context},
        cx::Cx,
        msg::{AdminCall, Clip, Effect, ShellCall, Target, UserAct},
        text::wrap::width,
        widgets::{
            form::{Form, FormOut},
            modal,
            picker::{Picker, PickerOut},
            rows::Cursor,
        },
    },
};

/// Longest and shortest lock by hand, minutes.
pub const LOCK_MINUTES: std::ops::RangeInclusive<u32> = 1..=43_200;

/// What a choice from a list means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    Call(AdminCall),
    Show {
        role: Option<String>,
        state: Option<AccountState>,
    },
    /// What a new rule is to do.
    Rule(ActionKind),
}

/// What a form is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    NewUser,
    Lock(Vec<Target>),
    Purge(Vec<Target>),
    NewRole,
    RenameRole(String),
    TrailFilter,
    Export(AuditFilter),
    Backups(backups::Wanted),
    Overview(overview::Wanted),
    Rule(Box<house_rules::Wanted>),
}

#[derive(Debug)]
pub struct Fill {
    title: String,
    note: String,
    pub purpose: Purpose,
    pub form: Form,
}

/// A question with one thing to do, and leaving it as the answer that Enter gives at first.
#[derive(Debug)]
pub struct Ask {
    title: String,
    text: String,
    yes: &'static str,
    call: AdminCall,
    at: usize,
}

/// How it went with each of several accounts.
#[derive(Debug)]
pub struct Outcome {
    title: String,
    rows: Vec<(String, Result<String, String>)>,
    /// Shown once this is closed: some of it went well.
    codes: Vec<ActivationCode>,
    cursor: Cursor,
}

/// One-time codes, shown once.
#[derive(Debug)]
pub struct Codes {
    codes: Vec<ActivationCode>,
    at: usize,
}

#[derive(Debug)]
pub enum Dialog {
    Ask(Ask),
    Pick(Picker<Chosen>),
    Fill(Box<Fill>),
    Limits(Box<LimitsEditor>),
    Models(Box<ModelsEditor>),
    Setting(Box<SettingEditor>),
    Codes(Codes),
    Outcome(Outcome),
}

/// What a dialog decided.
#[derive(Debug)]
pub enum Out {
    Stay,
    Close,
    /// Closes, and does this.
    Call(AdminCall),
    /// Does this, and stays until it is done.
    Send(AdminCall),
    Show {
        role: Option<String>,
        state: Option<AccountState>,
    },
    Filter(AuditFilter),
    Question(Question),
    /// Another one takes its place.
    Open(Box<Dialog>),
    Effects(Vec<Effect>),
}

impl Ask {
    #[must_use]
    pub fn dialog(title: &str, text: impl Into<String>, yes: &'static str, call: AdminCall) -> Dialog {
        Dialog::Ask(Self { title: safe(title), text: text.into(), yes, call, at: 1 })
    }
}

impl Outcome {
    #[must_use]
    pub fn dialog(title: &str, rows: Vec<(String, Result<String, String>)>, codes: Vec<ActivationCode>) -> Dialog {
        Dialog::Outcome(Self { title: title.to_owned(), rows, codes, cursor: Cursor::default() })
    }
}

impl Codes {
    #[must_use]
    pub fn dialog(codes: Vec<ActivationCode>) -> Dialog {
        Dialog::Codes(Self { codes, at: 0 })
    }
}

impl Fill {
    pub fn of(title: &str, note: &str, purpose: Purpose, form: Form) -> Dialog {
        Dialog::Fill(Box::new(Self { title: safe(title), note: note.to_owned(), purpose, form }))
    }

    #[must_use]
    pub fn new_user(roles: &[String]) -> Dialog {
        let mut form = Form::default().text("Name").text("Display name, if you like").text("Role");
        form.fill(2, "user");
        form.fill(0, "");
        let roles: Vec<String> = roles.iter().map(|role| safe(role)).collect();
        let note = format!(
            "You get a one-time code to hand over; with it they set a passphrase that nobody else ever knows. \
             Roles: {}.",
            if roles.is_empty() { "user, admin".to_owned() } else { roles.join(", ") }
        );
        Self::of("New account", &note, Purpose::NewUser, form)
    }

    #[must_use]
    pub fn lock(targets: Vec<Target>, who: &str) -> Dialog {
        let mut form = Form::default().text("Minutes, 1 to 43 200 (30 days)");
        form.fill(0, "10");
        let note = "Their next action is refused and says so. Nothing of theirs is lost.";
        Self::of(&format!("Keep {who} out"), note, Purpose::Lock(targets), form)
    }

    #[must_use]
    pub fn purge(targets: Vec<Target>, who: &str) -> Dialog {
        let note = format!(
            "{who}: the keys are forgotten first, then the files go. Nobody can bring any of it back. \
             To go on, type {}.",
            purge_word(&targets)
        );
        Self::of("Remove for good", &note, Purpose::Purge(targets), Form::default().text("Type it here"))
    }

    #[must_use]
    pub fn new_role() -> Dialog {
        let form = Form::default().text("Name").toggle("rank admin: may be given what administrators do");
        let note = "It begins with all that its rank has; deny from there.";
        Self::of("New role", note, Purpose::NewRole, form)
    }

    #[must_use]
    pub fn rename_role(name: &str) -> Dialog {
        let mut form = Form::default().text("Name");
        form.fill(0, &safe(name));
        Self::of(&format!("Rename {name}"), "Its members keep it.", Purpose::RenameRole(name.to_owned()), form)
    }

    #[must_use]
    pub fn trail_filter(filter: &AuditFilter, cx: &Cx) -> Dialog {
        let mut form = Form::default()
            .text("Action, or part of it: users. or auth.sign_in")
            .text("Who: part of a name")
            .text("Result, such as ok or refused")
            .text("Since: 2026-11-24 or 2026-11-24 10:02")
            .text("Until, that moment or day included");
        form.fill(4, &trail::written(filter.until, cx));
        form.fill(3, &trail::written(filter.since, cx));
        form.fill(2, &safe(&filter.result));
        form.fill(1, &safe(&filter.who));
        form.fill(0, &safe(&filter.action));
        Self::of("Filter the trail", "Empty = all.", Purpose::TrailFilter, form)
    }

    #[must_use]
    pub fn export(filter: AuditFilter) -> Dialog {
        let mut form = Form::default().text("File, ending in .csv or .jsonl");
        form.fill(0, "~/ollamanet-audit.csv");
        let note = "All that the filter lets through. Only you can read the file; one that is there is not replaced.";
        Self::of("Write the trail to a file", note, Purpose::Export(filter), form)
    }

    fn submit(&mut self, cx: &Cx) -> Out {
        match self.filled(cx) {
            Ok(out) => out,
            Err((fault, row)) => {
                self.form.ask(fault, row);
                Out::Stay
            }
        }
    }

    /// What was typed, read; or what is wrong with it and where.
    fn filled(&self, cx: &Cx) -> Result<Out, (Fault, usize)> {
        let text = |row| self.form.value(row).trim().to_owned();
        let wanted = |row| match text(row) {
            empty if empty.is_empty() => Err((Fault::invalid("Something is missing here."), row)),
            text => Ok(text),
        };
        Ok(match &self.purpose {
            Purpose::NewUser => {
                let display = Some(text(1)).filter(|text| !text.is_empty());
                Out::Send(AdminCall::CreateUser(NewUser { name: wanted(0)?, display_name: display, role: wanted(2)? }))
            }
            Purpose::Lock(targets) => {
                let minutes = text(0).replace([' ', '\u{202f}', '_'], "").parse().ok();
                let minutes = minutes.filter(|minutes| LOCK_MINUTES.contains(minutes));
                let minutes = minutes.ok_or((Fault::invalid("That is no number from 1 to 43 200."), 0))?;
                Out::Call(AdminCall::Each { act: UserAct::Lock(minutes), targets: targets.clone() })
            }
            Purpose::Purge(targets) if text(0) == purge_word(targets) => {
                Out::Call(AdminCall::Each { act: UserAct::Purge, targets: targets.clone() })
            }
            Purpose::Purge(targets) => {
                let words = format!("Type {} to go on, or leave it.", purge_word(targets));
                return Err((Fault::invalid(words), 0));
            }
            Purpose::NewRole => {
                let rank = if self.form.is_on(1) { Role::Admin } else { Role::User };
                Out::Send(AdminCall::CreateRole { name: wanted(0)?, rank })
            }
            Purpose::RenameRole(name) => Out::Send(AdminCall::RenameRole { name: name.clone(), new: wanted(0)? }),
            Purpose::TrailFilter => Out::Filter(AuditFilter {
                action: text(0),
                who: text(1),
                result: text(2),
                since: trail::moment(&text(3), When::Begins, cx).map_err(|fault| (fault, 3))?,
                until: trail::moment(&text(4), When::Ends, cx).map_err(|fault| (fault, 4))?,
            }),
            Purpose::Export(filter) => Out::Send(AdminCall::Export { filter: filter.clone(), path: wanted(0)?.into() }),
            Purpose::Backups(wanted) => wanted.filled(&self.form)?,
            Purpose::Overview(wanted) => wanted.filled(&self.form)?,
            Purpose::Rule(wanted) => wanted.filled(&self.form)?,
        })
    }
}

/// What has to be typed: the name of the one, or the number of the many.
fn purge_word(targets: &[Target]) -> String {
    match targets {
        [one] => safe(&one.name),
        many => format!("purge {}", many.len()),
    }
}

impl Dialog {
    #[must_use]
    pub fn context(&self) -> Context {
        match self {
            Self::Ask(_) | Self::Pick(_) | Self::Codes(_) | Self::Outcome(_) => Context::List,
            Self::Fill(_) | Self::Limits(_) => Context::Form,
            Self::Models(_) => Context::Composer,
            Self::Setting(editor) => editor.context(),
        }
    }

    /// Whether it waits for what it sent.
    #[must_use]
    pub fn sends(&self) -> bool {
        matches!(self, Self::Fill(_) | Self::Limits(_) | Self::Models(_) | Self::Setting(_))
    }

    /// What it sent was refused.
    pub fn refuse(&mut self, fault: Fault) {
        match self {
            Self::Fill(fill) => fill.form.refuse(fault, None),
            Self::Limits(editor) => editor.refuse(fault),
            Self::Models(editor) => editor.refuse(fault),
            Self::Setting(editor) => editor.refuse(fault),
            Self::Ask(_) | Self::Pick(_) | Self::Codes(_) | Self::Outcome(_) => {}
        }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Out> {
        let closes = matches!(action, Action::ListClose | Action::Cancel | Action::Escape | Action::Interrupt);
        Some(match self {
            Self::Pick(picker) => picked(picker.on_action(action, cx).ok()?),
            Self::Models(editor) => editor.on_action(action, cx)?,
            Self::Setting(editor) => editor.on_action(action, cx)?,
            Self::Outcome(outcome) if (closes || action == Action::ListAccept) && !outcome.codes.is_empty() => {
                let codes = std::mem::take(&mut outcome.codes);
                *self = Codes::dialog(codes);
                Out::Stay
            }
            _ if closes => Out::Close,
            Self::Ask(ask) => match action {
                Action::ListUp | Action::ListDown => {
                    ask.at = 1 - ask.at;
                    Out::Stay
                }
                Action::ListAccept => ask.answer(),
                _ => return None,
            },
            Self::Fill(fill) => match fill.form.on_action(action).ok()? {
                Some(FormOut::Submitted) => fill.submit(cx),
                Some(FormOut::Cancelled) => Out::Close,
                Some(FormOut::Changed(_)) | None => Out::Stay,
            },
            Self::Limits(editor) => editor.on_action(action)?,
            Self::Codes(codes) => {
                let last = codes.codes.len().saturating_sub(1);
                match action {
                    Action::ListUp => codes.at = codes.at.saturating_sub(1),
                    Action::ListDown => codes.at = (codes.at + 1).min(last),
                    Action::ListAccept => return Some(codes.copy()),
                    _ => return None,
                }
                Out::Stay
            }
            Self::Outcome(outcome) => {
                if action == Action::ListAccept {
                    return Some(Out::Close);
                }
                if !outcome.cursor.go(action, outcome.rows.len()) {
                    return None;
                }
                Out::Stay
            }
        })
    }

    /// `None` = not used.
    pub fn on_key(&mut self, key: KeyEvent) -> Option<Out> {
        match self {
            Self::Pick(picker) => Some(picked(picker.on_key(key))),
            Self::Ask(ask) => match key.code {
                KeyCode::Char('1') => {
                    ask.at = 0;
                    Some(ask.answer())
                }
                KeyCode::Char('2') => Some(Out::Close),
                _ => None,
            },
            Self::Fill(fill) => fill.form.on_key(key).map(|_| Out::Stay),
            Self::Limits(editor) => editor.on_key(key).then_some(Out::Stay),
            Self::Models(editor) => editor.on_key(key).then_some(Out::Stay),
            Self::Setting(editor) => editor.on_key(key).then_some(Out::Stay),
            Self::Codes(_) | Self::Outcome(_) => None,
        }
    }

    pub fn on_paste(&mut self, text: &str) -> Out {
        match self {
            Self::Pick(picker) => return picked(picker.on_paste(text)),
            Self::Fill(fill) => drop(fill.form.on_paste(text)),
            Self::Limits(editor) => editor.on_paste(text),
            Self::Models(editor) => editor.on_paste(text),
            Self::Setting(editor) => editor.on_paste(text),
            Self::Ask(_) | Self::Codes(_) | Self::Outcome(_) => {}
        }
        Out::Stay
    }

    pub fn on_mouse(&mut self, mouse: MouseEvent, area: Rect, cx: &Cx) -> Out {
        match self {
            Self::Pick(picker) => picked(picker.on_mouse(mouse, area, cx)),
            Self::Fill(fill) => {
                fill.form.on_mouse(mouse);
                Out::Stay
            }
            Self::Ask(_) | Self::Limits(_) | Self::Models(_) | Self::Setting(_) | Self::Codes(_) | Self::Outcome(_) => {
                Out::Stay
            }
        }
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        match self {
            Self::Ask(ask) => ask.view(frame, area, cx),
            Self::Pick(picker) => picker.view(frame, area, cx),
            Self::Fill(fill) => fill.view(frame, area, cx),
            Self::Limits(editor) => editor.view(frame, area, cx),
            Self::Models(editor) => editor.view(frame, area, cx),
            Self::Setting(editor) => editor.view(frame, area, cx),
            Self::Codes(codes) => codes.view(frame, area, cx),
            Self::Outcome(outcome) => outcome.view(frame, area, cx),
        }
    }
}

fn picked(out: Option<PickerOut<Chosen>>) -> Out {
    match out {
        Some(PickerOut::Chosen(Chosen::Call(call))) => Out::Call(call),
        Some(PickerOut::Chosen(Chosen::Show { role, state })) => Out::Show { role, state },
        Some(PickerOut::Chosen(Chosen::Rule(kind))) => Out::Open(Box::new(house_rules::Wanted::new(kind).dialog())),
        Some(PickerOut::Closed) => Out::Close,
        Some(PickerOut::Typed(_)) | None => Out::Stay,
    }
}

/// Rows that a text takes when it is broken at `columns`.
fn rows_of(text: &str, columns: u16) -> u16 {
    let lines = broken(text, ratatui::style::Style::new(), usize::from(columns));
    u16::try_from(lines.len()).unwrap_or(u16::MAX)
}

fn paragraph(text: &str, style: ratatui::style::Style) -> Paragraph<'static> {
    Paragraph::new(Text::styled(SafeText::new(text).into_string(), style)).wrap(Wrap { trim: true })
}

impl Ask {
    fn answer(&self) -> Out {
        if self.at == 0 { Out::Call(self.call.clone()) } else { Out::Close }
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints =
            cx.hints(&[(Action::ListAccept, "choose"), (Action::ListDown, "down"), (Action::ListClose, "leave it")]);
        let width = 64.min(area.width.saturating_sub(2));
        let rows = rows_of(&self.text, width.saturating_sub(4)).min(area.height.saturating_sub(6));
        let inner = modal::open(frame, area, cx, &self.title, (width, rows + 5), &hints).inner(Margin::new(1, 0));
        let [text, _, answers] =
            Layout::vertical([Constraint::Length(rows), Constraint::Length(1), Constraint::Min(0)]).areas(inner);
        frame.render_widget(paragraph(&self.text, cx.theme.text), text);
        let lines = [self.yes, "Leave it"].into_iter().enumerate().map(|(at, label)| {
            let (mark, style) = if at == self.at { ("›", cx.theme.selection) } else { (" ", cx.theme.text) };
            Line::from(Span::styled(format!("{mark} {}  {label} ", at + 1), style))
        });
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), answers);
    }
}

impl Fill {
    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = match self.purpose {
            Purpose::NewUser
            | Purpose::TrailFilter
            | Purpose::Backups(_)
            | Purpose::Rule(_)
            | Purpose::Overview(overview::Wanted::Filter(_)) => cx.hints(&[
                (Action::Submit, "next, then done"),
                (Action::PreviousField, "back"),
                (Action::Cancel, "leave it"),
            ]),
            Purpose::NewRole => {
                cx.hints(&[(Action::Submit, "done"), (Action::NextField, "next"), (Action::Cancel, "leave it")])
            }
            Purpose::Lock(_)
            | Purpose::Purge(_)
            | Purpose::RenameRole(_)
            | Purpose::Overview(overview::Wanted::Export(..))
            | Purpose::Export(_) => cx.hints(&[(Action::Submit, "done"), (Action::Cancel, "leave it")]),
        };
        let width = 68.min(area.width.saturating_sub(2));
        let inside = width.saturating_sub(6);
        let note_rows = rows_of(&self.note, inside).min(area.height / 3);
        let wish = self.form.height() + note_rows + 4;
        let inner = modal::open(frame, area, cx, &self.title, (width, wish), &hints).inner(Margin::new(2, 0));
        let roomy = u16::from(inner.height >= wish - 2);
        let [_, note, _, fields] = Layout::vertical([
            Constraint::Length(roomy),
            Constraint::Length(note_rows),
            Constraint::Length(roomy),
            Constraint::Min(0),
        ])
        .areas(inner);
        frame.render_widget(paragraph(&self.note, cx.theme.dim), note);
        self.form.view(frame, fields, cx);
    }
}

impl Codes {
    fn copy(&self) -> Out {
        let Some(code) = self.codes.get(self.at) else { return Out::Stay };
        let safe = SafeText::line(code.code.reveal());
        let hidden = safe.hidden();
        Out::Effects(vec![Effect::Shell(ShellCall::Copy(Clip { text: safe.into_string(), hidden }))])
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let mut hints = cx.hints(&[(Action::ListAccept, "copy")]);
        if self.codes.len() > 1 {
            hints.extend(cx.hints(&[(Action::ListDown, "down"), (Action::ListUp, "up")]));
        }
        hints.extend(cx.hints(&[(Action::ListClose, "done, forget it")]));
        let Some(code) = self.codes.get(self.at) else { return };
        let many = u16::try_from(self.codes.len()).unwrap_or(u16::MAX);
        let list = if many > 1 { many.min(6) } else { 0 };
        let title = format!("One-time code for {}", safe(&code.name));
        let inner = modal::open(frame, area, cx, &title, (68, 15 + list), &hints).inner(Margin::new(2, 0));
        let box_rows = if area.height < 18 { 3 } else { 5 };
        let [names, box_area, words] =
            Layout::vertical([Constraint::Length(list), Constraint::Length(box_rows), Constraint::Min(0)]).areas(inner);
        let height = usize::from(list);
        let first = first_row(self.at, self.codes.len(), height);
        let rows = self.codes.iter().enumerate().skip(first).take(height).map(|(at, code)| {
            let style = row_style(at == self.at, true, cx);
            let mark = if at == self.at { "›" } else { " " };
            Line::styled(fit(&format!("{mark} {}", safe(&code.name)), usize::from(names.width)), style)
        });
        frame.render_widget(Paragraph::new(rows.collect::<Vec<_>>()), names);
        let text = SafeText::line(code.code.reveal()).into_string();
        // Set wide where there is room, so that it can be read out letter by letter.
        let wide: String = text.chars().flat_map(|letter| [letter, ' ']).collect();
        let wide = wide.trim_end();
        let text = if width(wide) + 4 <= usize::from(box_area.width) { wide } else { &text };
        let block = Block::bordered().border_type(BorderType::Double).border_style(cx.theme.accent);
        let inside = block.inner(box_area);
        frame.render_widget(block, box_area);
        let line = Line::styled(text.to_owned(), cx.theme.accent.add_modifier(ratatui::style::Modifier::BOLD));
        frame.render_widget(line.centered(), modal::centred(inside, (inside.width, 1)));
        let told = format!(
            "Hand it to {name} yourself, and to nobody else; it is shown only now.\n\
             They start ollamanet, choose “one-time code” at sign-in, type their name and this code, and set a \
             passphrase of their own. It works once, until {until}.",
            name = safe(&code.name),
            until = cx.clock(code.expires_at),
        );
        frame.render_widget(paragraph(&told, cx.theme.text), words);
    }
}

impl Outcome {
    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let hints = cx.hints(&[(Action::ListDown, "down"), (Action::ListUp, "up"), (Action::ListClose, "close")]);
        let rows = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
        let wish = (76.min(area.width.saturating_sub(2)), rows.saturating_add(6).min(area.height));
        let inner = modal::open(frame, area, cx, &self.title, wish, &hints).inner(Margin::new(1, 0));
        let [list, foot] = Layout::vertical([Constraint::Min(1), Constraint::Length(3)]).areas(inner);
        // The one in use whole: why something was refused rarely fits beside a name.
        if let Some((name, Ok(words) | Err(words))) = self.rows.get(self.cursor.at()) {
            let text = paragraph(&format!("{}: {}", safe(name), safe(words)), cx.theme.dim);
            frame.render_widget(
                text,
                Rect { y: (foot.y + 1).min(foot.bottom()), height: foot.height.saturating_sub(1), ..foot },
            );
        }
        let room = usize::from(list.width);
        // As wide as the longest name, as far as what is told of it keeps the larger part.
        let longest = self.rows.iter().map(|(name, _)| width(&safe(name))).max().unwrap_or(0);
        let name_room = longest.clamp(4, (room / 3).max(4));
        self.cursor.view(frame, list, self.rows.len(), |at, is_chosen| {
            let (name, went) = &self.rows[at];
            let (mark, mark_style, words) = match went {
                Ok(words) => ("✓", cx.theme.success, words),
                Err(words) => ("✗", cx.theme.error, words),
            };
            let style = row_style(is_chosen, true, cx);
            Line::from(vec![
                Span::styled(format!("{mark} "), if is_chosen { style } else { mark_style }),
                Span::styled(fit(&safe(name), name_room), style),
                Span::styled(fit(&format!("  {}", safe(words)), room.saturating_sub(name_room + 2)), style),
            ])
        });
    }
}
