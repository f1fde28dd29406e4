//! The form for one rule: its fields by what it does, and what was typed in them, read.

use crate::{
    api::{
        Fault, RuleId,
        rules::{self, Action, ActionKind, Models, NewRule, Only, Rule, When},
    },
    ui::{
        msg::{AdminCall, RulesCall},
        screens::admin::dialog::{Dialog, Fill, Out, Purpose},
        widgets::form::Form,
    },
};

/// What is typed where a rule removes models.
const CONFIRM: &str = "remove";

/// Which rule is written: a new one of a kind, or one that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    id: Option<RuleId>,
    kind: ActionKind,
    /// As it was, or as it is proposed.
    name: String,
    action: Action,
    when: When,
    only: Only,
    enabled: bool,
}

impl Wanted {
    #[must_use]
    pub fn new(kind: ActionKind) -> Self {
        let at = |hour| rules::TimeOfDay { hour, minute: 0 };
        let sunday = |hour| When::Weekly { day: rules::Day::Sunday, at: at(hour) };
        let (name, action, when) = match kind {
            ActionKind::Unload => ("Idle models", Action::Unload { minutes: 30 }, When::Idle { minutes: 30 }),
            ActionKind::Update => ("Updates", Action::Update { models: Models::All }, When::Daily { at: at(4) }),
            ActionKind::Apply => ("List of models", Action::Apply { list: "".into() }, When::Daily { at: at(4) }),
            ActionKind::Tag => {
                let action = Action::Tag { filter: String::new(), tag: String::new() };
                ("Tags", action, When::Every { minutes: 360 })
            }
            ActionKind::Backup => ("Backup", Action::Backup, When::Daily { at: at(3) }),
            ActionKind::PruneBackups => ("Old backups", Action::PruneBackups, When::Daily { at: at(5) }),
            ActionKind::Check => ("Check of the store", Action::Check, sunday(5)),
            ActionKind::RemoveUnused => {
                ("Unused models", Action::RemoveUnused { days: 90, for_real: false }, sunday(6))
            }
            ActionKind::Benchmark => ("Benchmarks", Action::Benchmark { models: Models::All, repeats: 3 }, sunday(2)),
        };
        let only = Only { while_quiet: kind == ActionKind::Benchmark, ..Only::default() };
        Self { id: None, kind, name: name.to_owned(), action, when, only, enabled: true }
    }

    #[must_use]
    pub fn change(rule: &Rule) -> Self {
        Self {
            id: Some(rule.id),
            kind: rule.action.kind(),
            name: rule.name.clone(),
            action: rule.action.clone(),
            when: rule.when,
            only: rule.only,
            // Who mends a paused one wants it to go on.
            enabled: rule.enabled,
        }
    }

    #[must_use]
    pub fn dialog(self) -> Dialog {
        let models = "Models: all, a name with *, or tag:NAME";
        let mut form = Form::default()
            .text("Name")
            .text("When: 3:00, sun 6:00, every 6h, start, idle 10, update …")
            .text("Only: quiet, free 5GB, 22:00-6:00; empty = always");
        form = match self.kind {
            ActionKind::Unload => form.text("Idle for so many minutes"),
            ActionKind::Update => form.text(models),
            ActionKind::Apply => form.text("File with the list, from the root: /home/…"),
            ActionKind::Tag => form.text("Models that fit, as typed over their list").text("Tag they get"),
            ActionKind::Backup | ActionKind::PruneBackups | ActionKind::Check => form,
            ActionKind::RemoveUnused => {
                form.text("Unused for so many days").text("To remove them and not only name them, type remove")
            }
            ActionKind::Benchmark => form.text(models).text("Repeats of each prompt"),
        };
        form = form.toggle("on");
        let values = self.values();
        for (row, value) in values.iter().enumerate().rev() {
            form.fill(row, value);
        }
        if self.enabled {
            form.switch_on(values.len());
        }
        let title = if self.id.is_some() { format!("Change {}", self.name) } else { self.kind.title().to_owned() };
        let note = note(self.kind);
        Fill::of(&title, note, Purpose::Rule(Box::new(self)), form)
    }

    /// Text of the fields, in their order.
    fn values(&self) -> Vec<String> {
        let mut values = vec![self.name.clone(), self.when.typed(), self.only.typed()];
        match &self.action {
            Action::Unload { minutes } => values.push(minutes.to_string()),
            Action::Update { models } => values.push(models_typed(models)),
            Action::Apply { list } => values.push(list.to_string_lossy().into_owned()),
            Action::Tag { filter, tag } => values.extend([filter.clone(), tag.clone()]),
            Action::Backup | Action::PruneBackups | Action::Check => {}
            Action::RemoveUnused { days, for_real } => {
                values.extend([days.to_string(), if *for_real { CONFIRM.to_owned() } else { String::new() }]);
            }
            Action::Benchmark { models, repeats } => values.extend([models_typed(models), repeats.to_string()]),
        }
        values
    }

    /// What was typed, read; or what is wrong with it and where.
    pub fn filled(&self, form: &Form) -> Result<Out, (Fault, usize)> {
        let text = |row: usize| form.value(row).trim().to_owned();
        let number =
            |row: usize| text(row).parse::<u32>().map_err(|_| (Fault::invalid("That is no whole number."), row));
        let wanted = |row: usize| match text(row) {
            empty if empty.is_empty() => Err((Fault::invalid("Something is missing here."), row)),
            text => Ok(text),
        };
        let when = When::read(&text(1)).map_err(|fault| (fault, 1))?;
        let only = Only::read(&text(2)).map_err(|fault| (fault, 2))?;
        let (action, rows) = match self.kind {
            ActionKind::Unload => (Action::Unload { minutes: number(3)? }, 4),
            ActionKind::Update => (Action::Update { models: models_read(&wanted(3)?) }, 4),
            ActionKind::Apply => (Action::Apply { list: wanted(3)?.into() }, 4),
            ActionKind::Tag => (Action::Tag { filter: wanted(3)?, tag: wanted(4)? }, 5),
            ActionKind::Backup => (Action::Backup, 3),
            ActionKind::PruneBackups => (Action::PruneBackups, 3),
            ActionKind::Check => (Action::Check, 3),
            ActionKind::RemoveUnused => {
                let for_real = match text(4).to_lowercase().as_str() {
                    "" => false,
                    CONFIRM => true,
                    _ => return Err((Fault::invalid("Type remove, or leave it empty: then it only names them."), 4)),
                };
                (Action::RemoveUnused { days: number(3)?, for_real }, 5)
            }
            ActionKind::Benchmark => (Action::Benchmark { models: models_read(&wanted(3)?), repeats: number(4)? }, 5),
        };
        let confirmed = matches!(action, Action::RemoveUnused { for_real: true, .. });
        let new = NewRule { name: wanted(0)?, action, when, only, enabled: form.is_on(rows), confirmed };
        rules::check(&new).map_err(|fault| (fault, if rows > 3 { 3 } else { 0 }))?;
        Ok(Out::Send(AdminCall::Rules(RulesCall::Save { id: self.id, new })))
    }
}

fn note(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Unload => "Idle: nobody has used it for so long, here or with another program.",
        ActionKind::Update => {
            "Asks the registry, so it leaves the machine. What may have been made here is not touched."
        }
        ActionKind::Apply => {
            "Installs and updates what the list names (docs/formats.md). A rule removes nothing that a list names."
        }
        ActionKind::Tag => "Every installed model that fits gets the tag; none loses it.",
        ActionKind::Backup => "Each is checked, and old ones are pruned. A missed one is made up at the next start.",
        ActionKind::PruneBackups => "What the Backups tab says stays.",
        ActionKind::Check => "The system database page by page, and the audit trail. Vaults open only to their owners.",
        ActionKind::RemoveUnused => "As far as this program knows who used what. Without the word it only names them.",
        ActionKind::Benchmark => "It waits while somebody chats.",
    }
}

fn models_typed(models: &Models) -> String {
    match models {
        Models::All => "all".to_owned(),
        Models::Named(pattern) => pattern.clone(),
        Models::Tagged(tag) => format!("tag:{tag}"),
    }
}

fn models_read(text: &str) -> Models {
    match text.strip_prefix("tag:") {
        Some(tag) => Models::Tagged(tag.trim().to_owned()),
        None if text.eq_ignore_ascii_case("all") => Models::All,
        None => Models::Named(text.to_owned()),
    }
}
