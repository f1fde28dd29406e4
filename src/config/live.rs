//! The configuration while the program runs: a change of the file reaches whoever watches, a mistake in it does not.
//!
//! The kernel tells of changes (inotify), so an idle program is never woken to look. Only settings marked `live` in
//! the table may differ from what the program started with: the rest waits for the next start, so that no part runs
//! on half a change.
//!
//! What the house says lies under it (`house::overlay`). Whoever asks for the configuration looks at the house as well, one
//! read of shared memory unless somebody has committed something: a change in another process holds at the next question.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use rustix::fs::inotify;
use tokio::{io::unix::AsyncFd, sync::watch};

use super::{
    Config,
    house::overlay::{HouseValues, overlaid},
    load::{KeyPlaces, Loaded, Origin, Origins, Sources, load},
    table::{self, SETTINGS},
};
use crate::{api::Fault, tasks::Tasks};

/// What the file says now, or why it cannot be used; the configuration in force stays then.
#[derive(Clone, Debug, Default)]
pub struct Current {
    pub config: Arc<Config>,
    /// Where its values come from, as far as that is neither the default nor the house.
    pub origins: Arc<Origins>,
    pub key_places: Arc<KeyPlaces>,
    pub problem: Option<Fault>,
    /// Settings that the file has another value for than the one in force, which take effect at the next start.
    pub waiting: Vec<String>,
    /// What the house says has changed, and not the file.
    pub is_of_house: bool,
}

impl Current {
    fn new(loaded: Loaded) -> Self {
        Self {
            config: Arc::new(loaded.config),
            origins: Arc::new(loaded.origins),
            key_places: Arc::new(loaded.key_places),
            problem: None,
            waiting: Vec::new(),
            is_of_house: false,
        }
    }
}

/// Asks what is set for the house: the same `Arc` as before while nothing has changed.
pub type AskHouse = Box<dyn Fn() -> Arc<HouseValues> + Send + Sync>;

/// What the house says, for all handles on one configuration.
struct Under {
    ask: OnceLock<AskHouse>,
    laid: Mutex<Option<Laid>>,
    /// Told when what the house says changes the configuration in force.
    changed: watch::Sender<()>,
}

/// The configuration in force, and what it was made of.
struct Laid {
    over: Arc<Config>,
    under: Arc<HouseValues>,
    config: Arc<Config>,
}

impl std::fmt::Debug for Under {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Under")
    }
}

impl Under {
    fn lay(&self, over: &Arc<Config>, origins: &Origins) -> Arc<Config> {
        let Some(ask) = self.ask.get() else { return Arc::clone(over) };
        let under = ask();
        let mut laid = self.laid.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(laid) = laid.as_ref()
            && Arc::ptr_eq(&laid.over, over)
            && Arc::ptr_eq(&laid.under, &under)
        {
            return Arc::clone(&laid.config);
        }
        let config = Arc::new(overlaid(over, origins, &under));
        let before = laid.replace(Laid { over: Arc::clone(over), under, config: Arc::clone(&config) });
        drop(laid);
        // A change of the file is told of by whoever read the file.
        if before.is_some_and(|before| Arc::ptr_eq(&before.over, over) && before.config != config) {
            self.changed.send_replace(());
        }
        config
    }
}

/// A handle on the configuration in force. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Live {
    file: watch::Receiver<Current>,
    under: Arc<Under>,
    house: watch::Receiver<()>,
}

impl Live {
    /// A configuration whose file never changes, for tests and the demo. What it has other than the default counts as said
    /// by a flag.
    #[must_use]
    pub fn fixed(config: Config) -> Self {
        let usual = table::values(&Config::default());
        let said = table::values(&config);
        let origins = said.iter().zip(usual).filter(|((_, value), (_, usual))| value != usual);
        let origins = origins.map(|((setting, _), _)| (setting.name(), Origin::Flag)).collect();
        Self::settled(Loaded { config, origins, key_places: KeyPlaces::default() })
    }

    /// A configuration whose file is read once, for commands that end at once.
    #[must_use]
    pub fn settled(loaded: Loaded) -> Self {
        Self::over(watch::channel(Current::new(loaded)).1)
    }

    /// Follows the file that `sources` names for as long as the program runs.
    #[must_use]
    pub fn follow(loaded: Loaded, sources: Sources, tasks: &Tasks) -> Self {
        let (tell, file) = watch::channel(Current::new(loaded));
        if let Some(file) = sources.file.clone() {
            let token = tasks.token();
            tasks.spawn("configuration file", async move {
                if let Some(Err(error)) = token.run_until_cancelled(watch_file(&file, &sources, &tell)).await {
                    tracing::info!(%error, "changes of the configuration file are not followed");
                }
            });
        }
        Self::over(file)
    }

    fn over(file: watch::Receiver<Current>) -> Self {
        let (changed, house) = watch::channel(());
        Self { file, under: Arc::new(Under { ask: OnceLock::new(), laid: Mutex::default(), changed }), house }
    }

    /// Lays what the house says under this configuration, for all its handles. The first house counts.
    pub fn follow_house(&self, ask: AskHouse) {
        let _ = self.under.ask.set(ask);
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        let (over, origins) = {
            let current = self.file.borrow();
            (Arc::clone(&current.config), Arc::clone(&current.origins))
        };
        self.under.lay(&over, &origins)
    }

    /// The configuration in force, with where it and its keys come from.
    #[must_use]
    pub fn current(&self) -> Current {
        let current = self.file.borrow().clone();
        Current { config: self.under.lay(&current.config, &current.origins), ..current }
    }

    /// Waits for the next change, of the file or of what somebody who asked has found the house to say. Never returns when
    /// there can be none.
    pub async fn changed(&mut self) -> Current {
        let (file, house) = (&mut self.file, &mut self.house);
        let is_of_house = tokio::select! {
            () = told(file) => false,
            () = told(house) => true,
        };
        Current { is_of_house, ..self.current() }
    }
}

/// Waits for news, for ever where nobody is left to tell any.
async fn told<T>(news: &mut watch::Receiver<T>) {
    if news.changed().await.is_err() {
        std::future::pending::<()>().await;
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
                let origins = origins_in_force(&current.origins, loaded.origins, &waiting);
                Current { waiting, ..Current::new(Loaded { config, origins, key_places: loaded.key_places }) }
            }
            Err(fault) => Current { problem: Some(fault), ..current.clone() },
        };
        // Where a key stands changes with every line above it, and concerns nobody until something else does.
        // But that the file says something at all does: what the house says counts no more then.
        let says = |current: &Current| current.origins.keys().cloned().collect::<Vec<_>>();
        let news = next.config != current.config
            || says(&next) != says(current)
            || next.problem != current.problem
            || next.waiting != current.waiting;
        *current = next;
        news
    });
}

/// What waits for the next start comes from where it came from before.
fn origins_in_force(old: &Origins, mut new: Origins, waiting: &[String]) -> Origins {
    for name in waiting {
        match old.get(name) {
            Some(origin) => new.insert(name.clone(), origin.clone()),
            None => new.remove(name),
        };
    }
    new
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
            "[ui]\ntheme = \"light\"\nmouse = false\n[chat]\ntitles = false\nmodel = \"m\"\nsystem_prompt = \"s\"\nattachment_bytes = 2048\n\
             silence_seconds = 7\n[limits]\nconcurrent_answers = 5\nchat_per_minute = 7\n[auth]\nidle_lock_minutes = 3\n[health]\nevery_seconds = 9\n",
        );
        let current = next(&mut live).await;
        let (chat, config) = (&current.config.chat, &current.config);
        assert_eq!((chat.titles, chat.model.as_str(), chat.system_prompt.as_str()), (false, "m", "s"));
        assert_eq!((chat.attachment_bytes, config.limits.concurrent_answers), (2048, 5));
        assert_eq!((config.auth.idle_lock_minutes, config.health.every_seconds), (3, 9));
        assert_eq!(current.waiting, ["ui.mouse"]);
        assert_eq!((config.limits.chat_per_minute, chat.silence_seconds), (7, 7));
        assert!(!current.origins.contains_key("ui.mouse"), "it still comes from the default");
        assert!(current.origins.contains_key("limits.chat_per_minute"));

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
    async fn what_the_house_says_holds_at_the_next_question_and_is_told_of_once() {
        let says = Arc::new(Mutex::new(Arc::new(HouseValues::new())));
        let heard = Arc::clone(&says);
        let mut live = Live::fixed(Config::default());
        live.follow_house(Box::new(move || Arc::clone(&heard.lock().unwrap())));
        let set = |name: &str, value: &str| {
            let mut all = (**says.lock().unwrap()).clone();
            all.insert(name.to_owned(), value.to_owned());
            *says.lock().unwrap() = Arc::new(all);
        };
        assert_eq!(live.config().jobs.keep_days, 30);
        set("jobs.keep_days", "9");
        let other = live.clone();
        assert_eq!(other.config().jobs.keep_days, 9);
        assert_eq!(next(&mut live).await.config.jobs.keep_days, 9);
        // What changes nothing here is no news.
        set("what.is_this", "3");
        assert_eq!(other.config().jobs.keep_days, 9);
        assert!(!live.house.has_changed().unwrap());
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
