use std::{fs, os::unix::fs::PermissionsExt};

use super::{values::find, *};
use crate::config::ThemeName;

fn in_file(text: impl AsRef<[u8]>) -> (tempfile::TempDir, Sources) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    (dir, Sources { file: Some(path), ..Sources::default() })
}

/// The mistakes in a file, with the directory's name taken away.
fn mistakes(text: impl AsRef<[u8]>) -> Vec<String> {
    let (dir, sources) = in_file(text);
    let (_, problems) = check(&sources).unwrap();
    let home = format!("{}/", dir.path().display());
    problems.iter().map(|problem| problem.to_string().replace(&home, "")).collect()
}

#[test]
fn later_sources_win_and_say_so() {
    let (_dir, mut sources) = in_file("[ui]\ntheme = \"dark\"\nvim = true\n[chat]\nsilence_seconds = 30\n");
    sources.variables = vec![
        ("OLLAMANET_UI_THEME".into(), "light".into()),
        ("OLLAMANET_LOG".into(), "debug".into()),
        ("OLLAMANET_DATA_DIR".into(), "/x".into()),
        ("HOME".into(), "/root".into()),
    ];
    sources.flags = vec!["chat.silence_seconds=60".to_owned()];
    let loaded = load(&sources).unwrap();
    let mut expected = Config::default();
    expected.ui.theme = ThemeName::Light;
    expected.ui.vim = true;
    expected.chat.silence_seconds = 60;
    assert_eq!(loaded.config, expected);
    let origin = |section, key| loaded.origin(find(section, key).unwrap());
    assert_eq!(origin("ui", "theme"), Origin::Variable("OLLAMANET_UI_THEME".to_owned()));
    assert_eq!(origin("ui", "vim"), Origin::File(3));
    assert_eq!(origin("chat", "silence_seconds"), Origin::Flag);
    assert_eq!(origin("chat", "model"), Origin::Default);
}

#[test]
fn no_file_is_fine_unless_it_was_named() {
    let missing =
        |file_must_exist| Sources { file: Some("/nowhere/config.toml".into()), file_must_exist, ..Sources::default() };
    assert_eq!(load(&missing(false)).unwrap().config, Config::default());
    assert_eq!(load(&missing(true)).unwrap_err().kind, FaultKind::Invalid);
}

#[test]
fn each_mistake_has_its_line_its_column_and_the_nearest_name() {
    assert_eq!(
        mistakes(
            "[ui]\ntheme = \"drak\"\n  colour = true\nsidebar_width = 5\ntitles = 1\n[caht]\nmodel = 3\n\
             [chat]\ntitels = false\nmouse = true\nsilence_seconds = 4.5\n"
        ),
        [
            "config.toml:2:9: `ui.theme` takes auto, dark, light or plain, not \"drak\".",
            "config.toml:3:3: There is no setting `colour` in [ui]. It has theme, mouse, vim, enter_sends, sidebar_width, show_thinking.",
            "config.toml:4:17: `ui.sidebar_width` takes a whole number from 16 to 80, not 5.",
            "config.toml:5:1: There is no setting `titles` in [ui]. It belongs under [chat].",
            "config.toml:6:2: There is no section `caht`. Did you mean [chat]?",
            "config.toml:9:1: There is no setting `titels` in [chat]. Did you mean `titles`?",
            "config.toml:10:1: There is no setting `mouse` in [chat]. It belongs under [ui].",
            "config.toml:11:19: `chat.silence_seconds` takes a whole number from 5 to 86400, not 4.5.",
        ]
    );
}

#[test]
fn a_file_that_is_not_toml_or_not_text_is_one_mistake_with_its_place() {
    let [syntax] = &mistakes("[ui]\ntheme = dark\n")[..] else { panic!("one mistake") };
    assert!(syntax.starts_with("config.toml:2:9: "), "{syntax}");
    let bytes = b"[ui]\nvim = \"\xff\"\n";
    assert_eq!(mistakes(bytes), ["config.toml:2:8: This byte is not UTF-8 text. Save the file as UTF-8."]);
    let [twice] = &mistakes("[ui]\nvim = true\nvim = false\n")[..] else { panic!("one mistake") };
    assert!(twice.starts_with("config.toml:3:1: "), "{twice}");
    assert_eq!(mistakes("\u{feff}[ui]\r\nvim = true\r\n"), [""; 0]);
    assert_eq!(mistakes("ui = 3\nvim = true\n").len(), 2);
}

#[test]
fn columns_count_characters() {
    assert_eq!(
        mistakes("[chat]\nmodel = \"漢字\" \nsystem_prompt = 1\n[\"ü\"]\n"),
        [
            "config.toml:3:17: `chat.system_prompt` takes a text of at most 32768 bytes, not 1.",
            "config.toml:4:2: There is no section `ü`. Did you mean [ui]?",
        ]
    );
}

#[test]
fn keys_are_lists_of_texts_by_part_and_action() {
    let (_dir, sources) = in_file("[keys.composer]\nsend = [\"ctrl+s\"]\neditor = []\nnewline = \"ctrl+j\"\n");
    let keys = load(&sources).unwrap().config.keys;
    assert_eq!(keys["composer"]["send"], ["ctrl+s"]);
    assert!(keys["composer"]["editor"].is_empty());
    assert_eq!(keys["composer"]["newline"], ["ctrl+j"]);
    assert_eq!(mistakes("[keys.composer]\nsend = 3\n").len(), 1);
    assert_eq!(mistakes("[keys]\nsend = \"a\"\n").len(), 1);
    assert_eq!(mistakes("keys = 1\n").len(), 1);
}

#[test]
fn variables_and_flags_are_checked_like_the_file() {
    let wrong = |variables: &[(&str, &str)], flags: &[&str]| -> Vec<String> {
        let sources = Sources {
            variables: variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            ..Sources::default()
        };
        check(&sources).unwrap().1.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        wrong(
            &[("OLLAMANET_UI_THEM", "dark"), ("OLLAMANET_CHAT_TITLES", "maybe"), ("OLLAMANET_UI_VIM", "on")],
            &["ui.vim", "ui.vmi=on", "uu.vim=on", "ui.sidebar_width=wide"],
        ),
        [
            "OLLAMANET_UI_THEM: There is no such setting. Did you mean OLLAMANET_UI_THEME?",
            "OLLAMANET_CHAT_TITLES: `chat.titles` takes true or false, not maybe.",
            "--set: “ui.vim” is not a setting and its value. Write --set section.key=value, such as --set ui.theme=light.",
            "--set: There is no setting `vmi` in [ui]. Did you mean `vim`?",
            "--set: There is no section `uu`. Did you mean [ui]?",
            "--set: `ui.sidebar_width` takes a whole number from 16 to 80, not wide.",
        ]
    );
}

#[test]
fn the_first_mistake_stops_the_program_and_tells_of_the_rest() {
    let (_dir, sources) = in_file("[ui]\nvim = 1\nmouse = 1\ntheme = 1\n");
    let fault = load(&sources).unwrap_err();
    assert_eq!(fault.exit_code(), 2);
    assert!(fault.message.ends_with("config.toml:2:7: `ui.vim` takes true or false, not 1."), "{fault}");
    assert_eq!(fault.hint.as_deref(), Some("There are 2 more; `ollamanet config check` names all."));
}

#[test]
fn a_file_that_others_can_change_is_refused_with_the_fix() {
    for mode in [0o602, 0o660] {
        let (_dir, sources) = in_file("[ui]\nvim = true\n");
        let path = sources.file.clone().unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let fault = load(&sources).unwrap_err();
        assert_eq!((fault.kind, fault.exit_code()), (FaultKind::Unsafe, 78));
        assert_eq!(fault.hint, Some(format!("Close it: chmod go-w {}", path.display())));
    }
}

#[test]
fn a_file_of_another_user_is_refused() {
    let (_dir, sources) = in_file("[ui]\nvim = true\n");
    let path = sources.file.clone().unwrap();
    if std::os::unix::fs::chown(&path, Some(12_345), None).is_err() {
        println!("skipped: only root may give files away");
        return;
    }
    // Only where we are root does the file become somebody else's who is not root.
    assert_eq!(load(&sources).unwrap_err().kind, FaultKind::Unsafe);
}

#[test]
fn what_is_not_a_file_is_refused_without_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let sources = Sources { file: Some(dir.path().to_owned()), ..Sources::default() };
    assert_eq!(load(&sources).unwrap_err().kind, FaultKind::Invalid);
    let endless = Sources { file: Some("/dev/zero".into()), ..Sources::default() };
    assert_eq!(load(&endless).unwrap_err().kind, FaultKind::Invalid);
}

#[test]
fn a_collector_that_cannot_be_used_is_told_with_its_place_and_is_not_used() {
    let text = "[trace]\nexport = \"http://192.168.0.9:4318\"\n";
    let [told] = mistakes(text).try_into().unwrap();
    let why = if crate::config::collector::IS_BUILT { "which is another machine." } else { "was built without" };
    assert!(told.starts_with("config.toml:2:10: `trace.export` ") && told.contains(why), "{told}");
    let (_dir, sources) = in_file(text);
    assert_eq!(check(&sources).unwrap().0.config, Config::default());
    assert_eq!(load(&sources).unwrap_err().kind, FaultKind::Invalid);
    let flag = Sources { flags: vec!["trace.export=http://192.168.0.9:4318".to_owned()], ..Sources::default() };
    assert_eq!(check(&flag).unwrap().1[0].place, "--set");
    assert_eq!(mistakes("[trace]\nexport = \"\"\n"), Vec::<String>::new());
    let [told] = mistakes("[trace]\nexport = \"http://ann:hunter2@127.0.0.1:4318\"\n").try_into().unwrap();
    assert!(told.contains("such as http://127.0.0.1:4318") && !told.contains("hunter2"), "{told}");
}
