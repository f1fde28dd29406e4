//! The house's settings as a page of `docs/settings.md`.

use std::fmt::Write as _;

use super::{GROUPS, ROWS};

/// What stands at the end of `docs/settings.md`.
#[must_use]
pub fn house_markdown() -> String {
    let mut page = String::from(
        "\n# Settings of the house\n\n\
         An administrator sets these for everybody who uses this data directory: in Admin under Settings, or with \
         `ollamanet settings set NAME=VALUE`. They are kept in the system database with their history, and take effect in \
         every window without a restart. `ollamanet settings history` tells who changed what and when, `settings diff` \
         what differs between two moments, `settings rollback` takes changes back.\n\n\
         What `config.toml`, the environment or a flag says wins over the house: whoever has the file runs the program, \
         and it is the way back in after a setting that locked everybody out. The list names the line.\n",
    );
    for (group, about) in GROUPS {
        let _ = write!(page, "\n## {group}\n\n{about}\n\n| setting | default | takes | effect |\n|---|---|---|---|\n");
        for row in ROWS.iter().filter(|row| row.group == *group) {
            let default = row.default();
            let default = if default.is_empty() { "–".to_owned() } else { row.shown(&default) };
            let _ = writeln!(page, "| `{}`: {} | {default} | {} | {} |", row.name, row.help(), row.takes(), row.effect);
        }
    }
    page
}
