//! The clipboard: by the terminal (OSC 52, which works over SSH), and by the desktop where there is one.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};

use super::terminal::Tty;

#[derive(Debug)]
pub struct Clipboard {
    /// `None` in tests, and where the terminal understands nothing.
    tty: Option<Arc<Tty>>,
}

impl Clipboard {
    #[must_use]
    pub fn new(tty: Option<Arc<Tty>>) -> Self {
        Self { tty }
    }

    /// Hands over text that is already safe.
    pub fn copy(&mut self, text: String) {
        if let Some(tty) = &self.tty {
            tty.write(osc52(&text).as_bytes());
        }
        #[cfg(feature = "clipboard")]
        desktop::copy(text);
    }
}

fn osc52(text: &str) -> String {
    format!("\x1b]52;c;{}\x1b\\", BASE64_STANDARD.encode(text))
}

#[cfg(feature = "clipboard")]
mod desktop {
    use std::sync::{LazyLock, mpsc};

    /// On X11 and Wayland the one who copied serves the text as long as it is wanted, so the thread stays. It begins
    /// with the first copy, and not at all without a display or at the far end of an SSH session.
    static SERVING: LazyLock<Option<mpsc::Sender<String>>> = LazyLock::new(|| {
        let has = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_unix_desktop = cfg!(all(unix, not(target_os = "macos")));
        if has("SSH_CONNECTION") || (is_unix_desktop && !has("DISPLAY") && !has("WAYLAND_DISPLAY")) {
            return None;
        }
        let (send, texts) = mpsc::channel::<String>();
        let serve = move || {
            let Ok(mut clipboard) = arboard::Clipboard::new() else { return };
            while let Ok(text) = texts.recv() {
                // The terminal has been asked as well; there is nothing to add when the desktop will not.
                let _ = clipboard.set_text(text);
            }
        };
        std::thread::Builder::new().name("clipboard".into()).spawn(serve).ok().map(|_| send)
    });

    pub fn copy(text: String) {
        if let Some(serving) = &*SERVING {
            let _ = serving.send(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_is_given_base64_and_nothing_that_could_end_the_sequence() {
        assert_eq!(osc52("hé\x07\x1b"), "\x1b]52;c;aMOpBxs=\x1b\\");
    }
}
