//! The configuration while the program runs: a change of the file reaches whoever watches, a mistake in it does not.
//!
//! The kernel tells of changes (inotify), so an idle program is never woken to look. Only settings marked `live` in
//! the table may differ from what the program started with: the rest waits for the next start, so that no part runs
//! on half a change.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::inotify;
use tokio::{io::unix::AsyncFd, sync::watch};

use super::{
    Config,
    load::{KeyPlaces, Loaded, Sources, load},
    table::SETTINGS,
};
use crate::{api::Fault, tasks::Tasks};

/// What the file says now, or why it cannot be used; the configuration in force stays then.
#[derive(Clone, Debug, Default)]
pub struct Current {
    pub config: Arc<Config>,
    pub key_places: Arc<KeyPlaces>,
    pub problem: Option<Fault>,
    /// Settings that the file has another value for than the one in force, which take effect at the next start.
    pub waiting: Vec<String>,
}

impl Current {
    fn new(config: Config, key_places: KeyPlaces) -> Self {
        Self { config: Arc::new(config), key_places: Arc::new(key_places), problem: None, waiting: Vec::new() }
    }
}

/// A handle on the configuration in force. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Live(watch::Receiver<Current>);

impl Live {
    /// A configuration that never changes, for tests and for commands that end at once.
    #[must_use]
    pub fn fixed(config: Config) -> Self {
        Self(watch::channel(Current::new(config, KeyPlaces::default())).1)
    }

    /// Follows the file that `sources` names for as long as the program runs.
    #[must_use]
    pub fn follow(loaded: Loaded, sources: Sources, tasks: &Tasks) -> Self {
        let (tell, live) = watch::channel(Current::new(loaded.config, loaded.key_places));
        if let Some(file) = sources.file.clone() {
            let token = tasks.token();
            tasks.spawn("configuration file", async move {
                if let Some(Err(error)) = token.run_until_cancelled(watch_file(&file, &sources, &tell)).await {
                    tracing::info!(%error, "changes of the configuration file are not followed");
                }
            });
        }
        Self(live)
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.0.borrow().config)
    }

    /// The configuration in force, with where its keys come from.
    #[must_use]
    pub fn current(&self) -> Current {
        self.0.borrow().clone()
    }

    /// Waits for the next change. Never returns when there can be none.
    pub async fn changed(&mut self) -> Current {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.0.borrow_and_update().clone()
    }
}

async fn watch_file(file: &Path, sources: &Sources, tell: &watch::Sender<Current>) -> io::Result<()> {
    let descriptor = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?;
    #[expect(deprecated, reason = "its successor is unsafe; an owned descriptor keeps what it asks for")]
    let kernel = AsyncFd::new(descriptor)?;
    loop {
        // The file is watched through its directory, because editors replace files rather than write into them.
        // Where there is no directory yet, its parent tells when there is one.
        watch_nearest(kernel.get_ref(), file)?;
        // Read after the watch is set: what is written in between would be missed the other way round.
        reload(sources, tell);
        let mut ready = kernel.readable().await?;
        drain(kernel.get_ref())?;
        ready.clear_ready();
    }
}

fn watch_nearest(kernel: &OwnedFd, file: &Path) -> io::Result<()> {
    use inotify::WatchFlags as Flags;
    let flags =
        Flags::CLOSE_WRITE | Flags::MOVED_TO | Flags::MOVED_FROM | Flags::DELETE | Flags::CREATE | Flags::ONLYDIR;
    let directories: Vec<PathBuf> = file.ancestors().skip(1).take(2).map(Path::to_path_buf).collect();
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for directory in directories {
        match inotify::add_watch(kernel, &directory, flags) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

fn drain(kernel: &OwnedFd) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(kernel, &mut buffer);
    loop {
        match events.next() {
            Ok(_) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells of a change that matters; a directory where other files come and go is no news.
fn reload(sources: &Sources, tell: &watch::Sender<Current>) {
    let read = load(sources);
    tell.send_if_modified(|current| {
        let next = match read {
            Ok(loaded) => {
                let (config, waiting) = with_live(&current.config, &loaded.config);
                Current { waiting, ..Current::new(config, loaded.key_places) }
            }
            Err(fault) => Current { problem: Some(fault), ..current.clone() },
        };
        // Where a key stands changes with every line above it, and concerns nobody until something else does.
        let news = next.config != current.config || next.problem != current.problem || next.waiting != current.waiting;
        *current = next;
        news
    });
}

/// `old` with the live settings of `new`, and which of the others differ.
fn with_live(old: &Config, new: &Config) -> (Config, Vec<String>) {
    let (Ok(mut table), Ok(mut from)) = (toml::Table::try_from(old), toml::Table::try_from(new)) else {
        return (old.clone(), Vec::new());
    };
    let mut waiting = Vec::new();
    for setting in SETTINGS {
        let value = from.get(setting.section).and_then(|section| section.get(setting.key)).cloned();
        let section = table.get_mut(setting.section).and_then(toml::Value::as_table_mut);
        if let (Some(value), Some(section)) = (value, section) {
            if setting.live {
                section.insert(setting.key.to_owned(), value);
            } else if section.get(setting.key) != Some(&value) {
                waiting.push(setting.name());
            }
        }
    }
    if let Some(keys) = from.remove("keys") {
        table.insert("keys".to_owned(), keys);
    }
    (table.try_into().unwrap_or_else(|_| old.clone()), waiting)
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;
    use crate::config::ThemeName;

    async fn next(live: &mut Live) -> Current {
        tokio::time::timeout(Duration::from_secs(20), live.changed()).await.expect("the change is told")
    }

    #[tokio::test]
    async fn a_change_of_the_file_reaches_whoever_watches() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ollamanet").join("config.toml");
        let sources = Sources { file: Some(path.clone()), ..Sources::default() };
        let tasks = Tasks::new();
        let mut live = Live::follow(Loaded::default(), sources, &tasks);
        // The watch is set when the task first runs.
        tokio::task::yield_now().await;

        fs::create_dir(path.parent().unwrap()).unwrap();
        tokio::task::yield_now().await;
        let write = |text: &str| {
            let fresh = path.with_extension("new");
            fs::write(&fresh, text).unwrap();
            fs::set_permissions(&fresh, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            fs::rename(&fresh, &path).unwrap();
        };
        write("[ui]\ntheme = \"light\"\nmouse = false\n[keys.composer]\nsend = [\"ctrl+s\"]\n");
        let current = loop {
            let current = next(&mut live).await;
            if current.config.ui.theme == ThemeName::Light {
                break current;
            }
        };
        assert_eq!(current.config.keys["composer"]["send"], ["ctrl+s"]);
        assert!(current.config.ui.mouse, "the mouse waits for the next start");
        assert_eq!(current.waiting, ["ui.mouse"]);
        assert!(current.key_places.find("composer", Some("send"), Some(0)).unwrap().place.ends_with(":5:9"));

        // Everything that is looked up when it is needed holds at once.
        write(
            "[ui]\ntheme = \"light\"\n[chat]\ntitles = false\nmodel = \"m\"\nsystem_prompt = \"s\"\nattachment_bytes = 2048\n\
             [limits]\nconcurrent_answers = 5\nchat_per_minute = 7\n[auth]\nidle_lock_minutes = 3\n[ollama]\nhealth_seconds = 9\n",
        );
        let current = next(&mut live).await;
        let (chat, config) = (&current.config.chat, &current.config);
        assert_eq!((chat.titles, chat.model.as_str(), chat.system_prompt.as_str()), (false, "m", "s"));
        assert_eq!((chat.attachment_bytes, config.limits.concurrent_answers), (2048, 5));
        assert_eq!((config.auth.idle_lock_minutes, config.ollama.health_seconds), (3, 9));
        assert_eq!(current.waiting, ["limits.chat_per_minute"]);
        assert_eq!(config.limits.chat_per_minute, Config::default().limits.chat_per_minute);

        write("[ui]\ntheme = \"pink\"\n");
        let current = next(&mut live).await;
        assert!(current.problem.unwrap().message.contains("ui.theme"));
        assert_eq!(current.config.ui.theme, ThemeName::Light);

        fs::remove_file(&path).unwrap();
        let current = next(&mut live).await;
        assert_eq!((current.problem, current.config.as_ref()), (None, &Config::default()));
        assert_eq!(current.waiting, Vec::<String>::new());
        assert_eq!(tasks.stop(Duration::from_secs(2)).await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn other_files_in_the_directory_are_no_news() {
        let dir = tempfile::tempdir().unwrap();
        let sources = Sources { file: Some(dir.path().join("config.toml")), ..Sources::default() };
        let (tell, live) = watch::channel(Current::default());
        reload(&sources, &tell);
        assert!(!live.has_changed().unwrap());
    }
}
