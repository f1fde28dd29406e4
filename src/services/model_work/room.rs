//! How much room there is for models, as far as it can be told from here. Ollama has no call for it, and its settings are
//! those of another process: so where it keeps its models is known on the same machine only, and there from what is usual.

use std::path::{Path, PathBuf};

use crate::api::jobs::Room;

/// Where Ollama keeps models when it is run as a service.
const SERVICE: &[&str] =
    &["/usr/share/ollama/.ollama/models", "/var/lib/ollama/models", "/var/lib/ollama/.ollama/models"];

/// Where to look.
#[derive(Clone, Debug)]
pub struct Places {
    /// `OLLAMA_MODELS`, as this program sees it.
    pub named: Option<PathBuf>,
    /// In the order of likelihood.
    pub usual: Vec<PathBuf>,
}

impl Places {
    pub fn of_this_machine(home: Option<&Path>) -> Self {
        let named = std::env::var_os("OLLAMA_MODELS").filter(|named| !named.is_empty()).map(PathBuf::from);
        let own = home.map(|home| home.join(".ollama/models"));
        Self { named, usual: own.into_iter().chain(SERVICE.iter().map(PathBuf::from)).collect() }
    }

    /// `is_here`: whether Ollama runs on this machine. Blocks for a moment.
    pub fn room(&self, is_here: bool) -> Room {
        let unknown = |why: &str| Room { unknown_because: Some(why.to_owned()), ..Room::default() };
        if !is_here {
            return unknown("Ollama runs on another machine.");
        }
        let there: Vec<&PathBuf> = match &self.named {
            Some(named) => vec![named],
            None => self.usual.iter().filter(|path| path.is_dir()).collect(),
        };
        let Some((first, others)) = there.split_first() else {
            return unknown("It is not known where Ollama keeps its models: set OLLAMA_MODELS as for Ollama itself.");
        };
        // Two places on one disk have the same room; on two, nobody knows which it is.
        let disk = disk_of(first);
        if others.iter().any(|other| disk_of(other) != disk) {
            return unknown(
                "Ollama may keep its models in one of several places: set OLLAMA_MODELS as for Ollama itself.",
            );
        }
        match rustix::fs::statvfs(first.as_path()) {
            Ok(stat) => Room {
                directory: Some((*first).clone()),
                free: Some(stat.f_bavail.saturating_mul(stat.f_frsize)),
                unknown_because: None,
            },
            Err(_) => Room {
                directory: Some((*first).clone()),
                ..unknown("The place where Ollama keeps its models cannot be looked at.")
            },
        }
    }
}

fn disk_of(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    path.metadata().ok().map(|meta| meta.dev())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_told_where_it_is_known_and_else_why_not() {
        let dir = tempfile::tempdir().unwrap();
        let here = Places { named: None, usual: vec![dir.path().join("absent"), dir.path().to_owned()] };
        let room = here.room(true);
        assert_eq!(room.directory.as_deref(), Some(dir.path()));
        assert!(room.free.is_some_and(|free| free > 0) && room.unknown_because.is_none(), "{room:?}");
        assert!(here.room(false).unknown_because.unwrap().contains("another machine"));
        let nowhere = Places { named: None, usual: vec![dir.path().join("absent")] };
        assert!(nowhere.room(true).unknown_because.unwrap().contains("OLLAMA_MODELS"));
        let named = Places { named: Some(dir.path().join("absent")), usual: vec![dir.path().to_owned()] };
        assert_eq!(named.room(true).free, None, "what is named is meant");
        let apart = Places { named: None, usual: vec![dir.path().to_owned(), PathBuf::from("/proc")] };
        assert!(apart.room(true).unknown_because.unwrap().contains("several"));
    }
}
