//! The scripted models: answers every route of Ollama's as if models were there, at a settable pace.
//!
//! Keeps in memory which models are loaded and which were deleted or copied, so that the screens move. It never claims
//! to be more than it is: the version it reports ends in `-stand-in`.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

use crate::tasks::Tasks;

use super::{
    answers,
    catalogue::Made,
    installs::Installs,
    reply::{Part, Reply},
    server::{Fake, Seen},
};

/// The version it reports: new enough to raise no warning.
pub const VERSION: &str = "0.35.0-stand-in";

/// How fast it is.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Time for each piece of an answer.
    pub token: Duration,
    /// Time to load a model.
    pub load: Duration,
    /// Time between two lines of a download; there are some forty.
    pub transfer: Duration,
}

impl Pace {
    /// As a small model on a good machine.
    #[must_use]
    pub fn lifelike() -> Self {
        Self {
            token: Duration::from_millis(18),
            load: Duration::from_millis(700),
            transfer: Duration::from_millis(150),
        }
    }

    /// As fast as it goes, for tests.
    #[must_use]
    pub fn instant() -> Self {
        Self { token: Duration::ZERO, load: Duration::ZERO, transfer: Duration::ZERO }
    }
}

/// The state behind the routes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StandIn {
    pace: Pace,
    /// Name → window it is loaded with, and when it leaves memory. Each use moves that, and nothing else does.
    loaded: Arc<Mutex<BTreeMap<String, (u32, String)>>>,
    installs: Installs,
}

impl StandIn {
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, loaded: Arc::default(), installs: Installs::default() }
    }

    /// Runs it on a free port until the result is dropped.
    ///
    /// # Errors
    /// The machine gives no port.
    pub async fn start(tasks: &Tasks, pace: Pace) -> io::Result<Fake> {
        let stand_in = Self::new(pace);
        Fake::start(tasks, move |request| Some(stand_in.reply(request))).await
    }

    /// What a request gets. Tests put their own faults before it.
    #[must_use]
    pub fn reply(&self, request: &Seen) -> Reply {
        let body = request.json();
        let method = request.method.as_str();
        match (method, request.path.as_str()) {
            ("GET" | "HEAD", "/") => Reply::text(200, "text/plain; charset=utf-8", "Ollama is running"),
            ("GET" | "HEAD", "/api/version") => Reply::json(200, &json!({ "version": VERSION })),
            ("GET", "/api/status") => Reply::json(200, &json!({ "cloud": { "disabled": true, "source": "config" } })),
            ("GET" | "HEAD", "/api/tags") => Reply::json(200, &json!({ "models": self.installs.tags() })),
            ("GET", "/api/ps") => Reply::json(200, &json!({ "models": self.resident() })),
            ("POST", "/api/show") => match self.named(&body) {
                Ok(made) => Reply::json(200, &made.show()),
                Err(refusal) => refusal,
            },
            ("POST", "/api/chat") => self.chat(&body),
            ("POST", "/api/generate") => self.generate(&body),
            ("POST", "/api/embed") => self.embed(&body),
            ("POST", "/api/pull") => self.installs.pull(&body, self.pace.transfer),
            ("POST", "/api/push") => self.installs.push(&body, self.pace.transfer),
            ("POST", "/api/create") => self.installs.create(&body, self.pace.transfer),
            ("POST", "/api/copy") => self.installs.copy(&body),
            ("DELETE", "/api/delete") => self.installs.delete(&body),
            ("HEAD" | "POST", path) if path.starts_with("/api/blobs/") => {
                self.installs.blob(method, path.trim_start_matches("/api/blobs/"), &request.body)
            }
            (_, path) if path.starts_with("/api/") && is_route(path) => {
                Reply::text(405, "text/plain", "405 method not allowed")
            }
            _ => Reply::text(404, "text/plain", "404 page not found"),
        }
    }

    /// The model that a request names, or why there is none.
    fn named(&self, body: &Value) -> Result<Made, Reply> {
        let name = body["model"].as_str().or_else(|| body["name"].as_str()).unwrap_or_default();
        if name.is_empty() {
            return Err(Reply::error(400, "model is required"));
        }
        self.installs.find(name).ok_or_else(|| Reply::error(404, &format!("model '{name}' not found")))
    }

    fn embed(&self, body: &Value) -> Reply {
        let made = match self.named(body) {
            Ok(made) if made.can("embedding") => made,
            Ok(_) => {
                return Reply::error(501, "This server does not support embeddings. Start it with '--embeddings'");
            }
            Err(refusal) => return refusal,
        };
        let texts: Vec<&str> = match &body["input"] {
            Value::String(text) => vec![text.as_str()],
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let vectors: Vec<Vec<f32>> = texts.iter().map(|text| vector(text, made.embedding_length as usize)).collect();
        let tokens: usize = texts.iter().map(|text| text.len() / 4 + 1).sum();
        Reply::json(
            200,
            &json!({
                "model": body["model"], "embeddings": vectors, "total_duration": 14_000_000, "load_duration": 1_000_000,
                "prompt_eval_count": tokens,
            }),
        )
    }

    fn resident(&self) -> Vec<Value> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let resident = |(name, (window, until)): (&String, &(u32, String))| {
            Some(self.installs.find(name)?.resident(*window, until))
        };
        loaded.iter().filter_map(resident).collect()
    }

    /// Marks a model as loaded; returns how long that takes. Another window means loading it anew.
    fn load(&self, made: &Made, body: &Value) -> (u32, Duration) {
        let asked = body["options"]["num_ctx"].as_u64().and_then(|tokens| u32::try_from(tokens).ok());
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let window = asked.map(|tokens| tokens.min(made.context_length));
        let window = window
            .or_else(|| loaded.get(made.name.as_ref()).map(|(window, _)| *window))
            .unwrap_or_else(|| made.default_window());
        let until = (jiff::Timestamp::now() + Duration::from_mins(5)).to_string();
        let before = loaded.insert(made.name.to_string(), (window, until)).map(|(window, _)| window);
        (window, if before == Some(window) { Duration::ZERO } else { self.pace.load })
    }

    fn unload(&self, made: &Made) {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).remove(made.name.as_ref());
    }

    fn chat(&self, body: &Value) -> Reply {
        let made = match self.named(body) {
            Ok(made) if made.can("completion") => made,
            Ok(made) => return Reply::error(400, &format!("{:?} does not support chat", made.name)),
            Err(refusal) => return refusal,
        };
        let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        if messages.is_empty() {
            let reason = if is_zero(&body["keep_alive"]) {
                self.unload(&made);
                "unload"
            } else {
                self.load(&made, body);
                "load"
            };
            return Reply::json(200, &line(body, &json!({ "content": "" }), true, Some(reason)));
        }
        let images = messages.iter().rev().find_map(|message| message["images"].as_array()).map_or(0, Vec::len);
        if images > 0 && !made.can("vision") {
            let inner = json!({"error": {"code": 400, "type": "invalid_request_error",
                "message": "Multimodal data provided, but model does not support multimodal requests."}});
            return Reply::error(400, &inner.to_string());
        }
        let think = match &body["think"] {
            Value::Null => made.can("thinking"),
            Value::Bool(think) => *think,
            _ => true,
        };
        if think && !made.can("thinking") {
            return Reply::error(400, &format!("{:?} does not support thinking", made.name));
        }
        let text_of = |role: &str| {
            let last = messages.iter().rev().find(|message| message["role"] == role);
            last.and_then(|message| message["content"].as_str()).unwrap_or_default()
        };
        let (system, question) = (text_of("system"), text_of("user"));
        let said: String = messages.iter().filter_map(|message| message["content"].as_str()).collect();
        let is_title = answers::wants_title(system, question);
        let answer = if is_title { answers::title(question) } else { answers::answer(question, images) };
        let thinking = if think && !is_title { answers::THINKING } else { "" };
        self.speak(&made, body, &said, thinking, &answer, &|piece, thinks| {
            if thinks { json!({ "content": "", "thinking": piece }) } else { json!({ "content": piece }) }
        })
    }

    fn generate(&self, body: &Value) -> Reply {
        let made = match self.named(body) {
            Ok(made) if made.can("completion") => made,
            Ok(made) => return Reply::error(400, &format!("{:?} does not support generate", made.name)),
            Err(refusal) => return refusal,
        };
        let prompt = body["prompt"].as_str().unwrap_or_default();
        if prompt.is_empty() {
            let reason = if is_zero(&body["keep_alive"]) {
                self.unload(&made);
                "unload"
            } else {
                self.load(&made, body);
                "load"
            };
            return Reply::json(200, &line(body, &json!(""), true, Some(reason)));
        }
        let answer = answers::answer(prompt, 0);
        self.speak(&made, body, prompt, "", &answer, &|piece, _| json!(piece))
    }

    /// An answer as a stream or whole, cut by the options as a model would, with figures that fit.
    fn speak(
        &self,
        made: &Made,
        body: &Value,
        said: &str,
        thinking: &str,
        answer: &str,
        shape: &dyn Fn(&str, bool) -> Value,
    ) -> Reply {
        let (window, load) = self.load(made, body);
        let prompt_tokens = u32::try_from(said.chars().count() / 4).unwrap_or(u32::MAX).saturating_add(8);
        if prompt_tokens >= window && body["truncate"] == json!(false) {
            let inner = json!({"error": {"code": 400, "type": "exceed_context_size_error",
                "message": format!("request ({prompt_tokens} tokens) exceeds the available context size ({window} tokens), try increasing it"),
                "n_prompt_tokens": prompt_tokens, "n_ctx": window}});
            return Reply::error(400, &inner.to_string());
        }
        let stops = body["options"]["stop"].as_array().map(Vec::as_slice).unwrap_or_default();
        let cut = stops.iter().filter_map(Value::as_str).filter_map(|stop| answer.find(stop)).min();
        let answer = cut.map_or(answer, |at| &answer[..at]);

        let most = body["options"]["num_predict"].as_i64().filter(|most| *most > 0).map(|most| most as usize);
        let room = window.saturating_sub(prompt_tokens) as usize;
        let all = answers::tokens(thinking)
            .map(|token| (token, true))
            .chain(answers::tokens(answer).map(|token| (token, false)));
        let mut pieces: Vec<(&str, bool)> = all.collect();
        let allowed = most.unwrap_or(usize::MAX).min(room);
        let reason = if pieces.len() > allowed { "length" } else { "stop" };
        pieces.truncate(allowed);

        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // No pace at all would make a speed of nothing: each piece then counts as a millisecond.
        let each = self.pace.token.max(Duration::from_millis(1));
        let spent = each * u32::try_from(pieces.len()).unwrap_or(u32::MAX);
        let reading = each * 2;
        let finish = |mut last: Value| {
            last["total_duration"] = json!(nanos(load + reading + spent));
            last["load_duration"] = json!(nanos(load).max(1));
            last["prompt_eval_count"] = json!(prompt_tokens);
            last["prompt_eval_duration"] = json!(nanos(reading));
            last["eval_count"] = json!(pieces.len());
            last["eval_duration"] = json!(nanos(spent));
            last
        };
        let pause = |time: Duration| (time > Duration::ZERO).then_some(Part::Pause(time));
        if body["stream"] == json!(false) {
            let whole = |thinks: bool| pieces.iter().filter(|piece| piece.1 == thinks).map(|piece| piece.0).collect();
            let (thought, text): (String, String) = (whole(true), whole(false));
            let mut shaped = shape(&text, false);
            if !thought.is_empty() {
                shaped["thinking"] = json!(thought);
            }
            let mut reply = Reply::json(200, &finish(line(body, &shaped, true, Some(reason))));
            reply.before.extend(pause(load + self.pace.token * u32::try_from(pieces.len()).unwrap_or(u32::MAX)));
            return reply;
        }
        let mut reply = Reply::stream();
        reply.before.extend(pause(load));
        for (piece, thinks) in &pieces {
            reply.parts.extend(pause(self.pace.token));
            reply = reply.line(&line(body, &shape(piece, *thinks), false, None));
        }
        reply.line(&finish(line(body, &shape("", false), true, Some(reason))))
    }
}

fn is_route(path: &str) -> bool {
    const ROUTES: &[&str] = &[
        "version", "status", "tags", "ps", "show", "chat", "generate", "embed", "pull", "push", "create", "copy",
        "delete",
    ];
    path.strip_prefix("/api/").is_some_and(|route| ROUTES.contains(&route))
}

fn is_zero(keep_alive: &Value) -> bool {
    keep_alive.as_f64() == Some(0.0) || keep_alive.as_str().is_some_and(|text| text == "0" || text == "0s")
}

/// A vector of length one: texts that share words lie near each other, which is all a demonstration needs.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions];
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        // FNV-1a: small, and the same in every run.
        let hash = word
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        vector[(hash % dimensions as u64) as usize] += 1.0;
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in &mut vector {
            *value /= length;
        }
    }
    vector
}

/// One line of a chat (an object) or of a completion (a text).
fn line(body: &Value, piece: &Value, done: bool, reason: Option<&str>) -> Value {
    let mut line = json!({ "model": body["model"], "created_at": jiff::Timestamp::now().to_string(), "done": done });
    if let Value::Object(message) = piece {
        let mut message = message.clone();
        message.insert("role".to_owned(), json!("assistant"));
        line["message"] = Value::Object(message);
    } else {
        line["response"] = piece.clone();
    }
    if let Some(reason) = reason {
        line["done_reason"] = json!(reason);
    }
    line
}
