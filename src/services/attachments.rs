//! Files that a person names to go with a message: opened with suspicion, read with a limit, told apart by content.
//!
//! Architecture invariant: the path is opened once and everything is asked of what was opened, so nothing can be put in
//! its place between the look and the reading. Opening never waits: a pipe without a writer is refused like any other.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use rustix::fs::{FileType, Mode, OFlags};
use sha2::{Digest, Sha256};

use crate::{
    api::{
        DocumentId, Fault, FaultKind,
        chat::{Attachment, AttachmentKind, AttachmentPreview, PreviewContent},
    },
    extract::{self, picture},
    safe_text::count_hidden,
    store::vault::{
        documents::NewDocument,
        weight::{IMAGE, MESSAGE, weigh},
    },
};

/// What a file was before it was read: `~` and relative paths made whole.
#[must_use]
pub fn resolve(path: &Path, cwd: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        (Ok(_) | Err(_), _) => cwd.join(path),
    }
}

/// Reads and checks one file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<NewDocument, Fault> {
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let refuse = |why: &str| Fault::invalid(format!("“{name}” cannot be attached: {why}."));
    let file = open(path).map_err(|error| refused_open(&name, &error))?;
    let stat = rustix::fs::fstat(&file).map_err(|error| refused_open(&name, &io::Error::from(error)))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(refuse("it is a directory").hint("Attach the files in it one by one.")),
        FileType::Fifo => return Err(refuse("it is a pipe").hint("Write its output to a file first.")),
        FileType::Socket => return Err(refuse("it is a socket")),
        FileType::CharacterDevice | FileType::BlockDevice => return Err(refuse("it is a device")),
        FileType::Symlink | FileType::Unknown => return Err(refuse("it is not a regular file")),
    }
    let too_big = || refuse(&format!("it is larger than {}", in_words(limit))).hint("Attach a part of it.");
    if u64::try_from(stat.st_size).unwrap_or(0) > limit {
        return Err(too_big());
    }
    let mut body = Vec::new();
    // The size just asked is a hint: a file may grow, and those under /proc say 0.
    file.take(limit + 1).read_to_end(&mut body).map_err(|error| refused_open(&name, &error))?;
    if body.len() as u64 > limit {
        return Err(too_big());
    }
    document(name, body, limit)
}

/// What a document is, by its bytes and not by its name. The text of one may be as long as a file may be.
fn document(name: String, body: Vec<u8>, limit: u64) -> Result<NewDocument, Fault> {
    let refuse = |why: String| Fault::invalid(format!("“{name}” cannot be attached: {why}."));
    if body.is_empty() {
        return Err(refuse("it is empty".to_owned()));
    }
    let kind = infer::get(&body).map(|kind| kind.mime_type());
    if let Some("image/png" | "image/jpeg" | "image/gif" | "image/webp") = kind {
        picture::size(&body).map_err(|flaw| refuse(flaw.to_string()).hint(flaw.hint()))?;
        return Ok(NewDocument {
            sha256: Sha256::digest(&body).into(),
            name,
            kind: AttachmentKind::Image,
            hidden: 0,
            text: None,
            body,
            weight: IMAGE,
        });
    }
    if let Some(kind) = extract::kind_of(&body) {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let text = extract::text(kind, &body, most).map_err(|why| refuse(why.to_string()).hint(why.hint()))?;
        return Ok(NewDocument {
            sha256: Sha256::digest(&body).into(),
            kind: kind_of(kind),
            hidden: hidden_in(&text),
            weight: weight_of(&name, &text),
            text: Some(text),
            name,
            body,
        });
    }
    // A text that starts like a script or a page is a text all the same.
    let Some(text) = decode(&body) else {
        return Err(match kind {
            Some(kind) if kind.starts_with("image/") => {
                refuse(format!("{kind} is not a kind of image that models take")).hint("Convert it to PNG or JPEG.")
            }
            Some(kind) => refuse(format!("it is {kind}, neither text, PDF, Word nor an image")),
            None => refuse("it is neither text (UTF-8 or UTF-16), PDF, Word nor an image".to_owned())
                .hint("If it is text in another encoding, convert it to UTF-8 first."),
        });
    };
    let body = text.clone().into_bytes();
    Ok(NewDocument {
        sha256: Sha256::digest(&body).into(),
        kind: AttachmentKind::Text,
        hidden: hidden_in(&text),
        weight: weight_of(&name, &text),
        text: None,
        name,
        body,
    })
}

/// The kind of attachment that a document is.
#[must_use]
pub(super) fn kind_of(kind: extract::Kind) -> AttachmentKind {
    match kind {
        extract::Kind::Pdf => AttachmentKind::Pdf,
        extract::Kind::Docx => AttachmentKind::Docx,
    }
}

fn hidden_in(text: &str) -> u32 {
    u32::try_from(count_hidden(text)).unwrap_or(u32::MAX)
}

fn weight_of(name: &str, text: &str) -> u32 {
    weigh(&fenced(name, text)).saturating_add(MESSAGE)
}

/// UTF-8, or UTF-16 by its mark. A NUL says that it is no text.
fn decode(body: &[u8]) -> Option<String> {
    let text = match body {
        [0xEF, 0xBB, 0xBF, rest @ ..] => std::str::from_utf8(rest).ok()?.to_owned(),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ => std::str::from_utf8(body).ok()?.to_owned(),
    };
    (!text.contains('\0')).then_some(text)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<_, _>>().ok()
}

/// A text file as a model gets it: a block with its name, fenced by more backticks than stand in it.
#[must_use]
pub fn fenced(name: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    // A line break in a name would end the line that the name stands on.
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence} {name}\n{text}{end}{fence}")
}

/// As the screen shows it before it is sent.
#[must_use]
pub fn preview(document: &NewDocument) -> Attachment {
    Attachment {
        id: DocumentId::new(),
        name: document.name.clone(),
        kind: document.kind,
        bytes: document.body.len() as u64,
        hidden_characters: document.hidden,
        tokens: document.weight.div_ceil(4),
    }
}

/// Exactly what a model receives of a file that is to be sent.
#[must_use]
pub fn received(document: NewDocument) -> AttachmentPreview {
    let attachment = preview(&document);
    let NewDocument { name, kind, text, body, .. } = document;
    AttachmentPreview { attachment, content: content(kind, &name, text.map_or(body, String::into_bytes)) }
}

/// The same of one that was sent. Its text is in the place of its bytes.
#[must_use]
pub fn received_of_sent((attachment, body): (Attachment, Vec<u8>)) -> AttachmentPreview {
    let content = content(attachment.kind, &attachment.name, body);
    AttachmentPreview { attachment, content }
}

fn content(kind: AttachmentKind, name: &str, body: Vec<u8>) -> PreviewContent {
    match kind {
        AttachmentKind::Image => PreviewContent::Image(body),
        AttachmentKind::Text | AttachmentKind::Pdf | AttachmentKind::Docx => {
            PreviewContent::Text(fenced(name, &String::from_utf8_lossy(&body)))
        }
    }
}

pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

fn refused_open(name: &str, error: &io::Error) -> Fault {
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return Fault::invalid(format!("“{name}” cannot be attached: it is a symbolic link."))
            .hint("Name the file itself.");
    }
    match error.kind() {
        // A name that no file can have is no file either.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => {
            Fault::new(FaultKind::NotFound, format!("There is no file “{name}”.")).hint("Check the path.")
        }
        io::ErrorKind::PermissionDenied => Fault::invalid(format!("“{name}” may not be read by you.")),
        kind => Fault::invalid(format!("“{name}” cannot be attached: {kind}.")),
    }
}

fn in_words(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= MIB && bytes.is_multiple_of(MIB) { format!("{} MiB", bytes / MIB) } else { format!("{bytes} bytes") }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::extract::papers::PNG;

    const LIMIT: u64 = 10 * 1024 * 1024;

    fn why(result: Result<NewDocument, Fault>) -> String {
        result.unwrap_err().message
    }

    #[test]
    fn text_is_taken_whatever_its_name_and_hidden_characters_are_counted() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("notes.bin");
        fs::write(&path, "seen\u{200B}\u{E0041}").unwrap();
        let document = read(&path, LIMIT).unwrap();
        assert_eq!((document.kind, document.hidden, document.name.as_str()), (AttachmentKind::Text, 2, "notes.bin"));
        let mut wide = vec![0xFF, 0xFE];
        wide.extend("für".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(decode(&wide).as_deref(), Some("für"));
        wide.push(0);
        assert_eq!(decode(&wide), None);
        assert_eq!(decode(b"a\0b"), None);
    }

    #[test]
    fn images_are_known_by_their_bytes() {
        let image = document("photo.txt".to_owned(), PNG.to_vec(), LIMIT).unwrap();
        assert_eq!((image.kind, image.body.as_slice()), (AttachmentKind::Image, PNG));
        let cut_off = PNG[..PNG.len() - 5].to_vec();
        assert!(why(document("photo.png".to_owned(), cut_off, LIMIT)).contains("damaged or cut off"));
        let mut bomb = PNG.to_vec();
        bomb[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        assert!(why(document("photo.png".to_owned(), bomb, LIMIT)).contains("65535 × 65535 pixels"));
        assert!(why(document("a.bmp".to_owned(), b"BM\xff\0\0\0\0\0\0\0".to_vec(), LIMIT)).contains("image/bmp"));
        assert!(why(document("a".to_owned(), vec![0xC3, 0x28, 0xFF], LIMIT)).contains("neither text"));
        assert!(why(document("a".to_owned(), Vec::new(), LIMIT)).contains("empty"));
    }

    #[test]
    fn links_pipes_devices_and_directories_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let (file, link, pipe) = (home.path().join("file"), home.path().join("link"), home.path().join("pipe"));
        fs::write(&file, "text").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert!(why(read(&link, LIMIT)).contains("symbolic link"));
        assert!(why(read(&pipe, LIMIT)).contains("pipe"));
        assert!(why(read(home.path(), LIMIT)).contains("directory"));
        assert!(why(read(Path::new("/dev/zero"), LIMIT)).contains("device"));
        assert_eq!(read(&home.path().join("none"), LIMIT).unwrap_err().kind, FaultKind::NotFound);
    }

    #[test]
    fn a_file_over_the_limit_is_refused_also_when_it_hides_its_size() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("big");
        fs::write(&path, "x".repeat(11)).unwrap();
        assert!(why(read(&path, 10)).contains("larger than 10 bytes"));
        assert!(read(&path, 11).is_ok());
        // Says 0 bytes and gives more.
        assert!(why(read(Path::new("/proc/self/status"), 10)).contains("larger"));
    }

    #[test]
    fn a_path_may_start_at_home_or_here() {
        let (cwd, home) = (Path::new("/work"), Some(Path::new("/home/me")));
        assert_eq!(resolve(Path::new("~/a.txt"), cwd, home), Path::new("/home/me/a.txt"));
        assert_eq!(resolve(Path::new("a.txt"), cwd, home), Path::new("/work/a.txt"));
        assert_eq!(resolve(Path::new("/etc/a"), cwd, home), Path::new("/etc/a"));
        assert_eq!(resolve(Path::new("~other/a"), cwd, home), Path::new("/work/~other/a"));
    }

    #[test]
    fn no_text_can_close_its_own_fence() {
        assert_eq!(fenced("a.md", "```\ncode\n```\n"), "```` a.md\n```\ncode\n```\n````");
        assert_eq!(fenced("b\nc", "x"), "``` b c\nx\n```");
    }
}
