//! Every method of the façade that takes a session, called once: what comes of it is judged elsewhere.

use super::*;

/// The same for what puts the list in order, and for what is asked of an answer in it.
pub(super) async fn of_the_list(
    house: &House,
    by: &Session,
    things: Things,
) -> Vec<(&'static str, Result<String, Fault>)> {
    let Things { conversation, folder, tag, message, .. } = things;
    let gateway = &house.gateway;
    let own = gateway.create_conversation(by, NewConversation::default()).await.map(|made| made.row.id);
    let own = vec![own.unwrap_or(conversation)];
    vec![
        ("slowness", told(gateway.slowness(by, conversation, message).await)),
        ("set_folder_preset", told(gateway.set_folder_preset(by, folder, None, None).await)),
        ("move_conversations", told(gateway.move_conversations(by, vec![conversation], None).await)),
        ("move_together", told(gateway.move_together(by, Vec::new(), vec![(folder, None)], None).await)),
        ("move_together", told(gateway.move_together(by, vec![conversation], Vec::new(), None).await)),
        ("move_conversations", told(gateway.move_conversations(by, own, Some(folder)).await)),
        ("pin_conversations", told(gateway.pin_conversations(by, vec![conversation], true).await)),
        ("archive_conversations", told(gateway.archive_conversations(by, vec![conversation], true).await)),
        (
            "tag_conversations",
            told(gateway.tag_conversations(by, vec![conversation], vec!["mine".into()], vec![]).await),
        ),
        ("rename_conversation", told(gateway.rename_conversation(by, conversation, "taken", None).await)),
        ("duplicate_conversations", told(gateway.duplicate_conversations(by, vec![conversation]).await)),
        ("purge_conversations", told(gateway.purge_conversations(by, vec![conversation]).await)),
        ("take_back", told(gateway.take_back(by, undoing(things)).await)),
        ("rename_tag", told(gateway.rename_tag(by, tag, "taken", None).await)),
        ("delete_tag", told(gateway.delete_tag(by, tag).await)),
    ]
}

/// The same for what leaves for files and comes from them.
pub(super) async fn of_transfers(
    house: &House,
    by: &Session,
    things: Things,
) -> Vec<(&'static str, Result<String, Fault>)> {
    let Things { conversation, folder, message, transfer, job, .. } = things;
    let gateway = &house.gateway;
    vec![
        ("start_export", told(gateway.start_export(by, leaving(ExportScope::Folder(folder))).await)),
        ("start_export", told(gateway.start_export(by, leaving(ExportScope::Conversations(vec![conversation]))).await)),
        ("pipe_export", told(gateway.pipe_export(by, ExportScope::Folder(folder), ExportFormat::Own).await)),
        (
            "preview_attachment",
            told(gateway.preview_attachment(by, PreviewOf::Sent { message, document: DocumentId::new() }).await),
        ),
        ("own_job", told(gateway.own_job(by, job).await)),
        ("cancel_own_job", told(gateway.cancel_own_job(by, job).await)),
        ("retry_own_job", told(gateway.retry_own_job(by, job).await)),
        (
            "export_again",
            told(gateway.export_again(by, leaving(ExportScope::Conversations(vec![conversation])), job).await),
        ),
        ("import_again", told(gateway.import_again(by, coming(), job).await)),
        ("put_away_again", told(gateway.put_away_again(by, job).await)),
        ("index_again", told(gateway.index_again(by, job).await)),
        ("import_report", told(gateway.import_report(by, transfer, 0, 10).await)),
        ("stop_transfer", told(gateway.stop_transfer(by, transfer).await)),
    ]
}

/// Every method that names a thing by its id, with an answer that can be compared.
pub(super) async fn with_ids(
    house: &House,
    by: &Session,
    things: Things,
) -> Vec<(&'static str, Result<String, Fault>)> {
    let Things { conversation, folder, message, turn, note, .. } = things;
    let noted = |message| NewNote { conversation, message, passage: None, body: "mine now".to_owned() };
    let thumb = || NewFeedback { thumb: Thumb::Down, reasons: Vec::new(), comment: None };
    let gateway = &house.gateway;
    let act = |act| NewTurn { conversation, act, model: Some("demo-chat:3b".to_owned()), shorten: false };
    let send = TurnAct::Send { text: "hello".to_owned(), attachments: Vec::new() };
    let edit = TurnAct::Edit { message, text: "hello".to_owned(), attachments: Vec::new() };
    let fork = TurnAct::Branch { after: message, text: "hello".to_owned(), attachments: Vec::new() };
    let planned = Planned { conversation: Some(conversation), ..Planned::default() };
    let patch = ConversationPatch { title: Some("taken".to_owned()), ..ConversationPatch::default() };
    let inside = NewConversation { folder: Some(folder), ..NewConversation::default() };
    let into = ConversationPatch { folder: Some(Some(folder)), ..ConversationPatch::default() };
    let draft = Draft { text: "mine now".to_owned(), ..Draft::default() };
    let own = gateway.create_conversation(by, NewConversation::default()).await.map(|made| made.row.id);
    let own = own.unwrap_or(conversation);
    let mut asked = vec![
        ("conversation", told(gateway.conversation(by, conversation).await)),
        ("open_conversation", told(gateway.open_conversation(by, conversation, 10).await)),
        ("older_messages", told(gateway.older_messages(by, conversation, message, 10).await)),
        ("newer_messages", told(gateway.newer_messages(by, conversation, message, 10).await)),
        ("oldest_messages", told(gateway.oldest_messages(by, conversation, 10).await)),
        ("change_conversation", told(gateway.change_conversation(by, conversation, patch).await)),
        ("change_conversation", told(gateway.change_conversation(by, own, into).await)),
        ("trash_conversations", told(gateway.trash_conversations(by, vec![conversation]).await)),
        ("restore_conversations", told(gateway.restore_conversations(by, vec![conversation]).await)),
        ("create_folder", told(gateway.create_folder(by, Some(folder), "inside").await)),
        ("create_conversation", told(gateway.create_conversation(by, inside).await)),
        ("rename_folder", told(gateway.rename_folder(by, folder, "taken", None).await)),
        ("move_folder", told(gateway.move_folder(by, folder, None, None).await)),
        ("delete_folder", told(gateway.delete_folder(by, folder, FolderContent::Trash).await)),
        ("show_branch", told(gateway.show_branch(by, conversation, message, 10).await)),
        ("show_message", told(gateway.show_message(by, conversation, message, 10).await)),
        ("sibling", told(gateway.sibling(by, conversation, message, 1).await)),
        ("mark_message", told(gateway.mark_message(by, conversation, message, Some(true), None).await)),
        ("mark_message", told(gateway.mark_message(by, own, message, Some(true), None).await)),
        ("draft", told(gateway.draft(by, Some(conversation)).await)),
        ("save_draft", told(gateway.save_draft(by, Some(conversation), draft).await)),
        ("conversation_figures", told(gateway.conversation_figures(by, conversation).await)),
        (
            "insights",
            told(figures(
                gateway.insights(by, InsightsQuery { folder: Some(folder), ..InsightsQuery::default() }).await,
            )),
        ),
        (
            "insights_csv",
            told(
                gateway
                    .insights_csv(by, InsightsQuery { folder: Some(folder), ..InsightsQuery::default() }, By::Folder)
                    .await,
            ),
        ),
        (
            "insights_conversations",
            told(
                gateway
                    .insights_conversations(
                        by,
                        InsightsQuery { folder: Some(folder), ..InsightsQuery::default() },
                        (Date::MIN, Date::MAX),
                        None,
                        10,
                    )
                    .await,
            ),
        ),
        ("measure_context", told(gateway.measure_context(by, planned).await)),
        ("conversations", told(gateway.conversations(by, Shelf::Folder(Some(folder)), "", None, 10).await)),
        ("notes", told(gateway.notes(by, NoteScope::Conversation(conversation), "", None, 10).await)),
        ("notes", told(gateway.notes(by, NoteScope::Message(own, message), "", None, 10).await)),
        (
            "notes_as_markdown",
            told(gateway.notes_as_markdown(by, NoteScope::Message(conversation, message), "", None, 10).await),
        ),
        ("add_note", told(gateway.add_note(by, noted(None)).await)),
        ("add_note", told(gateway.add_note(by, noted(Some(message))).await)),
        ("add_note", told(gateway.add_note(by, NewNote { conversation: own, ..noted(Some(message)) }).await)),
        ("change_note", told(gateway.change_note(by, note, "mine now", None).await)),
        ("delete_note", told(gateway.delete_note(by, note, None).await)),
        ("feedback", told(gateway.feedback(by, Some(conversation), None, None, 10).await)),
        ("set_feedback", told(gateway.set_feedback(by, conversation, message, thumb()).await)),
        ("set_feedback", told(gateway.set_feedback(by, own, message, thumb()).await)),
        ("withdraw_feedback", told(gateway.withdraw_feedback(by, conversation, message).await)),
        ("branch_tree", told(gateway.branch_tree(by, conversation).await)),
        ("prune_branch", told(gateway.prune_branch(by, conversation, message).await)),
        ("restore_branch", told(gateway.restore_branch(by, conversation, message).await)),
        ("purge_branch", told(gateway.purge_branch(by, conversation, message).await)),
        ("stop_turn", told(gateway.stop_turn(by, turn).await)),
        ("start_turn", told(gateway.start_turn(by, act(send)).await)),
        ("start_turn", told(gateway.start_turn(by, act(edit)).await)),
        ("start_turn", told(gateway.start_turn(by, act(fork)).await)),
        ("start_turn", told(gateway.start_turn(by, act(TurnAct::Regenerate { answer: message })).await)),
        ("start_turn", told(gateway.start_turn(by, act(TurnAct::Continue { answer: message })).await)),
    ];
    asked.extend(of_the_list(house, by, things).await);
    asked.extend(of_transfers(house, by, things).await);
    asked.extend(in_the_library(house, by, things, own).await);
    asked
}

/// The same for presets and templates; `own` is a conversation of whoever asks.
pub(super) async fn in_the_library(
    house: &House,
    by: &Session,
    things: Things,
    own: ConversationId,
) -> Vec<(&'static str, Result<String, Fault>)> {
    let Things { conversation, preset, prompt, document, .. } = things;
    let gateway = &house.gateway;
    let begun = |preset| NewConversation { preset: Begins::With(preset), ..NewConversation::default() };
    vec![
        ("preset", told(gateway.preset(by, Called::Id(preset)).await)),
        ("change_preset", told(gateway.change_preset(by, preset, PresetPatch::default()).await)),
        ("delete_preset", told(gateway.delete_preset(by, preset).await)),
        ("set_default_preset", told(gateway.set_default_preset(by, Some(preset)).await)),
        ("apply_preset", told(gateway.apply_preset(by, own, Some(preset), None).await)),
        ("apply_preset", told(gateway.apply_preset(by, conversation, None, None).await)),
        ("save_as_preset", told(gateway.save_as_preset(by, conversation, "taken", Taken::Keep).await)),
        ("create_conversation", told(gateway.create_conversation(by, begun(preset)).await)),
        ("beginning", told(gateway.beginning(by, begun(preset)).await)),
        ("prompt", told(gateway.prompt(by, Called::Id(prompt)).await)),
        ("change_prompt", told(gateway.change_prompt(by, prompt, PromptPatch::default()).await)),
        ("delete_prompt", told(gateway.delete_prompt(by, prompt).await)),
        ("document_places", told(gateway.document_places(by, document, None, 10).await)),
    ]
}

/// What only administrators may. In an order in which each can be done to the account that the one before left.
pub(super) async fn of_administrators(
    house: &House,
    by: &Session,
    who: AccountId,
) -> Vec<(&'static str, Result<String, Fault>)> {
    let gateway = &house.gateway;
    let new = NewUser { name: "Newcomer".to_owned(), display_name: None, role: "user".to_owned() };
    let scope = || Scope::Role("keeper".to_owned());
    let rule = ModelRule { pattern: "*:70b".to_owned(), allowed: false };
    let jobs = of_jobs(house, by).await;
    let people = vec![
        ("users", told(gateway.users(by, UserFilter::default(), None, 10).await)),
        ("user", told(gateway.user(by, who).await)),
        ("create_user", told(gateway.create_user(by, new).await)),
        ("create_role", told(gateway.create_role(by, "warden", Role::User).await)),
        ("rename_role", told(gateway.rename_role(by, "warden", "keeper").await)),
        ("set_permission", told(gateway.set_permission(by, "keeper", Permission::Export, Some(false)).await)),
        ("set_limit", told(gateway.set_limit(by, scope(), Limited::Answers, Some(1)).await)),
        ("set_model_access", told(gateway.set_model_access(by, scope(), vec![rule]).await)),
        ("roles", told(gateway.roles(by).await)),
        ("set_user_role", told(gateway.set_user_role(by, who, "keeper").await)),
        ("delete_role", told(gateway.delete_role(by, "keeper", "user").await)),
        ("lock_user", told(gateway.lock_user(by, who, 10).await)),
        ("unlock_user", told(gateway.unlock_user(by, who).await)),
        ("disable_user", told(gateway.disable_user(by, who).await)),
        ("enable_user", told(gateway.enable_user(by, who).await)),
        ("end_user_session", told(gateway.end_user_session(by, who, None).await)),
        ("remove_user_second_factor", told(gateway.remove_user_second_factor(by, who).await)),
        ("reset_user", told(gateway.reset_user(by, who).await)),
        ("delete_user", told(gateway.delete_user(by, who).await)),
        ("restore_user", told(gateway.restore_user(by, who).await)),
        ("delete_user", told(gateway.delete_user(by, who).await)),
        ("purge_user", told(gateway.purge_user(by, who).await)),
        ("settings", told(gateway.settings(by).await)),
        ("change_settings", told(gateway.change_settings(by, vec![kept_days(365, 0)]).await)),
        ("setting_history", told(gateway.setting_history(by, None, None, 10).await)),
        ("setting_differences", told(gateway.setting_differences(by, Point::Change(0), Point::Now).await)),
        ("roll_back_setting", told(gateway.roll_back_setting(by, "audit.keep_days", None, 1).await)),
        ("roll_all_settings_back", told(gateway.roll_all_settings_back(by, Point::Change(1), 2).await)),
        ("create_model_tag", told(gateway.create_model_tag(by, "work", "use").await)),
        ("change_model_tag", told(gateway.change_model_tag(by, "work", Some("office"), None).await)),
        ("tag_models", told(gateway.tag_models(by, vec![MODEL.to_owned()], vec!["quick".to_owned()], vec![]).await)),
        ("merge_model_tags", told(gateway.merge_model_tags(by, "quick", "office").await)),
        ("delete_model_tag", told(gateway.delete_model_tag(by, "office").await)),
        ("write_model_card", told(gateway.write_model_card(by, MODEL, CardPatch::default(), None).await)),
        ("import_catalogue", told(gateway.import_catalogue(by, catalogue(), Some("2026-11-01".to_owned())).await)),
        ("restore_catalogue", told(gateway.restore_catalogue(by).await)),
        ("overview", told(gateway.overview(by, Question::default()).await.map(drop))),
        ("report", told(gateway.report(by, Question::default()).await.map(drop))),
        ("report_csv", told(gateway.report_csv(by, Question::default(), Subject::Days).await.map(drop))),
        (
            "export_report",
            told(
                gateway
                    .export_report(by, Question::default(), Subject::Days, Sheet::Csv, house.paths.data.join("report"))
                    .await,
            ),
        ),
        ("audit", told(gateway.audit(by, AuditFilter::default(), None, 10).await)),
        ("verify_audit", told(gateway.verify_audit(by).await)),
        ("prune_audit", told(gateway.prune_audit(by).await)),
        ("counted", told(gateway.counted(by, Wanted { hours: 1, total: false }).await.map(|counted| counted.at))),
        ("requests", told(gateway.requests(by, 10).await)),
    ];
    people
        .into_iter()
        .chain(jobs)
        .chain(of_backups(house, by).await)
        .chain(of_health(house, by).await)
        .chain(of_rules(house, by).await)
        .collect()
}

/// The same for work that goes on by itself. Whoever is let in learns that there is no such job, or no Ollama.
pub(super) async fn of_jobs(house: &House, by: &Session) -> Vec<(&'static str, Result<String, Fault>)> {
    let gateway = &house.gateway;
    let (job, no_name) = (JobId::new(), "../x");
    let unload = || Work::Unload { model: "nobodys".to_owned() };
    let download = Download { model: no_name.to_owned(), ..Download::default() };
    let asked = vec![
        ("jobs", told(gateway.jobs(by, JobFilter::default(), None, 10).await)),
        ("job", told(gateway.job(by, job).await)),
        ("answers_under_way", told(gateway.answers_under_way(by).await)),
        ("start_job", told(gateway.start_job(by, unload(), true).await)),
        ("start_batch", told(gateway.start_batch(by, Batch::of(vec![unload()])).await)),
        ("cancel_job", told(gateway.cancel_job(by, job).await)),
        ("pause_job", told(gateway.pause_job(by, job).await)),
        ("resume_job", told(gateway.resume_job(by, job, true).await)),
        ("model_updates", told(gateway.model_updates(by, vec![no_name.to_owned()], false).await)),
        ("delete_benchmark", told(gateway.delete_benchmark(by, job).await)),
        ("retry_job", told(gateway.retry_job(by, job, true).await)),
        ("forget_ended_jobs", told(gateway.forget_ended_jobs(by).await)),
        ("download_size", told(gateway.download_size(by, download).await)),
        ("room_for_models", told(gateway.room_for_models(by).await)),
        ("check_modelfile", told(gateway.check_modelfile(by, "FROM a").await)),
        ("read_model_list", told(gateway.read_model_list(by, Path::new("/proc/none")).await)),
    ];
    let let_in = [FaultKind::NotFound, FaultKind::Upstream, FaultKind::Invalid, FaultKind::ModelMissing];
    let admitted = |outcome: Result<String, Fault>| match outcome {
        Err(fault) if let_in.contains(&fault.kind) => Ok(fault.message),
        other => other,
    };
    asked.into_iter().map(|(method, outcome)| (method, admitted(outcome))).collect()
}

/// The same for how everything stood: how it stands is for everybody.
pub(super) async fn of_health(house: &House, by: &Session) -> Vec<(&'static str, Result<String, Fault>)> {
    let gateway = &house.gateway;
    vec![
        ("health_history", told(gateway.health_history(by, 0).await.map(|history| history.since))),
        ("incidents", told(gateway.incidents(by, None, 10).await.map(drop))),
        ("breaker_history", told(gateway.breaker_history(by, None, 10).await)),
        ("check_in_full", told(gateway.check_in_full(by, watch::Sender::default()).await)),
    ]
}

/// The same for backups. Whoever is let in learns that nothing of that name was moved aside.
pub(super) async fn of_backups(house: &House, by: &Session) -> Vec<(&'static str, Result<String, Fault>)> {
    let gateway = &house.gateway;
    let gone = |outcome: Result<String, Fault>| match outcome {
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(fault.message),
        other => other,
    };
    vec![
        ("backups", told(gateway.backups(by).await.map(|shown| shown.schedule))),
        ("start_backup", told(gateway.start_backup(by).await.map(drop))),
        ("start_verify", told(gateway.start_verify(by, Which::At("/proc/none".into())).await.map(drop))),
        (
            "start_restore",
            told(gateway.start_restore(by, Which::At("/proc/none".into()), Extent::Everything).await.map(drop)),
        ),
        ("set_backup_schedule", told(gateway.set_backup_schedule(by, Schedule::default()).await)),
        ("prune_backups", told(gateway.prune_backups(by).await)),
        ("purge_quarantine", gone(told(gateway.purge_quarantine(by, "none").await))),
    ]
}

/// The same for rules. Whoever is let in learns that there is no such rule.
pub(super) async fn of_rules(house: &House, by: &Session) -> Vec<(&'static str, Result<String, Fault>)> {
    let gateway = &house.gateway;
    let (rule, job) = (RuleId::new(), JobId::new());
    let new = || NewRule {
        name: "Look".to_owned(),
        action: Action::Check,
        when: When::ByHand,
        only: Only::default(),
        enabled: true,
        confirmed: false,
    };
    let gone = |outcome: Result<String, Fault>| match outcome {
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(fault.message),
        other => other,
    };
    vec![
        ("rules", told(gateway.rules(by).await)),
        ("rule", gone(told(gateway.rule(by, rule).await))),
        ("add_rule", told(gateway.add_rule(by, new()).await)),
        ("change_rule", gone(told(gateway.change_rule(by, rule, new()).await))),
        ("switch_rule", gone(told(gateway.switch_rule(by, rule, true).await))),
        ("remove_rule", gone(told(gateway.remove_rule(by, rule).await))),
        ("run_rule", gone(told(gateway.run_rule(by, rule, false).await))),
        ("rule_report", gone(told(gateway.rule_report(by, job).await))),
        ("rule_runs", told(gateway.rule_runs(by, None, None, 10).await)),
    ]
}

/// The methods that name nothing, called by whoever is let in.
pub(super) async fn without_ids(house: &House, by: &Session) -> Vec<(&'static str, Result<String, Fault>)> {
    let gateway = &house.gateway;
    let secret = Secret::new(PASSPHRASE);
    let rules = RetentionRules { purge_after_days: Some(365), ..RetentionRules::default() };
    vec![
        ("tree", told(gateway.tree(by).await)),
        ("create_conversation", told(gateway.create_conversation(by, NewConversation::default()).await)),
        ("presets", told(gateway.presets(by, "", None, 10).await)),
        ("create_preset", told(gateway.create_preset(by, NewPreset::default()).await)),
        ("prompts", told(gateway.prompts(by, "", None, 10).await)),
        ("create_prompt", told(gateway.create_prompt(by, NewPrompt::default()).await)),
        ("export_library", told(gateway.export_library(by, Kind::Prompts, Vec::new()).await)),
        ("import_library", told(gateway.import_library(by, Kind::Presets, "", Taken::Keep).await)),
        ("documents", told(gateway.documents(by, "", None, 10).await)),
        ("empty_trash", told(gateway.empty_trash(by).await)),
        ("group_conversations", told(gateway.group_conversations(by, Grouping::Time).await)),
        ("tags", told(gateway.tags(by, "", None, 10).await)),
        ("retention", told(gateway.retention(by).await)),
        ("set_retention", told(gateway.set_retention(by, rules).await)),
        ("preview_retention", told(gateway.preview_retention(by, None, PreviewAt { after: None, limit: 10 }).await)),
        ("run_retention", told(gateway.run_retention(by).await)),
        ("past_prompts", told(gateway.past_prompts(by, "", 10).await)),
        ("preview_attachment", told(gateway.preview_attachment(by, PreviewOf::File("/etc/hostname".into())).await)),
        ("inspect_attachment", told(gateway.inspect_attachment(by, "/etc/hostname".into()).await)),
        ("events", told(gateway.events(by).await)),
        ("insights", told(figures(gateway.insights(by, InsightsQuery::default()).await))),
        ("insights_csv", told(gateway.insights_csv(by, InsightsQuery::default(), By::Model).await)),
        (
            "insights_conversations",
            told(gateway.insights_conversations(by, InsightsQuery::default(), (Date::MIN, Date::MAX), None, 10).await),
        ),
        (
            "export_insights",
            told(
                gateway
                    .export_insights(
                        by,
                        InsightsQuery::default(),
                        By::Day,
                        Sheet::Json,
                        house.paths.data.join("figures"),
                    )
                    .await,
            ),
        ),
        ("models", told(gateway.models(by, false).await)),
        ("benchmarks", told(gateway.benchmarks(by, BenchmarkQuery { limit: 10, ..BenchmarkQuery::default() }).await)),
        (
            "recommend_models",
            told(gateway.recommend_models(by, RecommendQuery { limit: 3, ..RecommendQuery::default() }).await),
        ),
        ("model_use", told(gateway.model_use(by, UseQuery::default()).await)),
        ("model", told(gateway.model(by, "demo-chat:3b").await)),
        ("models_find", told(gateway.models_find(by, Query::typed("", 10)).await)),
        ("model_detail", told(gateway.model_detail(by, "demo-chat:3b").await)),
        ("model_fit", told(gateway.model_fit(by, "demo-chat:3b", None).await)),
        ("machine", told(gateway.machine(by).await)),
        ("cache_figures", told(gateway.cache_figures(by).await)),
        ("model_tags", told(gateway.model_tags(by).await)),
        ("catalogue", told(gateway.catalogue(by).await)),
        ("model_filters", told(gateway.model_filters(by).await)),
        ("save_model_filter", told(gateway.save_model_filter(by, filter()).await)),
        ("delete_model_filter", told(gateway.delete_model_filter(by, &filter().name).await)),
        ("profile", told(gateway.profile(by).await)),
        ("set_display_name", told(gateway.set_display_name(by, Some("A. Person".to_owned())).await)),
        ("preferences", told(gateway.preferences(by).await)),
        ("set_preferences", told(gateway.set_preferences(by, Preferences::default()).await)),
        ("feedback_summary", told(gateway.feedback_summary(by).await)),
        ("allowance", told(gateway.allowance(by).await)),
        ("start_export", told(gateway.start_export(by, leaving(ExportScope::Everything)).await.map(drop))),
        ("start_import", told(gateway.start_import(by, coming()).await.map(drop))),
        ("own_jobs", told(gateway.own_jobs(by, WhichJobs::All, None, 10).await)),
        ("forget_own_jobs", told(gateway.forget_own_jobs(by).await)),
        ("activity", told(gateway.activity(by, None, 10).await)),
        ("sessions", told(gateway.sessions(by).await)),
        ("end_session", told(gateway.end_session(by, SessionId::new()).await)),
        ("end_other_sessions", told(gateway.end_other_sessions(by).await)),
        ("confirm", told(gateway.confirm(by, &secret).await)),
        ("begin_second_factor", told(gateway.begin_second_factor(by).await)),
        ("add_second_factor", told(gateway.add_second_factor(by, &secret).await)),
        ("remove_second_factor", told(gateway.remove_second_factor(by, &secret).await)),
        ("new_second_factor_codes", told(gateway.new_second_factor_codes(by, &secret).await)),
        ("new_recovery_code", told(gateway.new_recovery_code(by).await)),
        ("export_my_data", told(gateway.export_my_data(by, house.paths.data.join("mine")).await)),
        ("sealed_vaults", told(gateway.sealed_vaults(by).await)),
        ("open_sealed_vault", told(gateway.open_sealed_vault(by, VaultId::new(), None, &secret).await)),
        ("forget_sealed_vault", told(gateway.forget_sealed_vault(by, VaultId::new()).await)),
        ("delete_my_account", told(gateway.delete_my_account(by).await)),
        ("check_vault", told(gateway.check_vault(by).await)),
        ("search", told(gateway.search(by, Asked::typed("xylocanary", 10)).await)),
        ("check_search", told(gateway.check_search(by, watch::Sender::default()).await)),
        ("rebuild_search", told(gateway.rebuild_search(by, watch::Sender::default()).await)),
        ("stay_signed_in", told(gateway.stay_signed_in(by, false).await)),
        ("whoami", told(gateway.whoami(by).await)),
        ("unlock", told(gateway.unlock(by, &secret).await)),
        ("change_passphrase", told(gateway.change_passphrase(by, &secret, &secret).await)),
        ("lock", told(gateway.lock(by).await)),
        ("sign_out", told(gateway.sign_out(by).await)),
    ]
}
