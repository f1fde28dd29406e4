//! A directory as the file picker shows it, and files that a pasted text names. Reads one directory and opens nothing.

use std::path::{Path, PathBuf};

use crate::api::{Fault, FaultKind};

/// Entries looked at; a directory of a million files must not hold anybody up.
const LOOKED_AT: usize = 20_000;
/// The longest path there is.
const PATH: usize = 4096;

/// What can be chosen in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub path: PathBuf,
    /// Bytes; `None` for a directory.
    pub size: Option<u64>,
}

impl Entry {
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.name.starts_with('.')
    }
}

/// A directory, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Without any `..` in it.
    pub path: PathBuf,
    /// Directories first, each by name.
    pub entries: Vec<Entry>,
    /// There were more than are looked at.
    pub is_cut: bool,
}

/// # Errors
/// Why it cannot be read.
pub fn read(path: &Path) -> Result<Folder, Fault> {
    let refused = |error: std::io::Error| {
        let name = path.display();
        match error.kind() {
            std::io::ErrorKind::NotFound => Fault::new(FaultKind::NotFound, format!("There is no directory “{name}”.")),
            kind => Fault::invalid(format!("The directory “{name}” cannot be read: {kind}.")),
        }
    };
    let path = std::fs::canonicalize(super::complete::whole(path)).map_err(refused)?;
    let mut found = std::fs::read_dir(&path).map_err(refused)?;
    let mut entries: Vec<Entry> = found
        .by_ref()
        .take(LOOKED_AT)
        .filter_map(Result::ok)
        .filter_map(|entry| {
            // A name that is no text cannot be written into a message either.
            let name = entry.file_name().into_string().ok()?;
            let is_odd = name.chars().any(char::is_control);
            // A link is what it leads to; a file behind one is refused when it is read, with the reason.
            let about = entry.path().metadata().ok().filter(|about| about.is_dir() || about.is_file())?;
            let size = about.is_file().then_some(about.len());
            (!is_odd).then(|| Entry { name, path: entry.path(), size })
        })
        .collect();
    let is_cut = found.next().is_some();
    entries.sort_unstable_by(|one, other| (one.size.is_some(), &one.name).cmp(&(other.size.is_some(), &other.name)));
    Ok(Folder { path, entries, is_cut })
}

/// The file that a pasted text may be the path of, as terminals write one that is dropped on them: as it is, in quotes,
/// with escaped spaces, or as a `file://` address. Nothing is looked at.
#[must_use]
pub fn named_by(pasted: &str) -> Option<PathBuf> {
    let text = pasted.trim();
    if text.len() > PATH || text.chars().any(char::is_control) {
        return None;
    }
    let quoted = |mark: char| text.strip_prefix(mark)?.strip_suffix(mark);
    let path = if let Some(address) = text.strip_prefix("file://") {
        // A host stands before the path; only this one's files can be read.
        let path = address.strip_prefix("localhost").unwrap_or(address);
        decoded(path)?
    } else if let Some(inside) = quoted('\'').or_else(|| quoted('"')) {
        inside.to_owned()
    } else {
        unescaped(text)
    };
    // A slash and one word is a command.
    let is_path = path.starts_with("~/") || (path.starts_with('/') && path[1..].contains('/'));
    is_path.then(|| PathBuf::from(path))
}

/// Whether a file is there.
#[must_use]
pub fn is_file(path: &Path) -> bool {
    std::fs::metadata(super::complete::whole(path)).is_ok_and(|about| about.is_file())
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        out.push(if letter == '\\' { letters.next().unwrap_or(letter) } else { letter });
    }
    out
}

fn decoded(address: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = address.as_bytes();
    while let [first, after @ ..] = rest {
        match (first, after) {
            (b'%', [high, low, next @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
                rest = next;
            }
            (b'%', _) => return None,
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_listed_folders_first_with_sizes() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("zoo")).unwrap();
        for name in ["b.txt", ".secret", "a.pdf"] {
            std::fs::write(home.path().join(name), "12345").unwrap();
        }
        let folder = read(&home.path().join("zoo/..")).unwrap();
        let names: Vec<_> = folder.entries.iter().map(|entry| (entry.name.as_str(), entry.size)).collect();
        assert_eq!(names, [("zoo", None), (".secret", Some(5)), ("a.pdf", Some(5)), ("b.txt", Some(5))]);
        assert_eq!(folder.path, home.path().canonicalize().unwrap());
        assert!(folder.entries[1].is_hidden() && !folder.is_cut);
        assert_eq!(read(&home.path().join("none")).unwrap_err().kind, FaultKind::NotFound);
    }

    #[test]
    fn a_pasted_path_is_known_in_every_way_that_terminals_write_it() {
        let path = |text: &str| named_by(text).map(|path| path.display().to_string());
        assert_eq!(path("/tmp/a b.pdf\n").as_deref(), Some("/tmp/a b.pdf"));
        assert_eq!(path("'/tmp/a b.pdf' ").as_deref(), Some("/tmp/a b.pdf"));
        assert_eq!(path("/tmp/a\\ b\\(1\\).pdf").as_deref(), Some("/tmp/a b(1).pdf"));
        assert_eq!(path("file:///tmp/a%20b.pdf").as_deref(), Some("/tmp/a b.pdf"));
        assert_eq!(path("file://localhost/tmp/%C3%BC").as_deref(), Some("/tmp/ü"));
        assert_eq!(path("~/notes.md").as_deref(), Some("~/notes.md"));
        for text in
            ["/quit", "file://elsewhere/tmp/a", "file:///tmp/%2", "a.pdf", "https://example.com/a", "/a\n/b", ""]
        {
            assert_eq!(path(text), None, "{text}");
        }
    }
}
