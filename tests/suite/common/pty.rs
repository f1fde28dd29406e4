//! A program in a pseudo-terminal: types, waits for what the screen shows, keeps every byte that came.
//!
//! Nothing here sleeps: a thread feeds the emulator and wakes whoever waits.

use std::{
    io::{Read, Write},
    num::NonZeroU16,
    path::Path,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// Long enough for the slowest machine; a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_mins(1);

struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    /// The other side is gone.
    ended: bool,
}

pub struct Term {
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
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

    pub fn env(mut self, key: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    pub fn start(self, columns: u16, rows: u16) -> Term {
        let pair = native_pty_system().openpty(size(columns, rows)).expect("a pseudo-terminal");
        let child = pair.slave.spawn_command(self.command).expect("the program starts");
        drop(pair.slave);
        let parser = vt100::Parser::new(some(rows), some(columns), 0);
        let seen = Arc::new((Mutex::new(Seen { parser, raw: Vec::new(), ended: false }), Condvar::new()));
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            loop {
                let got = reader.read(&mut buffer).unwrap_or(0);
                let mut seen = shared.0.lock().unwrap();
                if got == 0 {
                    seen.ended = true;
                } else {
                    seen.parser.process(&buffer[..got]);
                    seen.raw.extend_from_slice(&buffer[..got]);
                }
                shared.1.notify_all();
                if got == 0 {
                    return;
                }
            }
        });
        let writer = pair.master.take_writer().expect("a writer");
        Term { master: Some(pair.master), writer: Some(writer), child, seen }
    }
}

fn some(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells.max(1)).unwrap()
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Term {
    /// Sends bytes as the keyboard would. A program that is gone takes none.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let writer = self.writer.as_mut().expect("the terminal is open");
        let _ = writer.write_all(bytes.as_ref()).and_then(|()| writer.flush());
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
        let _ = self.master.as_ref().expect("the terminal is open").resize(size(columns, rows));
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
        self.writer = None;
        self.master = None;
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
