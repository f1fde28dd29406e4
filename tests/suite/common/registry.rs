//! A registry that speaks TLS on this machine, for whoever is told to trust its certificate (`SSL_CERT_FILE`).

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use base64::Engine as _;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// One manifest, whatever is asked for; a test puts another in its place.
pub struct Registry {
    port: u16,
    manifest: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<String>>>,
    certificate: PathBuf,
}

impl Registry {
    /// Its certificate is written below `home`. The thread ends with the test's process.
    pub fn start(home: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let certificate = home.join("registry.pem");
        let pem = base64::engine::general_purpose::STANDARD.encode(made.cert.der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n");
        std::fs::write(&certificate, pem).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(vec![made.cert.der().clone()], key).unwrap());
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (manifest, asked) = (Arc::new(Mutex::new(manifest(1))), Arc::new(Mutex::new(Vec::new())));
        let (has, heard) = (Arc::clone(&manifest), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
                let Some(path) = path_of(&mut stream) else { continue };
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(path);
                let body = has.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                // Whoever has gone needs no answer.
                let _ = stream.write_all([head, body].concat().as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        Self { port, manifest, asked, certificate }
    }

    /// What a model of this registry is called.
    pub fn named(&self, model: &str) -> String {
        format!("127.0.0.1:{}/people/{model}:latest", self.port)
    }

    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The digest that a model has which came from here just now.
    pub fn digest(&self) -> String {
        let manifest = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        hex::encode(Sha256::digest(manifest.as_bytes()))
    }

    /// From now on it has another build.
    pub fn renew(&self) {
        *self.manifest.lock().unwrap_or_else(PoisonError::into_inner) = manifest(2);
    }

    pub fn asked(&self) -> usize {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn manifest(size: u64) -> String {
    json!({ "config": { "digest": "sha256:1", "size": 1 }, "layers": [{ "digest": "sha256:2", "size": size }] })
        .to_string()
}

/// Of a request without a body.
fn path_of(stream: &mut impl Read) -> Option<String> {
    let (mut request, mut piece) = (Vec::new(), [0; 1024]);
    while !request.ends_with(b"\r\n\r\n") {
        let got = stream.read(&mut piece).ok().filter(|got| *got > 0)?;
        request.extend_from_slice(&piece[..got]);
    }
    Some(String::from_utf8_lossy(&request).split(' ').nth(1)?.to_owned())
}
