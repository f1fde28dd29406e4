//! The service over a scratch directory, for its tests.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use super::{HealthChecks, Watched};
use crate::{
    access::Breakers,
    api::{Fault, health::Health, jobs::Room},
    cache::ModelCache,
    config::{Config, live::Live},
    ollama::{Address, Ollama, Settings},
    otlp::Export,
    services::hub::Hub,
    store::{
        Db,
        backup::Place,
        system::{Moment, scratch},
    },
    tasks::Tasks,
};

/// A program that looks, with a clock that the test sets.
pub struct Stage {
    pub checks: HealthChecks,
    pub breakers: Breakers,
    pub system: Db,
    pub tasks: Tasks,
    /// Milliseconds that the wall clock, and the one that nobody sets, are ahead of their beginning.
    pub wall: Arc<AtomicI64>,
    pub boot: Arc<AtomicI64>,
    pub dir: Arc<tempfile::TempDir>,
}

pub const BEGAN: i64 = 1_790_000_000_000;

impl Stage {
    pub async fn look(&self) -> Health {
        self.checks.look(&self.moment()).await
    }

    pub async fn record(&self) -> Health {
        self.checks.look_and_record().await
    }

    pub async fn start(&self) -> Result<Health, Fault> {
        self.checks.start().await
    }

    fn moment(&self) -> Moment {
        (self.checks.0.clock)()
    }

    /// Both clocks go on.
    pub fn after(&self, ms: i64) {
        self.wall.fetch_add(ms, Ordering::SeqCst);
        self.boot.fetch_add(ms, Ordering::SeqCst);
    }

    /// Another process over the same directory, by the same clocks.
    pub fn beside(&self, url: &str) -> Self {
        build(url, Path::new("/nowhere"), Arc::new(Room::default), &self.dir, &self.wall, &self.boot)
    }
}

pub fn watched(url: &str, program_path: &Path) -> Stage {
    with_room(url, program_path, Arc::new(Room::default))
}

pub fn with_room(url: &str, program_path: &Path, room: super::RoomForModels) -> Stage {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    build(url, program_path, room, &dir, &Arc::default(), &Arc::default())
}

fn build(
    url: &str,
    program_path: &Path,
    room: super::RoomForModels,
    dir: &Arc<tempfile::TempDir>,
    wall: &Arc<AtomicI64>,
    boot: &Arc<AtomicI64>,
) -> Stage {
    let (breakers, system, tasks) = (Breakers::new(), scratch::system(dir), Tasks::new());
    let settings = Settings { watch: Some(breakers.watch()), ..Settings::new(Address::parse(url).unwrap()) };
    let (told_wall, told_boot) = (Arc::clone(wall), Arc::clone(boot));
    let clock = move || Moment {
        now: BEGAN + told_wall.load(Ordering::SeqCst),
        boot_id: "boot".to_owned(),
        boot_ms: told_boot.load(Ordering::SeqCst),
        os_uid: 1000,
    };
    let watched = Watched {
        ollama: Ollama::new(settings),
        tasks: tasks.clone(),
        breakers: breakers.clone(),
        cache: ModelCache::new(1000, Duration::from_secs(10)),
        system: system.clone(),
        hub: Hub::new(),
        live: Live::fixed(Config::default()),
        place: Place { data: dir.path().to_path_buf(), backups: dir.path().join("backups"), cautious: false },
        network_file_system: None,
        program_path: program_path.into(),
        room,
        export: Export::none(),
    };
    let checks = HealthChecks::with_clock(watched, clock);
    Stage { checks, breakers, system, tasks, wall: Arc::clone(wall), boot: Arc::clone(boot), dir: Arc::clone(dir) }
}

/// A port on which nobody listens.
pub fn dead() -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
