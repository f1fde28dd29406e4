//! One account in full: how it stands, its sessions, its own limits and models.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    Focus, Users,
    view::{state_style, state_words},
};
use crate::{
    api::{
        admin::{AccountState, UserDetail},
        amount,
    },
    ui::{
        cx::Cx,
        screens::admin::{
            editors::{limited_words, model_lines},
            table::{boxed, fit, instead, row_style, safe},
        },
    },
};

impl Users {
    pub(super) fn view_detail(&self, frame: &mut Frame, area: Rect, cx: &Cx, focused: bool) {
        let Some(row) = self.row() else {
            boxed(frame, area, "Account", "", focused, cx);
            return;
        };
        let inner = boxed(frame, area, &format!("Account {}", safe(&row.name)), "", focused, cx);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let Some(detail) = self.shown() else {
            return instead(frame, inner, self.detail_fault.as_ref(), true, "", cx);
        };
        let (lines, session_line) = self.detail_lines(detail, usize::from(inner.width), focused, cx);
        let height = usize::from(inner.height);
        // The session in use stays in sight where not all has room.
        let top = if focused { (session_line + 1).saturating_sub(height) } else { 0 };
        let top = top.min(lines.len().saturating_sub(height));
        frame.render_widget(Paragraph::new(lines).scroll((u16::try_from(top).unwrap_or(0), 0)), inner);
    }

    /// The lines, and which of them holds the session in use.
    fn detail_lines(&self, detail: &UserDetail, room: usize, focused: bool, cx: &Cx) -> (Vec<Line<'static>>, usize) {
        let row = &detail.row;
        let pair = |label: &str, value: String| {
            Line::from(vec![
                Span::styled(fit(label, 15), cx.theme.dim),
                Span::styled(fit(&value, room.saturating_sub(15)).trim_end().to_owned(), cx.theme.text),
            ])
        };
        let mut lines = Vec::new();
        if let Some(display) = &row.display_name {
            lines.push(pair("display name", safe(display)));
        }
        let rank = row.rank.as_str();
        let role = if row.role == rank { safe(&row.role) } else { format!("{} (rank {rank})", safe(&row.role)) };
        lines.push(pair("role", role));
        let (mark, word) = state_words(row.state);
        let until = row.locked_until.filter(|_| row.state == AccountState::Locked);
        let until = until.map(|until| format!(" until {}", cx.clock(until))).unwrap_or_default();
        lines.push(Line::from(vec![
            Span::styled(fit("state", 15), cx.theme.dim),
            Span::styled(format!("{mark} {word}{until}"), state_style(row.state, cx)),
        ]));
        lines.push(pair("last sign-in", row.last_sign_in.map_or_else(|| "never".into(), |at| cx.clock(at))));
        lines.push(pair("made", cx.clock(row.created_at)));
        lines.push(pair("second factor", if row.has_second_factor { "yes" } else { "no" }.to_owned()));
        lines.push(pair("failed tries", row.failures.to_string()));
        let code = match detail.code_expires_at {
            None => "none".to_owned(),
            Some(until) if until <= cx.now_ms => "ran out; reset makes another".to_owned(),
            Some(until) => format!("good until {}", cx.clock(until)),
        };
        lines.push(pair("one-time code", code));
        lines.push(pair("vault", amount::bytes(detail.vault_bytes)));
        if detail.sealed_vaults > 0 {
            lines.push(pair("sealed vaults", format!("{}, kept since a reset", detail.sealed_vaults)));
        }
        lines.push(Line::default());
        lines.push(Line::styled(format!("Sessions ({})", detail.sessions.len()), cx.theme.heading));
        let mut session_line = lines.len();
        if detail.sessions.is_empty() {
            lines.push(Line::styled("None: not signed in anywhere.", cx.theme.dim));
        }
        for (at, session) in detail.sessions.iter().enumerate() {
            let selected = at == self.session.at() && self.focus == Focus::Detail;
            if selected {
                session_line = lines.len();
            }
            let own = if session.is_own { " (this one)" } else { "" };
            let cursor = if selected { "›" } else { " " };
            let text = format!(
                "{cursor} {}  since {}{own}  pid {}, OS user {}",
                safe(&session.place),
                cx.clock(session.started_at),
                session.pid,
                session.os_uid
            );
            lines.push(Line::styled(fit(&text, room), row_style(selected, focused, cx)));
        }
        lines.push(Line::default());
        lines.push(Line::styled("Limits of its own", cx.theme.heading));
        if detail.limits.is_empty() {
            lines.push(Line::styled("None: as the role says.", cx.theme.dim));
        }
        for rule in &detail.limits {
            let (what, per) = limited_words(rule.limited);
            lines.push(Line::styled(fit(&format!("{what}: {} {per}", rule.most), room), cx.theme.text));
        }
        lines.push(Line::default());
        lines.push(Line::styled("Models of its own", cx.theme.heading));
        if detail.models.is_empty() {
            lines.push(Line::styled("None: as the role says.", cx.theme.dim));
        }
        lines
            .extend(model_lines(&detail.models).iter().map(|line| Line::styled(fit(&safe(line), room), cx.theme.text)));
        (lines, session_line)
    }
}
