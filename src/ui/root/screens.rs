//! The screens of whoever is in, which of them is on view, and the bar that leads to each.
//!
//! A new one is a name, its row of the table, a field, and its arm where the one on view is looked up.

use ratatui::text::Span;

use super::{Root, Stage};
use crate::ui::{
    actions::{Action, Context},
    cx::{Cx, Hint},
    msg::{Effect, InsightsReply, ListReply, NoteReply, NotesOf, ShellReply, Spot, Thing},
    screens::{
        Screen, account::AccountScreen, admin::AdminScreen, chat::ChatScreen, insights::InsightsScreen,
        library::LibraryScreen, models::ModelsScreen, search::SearchScreen,
    },
    widgets::toast::Toast,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScreenName {
    Chat,
    Models,
    Library,
    Search,
    Insights,
    Admin,
    Account,
}

/// How much room the bar takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    Loose,
    /// One space between the names.
    Tight,
    /// Only the screen on view.
    OnView,
}

/// Who finds a screen in the bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    Always,
    /// Nobody else gets to see it.
    ToAdministrators,
    /// Something else of the first line leads there.
    OnView,
}

struct Entry {
    name: ScreenName,
    /// What leads there.
    action: Action,
    title: &'static str,
    listed: Listed,
}

/// All screens, in the order of the bar.
const SCREENS: [Entry; 7] = [
    Entry { name: ScreenName::Chat, action: Action::ScreenChat, title: "Chat", listed: Listed::Always },
    Entry { name: ScreenName::Models, action: Action::ScreenModels, title: "Models", listed: Listed::Always },
    Entry { name: ScreenName::Library, action: Action::ScreenLibrary, title: "Library", listed: Listed::Always },
    Entry { name: ScreenName::Search, action: Action::ScreenSearch, title: "Search", listed: Listed::Always },
    Entry { name: ScreenName::Insights, action: Action::ScreenInsights, title: "Insights", listed: Listed::Always },
    Entry { name: ScreenName::Admin, action: Action::ScreenAdmin, title: "Admin", listed: Listed::ToAdministrators },
    Entry { name: ScreenName::Account, action: Action::ScreenAccount, title: "Account", listed: Listed::OnView },
];

fn entry(action: Action) -> Option<&'static Entry> {
    SCREENS.iter().find(|entry| entry.action == action)
}

/// Which screen the action leads to.
pub(super) fn leads_to(action: Action) -> Option<ScreenName> {
    entry(action).map(|entry| entry.name)
}

/// Whether the action leads to what only administrators have.
pub(super) fn is_for_administrators(action: Action) -> bool {
    entry(action).is_some_and(|entry| entry.listed == Listed::ToAdministrators)
}

/// All of them are kept while one is on view: answers may still come, and the chat goes on hearing.
pub(super) struct Screens {
    on_view: ScreenName,
    /// Where Escape leads back to from the place in the chat that somebody was led to.
    back: Option<Action>,
    pub chat: ChatScreen,
    pub models: ModelsScreen,
    pub library: LibraryScreen,
    pub search: SearchScreen,
    pub insights: InsightsScreen,
    pub admin: AdminScreen,
    pub account: AccountScreen,
}

impl Screens {
    /// With the chat on view, and what it wants to know first.
    pub fn new(cx: &Cx) -> (Self, Vec<Effect>) {
        let (chat, effects) = ChatScreen::new(cx);
        let screens = Self {
            on_view: ScreenName::Chat,
            back: None,
            chat,
            models: ModelsScreen::default(),
            library: LibraryScreen::default(),
            search: SearchScreen::default(),
            insights: InsightsScreen::default(),
            admin: AdminScreen::default(),
            account: AccountScreen::default(),
        };
        (screens, effects)
    }

    /// Figures of one conversation are for the panel beside it, all others for their screen.
    pub fn on_insights(&mut self, reply: InsightsReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            InsightsReply::Conversation { id, figures } => {
                self.chat.on_figures(id, figures, cx);
                Vec::new()
            }
            reply @ (InsightsReply::Read { .. }
            | InsightsReply::Folders(_)
            | InsightsReply::Days { .. }
            | InsightsReply::Exported(_)) => self.insights.on_reply(reply),
        }
    }

    /// What shows the house looks again, if anybody looks at it.
    pub fn house_changed(&mut self) -> Vec<Effect> {
        match self.on_view {
            ScreenName::Admin => self.admin.house_changed(),
            ScreenName::Chat
            | ScreenName::Models
            | ScreenName::Library
            | ScreenName::Search
            | ScreenName::Insights
            | ScreenName::Account => Vec::new(),
        }
    }

    pub fn name(&self) -> ScreenName {
        self.on_view
    }

    /// The screen on view.
    pub fn current(&self) -> &dyn Screen {
        match self.on_view {
            ScreenName::Chat => &self.chat,
            ScreenName::Models => &self.models,
            ScreenName::Library => &self.library,
            ScreenName::Search => &self.search,
            ScreenName::Insights => &self.insights,
            ScreenName::Admin => &self.admin,
            ScreenName::Account => &self.account,
        }
    }

    pub fn current_mut(&mut self) -> &mut dyn Screen {
        match self.on_view {
            ScreenName::Chat => &mut self.chat,
            ScreenName::Models => &mut self.models,
            ScreenName::Library => &mut self.library,
            ScreenName::Search => &mut self.search,
            ScreenName::Insights => &mut self.insights,
            ScreenName::Admin => &mut self.admin,
            ScreenName::Account => &mut self.account,
        }
    }

    /// Puts a screen on view; what is on view already stays as it is.
    pub fn show(&mut self, name: ScreenName, cx: &Cx) -> Vec<Effect> {
        if name == self.on_view {
            return Vec::new();
        }
        self.current_mut().hidden();
        self.back = None;
        self.on_view = name;
        self.current_mut().shown(cx)
    }

    /// Leads to a place in a conversation, and back from there with Escape.
    fn open_at(&mut self, spot: Spot, cx: &Cx) -> Vec<Effect> {
        let mut effects = self.show(ScreenName::Chat, cx);
        self.back = spot.back;
        effects.extend(self.chat.open_at(spot));
        effects
    }

    /// Leads to the chat, to go on there with a preset or a template.
    pub fn use_in_chat(&mut self, thing: Thing, cx: &Cx) -> Vec<Effect> {
        let mut effects = self.show(ScreenName::Chat, cx);
        effects.extend(match thing {
            Thing::Preset(id) => self.chat.preset_chosen(id),
            Thing::Prompt(id) => self.chat.template_chosen(id),
        });
        effects
    }

    /// Leads to the chat, to ask this model.
    pub fn use_model(&mut self, name: &str, cx: &Cx) -> Vec<Effect> {
        let mut effects = self.show(ScreenName::Chat, cx);
        effects.extend(self.chat.model_chosen(name, cx));
        effects
    }

    /// The keys of the screen on view. At a place that somebody was led to, Escape first.
    pub fn footer(&self, cx: &Cx) -> Vec<Hint> {
        let mut hints = self.current().footer(cx);
        if let Some(back) = self.back.filter(|_| self.on_view == ScreenName::Chat && self.chat.is_as_opened()) {
            hints.retain(|hint| Some(&hint.key) != cx.keymap.label(Action::Escape).as_ref());
            let to = if back == Action::ScreenSearch { "back to the search" } else { "back" };
            hints.splice(0..0, cx.hint(Action::Escape, to));
        }
        hints
    }

    /// Nothing is drawn until somebody unlocks it, and then it is the chat.
    pub fn hide(&mut self) {
        self.current_mut().hidden();
        self.on_view = ScreenName::Chat;
    }

    pub fn must_add_factor(&self) -> bool {
        self.account.must_add_factor()
    }

    /// Straight to where a second factor is added; what else was asked for gets no answer until then.
    pub fn lead_to_second_factor(&mut self) -> Vec<Effect> {
        if self.must_add_factor() {
            return Vec::new();
        }
        self.current_mut().hidden();
        let (account, effects) = AccountScreen::for_second_factor();
        self.account = account;
        self.on_view = ScreenName::Account;
        effects
    }

    /// About notes and branches: each list gets its own, and a note that is gone is gone from the messages as well.
    pub fn on_notes(&mut self, reply: NoteReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            NoteReply::List(NotesOf::Library, reply) => {
                if let ListReply::Deleted(Ok(note)) = &reply {
                    self.chat.note_is_gone(note);
                }
                self.library.on_notes(reply)
            }
            reply => self.chat.on_notes(reply, cx),
        }
    }

    /// A text came back from another editor, to the screen that sent it there.
    pub fn on_edited(&mut self, reply: &ShellReply, cx: &Cx) -> Vec<Effect> {
        match reply {
            ShellReply::Edited(Ok(text)) if self.on_view == ScreenName::Library => {
                self.library.on_edited(text);
                Vec::new()
            }
            ShellReply::Edited(Ok(text)) if self.on_view == ScreenName::Models => self.models.on_edited(text),
            reply => self.chat.on_shell(reply, cx),
        }
    }

    /// The screen on view first; what only the chat can do leads there.
    fn on_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        if action == Action::Escape
            && self.on_view == ScreenName::Chat
            && self.chat.is_as_opened()
            && let Some(back) = self.back.take()
        {
            return Some(vec![Effect::Act(back)]);
        }
        let used = self.current_mut().on_action(action, cx);
        if used.is_some() || self.on_view == ScreenName::Chat || !is_the_chat_s(action) || self.current().holds() {
            return used;
        }
        let mut effects = self.show(ScreenName::Chat, cx);
        effects.extend(self.chat.on_action(action, cx)?);
        Some(effects)
    }
}

impl Root {
    /// The screens, while somebody is in.
    pub(super) fn screens(&mut self) -> Option<&mut Screens> {
        match &mut self.stage {
            Stage::Inside(screens) => Some(screens),
            Stage::Opening | Stage::Failed(_) | Stage::Outside(_) | Stage::Locked { .. } => None,
        }
    }

    pub(super) fn show(&mut self, name: ScreenName) -> Vec<Effect> {
        let is_admin = self.is_admin();
        let Stage::Inside(screens) = &mut self.stage else { return Vec::new() };
        let is_closed =
            SCREENS.iter().any(|entry| entry.name == name && entry.listed == Listed::ToAdministrators) && !is_admin;
        if is_closed {
            return vec![Effect::Toast(Toast::notice("That screen is for administrators."))];
        }
        if name != ScreenName::Account && screens.must_add_factor() {
            let toast = Toast::notice("A second factor comes first: this installation asks you for one.");
            return vec![Effect::Toast(toast)];
        }
        screens.show(name, &self.cx)
    }

    /// Shows a place in a conversation, wherever somebody is.
    pub(super) fn open_at(&mut self, spot: Spot) -> Vec<Effect> {
        self.with_screens(|screens, cx| screens.open_at(spot, cx))
    }

    /// Shows the screen and does the action there: for what the palette offers from everywhere.
    pub(super) fn act_on(&mut self, name: ScreenName, action: Action) -> Vec<Effect> {
        let mut effects = self.show(name);
        if let Stage::Inside(screens) = &mut self.stage
            && screens.name() == name
        {
            effects.extend(screens.current_mut().on_action(action, &self.cx).unwrap_or_default());
        }
        effects
    }

    pub(super) fn screen_action(&mut self, action: Action, key: Option<crossterm::event::KeyEvent>) -> Vec<Effect> {
        if self.overlay.is_some() {
            return Vec::new();
        }
        let used = match &mut self.stage {
            Stage::Opening | Stage::Failed(_) => Some(Vec::new()),
            Stage::Outside(screen) => screen.on_action(action, &self.cx),
            Stage::Locked { lock, .. } => lock.on_action(action),
            Stage::Inside(screens) => screens.on_action(action, &self.cx),
        };
        match (used, key) {
            (Some(effects), _) => effects,
            (None, Some(key)) => self.raw(key),
            (None, None) => vec![Effect::Toast(Toast::notice("That has nothing to work on here."))],
        }
    }

    /// `  Chat  Admin `, the one on view marked.
    pub(super) fn bar(&self, bar: Bar) -> Vec<(Span<'static>, Option<Action>)> {
        let Stage::Inside(screens) = &self.stage else { return Vec::new() };
        let mut spans = Vec::new();
        if bar != Bar::Tight {
            spans.push((Span::raw(" "), None));
        }
        for entry in &SCREENS {
            let on_view = entry.name == screens.name();
            let is_listed = match entry.listed {
                Listed::Always => true,
                Listed::ToAdministrators => self.is_admin(),
                Listed::OnView => on_view,
            };
            if is_listed && (on_view || bar != Bar::OnView) {
                let style = if on_view { self.cx.theme.accent } else { self.cx.theme.dim };
                let name = match bar {
                    Bar::Loose | Bar::OnView => format!(" {} ", entry.title),
                    Bar::Tight => format!("{} ", entry.title),
                };
                spans.push((Span::styled(name, style), Some(entry.action)));
            }
        }
        spans
    }
}

/// What the chat alone can do, so that asking for it from another screen goes there.
fn is_the_chat_s(action: Action) -> bool {
    match action.spec().context {
        Context::Composer | Context::Tree | Context::Transcript => true,
        Context::Global => matches!(
            action,
            Action::NewConversation
                | Action::ModelPicker
                | Action::CompareModels
                | Action::PromptHistory
                | Action::PromptTemplate
                | Action::ChoosePreset
                | Action::InstallFirst
                | Action::NextFirst
                | Action::SavePreset
                | Action::ToggleSidebar
                | Action::ToggleOptions
        ),
        Context::Selection
        | Context::Branches
        | Context::Compare
        | Context::Preview
        | Context::Models
        | Context::Fleet
        | Context::Library
        | Context::Jobs
        | Context::List
        | Context::Form
        | Context::Account
        | Context::Insights
        | Context::Admin
        | Context::Overview
        | Context::Users
        | Context::Roles
        | Context::Settings
        | Context::Search
        | Context::Audit
        | Context::Backups
        | Context::Health
        | Context::Metrics
        | Context::Rules => false,
    }
}
