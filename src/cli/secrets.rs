//! Where passphrases and codes come from: typed without echo, or read from a file descriptor. Never an argument,
//! which everybody on the machine can see, and never the environment, which children inherit.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal},
    os::fd::AsFd,
    sync::{Arc, Mutex, OnceLock},
};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::api::{Fault, FaultKind, auth::Secret};

/// Longer than any passphrase; a descriptor without line ends must not fill the memory.
const LONGEST: usize = 4096;

/// The terminal as it was before the first prompt turned its echo off.
static BEFORE: OnceLock<(File, Termios)> = OnceLock::new();

/// Reads secrets one after the other, all from the same place.
#[derive(Debug)]
pub enum Source {
    Terminal,
    Descriptor(Arc<Mutex<BufReader<File>>>),
}

impl Source {
    /// The descriptor, if one was named, else the terminal.
    ///
    /// # Errors
    /// When the descriptor is not open, or there is no terminal to ask at.
    pub fn new(descriptor: Option<u32>) -> Result<Self, Fault> {
        let Some(number) = descriptor else {
            return match File::open("/dev/tty") {
                Ok(tty) => {
                    if let Ok(modes) = tcgetattr(&tty) {
                        let _ = BEFORE.set((tty, modes));
                    }
                    Ok(Self::Terminal)
                }
                Err(_) => Err(Fault::invalid("A passphrase is needed, and there is no terminal to type it at.")
                    .hint("Pass it with --passphrase-fd N, for example: --passphrase-fd 3 3< FILE")),
            };
        };
        let opened = match number {
            // Not opened anew, so that what follows the line is still there for whoever reads standard input.
            0 => io::stdin().as_fd().try_clone_to_owned().map(File::from),
            number => File::open(format!("/dev/fd/{number}")),
        };
        match opened {
            Ok(file) => Ok(Self::Descriptor(Arc::new(Mutex::new(BufReader::with_capacity(1, file))))),
            Err(error) => Err(Fault::invalid(format!("File descriptor {number} cannot be read: {error}."))
                .hint("Open it for the command, for example: --passphrase-fd 3 3< FILE")),
        }
    }

    /// The next secret. Typed ones are asked for with `prompt`.
    ///
    /// # Errors
    /// When there is none, or it was broken off.
    pub async fn next(&self, prompt: &str) -> Result<Secret, Fault> {
        match self {
            Self::Descriptor(reader) => {
                let reader = Arc::clone(reader);
                // On a thread of its own: a descriptor that nobody writes to must not make us deaf to Ctrl+C.
                let read = tokio::task::spawn_blocking(move || {
                    line(&mut *reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
                });
                read.await.unwrap_or_else(|_| Err(Fault::invalid("The passphrase could not be read.")))
            }
            Self::Terminal => {
                let prompt = format!("{prompt}: ");
                let typed = tokio::task::spawn_blocking(move || rpassword::prompt_password(prompt)).await;
                match typed {
                    Ok(Ok(text)) => Ok(Secret::new(text)),
                    Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
                        Err(Fault::new(FaultKind::Cancelled, "Interrupted."))
                    }
                    Ok(Err(_)) | Err(_) => Err(Fault::invalid("No passphrase was typed.")),
                }
            }
        }
    }

    /// A new secret: typed ones twice, because nobody sees what they type.
    ///
    /// # Errors
    /// As `next`, and when the two differ.
    pub async fn next_new(&self, prompt: &str) -> Result<Secret, Fault> {
        let first = self.next(prompt).await?;
        if let Self::Terminal = self {
            let again = self.next("Once more").await?;
            if first != again {
                return Err(Fault::invalid("The two are not the same.").hint("Nothing was changed; try again."));
            }
        }
        Ok(first)
    }

    /// Whether a person is there to answer questions.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal) && io::stderr().is_terminal()
    }
}

/// One line without its end.
fn line(reader: &mut impl BufRead) -> Result<Secret, Fault> {
    use io::Read as _;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    reader
        .by_ref()
        .take(LONGEST as u64 + 1)
        .read_until(b'\n', &mut bytes)
        .map_err(|error| Fault::invalid(format!("The passphrase could not be read: {error}.")))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    if bytes.is_empty() {
        return Err(Fault::invalid("There is no passphrase in the file descriptor.")
            .hint("It holds one line for each passphrase or code."));
    }
    if bytes.len() > LONGEST {
        return Err(Fault::invalid(format!("The passphrase in the file descriptor is longer than {LONGEST} bytes.")));
    }
    std::str::from_utf8(&bytes)
        .map(Secret::new)
        .map_err(|_| Fault::invalid("The passphrase in the file descriptor is not UTF-8 text."))
}

/// Gives the terminal its echo back when a prompt is left in the middle.
pub fn restore_echo() {
    if let Some((tty, modes)) = BEFORE.get() {
        let _ = tcsetattr(tty, OptionalActions::Now, modes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_byte_for_byte_without_its_end() {
        let mut reader = " old pass \r\nnew pass\n\n".as_bytes();
        assert_eq!(line(&mut reader).unwrap().reveal(), " old pass ");
        assert_eq!(line(&mut reader).unwrap().reveal(), "new pass");
        assert_eq!(line(&mut reader).unwrap_err().kind, FaultKind::Invalid);
        assert_eq!(line(&mut reader).unwrap_err().kind, FaultKind::Invalid);
        assert_eq!(line(&mut "last".as_bytes()).unwrap().reveal(), "last");
    }

    #[test]
    fn what_cannot_be_a_passphrase_is_refused() {
        assert!(line(&mut "x".repeat(5000).as_bytes()).unwrap_err().message.contains("4096"));
        assert!(line(&mut &b"\xff\xfe\n"[..]).unwrap_err().message.contains("UTF-8"));
        assert!(Source::new(Some(987)).unwrap_err().message.contains("987"));
    }
}
