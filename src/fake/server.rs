//! The listener: takes requests apart, remembers them, writes replies as their parts say, notices who leaves.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

use crate::tasks::Tasks;

use super::reply::{Framing, Part, Reply};

/// Largest request taken; a client of ours sends images, so it is not small.
const LARGEST_REQUEST: usize = 64 * 1024 * 1024;

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    /// The body as JSON; `Null` where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Decides what a request gets. `None` closes the connection without a byte.
pub type Answering = Arc<dyn Fn(&Seen) -> Option<Reply> + Send + Sync>;

/// A server that runs until it is dropped.
pub struct Fake {
    port: u16,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

struct Shared {
    answering: Mutex<Answering>,
    seen: watch::Sender<Vec<Seen>>,
    /// Replies under way.
    live: watch::Sender<usize>,
    /// Clients that left before their reply was over.
    left: watch::Sender<usize>,
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fake").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Fake {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// The machine gives no port.
    pub async fn start(
        tasks: &Tasks,
        answering: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            answering: Mutex::new(Arc::new(answering)),
            seen: watch::Sender::default(),
            live: watch::Sender::default(),
            left: watch::Sender::default(),
        });
        let stop = tasks.token();
        tasks.spawn("stand-in server", listen(listener, Arc::clone(&shared), stop.clone(), tasks.clone()));
        Ok(Self { port, shared, stop })
    }

    /// Where it listens, as `OLLAMA_HOST` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Answers differently from now on.
    pub fn answer(&self, answering: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) {
        *self.shared.answering.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(answering);
    }

    /// Every request so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.seen.borrow().clone()
    }

    /// Waits until `count` requests have come.
    pub async fn requested(&self, count: usize) {
        // The sender lives in `self`, so none of these waits can fail.
        let _ = self.shared.seen.subscribe().wait_for(|seen| seen.len() >= count).await;
    }

    /// Replies under way at this moment.
    #[must_use]
    pub fn live(&self) -> usize {
        *self.shared.live.borrow()
    }

    /// Waits until no reply is under way.
    pub async fn idle(&self) {
        let _ = self.shared.live.subscribe().wait_for(|live| *live == 0).await;
    }

    /// Waits until so many clients have left in the middle of their reply.
    pub async fn left(&self, count: usize) {
        let _ = self.shared.left.subscribe().wait_for(|left| *left >= count).await;
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken, tasks: Tasks) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        tasks.spawn("stand-in connection", async move {
            // A client that goes away is the client's affair.
            let _ = stop.run_until_cancelled(serve(stream, &shared)).await;
        });
    }
}

async fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut waiting = Vec::new();
    while let Some(request) = read_request(&mut reader, &mut waiting).await? {
        let answering = Arc::clone(&shared.answering.lock().unwrap_or_else(PoisonError::into_inner));
        let head = request.method == "HEAD";
        let reply = answering(&request);
        shared.live.send_modify(|live| *live += 1);
        let _live = Live(shared);
        shared.seen.send_modify(|seen| seen.push(request));
        let Some(mut reply) = reply else { return Ok(()) };
        if head {
            reply.framing = Framing::Nothing;
        }
        let written = tokio::select! {
            written = write_reply(&mut writer, &reply) => written,
            // Anything at all from the client in mid-reply: it has left, or it pipelines, which we do not serve.
            _ = reader.read_u8() => Err(io::ErrorKind::ConnectionAborted.into()),
        };
        match written {
            Ok(Next::KeepOpen) => {}
            Ok(Next::Close) => return writer.shutdown().await,
            Err(error) => {
                shared.left.send_modify(|left| *left += 1);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Counts a reply as under way while it lives.
struct Live<'a>(&'a Shared);

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.0.live.send_modify(|live| *live -= 1);
    }
}

async fn read_request(reader: &mut ReadHalf<TcpStream>, waiting: &mut Vec<u8>) -> io::Result<Option<Seen>> {
    let mut request = loop {
        if let Some((request, taken)) = parse_head(waiting)? {
            waiting.drain(..taken);
            break request;
        }
        if !more(reader, waiting).await? {
            return Ok(None);
        }
    };
    if request.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            match httparse::parse_chunk_size(waiting) {
                Ok(httparse::Status::Complete((start, size))) => {
                    let end = start + size as usize;
                    if waiting.len() >= end + 2 {
                        request.body.extend_from_slice(&waiting[start..end]);
                        waiting.drain(..end + 2);
                        if size == 0 {
                            break;
                        }
                        continue;
                    }
                }
                Ok(httparse::Status::Partial) => {}
                Err(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
            if !more(reader, waiting).await? {
                return Ok(None);
            }
        }
    } else {
        let length = request.header("content-length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
        while waiting.len() < length {
            if !more(reader, waiting).await? {
                return Ok(None);
            }
        }
        request.body = waiting.drain(..length).collect();
    }
    Ok(Some(request))
}

async fn more(reader: &mut ReadHalf<TcpStream>, waiting: &mut Vec<u8>) -> io::Result<bool> {
    if waiting.len() > LARGEST_REQUEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(reader.read_buf(waiting).await? > 0)
}

fn parse_head(bytes: &[u8]) -> io::Result<Option<(Seen, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    match head.parse(bytes) {
        Ok(httparse::Status::Complete(taken)) => {
            let headers = head
                .headers
                .iter()
                .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()));
            let seen = Seen {
                method: head.method.unwrap_or_default().to_owned(),
                path: head.path.unwrap_or_default().to_owned(),
                headers: headers.collect(),
                body: Vec::new(),
            };
            Ok(Some((seen, taken)))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

enum Next {
    KeepOpen,
    Close,
}

async fn write_reply(writer: &mut WriteHalf<TcpStream>, reply: &Reply) -> io::Result<Next> {
    let mut out = Out { writer, chunked: false, gathered: Vec::new() };
    for part in &reply.before {
        if !out.part(part).await? {
            return Ok(Next::Close);
        }
    }
    let mut head = vec![reply.status_line.clone()];
    head.extend(reply.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    match reply.framing {
        Framing::Chunked => head.push("Transfer-Encoding: chunked".to_owned()),
        Framing::Length => head.push(format!("Content-Length: {}", reply.length())),
        Framing::Close => head.push("Connection: close".to_owned()),
        Framing::Nothing => {}
    }
    head.push("\r\n".to_owned());
    let head = head.join("\r\n");
    out.raw(head.as_bytes());
    out.flush().await?;
    if reply.framing == Framing::Nothing {
        return Ok(Next::KeepOpen);
    }
    out.chunked = reply.framing == Framing::Chunked;
    for part in &reply.parts {
        if !out.part(part).await? {
            return Ok(Next::Close);
        }
    }
    if out.chunked {
        out.raw(b"0\r\n\r\n");
    }
    out.flush().await?;
    Ok(if reply.framing == Framing::Close { Next::Close } else { Next::KeepOpen })
}

/// Gathers parts that follow one another at once into one write: a chunk of one byte stays a chunk of its own.
struct Out<'a> {
    writer: &'a mut WriteHalf<TcpStream>,
    chunked: bool,
    gathered: Vec<u8>,
}

impl Out<'_> {
    fn raw(&mut self, bytes: &[u8]) {
        self.gathered.extend_from_slice(bytes);
    }

    fn body(&mut self, bytes: &[u8]) {
        if self.chunked {
            self.raw(format!("{:x}\r\n", bytes.len()).as_bytes());
            self.raw(bytes);
            self.raw(b"\r\n");
        } else {
            self.raw(bytes);
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.writer.write_all(&self.gathered).await?;
        self.gathered.clear();
        self.writer.flush().await
    }

    /// `false` = the reply ends here.
    async fn part(&mut self, part: &Part) -> io::Result<bool> {
        match part {
            Part::Bytes(bytes) => {
                self.body(bytes);
                if self.gathered.len() > 64 * 1024 {
                    self.flush().await?;
                }
            }
            Part::Pause(time) => {
                self.flush().await?;
                tokio::time::sleep(*time).await;
            }
            Part::Hold(gate) => {
                self.flush().await?;
                gate.pass().await;
            }
            Part::Then(then) => {
                self.flush().await?;
                then.happen();
            }
            Part::Stall => {
                self.flush().await?;
                std::future::pending::<()>().await;
            }
            Part::Cut => {
                self.flush().await?;
                return Ok(false);
            }
            Part::Endless(bytes) => loop {
                self.body(bytes);
                self.flush().await?;
            },
        }
        Ok(true)
    }
}
