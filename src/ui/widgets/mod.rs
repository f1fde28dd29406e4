//! Parts that more than one screen is made of. None of them knows a service.

pub mod ask;
pub mod branch_picture;
pub mod chart;
pub mod compare;
pub mod composer;
pub mod confirm;
pub mod field;
pub mod file_picker;
pub mod fill;
pub mod form;
pub mod help;
pub mod jobs;
pub mod marked_rows;
pub mod modal;
pub mod note_editor;
pub mod notes_list;
pub mod options_panel;
pub mod paint;
pub mod palette;
pub mod passphrase;
pub mod picker;
pub mod preview;
pub mod rating;
pub mod rows;
pub mod table;
pub mod tabs;
pub mod toast;
pub mod transcript;
pub mod transfer;
pub mod tree;
pub mod why;

use crate::ui::{actions::Action, cx::Cx, text::wrap::width};

/// How fresh something is, and which key reads it anew where there is room to say so.
#[must_use]
pub fn with_the_key(fresh: String, room: usize, cx: &Cx) -> String {
    let Some(key) = cx.keymap.label(Action::Refresh) else { return fresh };
    let told = format!("{fresh}, {key} reads anew");
    if width(&told) <= room { told } else { fresh }
}
