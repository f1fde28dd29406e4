//! The log: a file in the state directory, for finding out afterwards what went wrong.
//!
//! Never stdout or stderr, which belong to the interface and to scripts. Never content: no prompt, answer, title,
//! name of a file, passphrase or token is given to `tracing` anywhere, and other crates are heard only from `warn` up.
//!
//! Architecture invariant: one event is one line, whatever text was in it. The writer escapes control characters
//! itself, so that no formatter setting can undo this.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{Layer, filter::Targets, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    api::Fault,
    config::{LogConfig, LogLevel},
    trace::{self, Ring},
};

/// The newest log; older ones end in `.1`, `.2` and so on.
pub const FILE: &str = "ollamanet.log";

/// Most files that a setting may keep: what has a higher number is never looked for.
pub const MOST_FILES: u32 = 20;

/// Lines that may wait to be written; more are lost, as the log must not hold anybody up. The room for them is laid out
/// at the start, and for the 128 000 that `tracing_appender` takes of itself that was 4 MB and a tenth of the start.
const WAITING_LINES: usize = 4096;

/// Where the panic hook says the details are.
static PLACE: OnceLock<PathBuf> = OnceLock::new();

/// How much of the log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The newest file and those before it; two or more.
    pub files: u32,
    /// Of each file, at most.
    pub bytes: u64,
}

impl From<&LogConfig> for Kept {
    fn from(config: &LogConfig) -> Self {
        Self { files: config.files, bytes: u64::from(config.file_mib) * 1024 * 1024 }
    }
}

impl Default for Kept {
    fn default() -> Self {
        Self::from(&LogConfig::default())
    }
}

/// Keeps the log going; dropping it writes out what is still waiting.
#[derive(Debug)]
pub struct Log {
    _worker: Option<WorkerGuard>,
}

impl Log {
    /// No log at all.
    #[must_use]
    pub fn none() -> Self {
        Self { _worker: None }
    }
}

/// The level that is set.
#[must_use]
pub fn level(set: LogLevel) -> LevelFilter {
    match set {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// The one that `OLLAMANET_LOG` names instead, if it names any.
///
/// # Errors
/// Names the levels there are.
pub fn named(level: Option<&str>) -> Result<Option<LevelFilter>, Fault> {
    let level = match level.map(str::trim).unwrap_or_default().to_lowercase().as_str() {
        "" => return Ok(None),
        "info" => Ok(LevelFilter::INFO),
        "off" | "none" => Ok(LevelFilter::OFF),
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "debug" => Ok(LevelFilter::DEBUG),
        "trace" => Ok(LevelFilter::TRACE),
        other => Err(Fault::invalid(format!("OLLAMANET_LOG is “{}”, which is no level.", other.escape_default()))
            .hint("Use off, error, warn, info, debug or trace.")),
    };
    level.map(Some)
}

/// Starts the log in `directory`, and what gathers the last requests in `ring`. A log that cannot be written is no reason
/// not to work: then there is none.
#[must_use]
pub fn start(directory: Option<&Path>, level: LevelFilter, kept: Kept, ring: &Ring) -> Log {
    let file = directory
        .filter(|_| level != LevelFilter::OFF)
        .and_then(|directory| Some((directory, Rotating::open(directory, kept).ok()?)));
    let Some((directory, file)) = file else {
        let _ = tracing_subscriber::registry().with(ring.layer()).try_init();
        return Log::none();
    };
    let _ = PLACE.set(directory.join(FILE));
    let (writer, worker) = NonBlockingBuilder::default().buffered_lines_limit(WAITING_LINES).finish(OneLine(file));
    let _ = heard(writer, level, ring).try_init();
    Log { _worker: Some(worker) }
}

/// All that hears of events and spans: the log in `writer`, and what gathers the last requests.
pub fn heard<W>(writer: W, level: LevelFilter, ring: &Ring) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_target(true).with_writer(writer);
    // The other crates' finer levels print what they send and receive.
    let whom = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("ollamanet", level)
        // What each call did at the databases and at Ollama is for whoever looks closely.
        .with_target(trace::PARTS, if level >= LevelFilter::DEBUG { level } else { LevelFilter::OFF });
    tracing_subscriber::registry().with(ring.layer()).with(lines.with_filter(whom))
}

/// Notes where a panic happened, and never its message: that may hold whatever was being worked on.
/// The thread that people look at tells them too; a worker's panic must not write over the screen.
pub fn note_panics() {
    std::panic::set_hook(Box::new(|info| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed").to_owned();
        let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        let backtrace = std::backtrace::Backtrace::force_capture();
        tracing::error!(thread = name, place, %backtrace, "panicked");
        if name == "main" {
            let mut stderr = io::stderr().lock();
            let _ = writeln!(stderr, "ollamanet: It stopped because of a mistake of its own, at {place}.");
            if let Some(log) = PLACE.get() {
                let _ = writeln!(stderr, "Please report it; {} has the details and nothing you wrote.", log.display());
            }
        }
    }));
}

/// A file that gives way to a fresh one when it is full. Several processes write to the same one.
struct Rotating {
    directory: PathBuf,
    file: File,
    kept: Kept,
}

impl Rotating {
    fn open(directory: &Path, kept: Kept) -> io::Result<Self> {
        let newest = directory.join(FILE);
        let file = append(&newest)?;
        forget(&newest, kept.files);
        Ok(Self { directory: directory.to_owned(), file, kept })
    }

    /// Moves the files one place on, unless another process has just done it.
    fn make_room(&mut self, coming: usize) -> io::Result<()> {
        let own = self.file.metadata()?;
        if own.len() + (coming as u64) <= self.kept.bytes {
            return Ok(());
        }
        let newest = self.directory.join(FILE);
        let is_newest =
            fs::symlink_metadata(&newest).is_ok_and(|there| there.ino() == own.ino() && there.dev() == own.dev());
        if is_newest {
            for number in (1..self.kept.files).rev() {
                let from = if number == 1 { newest.clone() } else { numbered(&newest, number - 1) };
                match fs::rename(&from, numbered(&newest, number)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    Ok(()) | Err(_) => {}
                }
            }
        }
        self.file = append(&newest)?;
        Ok(())
    }
}

impl Write for Rotating {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.make_room(line.len())?;
        self.file.write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Removes what is older than so many files: once there were more, or larger settings.
fn forget(newest: &Path, files: u32) {
    for number in files.max(1)..MOST_FILES {
        // Another process may have done it; what cannot be removed now is tried again at the next start.
        let _ = fs::remove_file(numbered(newest, number));
    }
}

fn numbered(newest: &Path, number: u32) -> PathBuf {
    let mut name = newest.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn append(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file =
        OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // Whatever the umask was when it was made.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Turns each event, which arrives as one write, into exactly one line.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(one_line(event).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The event with everything escaped that could move a cursor, end a line or hide text.
fn one_line(event: &[u8]) -> String {
    let text = String::from_utf8_lossy(event);
    let mut line = String::with_capacity(text.len() + 1);
    for letter in text.trim_end_matches('\n').chars() {
        if is_plain(letter) {
            line.push(letter);
        } else {
            line.extend(letter.escape_default());
        }
    }
    line.push('\n');
    line
}

fn is_plain(letter: char) -> bool {
    !letter.is_control()
        && !matches!(
            letter,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Kept = Kept { files: 3, bytes: 100 };

    #[test]
    fn one_event_is_one_line_whatever_is_in_it() {
        assert_eq!(one_line("plain — ü 漢\n".as_bytes()), "plain — ü 漢\n");
        assert_eq!(
            one_line(b"a\r\nFAKE line\n\x1b[2Jb\x07\xc2\x9b31m\xe2\x80\xae\xff\n"),
            "a\\r\\nFAKE line\\n\\u{1b}[2Jb\\u{7}\\u{9b}31m\\u{202e}\u{fffd}\n"
        );
    }

    #[test]
    fn a_full_file_gives_way_and_only_as_many_are_kept_as_are_set() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Rotating::open(dir.path(), SMALL).unwrap();
        for number in 0..8 {
            log.write_all(format!("{number} {}\n", "x".repeat(60)).as_bytes()).unwrap();
        }
        let first = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap().chars().next().unwrap();
        assert_eq!([first("ollamanet.log"), first("ollamanet.log.1"), first("ollamanet.log.2")], ['7', '6', '5']);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
        let whole: u64 = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!(whole <= u64::from(SMALL.files) * SMALL.bytes, "{whole}");
        for file in fs::read_dir(dir.path()).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn fewer_files_than_there_were_are_fewer_from_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let write = |kept, lines: usize| {
            let mut log = Rotating::open(dir.path(), kept).unwrap();
            (0..lines).for_each(|_| log.write_all("x".repeat(60).as_bytes()).unwrap());
            fs::read_dir(dir.path()).unwrap().count()
        };
        assert_eq!(write(Kept { files: 5, ..SMALL }, 9), 5);
        assert_eq!(write(Kept { files: 2, ..SMALL }, 0), 2);
        assert_eq!(write(Kept { files: 2, ..SMALL }, 9), 2);
    }

    #[test]
    fn a_second_process_follows_a_file_that_moved_away() {
        let dir = tempfile::tempdir().unwrap();
        let mut one = Rotating::open(dir.path(), SMALL).unwrap();
        let mut two = Rotating::open(dir.path(), SMALL).unwrap();
        one.write_all(format!("{}\n", "x".repeat(80)).as_bytes()).unwrap();
        one.write_all(format!("one, fresh {}\n", "x".repeat(30)).as_bytes()).unwrap();
        two.write_all(format!("two, after {}\n", "x".repeat(30)).as_bytes()).unwrap();
        let newest = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert_eq!(newest.lines().count(), 2, "{newest}");
        assert!(!dir.path().join("ollamanet.log.2").exists());
    }

    #[test]
    fn a_link_in_place_of_the_log_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("precious");
        fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, dir.path().join(FILE)).unwrap();
        assert!(Rotating::open(dir.path(), SMALL).is_err());
        assert_eq!(fs::read_to_string(target).unwrap(), "precious");
    }

    #[test]
    fn levels_have_names() {
        assert_eq!((level(LogLevel::Warn), named(None).unwrap()), (LevelFilter::WARN, None));
        assert_eq!(named(Some(" Debug ")).unwrap(), Some(LevelFilter::DEBUG));
        assert!(named(Some("ollamanet=trace")).unwrap_err().hint.unwrap().contains("trace"));
    }
}
