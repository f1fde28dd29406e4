//! A model server that notes the moment at which it writes each token. Blocking threads, one per connection: what is
//! measured is the program, so the server must not share its scheduler.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How the next answers are given.
#[derive(Clone)]
pub struct Script {
    pub tokens: usize,
    /// Zero = as fast as the socket takes them.
    pub pause: Duration,
}

pub struct Server {
    pub port: u16,
    pub script: Arc<Mutex<Script>>,
    /// When each token was written, by its number.
    pub written: Arc<Mutex<Vec<Instant>>>,
    /// Ends the answer that is running.
    pub stop: Arc<AtomicBool>,
}

/// Token `number` as text: a word that the screen can be searched for, in lines of Markdown.
pub fn token(number: usize) -> String {
    let space = if number.is_multiple_of(97) { "\n\n" } else { " " };
    format!("{space}t{number}x")
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let server = Self {
            port: listener.local_addr().expect("an address").port(),
            script: Arc::new(Mutex::new(Script { tokens: 100, pause: Duration::ZERO })),
            written: Arc::default(),
            stop: Arc::default(),
        };
        let (script, written, stop) =
            (Arc::clone(&server.script), Arc::clone(&server.written), Arc::clone(&server.stop));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, written, stop) = (Arc::clone(&script), Arc::clone(&written), Arc::clone(&stop));
                std::thread::spawn(move || serve(&stream, &script, &written, &stop));
            }
        });
        server
    }

    pub fn set(&self, tokens: usize, pause: Duration) {
        *self.script.lock().unwrap() = Script { tokens, pause };
        self.written.lock().unwrap().clear();
        self.stop.store(false, Ordering::Relaxed);
    }
}

fn serve(stream: &TcpStream, script: &Mutex<Script>, written: &Mutex<Vec<Instant>>, stop: &AtomicBool) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    let mut out = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        let path = first.split(' ').nth(1).unwrap_or("/");
        let sent = match path {
            "/api/version" => plain(&mut out, r#"{"version":"0.35.0"}"#),
            "/api/tags" => plain(
                &mut out,
                concat!(
                    r#"{"models":[{"name":"bench:latest","model":"bench:latest","modified_at":"2026-11-22T21:07:02Z","size":1000,"digest":"d0","#,
                    r#""details":{"format":"gguf","family":"llama","families":["llama"],"parameter_size":"1B","quantization_level":"Q4_K_M","context_length":131072},"capabilities":["completion"]}]}"#
                ),
            ),
            "/api/ps" => plain(&mut out, r#"{"models":[]}"#),
            "/api/show" => plain(
                &mut out,
                r#"{"details":{"family":"llama"},"model_info":{"general.architecture":"llama","llama.context_length":131072},"capabilities":["completion"]}"#,
            ),
            "/api/chat" if body.contains(r#""stream":false"#) => plain(
                &mut out,
                r#"{"model":"bench","message":{"role":"assistant","content":"Bench"},"done":true,"done_reason":"stop","eval_count":1,"eval_duration":1000000}"#,
            ),
            "/api/chat" => chat(&mut out, script, written, stop),
            _ => plain(&mut out, "Ollama is running"),
        };
        if sent.is_err() {
            return;
        }
    }
}

fn plain(out: &mut impl Write, body: &str) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    out.write_all(format!("{head}{body}").as_bytes())
}

fn chat(
    out: &mut impl Write,
    script: &Mutex<Script>,
    written: &Mutex<Vec<Instant>>,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    let Script { tokens, pause } = script.lock().unwrap().clone();
    out.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let start = Instant::now();
    let mut sent = 0;
    while sent < tokens && !stop.load(Ordering::Relaxed) {
        if !pause.is_zero() {
            let due = start + pause * u32::try_from(sent).unwrap_or(u32::MAX);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let text = serde_json::to_string(&token(sent)).expect("text");
        let line = format!(
            "{{\"model\":\"bench\",\"created_at\":\"2026-11-22T21:07:02Z\",\"message\":{{\"role\":\"assistant\",\"content\":{text}}},\"done\":false}}\n"
        );
        written.lock().unwrap().push(Instant::now());
        chunk(out, &line)?;
        sent += 1;
    }
    chunk(
        out,
        &format!(
            "{{\"model\":\"bench\",\"message\":{{\"role\":\"assistant\",\"content\":\"\"}},\"done\":true,\"done_reason\":\"stop\",\"total_duration\":1,\"prompt_eval_count\":10,\"eval_count\":{sent},\"eval_duration\":{}}}\n",
            start.elapsed().as_nanos()
        ),
    )?;
    out.write_all(b"0\r\n\r\n")
}

fn chunk(out: &mut impl Write, line: &str) -> std::io::Result<()> {
    out.write_all(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes())
}
