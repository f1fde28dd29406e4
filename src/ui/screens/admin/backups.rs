//! The tab with the backups: what there is and how it was checked, what restores moved aside, when the next one is made; and
//! how far the work is that goes on.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    Step,
    dialog::{Ask, Fill, Out, Purpose},
    part::{House, Part},
    table::{boxed, broken, fit, fit_right, instead, labelled, row_style, safe},
};
use crate::{
    api::{
        Fault, FaultKind, amount,
        backup::{Backup, Backups as Shown, Doing, Extent, MadeBy, Outcome, Progress, Schedule, SetAside, Verified},
    },
    ui::{
        actions::{Action, Context},
        cx::{Cx, Hint},
        msg::{AdminCall, BackupWork, Effect},
        widgets::{
            form::Form,
            rows::{Cursor, with_one_in_full},
            toast::Toast,
        },
    },
};

/// Rows of the backup under the cursor, in full.
const FULL: u16 = 8;
/// What is typed before everything is restored.
const EVERYTHING: &str = "everything";

#[derive(Debug, Default)]
pub struct Backups {
    shown: Option<Shown>,
    cursor: Cursor,
    loading: bool,
    fault: Option<Fault>,
    /// What goes on, and how far it is.
    work: Option<(BackupWork, Option<Progress>)>,
}

/// What a form of this tab is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Restore { backup: String },
    Schedule(Schedule),
    PurgeAside { name: String },
}

/// A row of the list.
enum Row<'a> {
    Backup(&'a Backup),
    Aside(&'a SetAside),
}

impl Wanted {
    /// What was typed, read; or what is wrong with it and where.
    pub fn filled(&self, form: &Form) -> Result<Out, (Fault, usize)> {
        let text = |row: usize| form.value(row).trim().to_owned();
        match self {
            Self::Restore { backup } => {
                let account = text(0);
                let (word, extent) = if account.is_empty() {
                    (EVERYTHING.to_owned(), Extent::Everything)
                } else {
                    (account.clone(), Extent::Account(account))
                };
                if text(1) != word {
                    return Err((Fault::invalid(format!("Type {word} to go on, or leave it.")), 1));
                }
                Ok(Out::Call(AdminCall::Backup(BackupWork::Restore { backup: backup.clone(), extent })))
            }
            Self::Schedule(before) => {
                let number = |row: usize, low: u32, high: u32| {
                    let wrong = || (Fault::invalid(format!("That is no number from {low} to {high}.")), row);
                    let number = text(row).parse().map_err(|_| wrong())?;
                    if (low..=high).contains(&number) { Ok(number) } else { Err(wrong()) }
                };
                let hour = match text(0).as_str() {
                    "" | "off" => None,
                    _ => Some(u8::try_from(number(0, 0, 23)?).unwrap_or(0)),
                };
                let mut schedule = Schedule { hour, ..*before };
                schedule.keep.daily = number(1, 1, 366)?;
                schedule.keep.weekly = number(2, 0, 520)?;
                Ok(Out::Send(AdminCall::SetBackupSchedule(schedule)))
            }
            Self::PurgeAside { name } if text(0) == *name => Ok(Out::Call(AdminCall::PurgeQuarantine(name.clone()))),
            Self::PurgeAside { name } => Err((Fault::invalid(format!("Type {name} to go on, or leave it.")), 0)),
        }
    }
}

/// What is being done, in words.
fn doing(work: &BackupWork, progress: Option<&Progress>) -> String {
    let what = match (work, progress.map(|progress| progress.doing)) {
        (BackupWork::Create, _) => "Making a backup".to_owned(),
        (BackupWork::Verify(name), _) => format!("Checking {}", safe(name)),
        (BackupWork::Restore { backup, .. }, Some(Doing::Restoring) | None) => {
            format!("Checking and copying {}", safe(backup))
        }
        (BackupWork::Restore { backup, .. }, Some(Doing::Copying | Doing::Checking)) => {
            format!("Checking {}", safe(backup))
        }
    };
    let Some(progress) = progress.filter(|progress| progress.all > 0) else { return format!("{what}…") };
    let percent = (progress.done.saturating_mul(100) / progress.all).min(100);
    format!("{what}: {percent} %, {} of {}", amount::bytes(progress.done), amount::bytes(progress.all))
}

/// How it stands with a backup: a mark and words.
fn state(backup: &Backup, cx: &Cx) -> (&'static str, String) {
    match (&backup.damage, &backup.verified) {
        (Some(why), _) => ("✗", format!("damaged: {}", safe(why))),
        (None, Some(found)) if !found.is_sound() => ("✗", format!("damaged: {}", safe(&found.damage_words()))),
        (None, Some(found)) => ("✓", format!("sound {}", cx.clock(found.at))),
        (None, None) => ("·", "not checked yet".to_owned()),
    }
}

impl Backups {
    pub fn on_shown(&mut self, shown: Result<Shown, Fault>) -> Vec<Effect> {
        self.loading = false;
        match shown {
            Ok(shown) => {
                // On the first row one sees what was made just now; elsewhere the cursor stays with its row.
                let at = Some(self.cursor.at()).filter(|at| *at > 0);
                let chosen = at.and_then(|at| self.rows().get(at).map(|row| row.name().to_owned()));
                (self.shown, self.fault) = (Some(shown), None);
                let rows = self.rows();
                let place = chosen.and_then(|name| rows.iter().position(|row| row.name() == name));
                let (place, many) = (place.unwrap_or(self.cursor.at()), rows.len());
                self.cursor.put(place, many);
            }
            Err(fault) => self.fault = Some(fault),
        }
        Vec::new()
    }

    /// It may have begun after the passphrase was typed once more, of which nobody tells this tab.
    pub fn on_progress(&mut self, work: BackupWork, progress: Progress) {
        self.work = Some((work, Some(progress)));
    }

    /// What goes on has ended.
    pub fn on_ended(&mut self, work: BackupWork, done: Result<Outcome, Fault>) -> Vec<Effect> {
        self.work = None;
        let mut effects = match done {
            Err(fault) if fault.kind == FaultKind::Unconfirmed => {
                return vec![Effect::Confirm(vec![Effect::Admin(AdminCall::Backup(work))])];
            }
            Err(fault) => vec![Effect::Toast(Toast::fault(&fault))],
            Ok(Outcome::Made(made)) => {
                vec![Effect::Toast(Toast::good(format!("The backup is made: {}.", amount::bytes(made.bytes))))]
            }
            Ok(Outcome::Verified(found)) if found.is_sound() => {
                vec![Effect::Toast(Toast::good(format!("The backup is sound: {}.", proof(&found))))]
            }
            Ok(Outcome::Verified(found)) => {
                let fault = Fault::new(FaultKind::Store, format!("It is damaged: {}.", found.damage_words()));
                vec![Effect::Toast(Toast::fault(&fault.hint("Make a new one, and keep this until you know why.")))]
            }
            Ok(Outcome::Restored { quarantine }) => {
                vec![Effect::Toast(Toast::good(format!("Restored. What was there is kept aside as {quarantine}.")))]
            }
            // It takes its place when nobody has anything open any more.
            Ok(Outcome::Ready) => return vec![Effect::Act(Action::Quit)],
        };
        effects.extend(self.open());
        effects
    }

    pub fn on_pruned(&mut self, gone: &[String]) -> Vec<Effect> {
        let words = match gone.len() {
            0 => "Nothing is due: all of them are kept.".to_owned(),
            1 => "1 backup was removed by rule.".to_owned(),
            many => format!("{many} backups were removed by rule."),
        };
        let mut effects = vec![Effect::Toast(Toast::good(words))];
        effects.extend(self.open());
        effects
    }

    /// Begins work, of which there is one at a time.
    pub fn began(&mut self, work: &BackupWork) {
        self.work = Some((work.clone(), None));
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let Some(shown) = &self.shown else { return Vec::new() };
        shown.backups.iter().map(Row::Backup).chain(shown.quarantine.iter().map(Row::Aside)).collect()
    }

    fn chosen(&self) -> Option<String> {
        match self.rows().into_iter().nth(self.cursor.at()) {
            Some(Row::Backup(backup)) => Some(backup.name.clone()),
            Some(Row::Aside(_)) | None => None,
        }
    }

    fn begin(&self, work: Option<BackupWork>) -> Step {
        match (work, &self.work) {
            (_, Some((busy, _))) => told(&format!("{} is not finished yet.", doing(busy, None).trim_end_matches('…'))),
            (None, None) => told("Choose a backup first."),
            (Some(work), None) => AdminCall::Backup(work).into(),
        }
    }

    fn restore(&self) -> Step {
        let Some(backup) = self.chosen() else { return told("Choose a backup first.") };
        if self.work.is_some() {
            return self.begin(None);
        }
        let note = format!(
            "What is here becomes as it was in {backup}, and is kept aside. Everything: all others must have ended \
             ollamanet, this one ends, and everybody signs in anew. One vault: its owner must be signed out."
        );
        let form =
            Form::default().text("Whose vault; empty = everything").text("To go on, type everything or that name");
        Fill::of("Restore a backup", &note, Purpose::Backups(Wanted::Restore { backup }), form).into()
    }

    fn schedule(&self) -> Step {
        let Some(shown) = &self.shown else { return told("The schedule is not read yet; try again.") };
        let mut form = Form::default()
            .text("Hour of the day, 0 to 23; empty = never")
            .text("Days of which the newest stays")
            .text("Weeks of which the newest stays");
        form.fill(2, &shown.schedule.keep.weekly.to_string());
        form.fill(1, &shown.schedule.keep.daily.to_string());
        form.fill(0, &shown.schedule.hour.map(|hour| hour.to_string()).unwrap_or_default());
        let note = "Made by any window that is open then; one that was missed is made at the next start.";
        Fill::of("When a backup is made", note, Purpose::Backups(Wanted::Schedule(shown.schedule)), form).into()
    }

    fn prune(&self) -> Step {
        let Some(shown) = &self.shown else { return told("The backups are not read yet; try again.") };
        let keep = shown.schedule.keep;
        Ask::dialog(
            "Prune the backups?",
            format!(
                "The newest of each of {} days and of each of {} weeks stay, and the newest of all; the others are \
                 removed for good.",
                keep.daily, keep.weekly
            ),
            "Remove them",
            AdminCall::PruneBackups,
        )
        .into()
    }

    fn purge(&self) -> Step {
        match self.rows().into_iter().nth(self.cursor.at()) {
            Some(Row::Aside(aside)) => {
                let name = aside.name.clone();
                let note = format!(
                    "What the restore moved aside, {}, goes for good. Type {name} to go on.",
                    amount::bytes(aside.bytes)
                );
                let form = Form::default().text("Type it here");
                Fill::of("Remove for good", &note, Purpose::Backups(Wanted::PurgeAside { name }), form).into()
            }
            Some(Row::Backup(_)) | None => told("That is for what a restore moved aside; backups go by the rule."),
        }
    }

    fn head(&self, room: usize, cx: &Cx) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        if let Some((work, progress)) = &self.work {
            let words = doing(work, progress.as_ref());
            lines.push(Line::from(vec![
                Span::styled(format!(" {} ", cx.spinner()), cx.theme.accent),
                Span::styled(fit(&words, room.saturating_sub(3)), cx.theme.text),
            ]));
        }
        let Some(shown) = &self.shown else { return lines };
        let schedule = match (shown.schedule.hour, &shown.rule) {
            (None, None) => "None is made on its own".to_owned(),
            (None, Some(rule)) => format!("By the rule {}", safe(rule)),
            (Some(hour), _) => format!("One is made every day at {hour}:00"),
        };
        let keep = shown.schedule.keep;
        let free = shown.free.map(|free| format!(" · {} free", amount::bytes(free))).unwrap_or_default();
        let words = format!(" {schedule} · {} daily and {} weekly stay{free}", keep.daily, keep.weekly);
        lines.push(Line::styled(fit(&words, room), cx.theme.dim));
        if let Some(failed) = shown.last_scheduled.as_ref().and_then(|run| Some((run.at, run.failed.as_ref()?))) {
            let words = format!("The one of {} failed: {}", cx.clock(failed.0), safe(failed.1));
            let told = broken(&words, cx.theme.error, room.saturating_sub(4)).into_iter().take(2).enumerate();
            lines.extend(told.map(|(row, line)| {
                line.after(vec![Span::styled(if row == 0 { " ✗ " } else { "   " }, cx.theme.error)])
            }));
        }
        lines
    }
}

fn told(words: &str) -> Step {
    vec![Effect::Toast(Toast::notice(words.to_owned()))].into()
}

/// What a check found sound. Only whoever checks has the key to their own vault; those of the others are compared.
fn proof(found: &Verified) -> String {
    let opened = format!("its system database and {} were opened", amount::many(found.opened, "vault"));
    match found.compared {
        0 => opened,
        1 => format!("{opened}, and each byte of the other vault is as it was written"),
        others => format!("{opened}, and each byte of the other {others} vaults is as it was written"),
    }
}

impl Row<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Backup(backup) => &backup.name,
            Self::Aside(aside) => &aside.name,
        }
    }
}

fn line(row: &Row<'_>, selected: bool, focused: bool, room: usize, cx: &Cx) -> Line<'static> {
    let base = row_style(selected, focused, cx);
    let quiet = if selected { base } else { cx.theme.dim };
    let cursor = if selected { "›" } else { " " };
    let (mark, when, size, what, style) = match row {
        Row::Backup(backup) => {
            let (mark, words) = state(backup, cx);
            let by = match backup.made_by {
                MadeBy::Person => "by hand",
                MadeBy::Schedule => "by schedule",
            };
            let style = if mark == "✗" && !selected { cx.theme.error } else { quiet };
            let what = format!("{}, {by}, {words}", amount::many(backup.accounts, "account"));
            (mark, cx.clock(backup.made_at), amount::bytes(backup.bytes), what, style)
        }
        Row::Aside(aside) => {
            ("↷", safe(&aside.name), amount::bytes(aside.bytes), "moved aside by a restore".to_owned(), quiet)
        }
    };
    // A name of what was moved aside is the longest that stands where the time does.
    let rest = room.saturating_sub(2 + 2 + 19 + 10 + 2);
    Line::from(vec![
        Span::styled(format!("{cursor} {mark} "), base),
        Span::styled(fit(&when, 19), base),
        Span::styled(format!("{}  ", fit_right(&size, 10)), quiet),
        Span::styled(fit(&what, rest), style),
    ])
}

fn view_row(row: &Row<'_>, frame: &mut Frame, area: Rect, cx: &Cx) {
    let (title, rows) = match row {
        Row::Backup(backup) => {
            let checked = match &backup.verified {
                Some(found) if found.is_sound() => format!("{}: {}", cx.clock(found.at), proof(found)),
                Some(_) | None => state(backup, cx).1,
            };
            let left_out: Vec<String> =
                backup.left_out.iter().map(|left| format!("{}: {}", safe(&left.account), safe(&left.why))).collect();
            let rows = vec![
                ("name", safe(&backup.name)),
                (
                    "holds",
                    format!(
                        "{} of {}, {}",
                        amount::many(backup.vaults, "vault"),
                        amount::many(backup.accounts, "account"),
                        amount::bytes(backup.bytes)
                    ),
                ),
                ("checked", checked),
                ("version", safe(&backup.program)),
                ("left out", if left_out.is_empty() { "nothing".to_owned() } else { left_out.join("; ") }),
            ];
            ("Backup", rows)
        }
        Row::Aside(aside) => {
            let what = "What was here before a restore. It stays until you remove it.".to_owned();
            ("Moved aside", vec![("name", safe(&aside.name)), ("size", amount::bytes(aside.bytes)), ("what", what)])
        }
    };
    let inner = boxed(frame, area, title, "", false, cx);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let room = usize::from(inner.width);
    let lines: Vec<Line> = rows
        .iter()
        .flat_map(|(label, text)| labelled(label, text, cx.theme.text, room, cx).into_iter().take(2))
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

impl Part for Backups {
    fn open(&mut self) -> Vec<Effect> {
        self.loading = true;
        vec![Effect::Admin(AdminCall::Backups)]
    }

    fn context(&self) -> Context {
        Context::Backups
    }

    fn on_action(&mut self, action: Action, _house: &House, _cx: &Cx) -> Option<Step> {
        let many = self.rows().len();
        if self.cursor.go(action, many) {
            return Some(Vec::new().into());
        }
        match action {
            Action::FocusNext | Action::FocusPrevious => {}
            Action::BackupCreate => return Some(self.begin(Some(BackupWork::Create))),
            Action::BackupVerify => return Some(self.begin(self.chosen().map(BackupWork::Verify))),
            Action::BackupRestore => return Some(self.restore()),
            Action::BackupSchedule => return Some(self.schedule()),
            Action::BackupPrune => return Some(self.prune()),
            Action::BackupPurge => return Some(self.purge()),
            _ => return None,
        }
        Some(Vec::new().into())
    }

    /// Selects the row that was drawn there.
    fn clicked(&mut self, at: (u16, u16), _cx: &Cx) -> Vec<Effect> {
        let many = self.rows().len();
        self.cursor.click(at, many);
        Vec::new()
    }

    fn is_busy(&self) -> bool {
        self.loading || self.work.is_some()
    }

    fn footer(&self, cx: &Cx) -> Vec<Hint> {
        cx.hints(&[
            (Action::BackupCreate, "make one"),
            (Action::BackupVerify, "check"),
            (Action::BackupRestore, "restore"),
            (Action::BackupSchedule, "schedule"),
            (Action::BackupPrune, "prune"),
            (Action::BackupPurge, "remove aside"),
        ])
    }

    fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let head = self.head(usize::from(area.width), cx);
        let rows = self.rows();
        let [top, list, pane] = with_one_in_full(area, head.len(), FULL, !rows.is_empty());
        frame.render_widget(Paragraph::new(head), top);
        let place = self.shown.as_ref().map(|shown| safe(&shown.place.to_string_lossy())).unwrap_or_default();
        let inner = boxed(frame, list, "Backups", &place, focused, cx);
        if rows.is_empty() || self.fault.is_some() {
            self.cursor.hide();
            let empty = format!(
                "There is no backup yet. {} makes one now; {} sets an hour at which one is made every day.",
                cx.key(Action::BackupCreate),
                cx.key(Action::BackupSchedule)
            );
            return instead(frame, inner, self.fault.as_ref(), self.loading, &empty, cx);
        }
        let room = usize::from(inner.width);
        self.cursor.view(frame, inner, rows.len(), |at, is_chosen| line(&rows[at], is_chosen, focused, room, cx));
        if let Some(row) = rows.get(self.cursor.at()).filter(|_| !pane.is_empty()) {
            view_row(row, frame, pane, cx);
        }
    }
}
