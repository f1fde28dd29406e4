//! Reads what the screen shows once and never again, as a person with a pencil does.

use ollamanet::api::auth::Secret;

use super::pty::Term;

/// The code as the screen shows it: seven groups of four.
fn recovery_code(screen: &str) -> Option<String> {
    let is_group = |word: &&str| word.len() == 4 && word.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    let line = screen.lines().find(|line| line.split_whitespace().filter(is_group).count() == 7)?;
    Some(line.split_whitespace().filter(is_group).collect())
}

/// The places that the screen asks for, in its order: "places 3, 8, 19 and 25".
fn places(screen: &str) -> Vec<usize> {
    let text = screen.replace(['\n', '│'], " ");
    let rest = &text[text.find("at places").expect("places are asked for")..];
    rest.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).take(4).collect()
}

/// Reads the recovery code and types back what is asked of it; a wrong answer is refused on the way.
#[track_caller]
pub fn note_the_code(term: &mut Term) {
    let screen = term.until_screen("a line with the recovery code", |screen| recovery_code(screen).is_some());
    let code = recovery_code(&screen).expect("it was there");
    term.key("enter");
    let asked = places(&term.until("at places"));
    // Wrong letters are no proof that it was written down.
    term.send("????").key("enter");
    term.until_screen("the refusal", |screen| screen.contains('✗') || screen.contains("not"));
    term.key("ctrl+u");
    let typed: String = asked.iter().map(|place| code.as_bytes()[place - 1] as char).collect();
    term.send(typed).key("enter");
}

/// The secret as the screen shows it: eight groups of four, four a line, beside the picture.
pub fn secret(screen: &str) -> Secret {
    let is_group = |word: &&str| word.len() == 4 && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let groups: Vec<&str> = screen
        .lines()
        .map(|line| line.split_whitespace().filter(is_group).collect::<Vec<_>>())
        .filter(|groups| groups.len() == 4)
        .flatten()
        .collect();
    assert_eq!(groups.len(), 8, "{screen}");
    Secret::new(groups.join(" "))
}

/// The one-time code in its double frame, which is drawn with gaps: `7 K Q 4 - M X 2 P`.
#[track_caller]
pub fn one_time_code(screen: &str) -> String {
    let line = screen
        .lines()
        .find(|line| line.contains('║') && line.contains('-'))
        .unwrap_or_else(|| panic!("a line with the code:\n{screen}"));
    line.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}
