//! What stands in front of the screen: pickers, questions, one-line inputs, the system prompt's editor.

use crossterm::event::{KeyEvent, MouseButton, MouseEventKind};
use ratatui::{
    Frame,
    layout::{Margin, Rect},
    text::{Line, Span},
    widgets::{Paragraph, Wrap},
};

use super::{
    ChatScreen,
    arrange::{arrange, organise},
    completion::Look,
    state::{Answer, Overlay, Purpose, Question},
};
use crate::{
    api::{
        PresetId, PromptId,
        chat::{Draft, TurnAct},
        organise::{FolderContent, NewConversation},
    },
    safe_text::SafeText,
    ui::{
        actions::Action,
        cx::Cx,
        msg::{Arrange, ChatCall, Effect, OrganiseCall, ShellCall},
        text,
        widgets::{composer::Typed, fill::FillOut, modal, picker::PickerOut},
    },
};

/// What an overlay decided; done after the borrow of it has ended.
enum Out {
    Stay,
    Close,
    Model(String),
    Prompt(usize),
    SearchPrompts(String),
    Block(usize),
    Place(Option<crate::api::FolderId>),
    Preset(PresetId),
    Template(PromptId),
    Find(Look, String),
    Filled(String),
    ByTag(String),
    SearchTags(String),
    Input,
    Answer(Answer),
    System,
    EditSystem,
}

impl ChatScreen {
    pub(super) fn overlay_action(&mut self, action: Action, cx: &Cx) -> Option<Vec<Effect>> {
        let overlay = self.overlay.as_mut()?;
        let out = match overlay {
            Overlay::Models(_) if action == Action::Refresh => {
                return Some(vec![Effect::Chat(ChatCall::Models { fresh: true })]);
            }
            Overlay::Models(picker) => picked(picker.on_action(action, cx), Out::Model)?,
            Overlay::Prompts(picker) => picked(picker.on_action(action, cx), Out::Prompt)?,
            Overlay::Blocks(picker) => picked(picker.on_action(action, cx), Out::Block)?,
            Overlay::Places(picker, _) => picked(picker.on_action(action, cx), Out::Place)?,
            Overlay::Presets(picker) => picked(picker.on_action(action, cx), Out::Preset)?,
            Overlay::Templates(picker) => picked(picker.on_action(action, cx), Out::Template)?,
            Overlay::Fill(fill) => match fill.on_action(action)? {
                FillOut::Done(text) => Out::Filled(text),
                FillOut::Closed => Out::Close,
                FillOut::Stay => Out::Stay,
            },
            Overlay::TagList(picker, _) => by_tag(picked(picker.on_action(action, cx), Out::ByTag)?),
            Overlay::Files(_) | Overlay::Preview(_) => return self.files_action(action, cx),
            Overlay::Tags(_) => return self.tags_action(action),
            Overlay::Rules(_) => return self.rules_action(action),
            Overlay::Input(_) => match action {
                Action::Submit => Out::Input,
                Action::Cancel | Action::Escape | Action::Interrupt => Out::Close,
                _ => return None,
            },
            Overlay::Question(question) => {
                let last = question.answers.len() - 1;
                match action {
                    Action::ListUp => question.at = if question.at == 0 { last } else { question.at - 1 },
                    Action::ListDown => question.at = if question.at == last { 0 } else { question.at + 1 },
                    Action::ListAccept => return Some(self.answer(cx)),
                    Action::ListClose | Action::Escape | Action::Interrupt => return Some(self.close_overlay()),
                    _ => return None,
                }
                Out::Stay
            }
            Overlay::System(composer) => match action {
                Action::Send | Action::Newline if (action == Action::Send) == cx.config.ui.enter_sends => Out::System,
                Action::Send | Action::Newline => {
                    composer.newline();
                    Out::Stay
                }
                Action::Editor => Out::EditSystem,
                Action::Escape if composer.vim_mode() == Some("INSERT") => {
                    composer.on_key(crossterm::event::KeyCode::Esc.into());
                    Out::Stay
                }
                Action::Escape | Action::Interrupt => Out::Close,
                _ => return None,
            },
        };
        Some(self.overlay_out(out, cx))
    }

    pub(super) fn overlay_key(&mut self, key: KeyEvent, cx: &Cx) -> Option<Vec<Effect>> {
        if let Some(effects) = self.mark_compared(key, cx) {
            return Some(effects);
        }
        let out = match self.overlay.as_mut()? {
            Overlay::Models(picker) => typed(picker.on_key(key), Out::Model),
            Overlay::Prompts(picker) => typed(picker.on_key(key), Out::Prompt),
            Overlay::Blocks(picker) => typed(picker.on_key(key), Out::Block),
            Overlay::Places(picker, _) => typed(picker.on_key(key), Out::Place),
            Overlay::Presets(picker) => looking(typed(picker.on_key(key), Out::Preset), Look::Presets),
            Overlay::Templates(picker) => looking(typed(picker.on_key(key), Out::Template), Look::Templates),
            Overlay::Fill(fill) => {
                if !fill.on_key(key) {
                    return None;
                }
                Out::Stay
            }
            Overlay::TagList(picker, _) => by_tag(typed(picker.on_key(key), Out::ByTag)),
            Overlay::Files(_) | Overlay::Preview(_) => return self.files_key(key, cx),
            Overlay::Tags(_) => return self.tags_key(key),
            Overlay::Rules(_) => return self.rules_key(key),
            Overlay::Input(input) => {
                if !input.field.on_key(key) {
                    return None;
                }
                Out::Stay
            }
            Overlay::Question(question) => {
                // 1, 2, 3 … choose at once.
                let crossterm::event::KeyCode::Char(c) = key.code else { return None };
                let at = c.to_digit(10).and_then(|digit| usize::try_from(digit).ok()?.checked_sub(1))?;
                if at >= question.answers.len() {
                    return None;
                }
                question.at = at;
                return Some(self.answer(cx));
            }
            Overlay::System(composer) => {
                if composer.on_key(key) == Typed::Unused {
                    return None;
                }
                Out::Stay
            }
        };
        Some(self.overlay_out(out, cx))
    }

    pub(super) fn overlay_paste(&mut self, text: String, cx: &Cx) -> Vec<Effect> {
        let Some(overlay) = self.overlay.as_mut() else { return Vec::new() };
        let out = match overlay {
            Overlay::Models(picker) => typed(picker.on_paste(&text), Out::Model),
            Overlay::Prompts(picker) => typed(picker.on_paste(&text), Out::Prompt),
            Overlay::Blocks(picker) => typed(picker.on_paste(&text), Out::Block),
            Overlay::Places(picker, _) => typed(picker.on_paste(&text), Out::Place),
            Overlay::Presets(picker) => looking(typed(picker.on_paste(&text), Out::Preset), Look::Presets),
            Overlay::Templates(picker) => looking(typed(picker.on_paste(&text), Out::Template), Look::Templates),
            Overlay::Fill(fill) => {
                fill.on_paste(text);
                Out::Stay
            }
            Overlay::TagList(picker, _) => by_tag(typed(picker.on_paste(&text), Out::ByTag)),
            Overlay::Files(_) | Overlay::Preview(_) => return self.files_paste(&text, cx),
            Overlay::Tags(_) => return self.tags_paste(&text),
            Overlay::Rules(_) => return self.rules_paste(&text),
            Overlay::Input(input) => {
                input.field.paste(text.lines().next().unwrap_or_default());
                Out::Stay
            }
            Overlay::Question(_) => Out::Stay,
            Overlay::System(composer) => {
                composer.paste(text);
                Out::Stay
            }
        };
        self.overlay_out(out, cx)
    }

    pub(super) fn overlay_mouse(&mut self, mouse: crossterm::event::MouseEvent, area: Rect, cx: &Cx) -> Vec<Effect> {
        let Some(overlay) = self.overlay.as_mut() else { return Vec::new() };
        let out = match overlay {
            Overlay::Models(picker) => typed(picker.on_mouse(mouse, area, cx), Out::Model),
            Overlay::Prompts(picker) => typed(picker.on_mouse(mouse, area, cx), Out::Prompt),
            Overlay::Blocks(picker) => typed(picker.on_mouse(mouse, area, cx), Out::Block),
            Overlay::Places(picker, _) => typed(picker.on_mouse(mouse, area, cx), Out::Place),
            Overlay::Presets(picker) => typed(picker.on_mouse(mouse, area, cx), Out::Preset),
            Overlay::Templates(picker) => typed(picker.on_mouse(mouse, area, cx), Out::Template),
            Overlay::TagList(picker, _) => by_tag(typed(picker.on_mouse(mouse, area, cx), Out::ByTag)),
            Overlay::Files(_) | Overlay::Preview(_) => return self.files_mouse(mouse, area, cx),
            Overlay::Question(question) => {
                let last = question.answers.len() - 1;
                match mouse.kind {
                    MouseEventKind::ScrollUp => question.at = question.at.saturating_sub(1),
                    MouseEventKind::ScrollDown => question.at = (question.at + 1).min(last),
                    MouseEventKind::Down(MouseButton::Left) => {
                        let spot = (mouse.column, mouse.row).into();
                        let place = QuestionPlace::of(question, area);
                        if let Some(at) = (0..=last).find(|at| place.answer(*at).contains(spot)) {
                            question.at = at;
                            return self.answer(cx);
                        }
                    }
                    _ => {}
                }
                Out::Stay
            }
            Overlay::Input(_) | Overlay::System(_) | Overlay::Fill(_) | Overlay::Tags(_) | Overlay::Rules(_) => {
                Out::Stay
            }
        };
        self.overlay_out(out, cx)
    }

    fn overlay_out(&mut self, out: Out, cx: &Cx) -> Vec<Effect> {
        match out {
            Out::Stay => Vec::new(),
            Out::Close => self.close_overlay(),
            Out::Model(_) if !self.compared.is_empty() => self.compare(cx),
            Out::Model(name) => {
                self.overlay = None;
                self.set_model(&name)
            }
            Out::Prompt(at) => {
                self.overlay = None;
                let Some(text) = self.found_prompts.get(at).cloned() else { return Vec::new() };
                let current = self.composer.text();
                self.history.remember(&current);
                self.composer.set_text(&text);
                self.set_focus(super::state::Focus::Composer, cx);
                self.draft_changed(cx)
            }
            Out::SearchPrompts(text) => self.ask_prompts(&text),
            Out::Block(at) => {
                self.overlay = None;
                self.copy_block_at(at, cx)
            }
            Out::Place(place) => match self.overlay.take() {
                Some(Overlay::Places(_, moving)) => Self::move_to(moving, place),
                other => {
                    self.overlay = other;
                    Vec::new()
                }
            },
            Out::Preset(id) => self.preset_chosen(id),
            Out::Template(id) => self.template_chosen(id),
            Out::Find(look, text) => self.find(look, &text),
            Out::Filled(text) => self.insert_filled(&text, cx),
            Out::ByTag(name) => self.filter_by_tag(&name, cx),
            Out::SearchTags(text) => self.search_tag_list(&text),
            Out::Input => self.input_done(cx),
            Out::Answer(answer) => self.answered(answer, cx),
            Out::System => match self.overlay.take() {
                Some(Overlay::System(composer)) => self.set_system_prompt(&composer.text()),
                other => {
                    self.overlay = other;
                    Vec::new()
                }
            },
            Out::EditSystem => match &self.overlay {
                Some(Overlay::System(composer)) => {
                    self.edits_system = true;
                    vec![Effect::Shell(ShellCall::Edit(composer.text()))]
                }
                _ => Vec::new(),
            },
        }
    }

    fn close_overlay(&mut self) -> Vec<Effect> {
        self.overlay = None;
        Vec::new()
    }

    fn input_done(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(Overlay::Input(input)) = self.overlay.take() else { return Vec::new() };
        let text = input.field.text().trim().to_owned();
        if text.is_empty() {
            // An empty name is never meant; the box stays and waits for one.
            self.overlay = Some(Overlay::Input(input));
            return super::turns::notice(&format!("Write a name, or leave it with {}.", cx.key(Action::Cancel)));
        }
        match input.purpose {
            Purpose::Preset => self.save_preset(&text, crate::api::library::Taken::Keep),
            Purpose::Title { id, rev } => arrange(vec![id], Arrange::Rename { title: text, seen_rev: Some(rev) }),
            Purpose::FolderName { id, rev } => {
                arrange(Vec::new(), Arrange::RenameFolder { id, name: text, seen_rev: Some(rev) })
            }
            Purpose::NewFolder { parent } => vec![Effect::Chat(ChatCall::CreateFolder { parent, name: text })],
        }
    }

    fn answer(&mut self, cx: &Cx) -> Vec<Effect> {
        let Some(Overlay::Question(question)) = &self.overlay else { return Vec::new() };
        let answer = question.answers[question.at].1;
        self.overlay_out(Out::Answer(answer), cx)
    }

    fn answered(&mut self, answer: Answer, cx: &Cx) -> Vec<Effect> {
        self.overlay = None;
        match answer {
            Answer::DeleteFolderKeepContent(id) => {
                vec![Effect::Chat(ChatCall::DeleteFolder { id, content: FolderContent::MoveUp })]
            }
            Answer::DeleteFolderTrashContent(id) => {
                vec![Effect::Chat(ChatCall::DeleteFolder { id, content: FolderContent::Trash })]
            }
            Answer::DeleteMarked(content) => self.delete_marked(content),
            Answer::ReplacePreset => self.replace_preset(),
            Answer::AttachPasted => self.attach_pasted(cx),
            Answer::Purge => self.purge_subjects(),
            Answer::EmptyTrash => vec![organise(OrganiseCall::Purge(None))],
            Answer::KeepRules { rules, run } => vec![organise(OrganiseCall::SetRetention { rules, run })],
            Answer::Shorten(answer) => self.start(TurnAct::Regenerate { answer }, true, cx),
            Answer::ShowOptions => {
                if self.panel.is_none() {
                    self.toggle_panel(cx);
                }
                Vec::new()
            }
            Answer::AskElsewhere(answer) => {
                let question = self.transcript.message(answer).and_then(|answer| answer.parent);
                let question = question.and_then(|question| self.transcript.message(question));
                let text = question.map(|question| question.content.clone()).unwrap_or_default();
                let mut effects = self.new_conversation(NewConversation::default(), cx);
                effects.extend(self.set_draft(Draft { text, ..Draft::default() }));
                effects.extend(self.draft_changed(cx));
                effects
            }
            Answer::Nothing => Vec::new(),
        }
    }

    pub(super) fn view_overlay(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        match &self.overlay {
            None => {}
            Some(Overlay::Models(picker) | Overlay::TagList(picker, _)) => picker.view(frame, area, cx),
            Some(Overlay::Prompts(picker) | Overlay::Blocks(picker)) => picker.view(frame, area, cx),
            Some(Overlay::Places(picker, _)) => picker.view(frame, area, cx),
            Some(Overlay::Presets(picker)) => picker.view(frame, area, cx),
            Some(Overlay::Templates(picker)) => picker.view(frame, area, cx),
            Some(Overlay::Files(picker)) => picker.view(frame, area, cx),
            Some(Overlay::Preview(preview)) => preview.view(frame, area, cx),
            Some(Overlay::Fill(fill)) => fill.view(frame, area, cx),
            Some(Overlay::Tags(editor)) => editor.view(frame, area, cx),
            Some(Overlay::Rules(dialog)) => dialog.view(frame, area, cx),
            Some(Overlay::Input(input)) => {
                let hints = cx.hints(&[(Action::Submit, "done"), (Action::Cancel, "back")]);
                let inner = modal::open(frame, area, cx, input.title, (60, 3), &hints);
                let line =
                    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), height: inner.height.min(1), ..inner };
                input.field.view(frame, line, cx.theme.text, true);
            }
            Some(Overlay::Question(question)) => {
                let hints = cx.hints(&[
                    (Action::ListAccept, "choose"),
                    (Action::ListDown, "down"),
                    (Action::ListUp, "up"),
                    (Action::ListClose, "back"),
                ]);
                let place = QuestionPlace::of(question, area);
                modal::open(frame, area, cx, &question.title, place.wish, &hints);
                let text = SafeText::new(&question.text);
                let paragraph = Paragraph::new(text.as_str()).style(cx.theme.text).wrap(Wrap { trim: true });
                frame.render_widget(paragraph, place.text);
                for (at, (label, _)) in question.answers.iter().enumerate() {
                    let (mark, style) =
                        if at == question.at { ("›", cx.theme.selection) } else { (" ", cx.theme.text) };
                    let line = Line::from(vec![Span::styled(format!(" {mark} {}  {label} ", at + 1), style)]);
                    frame.render_widget(line, place.answer(at));
                }
            }
            Some(Overlay::System(composer)) => {
                let height = (area.height * 2 / 3).clamp(5, 16);
                let width = (area.width.saturating_sub(4)).clamp(20, 90);
                let inner = modal::open(frame, area, cx, "System prompt", (width, height), &self.hints(cx));
                let text = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
                composer.view(frame, text, cx.theme.text, true);
                if composer.is_empty() {
                    frame.render_widget(
                        Span::styled(
                            "What the model is told before everything else. Empty = nothing.",
                            cx.theme.placeholder,
                        ),
                        Rect { height: text.height.min(1), ..text },
                    );
                }
            }
        }
    }
}

/// Where the parts of a question stand: one truth for drawing and for clicks.
struct QuestionPlace {
    /// Width and height of the whole box, as far as there is room.
    wish: (u16, u16),
    text: Rect,
    inner: Rect,
}

impl QuestionPlace {
    fn of(question: &Question, area: Rect) -> Self {
        let width = 64.min(area.width.saturating_sub(2)).max(10);
        let text = SafeText::new(&question.text);
        let rows =
            text.as_str().lines().map(|line| text::wrap::width(line) / usize::from(width - 6) + 1).sum::<usize>();
        let rows = u16::try_from(rows).unwrap_or(8).min(8);
        let wish = (width, rows + u16::try_from(question.answers.len()).unwrap_or(4) + 4);
        let inner = modal::centred(area, wish).inner(Margin::new(1, 1));
        let text =
            Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), height: rows.min(inner.height), ..inner };
        Self { wish, text, inner }
    }

    /// The line of an answer; empty when there is no room for it.
    fn answer(&self, at: usize) -> Rect {
        let y = self.text.bottom() + 1 + u16::try_from(at).unwrap_or_default();
        Rect { y, height: 1, ..self.inner }.intersection(self.inner)
    }
}

/// What is typed into the list of tags is looked up there.
fn by_tag(out: Out) -> Out {
    match out {
        Out::SearchPrompts(text) => Out::SearchTags(text),
        other => other,
    }
}

/// `None` = the action is not the list's.
fn picked<T>(out: Result<Option<PickerOut<T>>, Action>, chosen: impl Fn(T) -> Out) -> Option<Out> {
    out.ok().map(|out| typed(out, chosen))
}

/// Typing in a list that the store fills asks for other rows.
fn looking(out: Out, look: Look) -> Out {
    match out {
        Out::SearchPrompts(text) => Out::Find(look, text),
        out => out,
    }
}

fn typed<T>(out: Option<PickerOut<T>>, chosen: impl Fn(T) -> Out) -> Out {
    match out {
        None => Out::Stay,
        Some(PickerOut::Chosen(value)) => chosen(value),
        Some(PickerOut::Closed) => Out::Close,
        Some(PickerOut::Typed(text)) => Out::SearchPrompts(text),
    }
}
