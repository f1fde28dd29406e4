//! What rules do, kind by kind, through the real program: set up, run, and what is left of it. Making backups, unloading and
//! tagging stand in `rules`.

use std::sync::{Arc, Mutex};

use ollamanet::fake::{Pace, Reply, Seen, StandIn};
use serde_json::{Value, json};

use crate::common::{
    registry::Registry,
    stage::{Stage, finish},
};

const MODEL: &str = "demo-chat:3b";

/// Sets a rule up and runs it; gives the run.
async fn run(stage: &Stage, name: &str, does: &[&str], certificate: Option<&std::path::Path>) -> Value {
    let added = stage.run(&[&["rules", "add", name, "--by-hand", "--do"], does].concat()).await;
    assert_eq!(added.code, Some(0), "{added:?}");
    run_again(stage, name, certificate).await
}

async fn run_again(stage: &Stage, name: &str, certificate: Option<&std::path::Path>) -> Value {
    let mut command = stage.command(&["--json", "rules", "run", name]);
    command.envs(certificate.map(|path| ("SSL_CERT_FILE", path)));
    let done = finish(command.spawn().unwrap()).await;
    assert_eq!(done.code, Some(0), "{name}: {done:?}");
    serde_json::from_str(&done.out).unwrap()
}

fn became(run: &Value) -> Vec<(&str, &str)> {
    let items = run["report"]["items"].as_array().unwrap();
    items.iter().map(|item| (item["what"].as_str().unwrap(), item["became"].as_str().unwrap())).collect()
}

async fn installed(stage: &Stage) -> Vec<String> {
    let listed = stage.json(&["models", "list"]).await;
    listed.as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_applied_a_model_measured_the_store_checked_and_what_nobody_uses_removed() {
    let stage = Stage::signed_in().await;
    let list = stage.home().join("models.toml");
    std::fs::write(&list, format!("format = 1\ninstall = [\"one:1b\", \"{MODEL}\"]\nremove = [\"{MODEL}\"]\n"))
        .unwrap();
    let applied = run(&stage, "House", &["apply", "--list", list.to_str().unwrap()], None).await;
    assert_eq!(became(&applied), [("one:1b", "done"), (MODEL, "skipped"), (MODEL, "skipped")], "{applied}");
    let there = installed(&stage).await;
    assert!(there.iter().any(|name| name == "one:1b") && there.iter().any(|name| name == MODEL), "{there:?}");

    let measured = run(&stage, "Speed", &["benchmark", "--models", MODEL, "--repeats", "1"], None).await;
    assert_eq!(became(&measured), [(MODEL, "done")], "{measured}");
    let kept = stage.json(&["models", "bench", "list"]).await;
    assert_eq!(kept.as_array().map(Vec::len), Some(1), "{kept}");

    let checked = run(&stage, "Sound", &["check"], None).await;
    assert_eq!(checked["result"], "done", "{checked}");
    let words = checked["report"]["items"][0]["words"].as_str().unwrap();
    assert!(words.starts_with("Sound. The audit trail has "), "{words}");
    let pruned = run(&stage, "Tidy", &["prune-backups"], None).await;
    assert_eq!(pruned["report"]["items"][0]["words"], "Nothing was due: all of them are kept.", "{pruned}");

    let before = installed(&stage).await;
    let named = run(&stage, "Look", &["remove-unused", "--days", "1"], None).await;
    assert!(became(&named).iter().any(|(_, became)| *became == "would"), "{named}");
    assert_eq!(installed(&stage).await, before, "they are only named");
    let removed = run(&stage, "Clear", &["remove-unused", "--days", "1", "--for-real", "--confirmed"], None).await;
    let left = installed(&stage).await;
    for (model, became) in became(&removed) {
        assert_eq!(left.iter().any(|name| name == model), became != "done", "{model}: {removed}");
    }
    assert!(left.len() < before.len() && left.iter().any(|name| name == "one:1b"), "it was installed today: {left:?}");
    let trail = stage.run(&["audit", "list", "--json"]).await;
    for action in ["models.install", "models.benchmark", "store.check", "models.remove", "rules.run"] {
        assert!(trail.out.contains(action), "{action}: {trail:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_updated_when_its_registry_has_another_build_and_was_known_to_have_the_one_before() {
    let stage = Stage::signed_in().await;
    let registry = Registry::start(stage.home());
    let theirs = registry.named("fine");
    // What is installed has the digest that the registry had when it was pulled last.
    let digest = Arc::new(Mutex::new(registry.digest()));
    let registry = Arc::new(registry);
    let (rest, name) = (StandIn::new(Pace::instant()), theirs.clone());
    let (has, source) = (Arc::clone(&digest), Arc::clone(&registry));
    stage.fake.answer(move |request: &Seen| {
        Some(match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/api/tags") => {
                let model = json!({ "name": name, "model": name, "modified_at": "2026-11-24T10:00:00Z", "size": 9,
                                    "digest": *has.lock().unwrap(), "details": { "format": "gguf", "family": "llama" } });
                Reply::json(200, &json!({ "models": [model] }))
            }
            ("POST", "/api/pull") => {
                *has.lock().unwrap() = source.digest();
                Reply::lines([&json!({ "status": "pulling manifest" }), &json!({ "status": "success" })])
            }
            _ => rest.reply(request),
        })
    });
    let trusts = Some(registry.certificate());
    let first = run(&stage, "Fresh", &["update", "--models", "*fine*"], trusts).await;
    assert_eq!((became(&first), &first["result"]), (vec![(theirs.as_str(), "skipped")], &"nothing".into()), "{first}");
    let before = digest.lock().unwrap().clone();
    registry.renew();
    let second = run_again(&stage, "Fresh", trusts).await;
    assert_eq!(became(&second), [(theirs.as_str(), "done")], "{second}");
    let after = digest.lock().unwrap().clone();
    assert!(after != before && after == registry.digest());
    assert_eq!(run_again(&stage, "Fresh", trusts).await["result"], "nothing", "it has the newest now");
    assert!(registry.asked() >= 3);
}
