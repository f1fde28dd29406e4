//! What each kind of text looks like.

use ratatui::style::{Color, Modifier, Style};

use crate::config::ThemeName;

/// A style for everything that is drawn, by what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    pub name: ThemeName,
    pub text: Style,
    pub dim: Style,
    pub accent: Style,
    pub heading: Style,
    pub error: Style,
    pub warning: Style,
    pub success: Style,
    pub selection: Style,
    pub border: Style,
    pub focus_border: Style,
    pub key: Style,
    pub badge: Style,
}

impl Theme {
    /// The theme of this name; without colour where the terminal or its owner wants none.
    #[must_use]
    pub fn by_name(name: ThemeName, colourless: bool) -> Self {
        let colour = |index| {
            if colourless || name == ThemeName::Plain { Style::new() } else { Style::new().fg(Color::Indexed(index)) }
        };
        Self {
            name,
            text: Style::new(),
            dim: colour(245),
            accent: colour(75),
            heading: colour(75).add_modifier(Modifier::BOLD),
            error: colour(203),
            warning: colour(214),
            success: colour(114),
            selection: Style::new().add_modifier(Modifier::REVERSED),
            border: colour(240),
            focus_border: colour(75),
            key: Style::new().add_modifier(Modifier::BOLD),
            badge: colour(214),
        }
    }
}
