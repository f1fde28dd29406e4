//! Real traffic, replayed: every recording of a real Ollama goes through the stand-in to the client, cut in every way,
//! and must come out the same each time and equal to what the recording says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    path::Path,
};

use futures_util::StreamExt;
use ollamanet::{
    api::{
        Fault, FaultKind,
        models::{Geometry, ModelDetail},
    },
    fake::{Fake, Part, Reply, reply::Framing},
    ollama::{
        Address, ChatMessage, ChatRequest, Chunk, Create, Digest, Done, DoneReason, EmbedRequest, GenerateRequest,
        ModelName, Ollama, OllamaError, Piece, Progress, Settings, Usage,
    },
    tasks::Tasks,
};
use proptest::prelude::*;
use serde_json::Value;

/// Every recording that ends in an error: which error it is, and what kind of fault a person sees. A recording that is
/// not here must end well.
const ERRORS: &[(&str, &str, FaultKind)] = &[
    ("blobs_head_bad_digest", "BadDigest", FaultKind::Invalid),
    ("blobs_post_bad_digest", "BadDigest", FaultKind::Invalid),
    ("blobs_post_digest_mismatch", "BadDigest", FaultKind::Invalid),
    ("chat_blob_missing", "Lacks(Chat)", FaultKind::Model),
    ("chat_client_disconnect", "Broken", FaultKind::Upstream),
    ("chat_content_parts", "Refused", FaultKind::Model),
    ("chat_ctx_last_message_over_truncate_false", "Overflow", FaultKind::Overflow),
    ("chat_embedding_model", "Lacks(Chat)", FaultKind::Model),
    ("chat_empty_body", "Refused", FaultKind::Model),
    ("chat_format_bad_schema", "BadFormat", FaultKind::Invalid),
    ("chat_format_invalid", "BadFormat", FaultKind::Invalid),
    ("chat_images_bad_base64", "BadImage", FaultKind::Invalid),
    ("chat_images_data_url", "BadImage", FaultKind::Invalid),
    ("chat_images_nonvision", "Lacks(Vision)", FaultKind::Model),
    ("chat_images_nonvision_nonstream", "Lacks(Vision)", FaultKind::Model),
    ("chat_invalid_model_name", "BadName", FaultKind::Invalid),
    ("chat_keep_alive_bad", "BadOption", FaultKind::Invalid),
    ("chat_load_out_of_memory", "OutOfMemory", FaultKind::Model),
    ("chat_malformed_json", "Refused", FaultKind::Model),
    ("chat_malformed_json2", "Refused", FaultKind::Model),
    ("chat_model_empty", "BadName", FaultKind::Invalid),
    ("chat_no_model_field", "BadName", FaultKind::Invalid),
    ("chat_no_model_installed", "ModelMissing", FaultKind::ModelMissing),
    ("chat_option_wrong_type", "BadOption", FaultKind::Invalid),
    ("chat_queue_full_503", "QueueFull", FaultKind::Ollama),
    ("chat_repeated_token", "EndedWithoutDone", FaultKind::Model),
    ("chat_runner_killed", "RunnerDied", FaultKind::Model),
    ("chat_runner_killed_nonstream", "RunnerDied", FaultKind::Model),
    ("chat_server_sigterm_midstream", "Broken", FaultKind::Upstream),
    ("chat_think_bad_level", "BadOption", FaultKind::Invalid),
    ("chat_think_unsupported", "Lacks(Thinking)", FaultKind::Model),
    ("chat_tools_followup_args_string", "Refused", FaultKind::Model),
    ("chat_tools_unsupported", "Lacks(Tools)", FaultKind::Model),
    ("chat_unknown_model", "ModelMissing", FaultKind::ModelMissing),
    ("chat_unknown_model_nonstream", "ModelMissing", FaultKind::ModelMissing),
    ("chat_wrong_type", "Refused", FaultKind::Model),
    ("copy_bad_destination", "BadName", FaultKind::Invalid),
    ("copy_unknown", "ModelMissing", FaultKind::ModelMissing),
    ("cors_extension_origin", "HostRefused", FaultKind::Ollama),
    ("cors_foreign_origin", "HostRefused", FaultKind::Ollama),
    ("cors_foreign_origin_chat", "HostRefused", FaultKind::Ollama),
    ("cors_null_origin", "HostRefused", FaultKind::Ollama),
    ("cors_preflight_foreign", "HostRefused", FaultKind::Ollama),
    ("cors_preflight_ok", "NotOllama", FaultKind::Upstream),
    ("create_bad_name", "BadName", FaultKind::Invalid),
    ("create_from_unknown", "Registry", FaultKind::Ollama),
    ("create_missing_blob", "BadSource", FaultKind::Invalid),
    ("create_no_source", "BadSource", FaultKind::Invalid),
    ("create_not_gguf", "BadSource", FaultKind::Invalid),
    ("delete_empty", "BadName", FaultKind::Invalid),
    ("delete_name_field", "ModelMissing", FaultKind::ModelMissing),
    ("delete_unknown", "ModelMissing", FaultKind::ModelMissing),
    ("delete_with_post", "NotSupportedByServer", FaultKind::Ollama),
    ("embed_bad_input", "Refused", FaultKind::Model),
    ("embed_chat_model", "Lacks(Embedding)", FaultKind::Model),
    ("embed_truncate_false", "Overflow", FaultKind::Overflow),
    ("embed_unknown_model", "ModelMissing", FaultKind::ModelMissing),
    ("embeddings_legacy", "NotOllama", FaultKind::Upstream),
    ("embeddings_legacy_empty", "NotOllama", FaultKind::Upstream),
    ("generate_images_nonvision", "Lacks(Vision)", FaultKind::Model),
    ("generate_suffix_unsupported", "Lacks(Insert)", FaultKind::Model),
    ("generate_unknown_model", "ModelMissing", FaultKind::ModelMissing),
    ("method_not_allowed", "NotSupportedByServer", FaultKind::Ollama),
    ("native_ctx_last_message_over_nonstream", "Overflow", FaultKind::Overflow),
    ("native_images_nonvision", "Lacks(Vision)", FaultKind::Model),
    ("not_found_path", "NotSupportedByServer", FaultKind::Ollama),
    ("pull_again_right_after_cancel", "Broken", FaultKind::Upstream),
    ("pull_bad_name", "BadName", FaultKind::Invalid),
    ("pull_cancelled", "Broken", FaultKind::Upstream),
    ("pull_concurrent_first", "Broken", FaultKind::Upstream),
    ("pull_download_errors", "Registry", FaultKind::Ollama),
    ("pull_empty", "BadName", FaultKind::Invalid),
    ("pull_malformed", "Refused", FaultKind::Model),
    ("pull_plain_name_unknown", "NotInRegistry", FaultKind::ModelMissing),
    ("pull_registry_down", "Registry", FaultKind::Ollama),
    ("pull_stalls", "Broken", FaultKind::Upstream),
    ("pull_unknown_manifest", "NotInRegistry", FaultKind::ModelMissing),
    ("pull_unknown_manifest_nonstream", "NotInRegistry", FaultKind::ModelMissing),
    ("pull_unknown_tag", "NotInRegistry", FaultKind::ModelMissing),
    ("pull_without_insecure", "Registry", FaultKind::Ollama),
    ("push_unknown", "BadSource", FaultKind::Invalid),
    ("push_without_insecure", "Registry", FaultKind::Ollama),
    ("root_get", "NotOllama", FaultKind::Upstream),
    ("root_head", "NotOllama", FaultKind::Upstream),
    ("show_bad_name", "BadName", FaultKind::Invalid),
    ("show_empty", "BadName", FaultKind::Invalid),
    ("show_malformed", "Refused", FaultKind::Model),
    ("show_unknown", "ModelMissing", FaultKind::ModelMissing),
    ("v1_chat_stream", "NotOllama", FaultKind::Upstream),
    ("v1_chat_unknown_model", "ModelMissing", FaultKind::ModelMissing),
    ("v1_models", "NotOllama", FaultKind::Upstream),
];

/// What each type of error tells a person to do.
const HINTS: &[(&str, &str)] = &[
    ("BadDigest", "Upload the file again."),
    ("BadFormat", "Use json, or a valid JSON schema, or clear the format."),
    ("BadImage", "Attach a PNG or JPEG file."),
    ("BadName", "A name looks like llama3.2:3b or user/model:tag."),
    ("BadOption", "Correct or clear the option and try again."),
    ("BadSource", "Give an installed model or a GGUF file."),
    ("Broken", "See that Ollama still runs, then try again; the text so far is kept."),
    (
        "EndedWithoutDone",
        "Models that repeat themselves are cut off like this: continue, or ask again with other options.",
    ),
    ("HostRefused", "Call it as localhost or by its number, or let the tunnel or proxy send “Host: localhost”."),
    ("Lacks(Chat)", "Choose a model with the capability “completion”, or pull this one again."),
    ("Lacks(Embedding)", "Choose a model with the capability “embedding”."),
    ("Lacks(Insert)", "Choose a model with the capability “insert”."),
    ("Lacks(Thinking)", "Turn thinking off, or choose a model with the capability “thinking”."),
    ("Lacks(Tools)", "Choose a model with the capability “tools”."),
    ("Lacks(Vision)", "Remove the image, or choose a model with the capability “vision”."),
    ("ModelMissing", "Choose another model, or install it with `ollama pull` and its name."),
    ("NotInRegistry", "Look for the exact name on ollama.com/library."),
    ("NotOllama", "Correct OLLAMA_HOST, or stop the other program that listens there."),
    ("NotSupportedByServer", "Update Ollama and try again."),
    ("OutOfMemory", "Take a smaller model or a smaller num_ctx, or unload other models."),
    ("Overflow", "Leave out older messages, set a larger num_ctx, or start a new conversation."),
    ("QueueFull", "Wait a moment and try again."),
    ("Refused", "If it happens again, it is a mistake of this program: please report it with this text."),
    ("Registry", "See that the machine is online, then try again: a download goes on where it stopped."),
    ("RunnerDied", "Try again: Ollama starts it anew. If it happens again, take a smaller model or num_ctx."),
];

struct Recording {
    name: String,
    method: String,
    path: String,
    /// Whether a stream was asked for: unless the body says otherwise, it was.
    streamed: bool,
    response: Value,
}

fn recordings() -> Vec<Recording> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ollama");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let body: Value = serde_json::from_str(&text(&file["request"]["body"])).unwrap_or_default();
        all.push(Recording {
            name: text(&file["name"]),
            method: text(&file["request"]["method"]),
            path: text(&file["request"]["path"]),
            streamed: body["stream"] != Value::Bool(false),
            response: file["response"].clone(),
        });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(all.len() > 200, "only {} recordings were found", all.len());
    all
}

impl Recording {
    fn text(&self) -> String {
        let chunks = self.response["chunks"].as_array().unwrap();
        chunks.iter().filter_map(|chunk| chunk["text"].as_str()).collect()
    }

    fn lines(&self) -> Vec<Value> {
        self.text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The answer as the server gave it, one part for each of its chunks. What the recorder left out stays out.
    fn reply(&self) -> Reply {
        let mut reply = Reply::status(200);
        self.response["status_line"].as_str().unwrap().clone_into(&mut reply.status_line);
        reply.framing = Framing::Close;
        for header in self.response["headers"].as_array().unwrap() {
            let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
            match name.to_ascii_lowercase().as_str() {
                "transfer-encoding" => reply.framing = Framing::Chunked,
                "content-length" => reply.framing = Framing::Length,
                _ => reply = reply.header(name, value),
            }
        }
        let end = self.response["end"].as_str().unwrap();
        if end == "complete (no body)" && self.response["status"] == 204 {
            reply.framing = Framing::Nothing;
        }
        for chunk in self.response["chunks"].as_array().unwrap() {
            if let Some(text) = chunk["text"].as_str() {
                reply = reply.bytes(text);
            }
        }
        match end {
            "EOF before the terminating chunk" | "closed by the client" => reply.part(Part::Cut),
            "complete (content-length)" | "complete (terminating chunk)" | "complete (no body)" | "complete (EOF)" => {
                reply
            }
            other => panic!("{}: an end that is not known: {other}", self.name),
        }
    }
}

/// What came out of the client.
#[derive(Clone, Debug, PartialEq)]
enum Came {
    Chat(Vec<Chunk>),
    Generated(Vec<Piece>),
    Progress(Vec<Progress>),
    /// Names with their sizes, digests and capabilities.
    Models(Vec<(String, u64, String, Vec<String>)>),
    /// Names, with their bytes in the GPU, their window and when they go.
    Resident(Vec<(String, u64, Option<u32>, String)>),
    Detail(Box<ModelDetail>),
    Vectors(Vec<Vec<f32>>, Usage),
    Text(String),
    Flag(bool),
    Nothing,
}

type Played = (Came, Option<OllamaError>);

fn one<T>(result: Result<T, OllamaError>, came: impl FnOnce(T) -> Came) -> Played {
    match result {
        Ok(value) => (came(value), None),
        Err(error) => (Came::Nothing, Some(error)),
    }
}

async fn all<T: Debug>(
    answer: Result<ollamanet::ollama::Answer<T>, OllamaError>,
    came: impl FnOnce(Vec<T>) -> Came,
) -> Played {
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(error) => return (came(Vec::new()), Some(error)),
    };
    let mut items = Vec::new();
    while let Some(item) = answer.next().await {
        match item {
            Ok(item) => items.push(item),
            Err(error) => {
                assert!(answer.next().await.is_none(), "nothing comes after an error");
                return (came(items), Some(error));
            }
        }
    }
    (came(items), None)
}

/// Asks what the recording asked, as far as the client asks such things; else the question that stands nearest.
async fn play(ollama: &Ollama, recording: &Recording) -> Played {
    let model = ModelName::parse("localhost:5000/library/tiny").unwrap();
    let digest = Digest::parse(&format!("sha256:{}", "0a".repeat(32))).unwrap();
    let path = recording.path.as_str();
    match path {
        "/api/chat" | "/v1/chat/completions" => {
            let request = ChatRequest {
                model: "tiny".into(),
                messages: vec![ChatMessage::new(ollamanet::api::chat::MessageRole::User, "hi")],
                ..ChatRequest::default()
            };
            if recording.streamed {
                all(ollama.chat(&request).await, Came::Chat).await
            } else {
                one(ollama.chat_whole(&request).await, |chunk| Came::Chat(vec![chunk]))
            }
        }
        "/api/generate" => {
            let request = GenerateRequest { model: "tiny".into(), prompt: "hi".into(), ..GenerateRequest::default() };
            if recording.streamed {
                all(ollama.generate(&request).await, Came::Generated).await
            } else {
                one(ollama.generate_whole(&request).await, |piece| Came::Generated(vec![piece]))
            }
        }
        "/api/pull" => all(ollama.pull(&model, false).await, Came::Progress).await,
        "/api/push" => all(ollama.push(&model, false).await, Came::Progress).await,
        "/api/create" => all(ollama.create(&Create::new(model)).await, Came::Progress).await,
        "/api/tags" | "/v1/models" => one(ollama.tags().await, |models| {
            let parts = models.into_iter().map(|model| (model.name, model.bytes, model.digest, model.capabilities));
            Came::Models(parts.collect())
        }),
        "/api/ps" => one(ollama.ps().await, |resident| {
            let parts = resident.into_iter().map(|model| {
                (model.name, model.loaded.gpu_bytes, model.loaded.context_length, model.loaded.expires_at)
            });
            Came::Resident(parts.collect())
        }),
        "/api/show" => one(ollama.show("tiny").await, |detail| Came::Detail(Box::new(detail))),
        "/api/embed" | "/api/embeddings" => {
            let request = EmbedRequest { model: "tiny".into(), input: vec!["hi".into()], ..EmbedRequest::default() };
            one(ollama.embed(&request).await, |embeddings| Came::Vectors(embeddings.vectors, embeddings.usage))
        }
        "/api/version" | "/" | "/api/nope" => one(ollama.version(std::time::Duration::from_secs(5)).await, Came::Text),
        "/api/status" => one(ollama.cloud_disabled().await, |disabled| Came::Flag(disabled.unwrap())),
        "/api/copy" => one(ollama.copy("tiny", &model).await, |()| Came::Nothing),
        "/api/delete" => one(ollama.delete("tiny").await, |()| Came::Nothing),
        blobs if blobs.starts_with("/api/blobs/") && recording.method == "HEAD" => {
            one(ollama.has_blob(&digest).await, Came::Flag)
        }
        blobs if blobs.starts_with("/api/blobs/") => {
            let bytes = futures_util::stream::iter([Ok(bytes::Bytes::from_static(b"blob"))]);
            one(ollama.upload_blob(&digest, 4, bytes).await, Came::Flag)
        }
        other => panic!("{}: no way to ask {other}", recording.name),
    }
}

/// What the recording says, read without the client.
#[expect(clippy::too_many_lines, reason = "one arm for each route")]
fn said(recording: &Recording) -> Came {
    let status = recording.response["status"].as_u64().unwrap();
    let lines = recording.lines();
    let whole = lines.first().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = || lines.iter().filter(|line| line["error"].is_null() && (200..300).contains(&status));
    let done = |line: &Value| {
        (line["done"] == true).then(|| Done {
            reason: match line["done_reason"].as_str() {
                Some("stop") => DoneReason::Stop,
                Some("length") => DoneReason::Length,
                Some("load") => DoneReason::Load,
                Some("unload") => DoneReason::Unload,
                other => panic!("done_reason {other:?}"),
            },
            usage: usage(line),
        })
    };
    match recording.path.as_str() {
        "/api/chat" => Came::Chat(
            items()
                .map(|line| {
                    let message = &line["message"];
                    let mut chunk = Chunk { done: done(line), ..Chunk::default() };
                    chunk.delta.content = text(&message["content"]);
                    chunk.delta.thinking = text(&message["thinking"]);
                    for call in message["tool_calls"].as_array().unwrap_or(&Vec::new()) {
                        chunk.delta.tool_calls.push(ollamanet::api::chat::ToolCall {
                            id: call["id"].as_str().map(str::to_owned),
                            name: text(&call["function"]["name"]),
                            arguments: call["function"]["arguments"].clone(),
                        });
                    }
                    chunk
                })
                .collect(),
        ),
        "/api/generate" => Came::Generated(
            items()
                .map(|line| Piece {
                    text: text(&line["response"]),
                    thinking: text(&line["thinking"]),
                    done: done(line),
                })
                .collect(),
        ),
        "/api/pull" | "/api/push" | "/api/create" => Came::Progress(
            items()
                .map(|line| Progress {
                    status: text(&line["status"]),
                    digest: line["digest"].as_str().map(str::to_owned),
                    total: line["total"].as_u64(),
                    completed: line["completed"].as_u64().unwrap_or(0),
                })
                .collect(),
        ),
        "/api/tags" => {
            let models = whole["models"].as_array().unwrap().iter().map(|model| {
                let capabilities = model["capabilities"].as_array().into_iter().flatten().map(text).collect();
                (text(&model["name"]), model["size"].as_u64().unwrap(), text(&model["digest"]), capabilities)
            });
            Came::Models(models.collect())
        }
        "/api/ps" => {
            let models = whole["models"].as_array().unwrap().iter().map(|model| {
                let window = model["context_length"].as_u64().map(|tokens| u32::try_from(tokens).unwrap());
                (text(&model["name"]), model["size_vram"].as_u64().unwrap(), window, text(&model["expires_at"]))
            });
            Came::Resident(models.collect())
        }
        "/api/show" => {
            let architecture = text(&whole["model_info"]["general.architecture"]);
            let figure = |name: &str| {
                whole["model_info"][format!("{architecture}.{name}")]
                    .as_u64()
                    .map(|value| u32::try_from(value).unwrap())
            };
            let optional = |name: &str| whole[name].as_str().map(str::to_owned);
            Came::Detail(Box::new(ModelDetail {
                name: "tiny".into(),
                capabilities: whole["capabilities"].as_array().unwrap().iter().map(text).collect(),
                family: text(&whole["details"]["family"]),
                parameter_size: text(&whole["details"]["parameter_size"]),
                quantization: text(&whole["details"]["quantization_level"]),
                context_length: figure("context_length"),
                embedding_length: figure("embedding_length"),
                parameter_count: whole["model_info"]["general.parameter_count"].as_u64(),
                geometry: figure("block_count").map(|layers| {
                    let each = figure("attention.key_length").unwrap_or_else(|| {
                        figure("embedding_length").unwrap() / figure("attention.head_count").unwrap()
                    });
                    Geometry {
                        layers,
                        kv_heads: figure("attention.head_count_kv").or(figure("attention.head_count")).unwrap(),
                        key_length: each,
                        value_length: figure("attention.value_length").unwrap_or(each),
                    }
                }),
                parameters: optional("parameters"),
                template: optional("template"),
                system: optional("system"),
                license: optional("license"),
                modelfile: optional("modelfile"),
            }))
        }
        "/api/embed" => {
            let vectors = serde_json::from_value(whole["embeddings"].clone()).unwrap();
            Came::Vectors(vectors, usage(&whole))
        }
        "/api/version" => Came::Text(text(&whole["version"])),
        "/api/status" => Came::Flag(whole["cloud"]["disabled"] == true),
        blobs if blobs.starts_with("/api/blobs/") => {
            Came::Flag(if recording.method == "HEAD" { status == 200 } else { status == 201 })
        }
        _ => Came::Nothing,
    }
}

fn usage(line: &Value) -> Usage {
    let tokens = |name: &str| line[name].as_u64().map(|tokens| u32::try_from(tokens).unwrap());
    Usage {
        total_ns: line["total_duration"].as_u64(),
        load_ns: line["load_duration"].as_u64(),
        prompt_tokens: tokens("prompt_eval_count"),
        prompt_ns: line["prompt_eval_duration"].as_u64(),
        answer_tokens: tokens("eval_count"),
        answer_ns: line["eval_duration"].as_u64(),
    }
}

/// A stand-in and a client of it.
async fn pair() -> (Tasks, Fake, Ollama) {
    let tasks = Tasks::new();
    let fake = Fake::start(&tasks, |_| None).await.unwrap();
    let ollama = Ollama::new(Settings::new(Address::parse(&fake.url()).unwrap()));
    (tasks, fake, ollama)
}

fn serve(fake: &Fake, reply: Reply) {
    fake.answer(move |_| Some(reply.clone()));
}

#[tokio::test]
async fn every_recording_comes_out_as_it_was_under_every_cut() {
    let (_tasks, fake, ollama) = pair().await;
    for recording in recordings() {
        let reply = recording.reply();
        serve(&fake, reply.clone());
        let (came, error) = play(&ollama, &recording).await;
        if error.is_none() || matches!(came, Came::Chat(_) | Came::Generated(_) | Came::Progress(_)) {
            // An error of a whole answer leaves nothing; one in a stream leaves everything before it.
            assert_eq!(
                came,
                if is_foreign(&recording) { came.clone() } else { said(&recording) },
                "{}",
                recording.name
            );
        }
        let whole = reply.clone().recut(|bytes| vec![bytes.to_vec()]);
        for (cut, reply) in [("whole", whole), ("byte by byte", reply.byte_by_byte())] {
            serve(&fake, reply);
            let again = play(&ollama, &recording).await;
            assert_eq!(again, (came.clone(), error.clone()), "{} {cut}", recording.name);
        }
    }
}

/// Routes that the client has no use for; they are there to see that it takes no harm.
fn is_foreign(recording: &Recording) -> bool {
    recording.path.starts_with("/v1/") || recording.method == "OPTIONS"
}

#[tokio::test]
async fn every_recorded_error_has_its_type_and_tells_what_to_do() {
    let (_tasks, fake, ollama) = pair().await;
    let mut found = BTreeMap::new();
    for recording in recordings() {
        serve(&fake, recording.reply());
        if let (_, Some(error)) = play(&ollama, &recording).await {
            found.insert(recording.name.clone(), error);
        }
    }
    let named: BTreeSet<&str> = ERRORS.iter().map(|(name, ..)| *name).collect();
    let missing: Vec<_> = found.iter().filter(|(name, _)| !named.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "no row for {missing:#?}");
    for (name, type_name, kind) in ERRORS {
        let error = found.get(*name).unwrap_or_else(|| panic!("{name} did not end in an error"));
        let debug = format!("{error:?}");
        let is = debug.strip_prefix(type_name).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
        assert!(is, "{name}: {debug} is not {type_name}");
        let fault = Fault::from(error.clone());
        assert_eq!(fault.kind, *kind, "{name}: {fault}");
        let hint = HINTS.iter().find(|(of, _)| of == type_name).map(|(_, hint)| *hint);
        assert_eq!(fault.hint.as_deref(), hint, "{name}: {fault}");
        assert!(!fault.message.contains('{') && !fault.message.contains('\n'), "{name}: {fault}");
    }
}

#[tokio::test]
async fn the_figures_of_a_refusal_for_length_are_kept() {
    let (_tasks, fake, ollama) = pair().await;
    let recordings = recordings();
    for (name, prompt_tokens) in
        [("chat_ctx_last_message_over_truncate_false", 1766), ("native_ctx_last_message_over_nonstream", 3206)]
    {
        let recording = recordings.iter().find(|recording| recording.name == name).unwrap();
        serve(&fake, recording.reply());
        let (_, error) = play(&ollama, recording).await;
        assert_eq!(error, Some(OllamaError::Overflow { prompt_tokens: Some(prompt_tokens), window: Some(512) }));
    }
}

#[test]
fn random_cuts_change_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_tasks, fake, ollama) = runtime.block_on(pair());
    let recordings = recordings();
    let strategy = (0..recordings.len(), prop::collection::vec(1usize..200, 1..40));
    proptest!(ProptestConfig::with_cases(300), |((which, lengths) in strategy)| {
        let recording = &recordings[which];
        let reply = recording.reply();
        let cut = reply.clone().recut(|bytes| {
            let mut rest = bytes;
            let mut pieces = Vec::new();
            for length in lengths.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, later) = rest.split_at((*length).min(rest.len()));
                pieces.push(piece.to_vec());
                rest = later;
            }
            pieces
        });
        runtime.block_on(async {
            serve(&fake, reply);
            let recorded = play(&ollama, recording).await;
            serve(&fake, cut);
            assert_eq!(play(&ollama, recording).await, recorded, "{}", recording.name);
        });
    });
}
