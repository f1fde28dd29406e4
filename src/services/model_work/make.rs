//! Making a model from a Modelfile: its files are uploaded as blobs, the rest goes as Ollama takes it.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tokio_util::io::ReaderStream;

use super::{ModelWork, absent, base_of, modelfile::Modelfile, modelfile_of, named, transfer::setback};
use crate::{
    api::{
        Fault, FaultKind,
        jobs::{JobProgress, NewModel},
    },
    ollama::{ChatMessage, Create, Digest, ModelName, name::same_model},
    services::{
        attachments::resolve,
        jobs::{Attempt, Setback},
    },
};

/// What Ollama makes of weights that are not quantised.
const QUANTIZE: [&str; 3] = ["q4_K_M", "q4_K_S", "q8_0"];

pub(super) fn check_quantize(quantize: Option<&str>) -> Result<(), Fault> {
    match quantize {
        Some(other) if !QUANTIZE.contains(&other) => {
            Err(Fault::invalid("That quantisation cannot be made.").hint(format!("Take {}.", QUANTIZE.join(", "))))
        }
        Some(_) | None => Ok(()),
    }
}

/// What a Modelfile's FROM and ADAPTER mean.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sources {
    from: From,
    adapters: Vec<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
enum From {
    Model(ModelName),
    File(PathBuf),
}

impl ModelWork {
    /// Looks for everything it names: an unknown model would make Ollama download it, and a missing file would be told
    /// only after the upload of the others.
    pub(super) async fn sources(&self, read: &Modelfile, new: &NewModel) -> Result<Sources, Fault> {
        let base = base_of(new, &self.cwd);
        let file = |text: &str| resolve(Path::new(text), &base, self.home.as_deref());
        let looks_like_a_path =
            |text: &str| text.starts_with(['/', '.', '~']) || text.to_lowercase().ends_with(".gguf");
        let from = if looks_like_a_path(&read.from) {
            From::File(is_file(file(&read.from))?)
        } else {
            let name = named(&read.from)?;
            let models = self.installed().await?;
            if !models.iter().any(|model| same_model(&model.name, name.as_str())) {
                let near = absent(name.as_str(), &models);
                return Err(Fault { message: format!("FROM names {name}, which is not installed."), ..near });
            }
            From::Model(name)
        };
        let adapters = read.adapters.iter().map(|adapter| is_file(file(adapter))).collect::<Result<_, _>>()?;
        Ok(Sources { from, adapters })
    }

    pub(super) async fn create(&self, attempt: &Attempt, new: &NewModel) -> Result<String, Setback> {
        let read = modelfile_of(&new.modelfile).map_err(Setback::for_good)?;
        let Sources { from, adapters } = self.sources(&read, new).await.map_err(Setback::for_good)?;
        let mut create = Create::new(named(&new.model).map_err(Setback::for_good)?);
        match from {
            From::Model(name) => create.from = Some(name),
            From::File(path) => create.files.push(self.uploaded(attempt, path).await?),
        }
        for adapter in adapters {
            create.adapters.push(self.uploaded(attempt, adapter).await?);
        }
        create.template = read.template;
        create.system = read.system;
        create.license = read.licences;
        create.parameters = read.parameters;
        create.messages = read.messages.into_iter().map(|(role, text)| ChatMessage::new(role, text)).collect();
        create.quantize.clone_from(&new.quantize);
        let meter = super::meter::Meter::new(None, std::time::Instant::now());
        let lines = self.ollama.create(&create).await.map_err(|error| setback(error, attempt, &meter))?;
        self.words(attempt, lines).await?;
        Ok("Made.".to_owned())
    }

    /// The file's name and digest, once it is at Ollama's.
    async fn uploaded(&self, attempt: &Attempt, path: PathBuf) -> Result<(String, Digest), Setback> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        attempt.tell(JobProgress { step: format!("reading {name}"), ..JobProgress::default() });
        let hashed = path.clone();
        let (digest, length) = tokio::task::spawn_blocking(move || hash(&hashed))
            .await
            .unwrap_or_else(|_| Err(Fault::new(FaultKind::Internal, "The file could not be read.")))
            .map_err(Setback::for_good)?;
        let meter = super::meter::Meter::new(None, std::time::Instant::now());
        let to_setback = |error| setback(error, attempt, &meter);
        if self.ollama.has_blob(&digest).await.map_err(to_setback)? {
            return Ok((name, digest));
        }
        let progress = attempt.teller();
        progress.send_replace(JobProgress {
            step: format!("uploading {name}"),
            of: Some(length),
            of_is_whole: true,
            ..JobProgress::default()
        });
        let file = tokio::fs::File::open(&path).await.map_err(|error| Setback::for_good(unreadable(&path, &error)))?;
        let bytes = ReaderStream::with_capacity(file, 256 * 1024);
        let counted = futures_util::StreamExt::inspect(bytes, move |piece| {
            if let Ok(piece) = piece {
                progress.send_modify(|progress| progress.done += piece.len() as u64);
            }
        });
        self.ollama.upload_blob(&digest, length, counted).await.map_err(to_setback)?;
        Ok((name, digest))
    }
}

fn is_file(path: PathBuf) -> Result<PathBuf, Fault> {
    match path.metadata() {
        Ok(meta) if meta.is_file() => Ok(path),
        Ok(_) => Err(Fault::invalid(format!("{} is no file.", path.display()))
            .hint("FROM and ADAPTER take a model that is installed, or a GGUF file.")),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::invalid(format!("{} cannot be read: {}.", path.display(), error.kind()))
        .hint("Relative paths are meant from where the Modelfile lies.")
}

fn hash(path: &Path) -> Result<(Digest, u64), Fault> {
    let mut file = std::fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut hasher = Sha256::new();
    let length = std::io::copy(&mut file, &mut Hashing(&mut hasher)).map_err(|error| unreadable(path, &error))?;
    let digest = Digest::parse(&["sha256:", &hex::encode(hasher.finalize())].concat());
    Ok((digest.ok_or_else(|| Fault::new(FaultKind::Internal, "The file could not be hashed."))?, length))
}

struct Hashing<'a>(&'a mut Sha256);

impl std::io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
