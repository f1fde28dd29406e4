//! The real terminal: its modes, its bytes in both directions, and giving it away for a while.
//!
//! The only place that changes modes. Invariant: whatever was switched on is switched off again, however the interface
//! ends, and nothing here panics or waits for ever on a terminal that has gone away.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    panic,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ratatui::{
    Terminal,
    backend::{Backend, ClearType, CrosstermBackend, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags},
};
use tokio::io::{Interest, unix::AsyncFd};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{Fault, FaultKind},
    ui::picture::is_picture,
};

/// What the terminal is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    pub mouse: bool,
}

impl Modes {
    /// By `TERM`, which is all a terminal tells without being asked; asking would wait for one that is mute.
    ///
    /// # Errors
    /// When it says that the cursor cannot be moved. An interface drawn line by line was considered and left out: the
    /// commands are exactly that.
    pub fn from_environment(mouse: bool) -> Result<Self, Fault> {
        Self::for_terminal(&std::env::var("TERM").unwrap_or_default(), mouse)
    }

    fn for_terminal(term: &str, mouse: bool) -> Result<Self, Fault> {
        let what = match term {
            "" => "TERM is not set",
            "dumb" => "TERM=dumb",
            _ => return Ok(Self { mouse }),
        };
        Err(Fault::new(
            FaultKind::Invalid,
            format!("This terminal cannot show the interface: {what} says that its cursor cannot be moved."),
        )
        .hint(
            "Use `ollamanet ask \"…\"` and the other commands (`ollamanet help`), or set TERM to what the terminal is.",
        ))
    }

    fn enter(self) -> String {
        // Pastes in brackets, focus, keys told apart (terminals that do not know that one ignore it), a bar cursor.
        let mut bytes = "\x1b[?1049h\x1b[2J\x1b[H\x1b[?25l\x1b[?2004h\x1b[?1004h\x1b[>1u\x1b[6 q".to_owned();
        if self.mouse {
            // Presses, the wheel, and movements with a button held; others would wake us for nothing.
            bytes.push_str("\x1b[?1000h\x1b[?1002h\x1b[?1006h");
        }
        bytes
    }

    fn leave() -> &'static str {
        // Emptied first: some terminals let the other screen be seen again later.
        "\x1b[0m\x1b[?2026l\x1b[?1006l\x1b[?1002l\x1b[?1000l\x1b[<1u\x1b[?1004l\x1b[?2004l\x1b[0 q\x1b[H\x1b[2J\x1b[?1049l\x1b[?25h"
    }
}

/// Puts the terminal in app mode; puts it back when dropped. Make it last, drop it first.
#[derive(Debug)]
pub struct TerminalGuard {
    modes: Modes,
    entered: bool,
}

impl TerminalGuard {
    /// Switches everything on.
    ///
    /// # Errors
    /// When there is no terminal, or it will not be put in raw mode.
    pub fn enter(modes: Modes) -> Result<Self, Fault> {
        install_panic_hook(thread::current().id());
        let mut guard = Self { modes, entered: false };
        guard.again()?;
        Ok(guard)
    }

    /// Switches everything on after `step_out`.
    ///
    /// # Errors
    /// When the terminal will not be put in raw mode.
    pub fn again(&mut self) -> Result<(), Fault> {
        crossterm::terminal::enable_raw_mode().map_err(|error| no_terminal(&error))?;
        self.entered = true;
        write_out(self.modes.enter().as_bytes());
        Ok(())
    }

    /// Switches everything off, for somebody else.
    pub fn step_out(&mut self) {
        if std::mem::take(&mut self.entered) {
            leave();
        }
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        // In a panic the hook has already done it.
        if !thread::panicking() {
            self.step_out();
        }
    }
}

/// Tries every step even if an earlier one fails. Raw mode first: it hurts the shell most.
fn leave() {
    let _ = crossterm::terminal::disable_raw_mode();
    write_out(Modes::leave().as_bytes());
}

/// Only a panic of the interface's own thread ends the program. A panic in a worker is logged and becomes a notice;
/// restoring the screen for it would tear the interface down while it is still drawing.
fn install_panic_hook(ui: thread::ThreadId) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == ui {
            leave();
        }
        before(info);
    }));
}

/// To standard output, past every macro that panics when nobody is there to read. Bounded in time.
fn write_out(bytes: &[u8]) {
    write_within(&rustix::stdio::stdout(), bytes, Duration::from_millis(500), || false);
}

/// Writes what it can; false when the terminal is gone or `give_up` said so after `patience`.
fn write_within(fd: &impl AsFd, mut bytes: &[u8], patience: Duration, give_up: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                if start.elapsed() > patience && (give_up() || patience < Duration::from_secs(1)) {
                    return false;
                }
                let mut fds = [PollFd::new(fd, PollFlags::OUT)];
                let wait = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
                let _ = poll(&mut fds, Some(&wait));
                if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                    return false;
                }
            }
            Err(_) => return false,
        }
    }
    true
}

fn no_terminal(error: &io::Error) -> Fault {
    Fault::new(FaultKind::Invalid, format!("The interface needs a terminal, and there is none ({error})."))
        .hint("Run it in a terminal, or use `ollamanet ask` in scripts.")
}

/// The terminal's file: our own opening of it, so that not waiting on it does not change how others share it.
#[derive(Debug)]
pub struct Tty {
    file: AsyncFd<File>,
    gone: AtomicBool,
    quit: CancellationToken,
}

impl Tty {
    /// Opens the controlling terminal. `quit` ends a write that is stuck.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(quit: CancellationToken) -> Result<Arc<Self>, Fault> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = rustix::fs::open("/dev/tty", flags, Mode::empty())
            .or_else(|_| rustix::fs::open("/proc/self/fd/0", flags, Mode::empty()))
            .map_err(|error| no_terminal(&error.into()))?;
        #[expect(deprecated, reason = "its successor is unsafe; an owned file keeps what it asks for")]
        let file = AsyncFd::with_interest(File::from(fd), Interest::READABLE).map_err(|error| no_terminal(&error))?;
        Ok(Arc::new(Self { file, gone: AtomicBool::new(false), quit }))
    }

    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Waits until there is something to read and reads all of it in pieces; false when the terminal is gone.
    /// Giving up waiting loses nothing.
    pub async fn read(&self, mut each: impl FnMut(&[u8])) -> bool {
        let mut buffer = [0_u8; 16 * 1024];
        loop {
            let Ok(mut ready) = self.file.readable().await else { break };
            let mut any = false;
            loop {
                match (&mut self.file.get_ref()).read(&mut buffer) {
                    // A terminal that has hung up reads as empty, at once and for ever.
                    Ok(0) => {
                        self.gone.store(true, Ordering::Relaxed);
                        return false;
                    }
                    Ok(length) => {
                        any = true;
                        each(&buffer[..length]);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => {
                        self.gone.store(true, Ordering::Relaxed);
                        return false;
                    }
                }
            }
            ready.clear_ready();
            if any {
                return true;
            }
        }
        self.gone.store(true, Ordering::Relaxed);
        false
    }

    /// Resolves when the terminal goes away, without reading from it: an editor may be doing that.
    pub async fn hung_up(&self) {
        while !self.is_gone() {
            let Ok(mut ready) = self.file.readable().await else { return };
            let mut fds = [PollFd::new(self.file.get_ref(), PollFlags::IN)];
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            let _ = poll(&mut fds, Some(&now));
            if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
                self.gone.store(true, Ordering::Relaxed);
                return;
            }
            ready.clear_ready();
        }
    }

    pub fn write(&self, bytes: &[u8]) {
        if self.is_gone() || bytes.is_empty() {
            return;
        }
        let sent = write_within(self.file.get_ref(), bytes, Duration::from_secs(1), || self.quit.is_cancelled());
        if !sent {
            self.gone.store(true, Ordering::Relaxed);
        }
    }

    /// Columns and rows; 80×24 where the terminal does not know.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        match rustix::termios::tcgetwinsize(self.file.get_ref()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
            Ok(_) | Err(_) => (80, 24),
        }
    }
}

/// Gathers a whole frame and sends it in one piece, or nothing where the terminal shows it already. Never fails: a terminal
/// that is gone swallows it.
#[derive(Debug)]
pub struct Canvas {
    inner: CrosstermBackend<Gathered>,
    bytes: Gathered,
    tty: Arc<Tty>,
    /// Where the frame wants the cursor.
    cursor: Cursor,
    /// Where the last frame that was sent left it.
    left: Option<Cursor>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cursor {
    Hidden,
    At(Position),
}

impl Canvas {
    #[must_use]
    pub fn new(tty: Arc<Tty>) -> Self {
        let bytes = Gathered(Rc::new(RefCell::new(Vec::with_capacity(32 * 1024))));
        Self { inner: CrosstermBackend::new(bytes.clone()), bytes, tty, cursor: Cursor::Hidden, left: None }
    }

    /// Sends what was drawn, such that the terminal shows it at once and not in stripes.
    pub fn send(&mut self) {
        if let Some(whole) = self.finish() {
            self.tty.write(&whole);
        }
    }

    /// The frame as it goes out; `None` where no cell has changed and the cursor stands where it stood.
    fn finish(&mut self) -> Option<Vec<u8>> {
        if self.bytes.0.borrow().is_empty() && self.left == Some(self.cursor) {
            return None;
        }
        // Writing cells has moved it, so it is said anew with each frame.
        let _ = match self.cursor {
            Cursor::Hidden => self.inner.hide_cursor(),
            Cursor::At(position) => self.inner.show_cursor().and_then(|()| self.inner.set_cursor_position(position)),
        };
        self.left = Some(self.cursor);
        let mut bytes = self.bytes.0.borrow_mut();
        let mut whole = Vec::with_capacity(bytes.len() + 16);
        whole.extend_from_slice(b"\x1b[?2026h");
        whole.extend_from_slice(&bytes);
        whole.extend_from_slice(b"\x1b[?2026l");
        bytes.clear();
        Some(whole)
    }
}

/// Where the backend writes; its frequent flushes mean nothing here.
#[derive(Clone, Debug)]
struct Gathered(Rc<RefCell<Vec<u8>>>);

impl Write for Gathered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A full-screen terminal over the canvas.
///
/// # Errors
/// Never in practice: the canvas does not fail.
pub fn screen(canvas: Canvas) -> Result<Terminal<Canvas>, Fault> {
    Terminal::new(canvas).map_err(|error| no_terminal(&error))
}

impl Backend for Canvas {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        // Even of no cell at all the backend would have colours reset.
        if content.peek().is_none() {
            return Ok(());
        }
        // ratatui's own text functions filter these; a symbol set by hand would pass, and command the terminal.
        self.inner.draw(content.inspect(|(x, y, cell)| {
            debug_assert!(
                !cell.symbol().chars().any(char::is_control) || is_picture(cell.symbol()),
                "a control character in the cell at {x},{y}: {:?}",
                cell.symbol()
            );
        }))
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.cursor = Cursor::Hidden;
        Ok(())
    }

    /// Where it is to be seen comes with its position.
    fn show_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Never asked: the answer would come through the input.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = Cursor::At(position.into());
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.tty.size().into())
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.tty.size().into(), pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_switched_on_is_switched_off() {
        for modes in [Modes { mouse: true }, Modes { mouse: false }] {
            let (on, off) = (modes.enter(), Modes::leave());
            for part in on.split('\x1b').filter(|part| part.starts_with("[?") && part.ends_with('h')) {
                assert!(off.contains(&format!("\x1b{}l", part.trim_end_matches('h'))), "{part} of {modes:?}");
            }
            assert_eq!(on.contains("\x1b[>1u"), off.contains("\x1b[<1u"));
            assert_eq!(on.contains("\x1b[6 q"), off.contains("\x1b[0 q"));
            assert!(off.ends_with("\x1b[?25h"), "the cursor comes back");
        }
    }

    #[test]
    fn a_terminal_that_cannot_move_its_cursor_is_not_drawn_on() {
        for term in ["", "dumb"] {
            let fault = Modes::for_terminal(term, true).unwrap_err();
            assert_eq!(fault.exit_code(), 2);
            assert!(fault.to_string().contains("TERM"), "{fault}");
        }
        assert_eq!(Modes::for_terminal("xterm", true), Ok(Modes { mouse: true }));
    }

    #[tokio::test]
    async fn a_frame_in_which_nothing_changed_sends_nothing() {
        let (_read, write) = io::pipe().unwrap();
        #[expect(deprecated, reason = "as where it is opened")]
        let file = AsyncFd::with_interest(File::from(std::os::fd::OwnedFd::from(write)), Interest::WRITABLE).unwrap();
        let tty = Tty { file, gone: AtomicBool::new(false), quit: CancellationToken::new() };
        let mut screen = screen(Canvas::new(Arc::new(tty))).unwrap();
        let mut frame = |text: &str, cursor: Option<(u16, u16)>, anew: bool| {
            if anew {
                screen.clear().unwrap();
            }
            let drawn = screen.draw(|frame| {
                frame.render_widget(text, frame.area());
                if let Some(position) = cursor {
                    frame.set_cursor_position(position);
                }
            });
            drawn.unwrap();
            screen.backend_mut().finish().map(|bytes| String::from_utf8(bytes).unwrap())
        };
        let first = frame("words", Some((3, 0)), false).unwrap();
        assert!(first.contains("words") && first.ends_with("\x1b[?25h\x1b[1;4H\x1b[?2026l"), "{first:?}");
        assert_eq!(frame("words", Some((3, 0)), false), None);
        let moved = "\x1b[?2026h\x1b[?25h\x1b[1;5H\x1b[?2026l".to_owned();
        assert_eq!(frame("words", Some((4, 0)), false), Some(moved), "only the cursor");
        let other = frame("wards", Some((4, 0)), false).unwrap();
        assert!(other.ends_with("\x1b[?25h\x1b[1;5H\x1b[?2026l"), "writing has moved the cursor: {other:?}");
        assert_eq!(frame("wards", None, false), Some("\x1b[?2026h\x1b[?25l\x1b[?2026l".to_owned()));
        assert_eq!(frame("wards", None, false), None);
        let anew = frame("wards", None, true).unwrap();
        assert!(anew.contains("wards") && anew.ends_with("\x1b[?25l\x1b[?2026l"), "after a clear, all of it: {anew:?}");
    }

    #[test]
    fn writing_to_a_pipe_that_nobody_reads_ends() {
        let (read, write) = io::pipe().unwrap();
        rustix::fs::fcntl_setfl(&write, OFlags::NONBLOCK).unwrap();
        let megabyte = vec![b'x'; 1 << 20];
        assert!(!write_within(&write, &megabyte, Duration::from_millis(1), || false));
        drop(read);
        assert!(!write_within(&write, b"x", Duration::from_millis(1), || false));
    }
}
