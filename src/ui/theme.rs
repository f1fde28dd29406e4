//! How things look, by what they are. Plain data: a widget asks for a role and never names a colour.
//!
//! Colours are chosen from the 256 fixed ones and the terminal's own foreground and background, so that they look the
//! same everywhere and need no true colour. Invariant: no two roles that matter differ by colour alone; `plain` proves
//! it, for it has attributes only.

use std::fmt;

use ratatui::style::{Color, Modifier, Style};

use crate::config::ThemeName;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Palette {
    Dark,
    Light,
    Plain,
}

/// One style per role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    pub palette: Palette,
    pub text: Style,
    /// Secondary: times, figures, hints.
    pub dim: Style,
    /// What this program calls attention to: the name, the current screen, the cursor's row.
    pub accent: Style,
    pub title: Style,

    // Who speaks.
    pub user: Style,
    pub assistant: Style,
    pub system: Style,
    pub thinking: Style,

    /// Over a group of a form, a list, a panel.
    pub heading: Style,

    // Markdown, headings from the first level to the sixth.
    pub headings: [Style; 6],
    pub strong: Style,
    pub emphasis: Style,
    pub strike: Style,
    pub code: Style,
    pub code_block: Style,
    pub code_border: Style,
    pub code_label: Style,
    pub quote: Style,
    pub quote_bar: Style,
    pub link: Style,
    /// The address behind a link's text.
    pub url: Style,
    pub list_marker: Style,
    pub rule: Style,
    pub table_head: Style,
    pub table_border: Style,
    pub syntax: Syntax,

    // How it went.
    pub error: Style,
    pub warning: Style,
    pub success: Style,

    // Structure.
    pub border: Style,
    pub focus_border: Style,
    pub selection: Style,
    /// The selected row of a list that has not the focus.
    pub selection_unfocused: Style,
    pub highlight: Style,
    pub placeholder: Style,
    pub disabled: Style,
    pub bar: Style,
    pub badge: Style,
    /// A key in the footer and in help; what it does is `dim`.
    pub key: Style,
    pub meter: Style,
    pub meter_warning: Style,
    pub meter_full: Style,
    pub meter_empty: Style,
    pub toast: Style,
    pub shadow: Style,
}

/// The parts of a program's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syntax {
    pub comment: Style,
    pub string: Style,
    pub number: Style,
    pub keyword: Style,
    pub function: Style,
    pub type_name: Style,
    /// Attributes, macros, decorators.
    pub attribute: Style,
    pub inserted: Style,
    pub deleted: Style,
}

impl Theme {
    /// The theme of this name; without colour where its owner wants none (`NO_COLOR`).
    #[must_use]
    pub fn by_name(name: ThemeName, colourless: bool) -> Self {
        Self::on_background(name, colourless, false)
    }

    /// The same where the terminal told whether its background is light, which decides for `Auto` only.
    #[must_use]
    pub fn on_background(name: ThemeName, colourless: bool, light: bool) -> Self {
        if colourless {
            return Self::plain();
        }
        match name {
            ThemeName::Auto if light => Self::light(),
            ThemeName::Auto | ThemeName::Dark => Self::dark(),
            ThemeName::Light => Self::light(),
            ThemeName::Plain => Self::plain(),
        }
    }

    #[must_use]
    pub fn dark() -> Self {
        Self::coloured(
            Palette::Dark,
            &Colours {
                dim: 245,
                faint: 240,
                accent: 75,
                on_accent: 16,
                violet: 141,
                green: 114,
                yellow: 221,
                red: 203,
                orange: 215,
                cyan: 80,
                surface: 236,
                selected: 238,
                code: 223,
                found: 58,
            },
        )
    }

    #[must_use]
    pub fn light() -> Self {
        Self::coloured(
            Palette::Light,
            &Colours {
                dim: 242,
                faint: 248,
                accent: 25,
                on_accent: 231,
                violet: 91,
                green: 28,
                yellow: 94,
                red: 160,
                orange: 130,
                cyan: 30,
                surface: 254,
                selected: 252,
                code: 88,
                found: 229,
            },
        )
    }

    /// Attributes only, for `NO_COLOR` and those who like it quiet.
    #[must_use]
    pub fn plain() -> Self {
        let text = Style::new();
        let bold = text.add_modifier(Modifier::BOLD);
        let dim = text.add_modifier(Modifier::DIM);
        let italic = text.add_modifier(Modifier::ITALIC);
        let underlined = text.add_modifier(Modifier::UNDERLINED);
        let reversed = text.add_modifier(Modifier::REVERSED);
        let bold_underlined = bold.add_modifier(Modifier::UNDERLINED);
        Self {
            palette: Palette::Plain,
            text,
            dim,
            accent: bold,
            title: bold,
            user: bold,
            assistant: bold,
            system: bold,
            thinking: dim.add_modifier(Modifier::ITALIC),
            heading: bold,
            headings: [bold_underlined, bold, bold, bold.add_modifier(Modifier::ITALIC), italic, italic],
            strong: bold,
            emphasis: italic,
            strike: text.add_modifier(Modifier::CROSSED_OUT),
            code: bold,
            code_block: text,
            code_border: dim,
            code_label: bold,
            quote: italic,
            quote_bar: dim,
            link: underlined,
            url: dim,
            list_marker: bold,
            rule: dim,
            table_head: bold,
            table_border: dim,
            syntax: Syntax {
                comment: dim.add_modifier(Modifier::ITALIC),
                string: text,
                number: text,
                keyword: bold,
                function: text,
                type_name: text,
                attribute: dim,
                inserted: text,
                deleted: text.add_modifier(Modifier::CROSSED_OUT),
            },
            error: bold,
            warning: bold,
            success: text,
            border: dim,
            focus_border: bold,
            selection: reversed,
            selection_unfocused: underlined,
            highlight: bold_underlined,
            placeholder: dim,
            disabled: dim,
            bar: reversed,
            badge: reversed,
            key: bold,
            meter: text,
            meter_warning: bold,
            meter_full: bold.add_modifier(Modifier::REVERSED),
            meter_empty: dim,
            toast: reversed,
            shadow: dim,
        }
    }

    fn coloured(palette: Palette, colours: &Colours) -> Self {
        let text = Style::new();
        let fg = |index: u8| Style::new().fg(Color::Indexed(index));
        let bold = |index: u8| fg(index).add_modifier(Modifier::BOLD);
        Self {
            palette,
            text,
            dim: fg(colours.dim),
            accent: fg(colours.accent),
            title: bold(colours.accent),
            user: bold(colours.green),
            assistant: bold(colours.accent),
            system: bold(colours.violet),
            thinking: fg(colours.dim).add_modifier(Modifier::ITALIC),
            heading: bold(colours.accent),
            headings: [
                bold(colours.accent).add_modifier(Modifier::UNDERLINED),
                bold(colours.accent),
                bold(colours.violet),
                bold(colours.cyan),
                fg(colours.cyan).add_modifier(Modifier::ITALIC),
                fg(colours.dim).add_modifier(Modifier::ITALIC),
            ],
            strong: text.add_modifier(Modifier::BOLD),
            emphasis: text.add_modifier(Modifier::ITALIC),
            strike: fg(colours.dim).add_modifier(Modifier::CROSSED_OUT),
            code: fg(colours.code).bg(Color::Indexed(colours.surface)),
            code_block: text,
            code_border: fg(colours.faint),
            code_label: fg(colours.dim).add_modifier(Modifier::BOLD),
            quote: fg(colours.dim).add_modifier(Modifier::ITALIC),
            quote_bar: fg(colours.violet),
            link: fg(colours.accent).add_modifier(Modifier::UNDERLINED),
            url: fg(colours.dim),
            list_marker: fg(colours.accent),
            rule: fg(colours.faint),
            table_head: bold(colours.accent),
            table_border: fg(colours.faint),
            syntax: Syntax {
                comment: fg(colours.dim).add_modifier(Modifier::ITALIC),
                string: fg(colours.green),
                number: fg(colours.orange),
                keyword: fg(colours.violet),
                function: fg(colours.accent),
                type_name: fg(colours.cyan),
                attribute: fg(colours.dim),
                inserted: fg(colours.green),
                deleted: fg(colours.red),
            },
            error: bold(colours.red),
            warning: fg(colours.orange),
            success: fg(colours.green),
            border: fg(colours.faint),
            focus_border: fg(colours.accent),
            selection: fg(colours.on_accent).bg(Color::Indexed(colours.accent)).add_modifier(Modifier::BOLD),
            selection_unfocused: text.bg(Color::Indexed(colours.selected)),
            highlight: text.bg(Color::Indexed(colours.found)).add_modifier(Modifier::UNDERLINED),
            placeholder: fg(colours.faint).add_modifier(Modifier::ITALIC),
            disabled: fg(colours.faint),
            bar: text.bg(Color::Indexed(colours.surface)),
            badge: fg(colours.on_accent).bg(Color::Indexed(colours.yellow)),
            key: bold(colours.yellow),
            meter: fg(colours.green),
            meter_warning: fg(colours.orange),
            meter_full: bold(colours.red),
            meter_empty: fg(colours.faint),
            toast: text.bg(Color::Indexed(colours.selected)).add_modifier(Modifier::BOLD),
            shadow: fg(colours.faint).add_modifier(Modifier::DIM),
        }
    }

    /// A heading's style; levels count from 1 and everything past 6 looks like 6.
    #[must_use]
    pub fn heading_of(&self, level: usize) -> Style {
        self.headings[level.clamp(1, 6) - 1]
    }
}

impl fmt::Display for Palette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Plain => "plain",
        })
    }
}

/// Indexes into the 256 colours; those from 16 on look the same in every terminal.
struct Colours {
    dim: u8,
    faint: u8,
    accent: u8,
    on_accent: u8,
    violet: u8,
    green: u8,
    yellow: u8,
    red: u8,
    orange: u8,
    cyan: u8,
    surface: u8,
    selected: u8,
    code: u8,
    /// Behind what a search found.
    found: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn styles(theme: &Theme) -> String {
        format!("{theme:?}")
    }

    #[test]
    fn a_colourless_terminal_wins_over_every_choice() {
        for name in [ThemeName::Auto, ThemeName::Dark, ThemeName::Light, ThemeName::Plain] {
            assert_eq!(Theme::on_background(name, true, true), Theme::plain());
            assert_eq!(Theme::by_name(name, true), Theme::plain());
        }
        assert_eq!(Theme::on_background(ThemeName::Auto, false, true), Theme::light());
        assert_eq!(Theme::by_name(ThemeName::Auto, false), Theme::dark());
    }

    #[test]
    fn plain_has_no_colour_at_all() {
        assert!(!styles(&Theme::plain()).contains("Indexed"));
        assert!(!styles(&Theme::plain()).contains("fg("));
    }

    #[test]
    fn a_badge_and_a_selection_can_be_read_on_light_and_dark() {
        for theme in [Theme::dark(), Theme::light()] {
            for style in [theme.badge, theme.selection] {
                assert!(style.fg.is_some() && style.bg.is_some(), "{style:?}");
            }
        }
    }
}
