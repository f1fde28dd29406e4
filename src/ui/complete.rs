//! Names of files that begin with what was typed. Reads one directory and opens nothing.

use std::path::{Path, PathBuf};

/// Most names that are offered.
const MOST: usize = 50;
/// Entries looked at; a directory of a million files must not hold anybody up.
const LOOKED_AT: usize = 20_000;

/// What the typed text could be completed to, directories with a `/` behind. Hidden names only when asked for with a dot.
#[must_use]
pub fn paths(typed: &str) -> Vec<String> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    paths_in(typed, home.as_deref())
}

/// A path as a person types it: a leading `~` is the home directory's.
#[must_use]
pub fn whole(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        (Ok(_), None) | (Err(_), _) => path.to_path_buf(),
    }
}

fn paths_in(typed: &str, home: Option<&Path>) -> Vec<String> {
    let (folder, start) =
        typed.rsplit_once('/').map_or(("", typed), |(folder, _)| (&typed[..=folder.len()], &typed[folder.len() + 1..]));
    let looked_in = match (folder.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ if folder.is_empty() => PathBuf::from("."),
        _ => PathBuf::from(folder),
    };
    let Ok(entries) = std::fs::read_dir(looked_in) else { return Vec::new() };
    let mut found: Vec<(bool, String)> = entries
        .take(LOOKED_AT)
        .filter_map(Result::ok)
        .filter_map(|entry| {
            // A name that is no text cannot be typed either.
            let name = entry.file_name().into_string().ok()?;
            let wanted = name.starts_with(start)
                && (start.starts_with('.') || !name.starts_with('.'))
                && !name.chars().any(char::is_control);
            if !wanted {
                return None;
            }
            let kind = entry.file_type().ok()?;
            let is_folder = kind.is_dir() || (kind.is_symlink() && entry.path().is_dir());
            // Only what could be attached, or leads there.
            (is_folder || kind.is_file() || kind.is_symlink()).then_some((!is_folder, name))
        })
        .collect();
    found.sort_unstable();
    found
        .into_iter()
        .take(MOST)
        .map(|(is_file, name)| format!("{folder}{name}{}", if is_file { "" } else { "/" }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_folders_first_and_hidden_ones_only_when_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("src")).unwrap();
        for name in ["setup.rs", "some.txt", ".secret", "other"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let at = |typed: &str| paths_in(&format!("{}/{typed}", dir.path().display()), None);
        let full = |name: &str| format!("{}/{name}", dir.path().display());
        assert_eq!(at("s"), [full("src/"), full("setup.rs"), full("some.txt")]);
        assert_eq!(at(".s"), [full(".secret")]);
        assert_eq!(at("zzz"), Vec::<String>::new());
        assert_eq!(paths_in("~/s", Some(dir.path())), ["~/src/", "~/setup.rs", "~/some.txt"]);
        assert_eq!(at("missing/x"), Vec::<String>::new());
    }
}
