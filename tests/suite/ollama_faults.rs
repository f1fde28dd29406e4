//! Ollama's bad days: each ends in its own typed error, and whatever text had come is there.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::StreamExt;
use ollamanet::{
    api::{Fault, FaultKind, chat::MessageRole},
    fake::{Fake, Gate, Pace, Part, Reply, Seen, StandIn, reply::Framing},
    ollama::{
        Address, Answer, ChatMessage, ChatRequest, Chunk, Digest, DoneReason, EmbedRequest, GenerateRequest, Kind,
        ModelName, Ollama, OllamaError, Outcome, Settings, Trouble, Unreachable,
    },
    tasks::Tasks,
};
use serde_json::{Value, json};

struct World {
    _tasks: Tasks,
    fake: Fake,
    ollama: Ollama,
    outcomes: Arc<Mutex<Vec<(Kind, Outcome)>>>,
}

/// A server that gives this reply to everything, and a client that takes 300 ms of silence for the end.
async fn world(reply: Reply) -> World {
    world_with(move |_| Some(reply.clone())).await
}

async fn world_with(answering: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> World {
    let tasks = Tasks::new();
    let fake = Fake::start(&tasks, answering).await.unwrap();
    let outcomes: Arc<Mutex<Vec<(Kind, Outcome)>>> = Arc::default();
    let heard = Arc::clone(&outcomes);
    let mut settings = Settings::new(Address::parse(&fake.url()).unwrap());
    settings.silence = Arc::new(|| Duration::from_millis(300));
    settings.api_key = Some("secret".into());
    settings.watch = Some(Arc::new(move |kind, outcome, _| heard.lock().unwrap().push((kind, outcome))));
    World { _tasks: tasks, fake, ollama: Ollama::new(settings), outcomes }
}

impl World {
    fn outcomes(&self) -> Vec<Outcome> {
        self.outcomes.lock().unwrap().iter().map(|(_, outcome)| *outcome).collect()
    }

    /// Chats until the end: the text, and how it ended.
    async fn chat(&self) -> (String, Result<DoneReason, OllamaError>) {
        match self.ollama.chat(&question("hi")).await {
            Ok(answer) => to_the_end(answer).await,
            Err(error) => (String::new(), Err(error)),
        }
    }

    async fn error(&self) -> OllamaError {
        self.chat().await.1.unwrap_err()
    }
}

async fn to_the_end(mut answer: Answer<Chunk>) -> (String, Result<DoneReason, OllamaError>) {
    let mut text = String::new();
    while let Some(chunk) = answer.next().await {
        match chunk {
            Ok(chunk) => {
                text.push_str(&chunk.delta.content);
                if let Some(done) = chunk.done {
                    assert!(answer.next().await.is_none(), "nothing comes after the last piece");
                    return (text, Ok(done.reason));
                }
            }
            Err(error) => return (text, Err(error)),
        }
    }
    panic!("a stream never just ends");
}

fn question(text: &str) -> ChatRequest {
    ChatRequest {
        model: "demo-chat:3b".into(),
        messages: vec![ChatMessage::new(MessageRole::User, text)],
        ..ChatRequest::default()
    }
}

fn said(text: &str) -> Value {
    json!({"message": {"role": "assistant", "content": text}, "done": false})
}

fn last() -> Value {
    json!({"message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "stop"})
}

fn half() -> Reply {
    Reply::lines(&[said("one "), said("two")])
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future).await.unwrap_or_else(|_| panic!("{what} did not happen"))
}

#[tokio::test]
async fn a_whole_answer_comes_out_whole_one_byte_at_a_time() {
    let reply = Reply::lines(&[said("漢字 "), said("👩‍👩‍👧"), last()]).byte_by_byte();
    assert_eq!(world(reply).await.chat().await, ("漢字 👩‍👩‍👧".into(), Ok(DoneReason::Stop)));
}

#[tokio::test]
async fn stopping_closes_the_connection_in_every_phase() {
    for phase in ["before the headers", "before the first line", "in the middle", "in the middle of a line"] {
        let gate = Gate::new();
        let hold = Part::Hold(gate.clone());
        let world = world(match phase {
            "before the headers" => Reply::stream().first(hold),
            "before the first line" => Reply::stream().part(hold),
            "in the middle" => half().part(hold),
            _ => half().bytes("{\"mess").part(hold),
        })
        .await;
        tokio::select! {
            ended = world.chat() => panic!("{phase}: {ended:?}"),
            () = gate.reached() => {}
        }
        soon(phase, world.fake.left(1)).await;
        soon(phase, world.fake.idle()).await;
        assert_eq!(world.outcomes().len(), 1, "{phase}");
        if phase == "before the headers" {
            assert_eq!(world.outcomes(), [Outcome::Abandoned]);
        }
    }
}

#[tokio::test]
async fn dropping_an_answer_half_way_tells_the_server_at_once() {
    let gate = Gate::new();
    let world = world(half().part(Part::Hold(gate.clone())).line(&last())).await;
    let mut answer = world.ollama.chat(&question("hi")).await.unwrap();
    assert_eq!(answer.next().await.unwrap().unwrap().delta.content, "one ");
    gate.reached().await;
    assert_eq!(world.fake.live(), 1);
    drop(answer);
    soon("leaving", world.fake.left(1)).await;
    assert_eq!(world.outcomes(), [Outcome::Answered], "the first piece shows that the server works");
}

#[tokio::test]
async fn a_held_answer_goes_on_when_it_is_released() {
    let gate = Gate::new();
    let world = world(half().part(Part::Hold(gate.clone())).line(&last())).await;
    let answer = world.ollama.chat(&question("hi")).await.unwrap();
    let (ended, ()) = tokio::join!(to_the_end(answer), async {
        gate.reached().await;
        gate.release();
    });
    assert_eq!(ended, ("one two".into(), Ok(DoneReason::Stop)));
}

#[tokio::test]
async fn text_that_came_before_a_fault_is_never_lost() {
    let garbled = || OllamaError::Garbage;
    for (what, reply, wanted) in [
        ("cut", half().part(Part::Cut), OllamaError::Broken),
        ("cut in a line", half().bytes("{\"message\":{\"con").part(Part::Cut), OllamaError::Broken),
        ("half a line, then a clean end", half().bytes("{\"message\":{\"con"), OllamaError::Broken),
        ("a clean end without done", half(), OllamaError::EndedWithoutDone),
        ("garbage", half().bytes("%$§ no JSON\n"), garbled()),
        ("binary", half().bytes([0xff, 0x00, 0xfe, b'\n']), garbled()),
        ("another shape", half().bytes("[1,2]\n"), garbled()),
        ("a wrong type", half().bytes("{\"message\":{\"content\":7}}\n"), garbled()),
        (
            "an error line",
            half().line(&json!({"error": "an error was encountered while running the model: unexpected EOF"})),
            OllamaError::RunnerDied { said: "an error was encountered while running the model: unexpected EOF".into() },
        ),
        (
            "an unknown error line",
            half().line(&json!({"error": {"message": "odd"}})),
            OllamaError::ErrorLine { said: "odd".into() },
        ),
        ("silence", half().part(Part::Stall), OllamaError::Silent { after: Duration::from_millis(300) }),
    ] {
        let world = world(reply).await;
        assert_eq!(world.chat().await, ("one two".into(), Err(wanted.clone())), "{what}");
        let fault = Fault::from(wanted);
        assert!(fault.hint.is_some() && !fault.message.is_empty(), "{what}");
    }
}

#[tokio::test]
async fn an_endless_line_is_given_up_at_its_limit() {
    let world = world(half().part(Part::Endless(vec![b'x'; 256 * 1024]))).await;
    let ended = soon("giving up", world.chat()).await;
    assert_eq!(ended, ("one two".into(), Err(OllamaError::LineTooLong)));
    soon("leaving", world.fake.left(1)).await;
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up_at_its_limit() {
    let mut settings = Settings::new(Address::parse("127.0.0.1").unwrap());
    assert_eq!(settings.longest_answer, 64 * 1024 * 1024);
    let line = format!("{}\n", said("again"));
    let world = world(Reply::stream().part(Part::Endless(line.clone().into_bytes()))).await;
    settings.address = Address::parse(&world.fake.url()).unwrap();
    settings.longest_answer = 64 * 1024;
    let answer = Ollama::new(settings).chat(&question("hi")).await.unwrap();
    let (text, ended) = soon("giving up", to_the_end(answer)).await;
    assert_eq!(ended, Err(OllamaError::AnswerTooLong));
    let lines = text.len() / "again".len();
    assert!(lines > 0 && lines * line.len() <= 64 * 1024, "{lines} lines came through");
    soon("leaving", world.fake.left(1)).await;
}

#[tokio::test]
async fn an_upload_may_take_its_time_as_long_as_something_moves() {
    let world = world(Reply::status(201)).await;
    let mut settings = Settings::new(Address::parse(&world.fake.url()).unwrap());
    settings.silence = Arc::new(|| Duration::from_secs(1));
    let ollama = Ollama::new(settings);
    let digest = Digest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap();
    let piece = || async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        Some((Ok(Bytes::from_static(b"0123456789")), ()))
    };
    let pieces = |count| futures_util::stream::unfold((), move |()| piece()).take(count);
    let begun = Instant::now();
    assert_eq!(ollama.upload_blob(&digest, 40, pieces(4)).await, Ok(true));
    assert!(begun.elapsed() > Duration::from_secs(1), "it was no slow upload");
    assert_eq!(world.fake.requests()[0].body, b"0123456789".repeat(4));
    // One that stands still is given up.
    let stalls = pieces(1).chain(futures_util::stream::pending());
    let error = soon("giving up", ollama.upload_blob(&digest, 40, stalls)).await.unwrap_err();
    assert_eq!(error, OllamaError::Silent { after: Duration::from_secs(1) });
}

#[tokio::test]
async fn an_endless_answer_to_a_simple_question_is_given_up_too() {
    let mut reply = Reply::status(200).part(Part::Endless(vec![b' '; 1024 * 1024]));
    reply.framing = Framing::Chunked;
    let world = world(reply).await;
    assert_eq!(soon("giving up", world.ollama.tags()).await, Err(OllamaError::AnswerTooLong));
}

#[tokio::test]
async fn what_is_not_ollama_is_called_so() {
    let html = "<html><body>Router login</body></html>";
    for (what, reply) in [
        ("HTML", Reply::text(200, "text/html; charset=utf-8", html)),
        ("HTML under another name", Reply::text(200, "application/x-ndjson", html)),
        ("plain text", Reply::text(200, "text/plain", "hello\n")),
        ("another 404", Reply::text(404, "text/html", html)),
    ] {
        let world = world(reply).await;
        let url = world.fake.url();
        assert_eq!(world.error().await, OllamaError::NotOllama { url: url.clone() }, "{what}");
        let whole = world.ollama.tags().await;
        assert_eq!(whole, Err(OllamaError::NotOllama { url }), "{what}");
        assert!(world.outcomes().iter().all(|outcome| *outcome == Outcome::Answered), "{what}");
    }
    let mut no_http = Reply::status(200);
    no_http.status_line = "SSH-2.0-OpenSSH_9.9".into();
    assert!(matches!(world(no_http).await.error().await, OllamaError::NotOllama { .. }));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = world(Reply::lines(&[last()])).await;
    let target = format!("{}/api/chat", elsewhere.fake.url());
    for status in [301, 302, 307, 308] {
        let world = world(Reply::status(status).header("Location", &target)).await;
        assert_eq!(world.error().await, OllamaError::Redirected { url: world.fake.url() }, "{status}");
    }
    assert_eq!(elsewhere.fake.requests().len(), 0);
}

#[tokio::test]
async fn a_wrong_content_type_alone_does_no_harm() {
    let mut reply = Reply::lines(&[said("fine"), last()]);
    reply.headers = vec![("Content-Type".into(), "text/plain".into())];
    assert_eq!(world(reply).await.chat().await, ("fine".into(), Ok(DoneReason::Stop)));
}

#[tokio::test]
async fn headers_that_take_their_time_are_waited_for() {
    let gate = Gate::new();
    let world = world(Reply::lines(&[said("late"), last()]).first(Part::Hold(gate.clone()))).await;
    let (ended, ()) = tokio::join!(world.chat(), async {
        gate.reached().await;
        gate.release();
    });
    assert_eq!(ended, ("late".into(), Ok(DoneReason::Stop)));
}

#[tokio::test]
async fn how_long_silence_may_last_is_asked_when_a_call_begins() {
    let world = world(Reply::stream().first(Part::Stall)).await;
    let patience = Arc::new(AtomicU64::new(50));
    let asked = Arc::clone(&patience);
    let mut settings = Settings::new(Address::parse(&world.fake.url()).unwrap());
    settings.silence = Arc::new(move || Duration::from_millis(asked.load(Ordering::SeqCst)));
    let ollama = Ollama::new(settings);
    for ms in [50, 70] {
        patience.store(ms, Ordering::SeqCst);
        let error = soon("giving up", ollama.chat(&question("hi"))).await.map(drop).unwrap_err();
        assert_eq!(error, OllamaError::Silent { after: Duration::from_millis(ms) });
    }
}

#[tokio::test]
async fn headers_that_never_come_end_in_silence() {
    let world = world(Reply::stream().first(Part::Stall)).await;
    assert_eq!(world.error().await, OllamaError::Silent { after: Duration::from_millis(300) });
    assert_eq!(world.outcomes(), [Outcome::Failed(Trouble::Silent)]);
}

#[tokio::test]
async fn nobody_at_the_address_is_told_from_one_who_hangs_up() {
    let hangs_up = world_with(|_| None).await;
    assert_eq!(hangs_up.error().await, OllamaError::Broken);
    assert_eq!(hangs_up.outcomes(), [Outcome::Failed(Trouble::BrokeOff)]);

    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let ollama = Ollama::new(Settings::new(Address::parse(&url).unwrap()));
    let error = ollama.tags().await.unwrap_err();
    assert_eq!(error, OllamaError::Unreachable { url: url.clone(), why: Unreachable::Refused });
    let fault = Fault::from(error);
    assert_eq!(fault.kind, FaultKind::Upstream);
    assert_eq!(fault.message, format!("Ollama cannot be reached at {url}: nothing listens there."));
}

/// The sentence that a person reads about an address where nothing can be had.
async fn unreachable(url: &str) -> (Unreachable, String) {
    let mut settings = Settings::new(Address::parse(url).unwrap());
    settings.allow_plaintext_remote = true;
    settings.connect = Duration::from_millis(500);
    match soon(url, Ollama::new(settings).tags()).await.unwrap_err() {
        OllamaError::Unreachable { url, why } => (why, Fault::from(OllamaError::Unreachable { url, why }).message),
        other => panic!("{url}: {other:?}"),
    }
}

#[tokio::test]
async fn a_name_that_nobody_has_is_told() {
    // A label of 64 letters is none, so that no server of names needs to be asked; `.invalid` is nobody's either.
    for host in [format!("{}.invalid", "x".repeat(64)), "nobody.invalid".to_owned()] {
        let (why, said) = unreachable(&format!("http://{host}:11434")).await;
        assert_eq!(why, Unreachable::Dns, "{said}");
        assert!(said.ends_with("there is no machine of that name."), "{said}");
    }
}

#[tokio::test]
async fn a_machine_that_swallows_every_word_is_given_up_in_time() {
    // Once its queue is full, Linux drops whatever else knocks, as a firewall would.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let at = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(200), tokio::net::TcpStream::connect(at)).await
    {
        waiting.push(stream);
    }
    let (why, said) = unreachable(&format!("http://{at}")).await;
    assert_eq!(why, Unreachable::TimedOut, "{said}");
    assert!(said.ends_with("no answer came in time."), "{said}");
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_not_trusted() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut server = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        // The client hangs up in the middle of the handshake.
        let _ = server.complete_io(&mut stream);
    });
    let (why, said) = unreachable(&format!("https://{at}")).await;
    assert_eq!(why, Unreachable::Certificate, "{said}");
    assert!(said.ends_with("its certificate is not to be trusted."), "{said}");
}

#[tokio::test]
async fn only_a_server_in_trouble_counts_against_it() {
    for (reply, outcome) in [
        (
            Reply::error(503, "server busy, please try again.  maximum pending requests exceeded"),
            Outcome::Failed(Trouble::Busy),
        ),
        (Reply::error(500, "something broke"), Outcome::Failed(Trouble::Failed { status: 500 })),
        (Reply::text(502, "text/html", "<html>bad gateway</html>"), Outcome::Failed(Trouble::Failed { status: 502 })),
        (Reply::error(404, "model 'x' not found"), Outcome::Answered),
        (Reply::error(400, "bad"), Outcome::Answered),
        (Reply::error(500, "option \"temperature\" must be of type float32"), Outcome::Answered),
        (Reply::status(403), Outcome::Answered),
        (Reply::lines(&[last()]), Outcome::Answered),
    ] {
        let world = world(reply.clone()).await;
        let _ = world.chat().await;
        assert_eq!(*world.outcomes.lock().unwrap(), [(Kind::Chat, outcome)], "{reply:?}");
    }
}

#[tokio::test]
async fn prompts_do_not_cross_a_network_in_the_clear_unless_that_is_allowed() {
    // A link-local address without its link: connecting fails at once, and with the refusal it is not even tried.
    let mut settings = Settings::new(Address::parse("[fe80::1]:11434").unwrap());
    let refused = Ollama::new(settings.clone()).chat(&question("hi")).await.err();
    assert_eq!(refused, Some(OllamaError::PlaintextRefused { url: "http://[fe80::1]:11434".into() }));
    settings.allow_plaintext_remote = true;
    let tried = Ollama::new(settings).chat(&question("hi")).await.err();
    assert!(matches!(tried, Some(OllamaError::Unreachable { .. })), "{tried:?}");
}

/// Runs itself once more with a proxy in the environment: changing the variables of a process with threads is unsafe.
#[tokio::test]
async fn a_proxy_in_the_environment_is_not_asked_about_this_machine() {
    const AGAIN: &str = "OLLAMANET_TEST_BEHIND_PROXY";
    if std::env::var_os(AGAIN).is_some() {
        let world = world(Reply::lines(&[said("direct"), last()])).await;
        assert_eq!(world.chat().await, ("direct".into(), Ok(DoneReason::Stop)));
        return;
    }
    // Nobody answers at port 1, so a client that took the proxy would fail.
    let test = "ollama_faults::a_proxy_in_the_environment_is_not_asked_about_this_machine";
    let mut again = tokio::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", test]).env(AGAIN, "1");
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        again.env(name, "http://127.0.0.1:1");
    }
    let output = soon("the second run", again.output()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
async fn a_server_without_tls_behind_https_is_refused_in_words() {
    let world = world(Reply::lines(&[last()])).await;
    let url = world.fake.url().replace("http:", "https:");
    let ollama = Ollama::new(Settings::new(Address::parse(&url).unwrap()));
    let error = ollama.chat(&question("hi")).await.err().unwrap();
    assert_eq!(error, OllamaError::Unreachable { url, why: Unreachable::Tls });
    assert!(Fault::from(error).message.contains("no encrypted connection"));
}

#[tokio::test]
async fn requests_carry_our_name_and_no_secret_in_the_clear() {
    let world = world(Reply::lines(&[last()])).await;
    world.chat().await.1.unwrap();
    let requests = world.fake.requests();
    assert_eq!(requests[0].header("user-agent"), Some(concat!("ollamanet/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(requests[0].header("authorization"), None);
    assert_eq!(requests[0].header("accept-encoding"), None);
    let body = requests[0].json();
    assert_eq!((&body["truncate"], &body["shift"]), (&json!(false), &json!(false)));
    assert!(body.get("options").is_none(), "nothing is sent that was not set");
}

#[tokio::test]
async fn one_connection_serves_many_questions() {
    let world = world(Reply::json(200, &json!({"models": []}))).await;
    for _ in 0..3 {
        assert_eq!(world.ollama.tags().await, Ok(Vec::new()));
    }
    assert_eq!(world.fake.requests().len(), 3);
    assert_eq!(world.outcomes(), [Outcome::Answered; 3]);
}

#[tokio::test]
async fn a_path_before_the_api_is_kept() {
    let world = world(Reply::json(200, &json!({"version": "0.35.0"}))).await;
    let address = Address::parse(&format!("{}/behind/a/proxy/", world.fake.url())).unwrap();
    Ollama::new(Settings::new(address)).version(Duration::from_secs(5)).await.unwrap();
    assert_eq!(world.fake.requests()[0].path, "/behind/a/proxy/api/version");
}

#[tokio::test]
async fn an_old_server_without_a_route_is_told_from_a_missing_model() {
    let world = world(Reply::text(404, "text/plain", "404 page not found")).await;
    assert_eq!(world.ollama.cloud_disabled().await, Ok(None));
    assert_eq!(world.error().await, OllamaError::NotSupportedByServer);
}

#[tokio::test]
async fn a_pull_is_over_at_success_and_failed_without() {
    let name = ModelName::parse("tiny").unwrap();
    for (lines, wanted) in [
        (vec![json!({"status": "pulling manifest"}), json!({"status": "success"})], None),
        (vec![json!({"status": "pulling manifest"})], Some(OllamaError::EndedWithoutDone)),
    ] {
        let world = world(Reply::lines(&lines)).await;
        let mut answer = world.ollama.pull(&name, false).await.unwrap();
        let mut error = None;
        while let Some(item) = answer.next().await {
            error = item.err();
        }
        assert_eq!(error, wanted);
    }
}

#[tokio::test]
async fn the_stand_in_answers_as_a_model_would_and_says_what_it_is() {
    let tasks = Tasks::new();
    let fake = StandIn::start(&tasks, Pace::instant()).await.unwrap();
    let ollama = Ollama::new(Settings::new(Address::parse(&fake.url()).unwrap()));
    let chat = async |request: &ChatRequest| {
        let mut answer = ollama.chat(request).await.unwrap();
        let (mut text, mut thinking, mut done) = (String::new(), String::new(), None);
        while let Some(chunk) = answer.next().await {
            let chunk = chunk.unwrap();
            assert!(chunk.delta.thinking.is_empty() || text.is_empty(), "thinking comes first");
            text.push_str(&chunk.delta.content);
            thinking.push_str(&chunk.delta.thinking);
            done = chunk.done;
        }
        (text, thinking, done.unwrap())
    };

    let (text, thinking, done) = chat(&question("show me some code")).await;
    assert!(text.contains("built-in stand-in") && text.contains("```rust"), "{text}");
    assert_eq!((thinking.as_str(), &done.reason), ("", &DoneReason::Stop));
    assert!(done.usage.answer_tokens.unwrap() > 50 && done.usage.answer_ns.unwrap() > 0);

    let thinks = ChatRequest { model: "demo-think:8b".into(), ..question("hello") };
    assert!(!chat(&thinks).await.1.is_empty());
    let mut off = thinks.clone();
    off.options.set("think", "off").unwrap();
    assert!(chat(&off).await.1.is_empty());

    let mut short = question("hello");
    short.options.set("num_predict", "3").unwrap();
    let (_, _, done) = chat(&short).await;
    assert_eq!((done.reason, done.usage.answer_tokens), (DoneReason::Length, Some(3)));

    let mut stopped = question("show me some code");
    stopped.options.set("stop", "```").unwrap();
    assert!(!chat(&stopped).await.0.contains("```"));

    let mut thinking = question("x");
    thinking.options.set("think", "on").unwrap();
    assert_eq!(ollama.chat(&thinking).await.err(), Some(OllamaError::Lacks(ollamanet::ollama::Capability::Thinking)));

    let mut picture = question("what is it");
    picture.messages[0].images.push("iVBORw0KGgo=".into());
    assert_eq!(ollama.chat(&picture).await.err(), Some(OllamaError::Lacks(ollamanet::ollama::Capability::Vision)));
    picture.model = "demo-vision:4b".into();
    assert!(chat(&picture).await.0.contains("picture"));

    let long = question(&"word ".repeat(6000));
    let error = ollama.chat(&long).await.err().unwrap();
    assert!(
        matches!(error, OllamaError::Overflow { prompt_tokens: Some(tokens), window: Some(4096) } if tokens > 4096),
        "{error:?}"
    );
    assert!(matches!(
        ollama.chat(&ChatRequest { model: "nosuch".into(), ..question("x") }).await.err(),
        Some(OllamaError::ModelMissing { .. })
    ));

    let mut title = question("How do I bake bread at home?");
    title
        .messages
        .insert(0, ChatMessage::new(MessageRole::System, "Write a title for this conversation, 3 to 6 words."));
    let (title, ..) = chat(&title).await;
    assert_eq!(title, "How do I bake bread");

    let whole = ollama.chat_whole(&question("a table")).await.unwrap();
    assert!(whole.delta.content.contains("|--:|"));
    let generated = ollama
        .generate_whole(&GenerateRequest {
            model: "demo-chat:3b".into(),
            prompt: "a list".into(),
            ..Default::default()
        })
        .await
        .unwrap();
    assert!(generated.text.contains("- [x]"));

    let texts = ["bread and butter", "butter and bread", "quantum physics"].map(str::to_owned).to_vec();
    let embedded = ollama
        .embed(&EmbedRequest { model: "demo-embed".into(), input: texts, ..EmbedRequest::default() })
        .await
        .unwrap();
    let like =
        |a: usize, b: usize| -> f32 { embedded.vectors[a].iter().zip(&embedded.vectors[b]).map(|(a, b)| a * b).sum() };
    assert!(like(0, 1) > 0.99 && like(0, 2) < 0.5);

    let resident: Vec<String> = ollama.ps().await.unwrap().into_iter().map(|model| model.name).collect();
    assert_eq!(resident, ["demo-chat:3b", "demo-think:8b", "demo-vision:4b"]);
    assert_eq!(ollama.show("demo-think:8b").await.unwrap().context_length, Some(40_960));
}

#[tokio::test]
async fn the_stand_in_keeps_its_pace() {
    let tasks = Tasks::new();
    let pace = Pace { token: Duration::from_millis(2), load: Duration::from_millis(30), ..Pace::instant() };
    let fake = StandIn::start(&tasks, pace).await.unwrap();
    let ollama = Ollama::new(Settings::new(Address::parse(&fake.url()).unwrap()));
    let mut short = question("hello");
    short.options.set("num_predict", "10").unwrap();
    let begun = Instant::now();
    to_the_end(ollama.chat(&short).await.unwrap()).await.1.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(50), "{:?}", begun.elapsed());
}
