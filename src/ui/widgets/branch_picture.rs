//! The tree of a conversation's branches as a picture: where they part, where they end, and what lies between folded
//! into one line. Only what is on the screen is drawn, and no step goes through the whole depth of the tree.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{form::fault_text, modal};
use crate::{
    api::{
        ConversationId, Fault, MessageId, amount,
        branches::{BranchTree, Ending, Stretch},
        chat::MessageRole,
    },
    safe_text::SafeText,
    ui::{actions::Action, cx::Cx, text::wrap::clip},
};

/// Most forks that are drawn beside each other; further to the left is only a number.
const LEVELS: usize = 8;
/// A message that has less room than this has all of it.
const READABLE: usize = 14;
/// Lines that a page moves.
const PAGE: usize = 8;

/// What the person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureOut {
    Stay,
    Close,
    /// Put the branch that ends with this stretch on view.
    Go(MessageId),
    /// Of so many messages.
    Prune {
        message: MessageId,
        messages: u32,
    },
    Restore(MessageId),
    Purge {
        message: MessageId,
        messages: u32,
    },
    /// Why that cannot be done, in words.
    Tell(&'static str),
}

#[derive(Debug)]
pub struct BranchPicture {
    pub conversation: ConversationId,
    stretches: Vec<Stretch>,
    /// Before which line each stretch begins, and after the last one how many lines there are.
    begins: Vec<usize>,
    /// Whether another branch parts after it at the same fork.
    goes_on: Vec<bool>,
    at: usize,
    loading: bool,
    fault: Option<Fault>,
}

impl BranchPicture {
    #[must_use]
    pub fn new(conversation: ConversationId) -> Self {
        Self {
            conversation,
            stretches: Vec::new(),
            begins: vec![0],
            goes_on: Vec::new(),
            at: 0,
            loading: true,
            fault: None,
        }
    }

    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.loading
    }

    pub fn set(&mut self, tree: Result<BranchTree, Fault>) {
        self.loading = false;
        let tree = match tree {
            Ok(tree) => tree,
            Err(fault) => {
                self.fault = Some(fault);
                return;
            }
        };
        self.fault = None;
        // The one that was selected, else the end of what is on view.
        let was = self.stretches.get(self.at).map(|stretch| stretch.first.message);
        let found = was.and_then(|id| tree.stretches.iter().position(|stretch| stretch.first.message == id));
        let on_view = || tree.stretches.iter().rposition(|stretch| stretch.on_view);
        self.at = found.or_else(on_view).unwrap_or(0);
        self.stretches = tree.stretches;
        let mut lines = 0;
        self.begins.clear();
        for stretch in &self.stretches {
            self.begins.push(lines);
            lines += height(stretch);
        }
        self.begins.push(lines);
        let mut seen = std::collections::HashSet::new();
        self.goes_on = vec![false; self.stretches.len()];
        for (at, stretch) in self.stretches.iter().enumerate().rev() {
            self.goes_on[at] = !seen.insert(stretch.parent);
        }
    }

    /// `None` = not used.
    pub fn on_action(&mut self, action: Action) -> Option<PictureOut> {
        let last = self.stretches.len().saturating_sub(1);
        match action {
            Action::BranchesUp => self.at = self.at.saturating_sub(1),
            Action::BranchesDown => self.at = (self.at + 1).min(last),
            Action::BranchesTop => self.at = 0,
            Action::BranchesBottom => self.at = last,
            Action::BranchesPageUp => self.at = self.at.saturating_sub(PAGE),
            Action::BranchesPageDown => self.at = (self.at + PAGE).min(last),
            Action::BranchesParent => {
                if let Some(parent) = self.selected().and_then(|stretch| stretch.parent) {
                    self.at = parent as usize;
                }
            }
            Action::BranchesGo => {
                return Some(match self.selected() {
                    Some(stretch) if stretch.pruned_at.is_some() => {
                        PictureOut::Tell("This branch lies in the trash; restore it first.")
                    }
                    Some(stretch) => PictureOut::Go(stretch.last.message),
                    None => PictureOut::Stay,
                });
            }
            Action::BranchesPrune => {
                return Some(match self.selected() {
                    Some(stretch) if stretch.pruned_at.is_some() => {
                        PictureOut::Tell("This branch lies in the trash already.")
                    }
                    Some(stretch) => PictureOut::Prune { message: stretch.first.message, messages: stretch.below },
                    None => PictureOut::Stay,
                });
            }
            Action::BranchesRestore | Action::BranchesPurge => {
                return Some(match self.selected() {
                    Some(stretch) if stretch.pruned_at.is_none() => {
                        PictureOut::Tell("This branch does not lie in the trash.")
                    }
                    Some(stretch) if action == Action::BranchesRestore => PictureOut::Restore(stretch.first.message),
                    Some(stretch) => PictureOut::Purge { message: stretch.first.message, messages: stretch.messages },
                    None => PictureOut::Stay,
                });
            }
            Action::Escape | Action::Interrupt => return Some(PictureOut::Close),
            _ => return None,
        }
        Some(PictureOut::Stay)
    }

    fn selected(&self) -> Option<&Stretch> {
        self.stretches.get(self.at)
    }

    pub fn view(&self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let mut hints = cx.hints(&[(Action::BranchesGo, "go there")]);
        if self.selected().is_some_and(|stretch| stretch.pruned_at.is_some()) {
            hints.extend(cx.hints(&[(Action::BranchesRestore, "restore"), (Action::BranchesPurge, "remove for good")]));
        } else {
            hints.extend(cx.hint(Action::BranchesPrune, "to the trash"));
        }
        hints.extend(cx.hints(&[
            (Action::BranchesDown, "down"),
            (Action::BranchesUp, "up"),
            (Action::BranchesParent, "its fork"),
            (Action::Escape, "back"),
        ]));
        let size = (area.width.saturating_sub(4).min(110), area.height.saturating_sub(2));
        let inner = modal::open(frame, area, cx, "Branches", size, &hints);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        if let Some(fault) = &self.fault {
            frame.render_widget(fault_text(fault, cx), inner);
            return;
        }
        if self.stretches.is_empty() {
            let words = if self.loading {
                format!("{} Reading…", cx.spinner())
            } else {
                "Nothing has been said here yet.".into()
            };
            frame.render_widget(Line::styled(words, cx.theme.dim), Rect { height: inner.height.min(1), ..inner });
            return;
        }
        let rows = usize::from(inner.height);
        let all = self.begins.last().copied().unwrap_or_default();
        let first = self.begins[self.at].saturating_sub(rows / 3).min(all.saturating_sub(rows));
        for row in 0..rows.min(all.saturating_sub(first)) {
            let line = first + row;
            let at = self.begins.partition_point(|begin| *begin <= line) - 1;
            let drawn = self.line(at, line - self.begins[at], usize::from(inner.width), cx);
            frame.render_widget(drawn, Rect { y: inner.y + row as u16, height: 1, ..inner });
        }
    }

    /// One of the lines of a stretch: its first message, what is folded, its last one.
    fn line(&self, at: usize, part: usize, columns: usize, cx: &Cx) -> Line<'static> {
        let theme = &cx.theme;
        let stretch = &self.stretches[at];
        let is_selected = at == self.at;
        let rails = self.rails(at, part == 0, (columns / 6).clamp(2, LEVELS));
        let mut spans = vec![Span::styled(rails, theme.border)];
        let (bullet, style) = match (stretch.pruned_at.is_some(), stretch.on_view) {
            (true, _) => ("✗ ", theme.dim),
            (false, true) => ("● ", theme.accent),
            (false, false) => ("○ ", theme.text),
        };
        let is_fold = part == 1 && stretch.messages > 2;
        if is_fold {
            let folded = stretch.messages - 2;
            spans.push(Span::styled(format!("┊ · {} ·", amount::many(folded, "message")), theme.dim));
            return Line::from(spans);
        }
        spans.push(Span::styled(bullet, style));
        let ending = if part == 0 { &stretch.first } else { &stretch.last };
        let is_last_line = part + 1 == height(stretch);
        let mut tail = String::new();
        if stretch.pruned_at.is_some() {
            tail = format!(" · {} in the trash", amount::many(stretch.messages, "message"));
        } else if is_last_line && stretch.children > 1 {
            tail = format!(" · {} branches", stretch.children);
        } else if is_last_line && stretch.children == 0 {
            tail = format!(" · {}", cx.clock(ending.created_at));
        }
        let used: usize = spans.iter().map(Span::width).sum();
        let mut room = columns.saturating_sub(used + tail.chars().count());
        if room < READABLE && stretch.pruned_at.is_none() {
            tail.clear();
            room = columns.saturating_sub(used);
        }
        let text = clip(&words(ending), room);
        let style = match (is_selected, stretch.pruned_at.is_some()) {
            (true, _) => theme.selection,
            (false, true) => theme.dim,
            (false, false) => theme.text,
        };
        spans.push(Span::styled(text, style));
        spans.push(Span::styled(tail, theme.dim));
        Line::from(spans)
    }

    /// The lines that lead from the forks above to this stretch; of a deep one only the nearest.
    fn rails(&self, at: usize, is_first: bool, most: usize) -> String {
        let mut levels: Vec<&str> = Vec::new();
        let mut here = at;
        let depth = self.stretches[at].depth as usize;
        while levels.len() < most.min(depth) {
            levels.push(match (levels.is_empty() && is_first, self.goes_on[here]) {
                (true, true) => "├─",
                (true, false) => "└─",
                (false, true) => "│ ",
                (false, false) => "  ",
            });
            let Some(parent) = self.stretches[here].parent else { break };
            here = parent as usize;
        }
        levels.reverse();
        let rails = levels.concat();
        if depth > most { format!("{:>5}‹{rails}", depth - most) } else { rails }
    }
}

fn height(stretch: &Stretch) -> usize {
    match (stretch.pruned_at.is_some(), stretch.messages) {
        (true, _) | (false, 1) => 1,
        (false, 2) => 2,
        (false, _) => 3,
    }
}

fn words(ending: &Ending) -> String {
    let who = match ending.role {
        MessageRole::User => "you: ",
        MessageRole::Assistant => "",
        MessageRole::System => "system: ",
        MessageRole::Tool => "tool: ",
    };
    let text = SafeText::line(ending.begins.trim()).into_string();
    let text = if text.is_empty() { "(no text)".to_owned() } else { text };
    format!("{who}{text}")
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;

    fn stretch(n: u128, parent: Option<u32>, depth: u32, messages: u32, children: u32) -> Stretch {
        let ending = |n, role, text: &str| Ending {
            message: MessageId(uuid::Uuid::from_u128(n)),
            role,
            begins: text.to_owned(),
            created_at: 1_795_514_520_000,
        };
        Stretch {
            parent,
            depth,
            first: ending(n, MessageRole::User, &format!("question {n}\u{1b}[31m")),
            last: ending(n + 100, MessageRole::Assistant, &format!("answer {n}")),
            messages,
            below: messages,
            children,
            on_view: n.is_multiple_of(2),
            pruned_at: None,
        }
    }

    fn drawn(picture: &BranchPicture, width: u16, height: u16) -> String {
        let cx = Cx::fixed();
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| picture.view(frame, frame.area(), &cx)).unwrap();
        terminal.backend().to_string()
    }

    fn forked() -> BranchPicture {
        let mut picture = BranchPicture::new(ConversationId(uuid::Uuid::nil()));
        let pruned = Stretch { pruned_at: Some(1), messages: 3, below: 0, ..stretch(5, Some(0), 1, 3, 0) };
        let stretches = vec![
            stretch(2, None, 0, 14, 3),
            stretch(3, Some(0), 1, 2, 0),
            stretch(4, Some(0), 1, 1, 2),
            stretch(6, Some(2), 2, 2, 0),
            stretch(7, Some(2), 2, 5, 0),
            pruned,
        ];
        picture.set(Ok(BranchTree { stretches }));
        picture
    }

    #[test]
    fn forks_and_ends_are_drawn_and_long_stretches_are_folded() {
        insta::assert_snapshot!(drawn(&forked(), 80, 20));
    }

    #[test]
    fn what_is_selected_is_gone_to_pruned_or_brought_back() {
        let mut picture = forked();
        assert_eq!(picture.at, 3, "it begins at the end of what is on view");
        let id = |n| MessageId(uuid::Uuid::from_u128(n));
        assert_eq!(picture.on_action(Action::BranchesGo), Some(PictureOut::Go(id(106))));
        assert_eq!(picture.on_action(Action::BranchesPrune), Some(PictureOut::Prune { message: id(6), messages: 2 }));
        assert!(matches!(picture.on_action(Action::BranchesRestore), Some(PictureOut::Tell(_))));
        picture.on_action(Action::BranchesParent);
        assert_eq!(picture.at, 2);
        picture.on_action(Action::BranchesBottom);
        assert!(matches!(picture.on_action(Action::BranchesGo), Some(PictureOut::Tell(_))));
        assert_eq!(picture.on_action(Action::BranchesRestore), Some(PictureOut::Restore(id(5))));
        assert_eq!(picture.on_action(Action::BranchesPurge), Some(PictureOut::Purge { message: id(5), messages: 3 }));
        // Read anew, the same branch stays selected.
        picture.set(Ok(BranchTree { stretches: forked().stretches }));
        assert_eq!(picture.at, 5);
    }

    #[test]
    fn a_tree_of_thousands_of_forks_one_below_the_other_is_drawn_at_any_place() {
        let mut stretches = Vec::new();
        for depth in 0..10_000_u32 {
            let parent = match depth {
                0 => None,
                1 => Some(0),
                _ => Some(2 * depth - 3),
            };
            stretches.push(stretch(u128::from(depth) * 2 + 1, parent, depth, 1, 2));
            if depth > 0 {
                stretches.push(stretch(u128::from(depth) * 2 + 2, parent, depth, 4, 0));
            }
        }
        let mut picture = BranchPicture::new(ConversationId(uuid::Uuid::nil()));
        picture.set(Ok(BranchTree { stretches }));
        for action in [Action::BranchesTop, Action::BranchesBottom, Action::BranchesPageUp, Action::BranchesParent] {
            picture.on_action(action);
            let screen = drawn(&picture, 40, 12);
            assert!(screen.contains("you: quest"), "{screen}");
        }
        assert!(drawn(&picture, 60, 12).contains('‹'), "a deep one says how deep");
    }
}
