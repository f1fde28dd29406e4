//! A program in a pseudo-terminal: types, waits for what the screen shows, keeps every byte that came.
//!
//! Nothing here sleeps: a thread feeds the emulator and wakes whoever waits.

use std::{
    ffi::OsStr,
    io::PipeWriter,
    num::NonZeroU16,
    os::fd::{BorrowedFd, OwnedFd},
    path::Path,
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    termios::{Winsize, tcsetwinsize},
};

use super::sequences::Standing;

/// Long enough for the slowest machine; a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_mins(1);

struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    /// The other side is gone.
    ended: bool,
}

/// The descriptors are our own, so that closing them is all that happens when a terminal is taken away: no end of
/// input is typed before, and nobody holds a second one.
pub struct Term {
    master: Option<Arc<OwnedFd>>,
    /// Closing it calls the reader off.
    reading: Option<(PipeWriter, JoinHandle<()>)>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

/// What runs, with an environment that holds nothing of the machine's own.
pub struct Program {
    command: CommandBuilder,
}

impl Program {
    pub fn new(home: &Path, args: &[&str]) -> Self {
        Self::bare(home, env!("CARGO_BIN_EXE_ollamanet"), args)
    }

    /// Any other program, in the same surroundings.
    pub fn bare(home: &Path, program: &str, args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        command.cwd(home);
        for (key, value) in super::environment(home) {
            command.env(key, value);
        }
        command.env("TERM", "xterm-256color");
        Self { command }
    }

    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// In a terminal that is not its controlling one: nobody tells it when that goes away.
    pub fn without_control(mut self) -> Self {
        self.command.set_controlling_tty(false);
        self
    }

    pub fn start(self, columns: u16, rows: u16) -> Term {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let child = pair.slave.spawn_command(self.command).expect("the program starts");
        drop(pair.slave);
        let master = own(pair.master.as_ref());
        drop(pair.master);
        let unblocked = rustix::fs::fcntl_getfl(&master).unwrap() | rustix::fs::OFlags::NONBLOCK;
        rustix::fs::fcntl_setfl(&master, unblocked).unwrap();
        let parser = vt100::Parser::new(some(rows), some(columns), 0);
        let seen = Arc::new((Mutex::new(Seen { parser, raw: Vec::new(), ended: false }), Condvar::new()));
        let master = Arc::new(master);
        let (off, call_off) = std::io::pipe().expect("a pipe");
        let (read_from, shared) = (Arc::clone(&master), Arc::clone(&seen));
        let reader = std::thread::spawn(move || read_all(&read_from, &off, &shared));
        Term { master: Some(master), reading: Some((call_off, reader)), child, seen }
    }
}

/// A descriptor of our own: the crate's reader cannot be called off, and its writer types an end of input when dropped.
#[expect(unsafe_code, reason = "the crate gives the number of its descriptor and no other way to it")]
fn own(master: &dyn MasterPty) -> OwnedFd {
    let number = master.as_raw_fd().expect("a terminal has a descriptor");
    // SAFETY: `master` is borrowed, so its descriptor stays open while it is copied.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    borrowed.try_clone_to_owned().expect("a descriptor")
}

/// Reads until the program has gone or the reading is called off.
fn read_all(master: &OwnedFd, off: &std::io::PipeReader, shared: &(Mutex<Seen>, Condvar)) {
    let mut buffer = vec![0; 65536];
    let mut emulated = Vec::new();
    loop {
        let mut fds = [PollFd::new(master, PollFlags::IN), PollFd::new(off, PollFlags::IN)];
        let _ = poll(&mut fds, None);
        if !fds[1].revents().is_empty() {
            return;
        }
        let got = match rustix::io::read(master, &mut buffer) {
            Ok(got) => got,
            Err(Errno::AGAIN | Errno::INTR) => continue,
            // The last of the other side has closed it.
            Err(_) => 0,
        };
        let mut seen = shared.0.lock().unwrap();
        if got == 0 {
            seen.ended = true;
        } else {
            emulated.extend_from_slice(&buffer[..got]);
            let whole = without_replacements(&mut emulated);
            seen.parser.process(&emulated[..whole]);
            emulated.drain(..whole);
            seen.raw.extend_from_slice(&buffer[..got]);
        }
        shared.1.notify_all();
        if got == 0 {
            return;
        }
    }
}

/// The emulator leaves U+FFFD out, where every terminal shows it in one cell; it gets another mark of the same size. Gives
/// how much can be shown: the end may be half of one.
fn without_replacements(bytes: &mut [u8]) -> usize {
    let (replacement, mark) = ("\u{fffd}".as_bytes(), "\u{2e2e}".as_bytes());
    let mut at = 0;
    while let Some(rest) = bytes.get_mut(at..at + replacement.len()) {
        if rest == replacement {
            rest.copy_from_slice(mark);
        }
        at += 1;
    }
    let halves = (1..replacement.len()).rev().find(|length| bytes.ends_with(&replacement[..*length]));
    bytes.len() - halves.unwrap_or(0)
}

fn some(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells.max(1)).unwrap()
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Term {
    /// Sends bytes as the keyboard would. A program that is gone takes none; one that does not read fails the test.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let master = self.master.as_ref().expect("the terminal is open");
        let mut bytes = bytes.as_ref();
        let mut last = Instant::now();
        while !bytes.is_empty() {
            match rustix::io::write(master, bytes) {
                Ok(written) => {
                    bytes = &bytes[written..];
                    last = Instant::now();
                }
                Err(Errno::AGAIN | Errno::INTR) => {
                    assert!(last.elapsed() < PATIENCE, "the program does not read what is typed");
                    let mut fds = [PollFd::new(master, PollFlags::OUT)];
                    let wait = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
                    let _ = poll(&mut fds, Some(&wait));
                }
                Err(_) => break,
            }
        }
        self
    }

    pub fn key(&mut self, name: &str) -> &mut Self {
        let bytes: Vec<u8> = match name {
            "enter" => b"\r".to_vec(),
            "esc" => b"\x1b".to_vec(),
            "tab" => b"\t".to_vec(),
            "up" => b"\x1b[A".to_vec(),
            "down" => b"\x1b[B".to_vec(),
            "pageup" => b"\x1b[5~".to_vec(),
            "f1" => b"\x1bOP".to_vec(),
            "f4" => b"\x1bOS".to_vec(),
            "f8" => b"\x1b[19~".to_vec(),
            _ => match name.strip_prefix("ctrl+") {
                Some(letter) => vec![letter.as_bytes()[0].to_ascii_uppercase() & 0x1f],
                None => panic!("no such key: {name}"),
            },
        };
        self.send(bytes)
    }

    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.send(format!("\x1b[200~{text}\x1b[201~"))
    }

    /// Every byte the program has written so far.
    pub fn raw(&self) -> Vec<u8> {
        self.seen.0.lock().unwrap().raw.clone()
    }

    pub fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.seen.0.lock().unwrap().parser.screen())
    }

    /// Waits until the screen satisfies `wanted`; on failure shows the screen.
    #[track_caller]
    pub fn until_screen(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.within(PATIENCE, wanted).unwrap_or_else(|screen| panic!("waited for {what}; the screen shows:\n{screen}"))
    }

    /// The screen as soon as it satisfies `wanted`; as an error the one that still does not when `limit` is over.
    pub fn within(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> Result<String, String> {
        let (lock, changed) = &*self.seen;
        let deadline = Instant::now() + limit;
        let mut seen = lock.lock().unwrap();
        loop {
            let screen = seen.parser.screen().contents();
            if wanted(&screen) {
                return Ok(screen);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.ended {
                return Err(screen);
            }
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    #[track_caller]
    pub fn until(&self, text: &str) -> String {
        self.until_screen(&format!("“{text}”"), |screen| screen.contains(text))
    }

    #[track_caller]
    pub fn until_gone(&self, text: &str) -> String {
        self.until_screen(&format!("“{text}” to go"), |screen| !screen.contains(text))
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.seen.0.lock().unwrap().parser.screen_mut().set_size(some(rows), some(columns));
        let _ = tcsetwinsize(self.master.as_ref().expect("the terminal is open"), size(columns, rows));
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.process_id().expect("it runs")).unwrap()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid()).unwrap();
        let _ = rustix::process::kill_process(pid, signal);
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.signal(rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }

    /// Takes the terminal away, as closing a window does.
    pub fn close_terminal(&mut self) {
        if let Some((call_off, reader)) = self.reading.take() {
            drop(call_off);
            reader.join().unwrap();
        }
        let master = self.master.take().expect("the terminal is open");
        assert_eq!(Arc::strong_count(&master), 1, "nobody else holds the terminal");
    }

    /// The screen as a redraw of the same state shows it is the screen as it was: nothing but our own drawing has
    /// changed it since. To be asked when nothing is on its way.
    #[track_caller]
    pub fn assert_redraw_changes_nothing(&self, scene: &str) {
        self.until_quiet();
        let before = self.with_screen(Standing::of);
        self.redraw();
        let found = self.with_screen(Standing::of).differences(&before);
        assert!(
            found.is_empty(),
            "{scene}: the state draws one thing and the screen showed another:\n{}",
            found.concat()
        );
    }

    /// Waits until nothing has been drawn for a while.
    #[track_caller]
    pub fn until_quiet(&self) {
        let (lock, changed) = &*self.seen;
        let deadline = Instant::now() + PATIENCE;
        let mut seen = lock.lock().unwrap();
        loop {
            let length = seen.raw.len();
            seen = changed
                .wait_timeout_while(seen, Duration::from_millis(300), |seen| seen.raw.len() == length)
                .unwrap()
                .0;
            if seen.raw.len() == length {
                return;
            }
            assert!(Instant::now() < deadline, "the screen does not come to rest");
        }
    }

    /// Has everything drawn anew, as after a stop that nobody asked about.
    #[track_caller]
    fn redraw(&self) {
        let from = self.seen.0.lock().unwrap().raw.len();
        self.signal(rustix::process::Signal::CONT);
        let has = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).rposition(|window| window == part);
        let (lock, changed) = &*self.seen;
        let drawn = |seen: &mut Seen| {
            let fresh = &seen.raw[from..];
            // Erased as a whole, and then a frame that is complete.
            !matches!((has(fresh, b"\x1b[2J"), has(fresh, b"\x1b[?2026l")), (Some(erased), Some(end)) if end > erased)
        };
        let (_seen, waited) = changed.wait_timeout_while(lock.lock().unwrap(), PATIENCE, drawn).unwrap();
        assert!(!waited.timed_out(), "the screen is not drawn anew");
    }

    /// What the program left on the screen.
    pub fn screen_at_the_end(&self) -> String {
        let (lock, changed) = &*self.seen;
        let seen = changed.wait_timeout_while(lock.lock().unwrap(), PATIENCE, |seen| !seen.ended).unwrap().0;
        assert!(seen.ended, "the program still has the terminal");
        seen.parser.screen().contents()
    }

    /// State and processor time, in the kernel's ticks, of the program: there until it has been waited for.
    pub fn process(&self) -> (char, u64) {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The name stands in brackets and may hold anything; what follows does not.
        let rest = &stat[stat.rfind(')').unwrap() + 2..];
        let fields: Vec<&str> = rest.split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
        (fields[0].chars().next().unwrap(), ticks(11) + ticks(12))
    }

    /// How it ended; fails when it does not end within `limit`.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        let (lock, changed) = &*self.seen;
        let mut seen = lock.lock().unwrap();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "it still runs; the screen shows:\n{}", seen.parser.screen().contents());
            seen = changed.wait_timeout(seen, Duration::from_millis(20)).unwrap().0;
        }
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
