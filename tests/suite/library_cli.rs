//! Presets and prompt templates from the command line: the real program, a stand-in for Ollama.

use std::fs;

use ollamanet::fake::{Reply, Seen};
use serde_json::{Value, json};

use crate::common::stage::{Done, Stage, last, piece};

async fn does(stage: &Stage, args: &[&str]) -> String {
    let done = stage.run(args).await;
    assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
    done.out
}

fn said(done: &Done) -> (Option<i32>, &str) {
    assert_eq!(done.out, "", "{done:?}");
    (done.code, done.err.as_str())
}

/// What the model was asked, each time.
fn asked(stage: &Stage) -> Vec<Value> {
    let chats = stage.fake.requests();
    let wants_title = |request: &Value| request.to_string().contains("Give this conversation a title");
    let chats = chats.iter().filter(|seen: &&Seen| seen.path == "/api/chat").map(Seen::json);
    chats.filter(|request| !wants_title(request)).collect()
}

fn answering(stage: &Stage) {
    stage.chat(|_| Reply::lines([&piece("Yes."), &last()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preset_is_made_used_changed_and_removed() {
    let stage = Stage::signed_in().await;
    answering(&stage);
    let empty = stage.run(&["presets", "list"]).await;
    assert_eq!((empty.code, empty.out.as_str()), (Some(0), ""));
    assert!(empty.err.contains("presets create"), "{}", empty.err);
    let create = ["presets", "create", "Strict", "-m", "demo-chat:3b", "-s", "Be strict.", "-o", "temperature=0"];
    assert_eq!(does(&stage, &create).await, "Made: Strict\n");
    let taken = stage.run(&create).await;
    assert_eq!(said(&taken).0, Some(1));
    assert!(taken.err.contains("already a preset “Strict”"), "{}", taken.err);
    let wrong = stage.run(&["presets", "create", "x", "-o", "temprature=1"]).await;
    assert!(wrong.err.contains("Did you mean temperature?"), "{wrong:?}");

    does(&stage, &["ask", "--preset", "strict", "Really?"]).await;
    let request = asked(&stage).pop().unwrap();
    assert_eq!(request["messages"][0], json!({ "role": "system", "content": "Be strict." }));
    assert_eq!(request["options"]["temperature"].as_f64(), Some(0.0));
    let missing = stage.run(&["ask", "--preset", "nothing", "Really?"]).await;
    assert_eq!(said(&missing).0, Some(1));
    assert!(missing.err.contains("no preset “nothing”"), "{}", missing.err);
    assert_eq!(stage.json(&["conversations", "list"]).await.as_array().unwrap().len(), 1, "nothing was begun");

    // As default it is used without being named; what is said wins over it.
    does(&stage, &["presets", "default", "STRICT"]).await;
    assert_eq!(does(&stage, &["presets", "default"]).await, "Strict\n");
    does(&stage, &["ask", "-s", "Be kind.", "Really?"]).await;
    let request = asked(&stage).pop().unwrap();
    assert_eq!(request["messages"][0]["content"], "Be kind.");
    assert_eq!(request["options"]["temperature"].as_f64(), Some(0.0));
    does(&stage, &["presets", "default", "--none"]).await;
    does(&stage, &["ask", "Really?"]).await;
    let request = asked(&stage).pop().unwrap();
    assert_eq!(
        (request["messages"][0]["role"].as_str(), &request["options"]["temperature"]),
        (Some("user"), &Value::Null)
    );

    // One that goes on takes it too, and gives its settings to another preset.
    does(&stage, &["presets", "apply", "strict", "last"]).await;
    does(&stage, &["presets", "create", "Copy", "--from", "last", "-o", "seed=7"]).await;
    let copy = stage.json(&["presets", "show", "copy"]).await;
    assert_eq!(copy["system_prompt"], "Be strict.");
    assert_eq!(copy["options"], json!({ "temperature": 0.0, "seed": 7 }));
    let edit =
        ["presets", "edit", "copy", "--name", "Bare", "--clear", "system", "--clear", "temperature", "-o", "seed=8"];
    does(&stage, &edit).await;
    let bare = stage.json(&["presets", "show", "bare"]).await;
    assert_eq!((&bare["system_prompt"], &bare["options"]), (&Value::Null, &json!({ "seed": 8 })));
    assert_eq!(stage.run(&["presets", "edit", "bare"]).await.code, Some(2));
    let list = does(&stage, &["presets", "list"]).await;
    assert_eq!(
        list,
        "NAME    MODEL         SYSTEM  OPTIONS\n\
         Bare    demo-chat:3b  –       seed=8\n\
         Strict  demo-chat:3b  yes     temperature=0\n"
    );
    assert_eq!(does(&stage, &["presets", "delete", "bare", "strict"]).await, "Removed: Bare\nRemoved: Strict\n");
    assert_eq!(stage.run(&["presets", "show", "strict"]).await.code, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_is_made_filled_and_asked() {
    let stage = Stage::signed_in().await;
    answering(&stage);
    let body = "Translate into {{language=English}}, {{tone:formal|friendly}}:\n{{text}}";
    does(&stage, &["prompts", "create", "Translate", body]).await;
    let made = stage.with_input(&["prompts", "create", "Review"], "Review this:\n{{selection}}\n").await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let broken = stage.run(&["prompts", "create", "x", "one\ntwo {{x"]).await;
    assert_eq!(said(&broken).0, Some(2));
    assert!(broken.err.contains("line 2, column 5"), "{}", broken.err);

    let render = ["prompts", "render", "translate", "text=Hallo Welt", "tone=friendly"];
    assert_eq!(does(&stage, &render).await, "Translate into English, friendly:\nHallo Welt\n");
    for (args, told) in [
        (&["prompts", "render", "translate"][..], "asks for text.\nSay it as \"text=…\"."),
        (&["prompts", "render", "translate", "text=x", "colour=red"], "does not ask for “colour”."),
        (
            &["prompts", "render", "translate", "text=x", "tone=rude"],
            "“tone” cannot be “rude”.\nIt is one of: formal, friendly.",
        ),
        (&["prompts", "render", "translate", "text"], "“text” is no NAME=VALUE."),
    ] {
        let done = stage.run(args).await;
        assert_eq!(said(&done).0, Some(2));
        assert!(done.err.contains(told), "{args:?}: {}", done.err);
    }
    let shown = does(&stage, &["prompts", "show", "TRANSLATE"]).await;
    assert!(shown.contains("asks for  tone: formal | friendly\nasks for  text\n"), "{shown}");

    // What is piped is the selection of a template that has one, and stands before any other.
    let done = stage.with_input(&["ask", "--prompt", "review", "And be quick."], "fn main() {}\n").await;
    assert_eq!((done.code, done.out.as_str()), (Some(0), "Yes.\n"), "{done:?}");
    let done = stage.with_input(&["ask", "--prompt", "translate", "-V", "text=Hallo"], "Context.\n").await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let questions: Vec<String> = asked(&stage)
        .iter()
        .map(|request| request["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        questions,
        ["Review this:\nfn main() {}\n\nAnd be quick.", "Context.\n\nTranslate into English, formal:\nHallo",]
    );
    assert_eq!(stage.run(&["ask", "-V", "text=x", "hello"]).await.code, Some(2), "a value for no template");

    does(&stage, &["prompts", "edit", "review", "--name", "Check"]).await;
    does(&stage, &["prompts", "edit", "check", "Check {{what}}"]).await;
    assert_eq!(does(&stage, &["prompts", "render", "check", "what=it"]).await, "Check it\n");
    let list = does(&stage, &["prompts", "list"]).await;
    assert!(list.starts_with("NAME       BEGINS\nCheck      Check {{what}}\nTranslate  Translate into"), "{list}");
    assert_eq!(does(&stage, &["prompts", "delete", "check"]).await, "Removed: Check\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_library_goes_into_a_file_and_comes_back() {
    let stage = Stage::signed_in().await;
    does(&stage, &["presets", "create", "Strict", "-s", "Be strict.", "-o", "stop=END"]).await;
    does(&stage, &["prompts", "create", "Greet", "Hello {{name}},\n\u{1b}[31mred"]).await;
    let text = does(&stage, &["prompts", "export"]).await;
    assert_eq!(
        text,
        "format = 1\n\n[[prompt]]\nname = \"Greet\"\nbody = \"\"\"\nHello {{name}},\n\\U0000001B[31mred\"\"\"\n"
    );
    does(&stage, &["presets", "export", "strict", "--to", "presets.toml"]).await;
    let file = stage.home().join("presets.toml");
    let written = fs::read_to_string(&file).unwrap();
    assert!(written.contains("stop = [\"END\"]"), "{written}");
    let taken = stage.run(&["presets", "export", "--to", "presets.toml"]).await;
    assert_eq!(said(&taken).0, Some(1));
    does(&stage, &["presets", "export", "--to", "presets.toml", "--force"]).await;

    assert_eq!(does(&stage, &["presets", "import", "presets.toml"]).await, "There already: Strict\n");
    does(&stage, &["presets", "edit", "strict", "-s", "Mine."]).await;
    let kept = stage.run(&["presets", "import", "presets.toml"]).await;
    assert_eq!((kept.code, kept.out.as_str()), (Some(0), "Kept as it was: Strict\n"));
    assert!(kept.err.contains("--replace"), "{}", kept.err);
    let replaced = stage.json(&["presets", "import", "presets.toml", "--replace"]).await;
    assert_eq!(replaced["replaced"], json!(["Strict"]));
    does(&stage, &["prompts", "delete", "greet"]).await;
    let back = stage.with_input(&["prompts", "import", "-"], &text).await;
    assert_eq!((back.code, back.out.as_str()), (Some(0), "Added: Greet\n"), "{back:?}");
    assert_eq!(does(&stage, &["prompts", "export"]).await, text);

    fs::write(&file, format!("{written}\n[[preset]]\nname = \"Next\"\nmodel = 3\n")).unwrap();
    let broken = stage.run(&["presets", "import", "presets.toml"]).await;
    assert_eq!(said(&broken).0, Some(2));
    assert!(broken.err.contains("Line 12, column 9: model is a text."), "{}", broken.err);
    assert!(broken.err.contains("Nothing was imported."), "{}", broken.err);
    assert_eq!(stage.json(&["presets", "list"]).await.as_array().unwrap().len(), 1);
    for file in ["nothing.toml", "."] {
        let none = stage.run(&["presets", "import", file]).await;
        assert!(none.code.is_some_and(|code| code != 0), "{none:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_gets_a_preset_that_holds_for_what_lies_in_it() {
    let stage = Stage::signed_in().await;
    for args in [
        &["folders", "create", "work"][..],
        &["folders", "create", "rust", "--in", "work"],
        &["presets", "create", "Strict", "-s", "Be strict."],
        &["presets", "create", "Wild", "-o", "temperature=2"],
        &["presets", "default", "Wild"],
    ] {
        assert_eq!(stage.run(args).await.code, Some(0), "{args:?}");
    }
    let of = async |folder: &str| stage.run(&["folders", "preset", folder]).await.out;
    assert_eq!(of("rust").await, "Wild (not its own)\n");
    let set = stage.run(&["folders", "preset", "work", "strict"]).await;
    assert_eq!((set.code, set.out.as_str()), (Some(0), "Strict\n"), "{set:?}");
    assert_eq!(of("rust").await, "Strict (not its own)\n");
    assert_eq!(stage.json(&["folders", "preset", "rust"]).await["own"], serde_json::Value::Null);
    let unknown = stage.run(&["folders", "preset", "work", "nothing"]).await;
    assert!(unknown.code == Some(1) && unknown.err.contains("nothing"), "{unknown:?}");
    assert_eq!(stage.run(&["folders", "preset", "work", "--none"]).await.out, "Wild (not its own)\n");
    assert_eq!(stage.run(&["folders", "preset", "work", "strict", "--none"]).await.code, Some(2));
}
