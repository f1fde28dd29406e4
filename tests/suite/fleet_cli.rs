//! All models that are known, on the command line: lists, filters, fit, tags and the catalogue, for people and for programs.

use ollamanet::fake::{Pace, Reply, StandIn};
use serde_json::json;

use crate::common::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_found_by_filters_and_told_for_programs() {
    let stage = Stage::signed_in().await;
    let names = |list: &serde_json::Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let installed = stage.json(&["models", "list", "--sort", "size", "--descending"]).await;
    assert_eq!(names(&installed), ["demo-think:8b", "demo-vision:4b", "demo-chat:3b", "demo-embed:latest"]);
    let vision = stage.json(&["models", "list", "cap:vision", "installed:yes"]).await;
    assert_eq!(names(&vision), ["demo-vision:4b"]);
    let known = stage.json(&["catalog", "list", "family:llama3.2", "size:<2GB", "--sort", "size"]).await;
    assert!(names(&known).contains(&"llama3.2:1b".to_owned()), "{known}");
    let shown = stage.run(&["models", "list", "--known", "--limit", "3"]).await;
    assert!(shown.out.starts_with("NAME") && shown.err.contains("3 of 993"), "{shown:?}");
    let families = stage.run(&["catalog", "list", "llama3.2", "--families"]).await;
    assert!(families.out.contains("llama3.2:latest ("), "{families:?}");
    let wrong = stage.run(&["models", "list", "cpa:vision"]).await;
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("There is no filter “cpa:”; did you mean “cap:”?"), "{}", wrong.err);
    let none = stage.run(&["models", "list", "zzxxyyqq"]).await;
    assert_eq!(
        (none.code, none.out.as_str(), none.err.as_str()),
        (Some(0), "", "None of the 993 known models fits.\n")
    );
    let saved = stage.json(&["models", "filter", "save", "small", "size:<4GB"]).await;
    assert_eq!(saved, json!([{ "name": "small", "text": "size:<4GB" }]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fit_is_told_with_its_reason_and_a_missing_model_with_its_code() {
    let stage = Stage::signed_in().await;
    let machine = stage.json(&["models", "fit"]).await;
    assert!(machine["memory"].as_u64().is_some_and(|bytes| bytes > 0), "{machine}");
    let fits = stage.run(&["models", "fit", "demo-chat:3b", "--ctx", "2048"]).await;
    assert!(fits.code == Some(0) && fits.out.contains("for a window of 2048 tokens"), "{fits:?}");
    let missing = stage.run(&["models", "fit", "demo-chta:3b", "demo-chat:3b"]).await;
    assert_eq!(missing.code, Some(4));
    assert!(
        missing.err.contains("Did you mean demo-chat:3b?") && missing.out.contains("demo-chat:3b: "),
        "{missing:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_house_tags_and_describes_and_brings_a_newer_catalogue() {
    let stage = Stage::signed_in().await;
    for (args, out) in [
        (&["catalog", "tag", "create", "work", "--category", "use"][..], "Made: work (use), on 0 models\n"),
        (&["catalog", "tag", "add", "WORK", "demo-chat:3b", "llama3.2:3b"], "Changed: 2\n"),
        (&["catalog", "tag", "rename", "work", "office"], "Changed: office (use), on 2 models\n"),
        (&["catalog", "tag", "remove", "office", "llama3.2:3b"], "Changed: 1\n"),
        (&["catalog", "tag", "delete", "office", "--dry-run"], "Would be deleted: office (use), on 1 model\n"),
        (&["catalog", "describe", "demo-chat:3b", "--notes", "Ours."], "Written: demo-chat:3b\n"),
    ] {
        let done = stage.run(args).await;
        assert_eq!((done.code, done.out.as_str()), (Some(0), out), "{args:?}: {done:?}");
    }
    let tagged = stage.json(&["models", "list", "--tag", "Office"]).await;
    assert_eq!(tagged[0]["name"], "demo-chat:3b");
    let shown = stage.run(&["catalog", "show", "demo-chat:3b"]).await;
    assert!(
        shown.out.contains("\nNotes of the house\n  Ours.\n") && shown.out.contains("\nTemplate\n"),
        "{}",
        shown.out
    );
    let file = stage.home().join("newer.json");
    std::fs::write(&file, "nonsense").unwrap();
    let refused = stage.run(&["catalog", "import", "newer.json"]).await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("The file is no catalogue of models: line 1, column "), "{}", refused.err);
    std::fs::write(&file, r#"[{"name":"brand-new","tags":[{"tag":"9b"}]}]"#).unwrap();
    let taken = stage.json(&["catalog", "import", "newer.json", "--dated", "2026-11-01"]).await;
    assert_eq!((&taken["families"], &taken["dated"]), (&json!(1), &json!("2026-11-01")));
    assert_eq!(stage.json(&["catalog", "restore"]).await["families"], 224);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_ollama_the_catalogue_is_told_and_the_installed_models_are_not_guessed() {
    let stage = Stage::signed_in().await;
    stage.fake.answer(|_| None);
    assert_eq!(stage.run(&["models", "list"]).await.code, Some(3));
    let known = stage.run(&["catalog", "list", "gemma3:4b", "--limit", "1"]).await;
    assert_eq!(known.code, Some(0), "{known:?}");
    assert!(known.out.contains("gemma3:4b") && known.err.contains("What is installed is not known"), "{known:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_templates_and_licences_are_harmless() {
    let stage = Stage::signed_in().await;
    let hostile = "x\u{1b}]52;c;aGk=\u{7}\u{9b}2J\u{202e}evil\u{200b}";
    let rest = StandIn::new(Pace::instant());
    stage.fake.answer(move |request| {
        Some(match request.path.as_str() {
            "/api/tags" => Reply::json(
                200,
                &json!({ "models": [{ "name": hostile, "size": 1, "digest": "00",
                "details": { "family": hostile, "parameter_size": hostile, "quantization_level": hostile },
                "capabilities": [hostile] }] }),
            ),
            "/api/show" => Reply::json(
                200,
                &json!({ "template": hostile, "license": hostile, "modelfile": hostile,
                "parameters": hostile, "system": hostile, "details": { "family": hostile },
                "model_info": { "general.architecture": hostile, "general.parameter_count": -1 } }),
            ),
            _ => rest.reply(request),
        })
    });
    for args in [
        &["models", "show", hostile][..],
        &["models", "show", hostile, "--json"],
        &["catalog", "list", "evil"],
        &["catalog", "list", "evil", "--json"],
        &["models", "fit", hostile],
    ] {
        let done = stage.run(args).await;
        assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
        assert!(done.out.contains("evil"), "{args:?}: {}", done.out);
        let bad = done
            .out
            .chars()
            .find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}'));
        assert_eq!(bad, None, "{args:?} let something through");
    }
}
