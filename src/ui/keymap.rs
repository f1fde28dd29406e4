//! Keys as a person writes them, and what they mean after the configuration has had its say.
//!
//! Not the table of actions (`actions.rs`). Invariant: a key means one thing per context; where two claim it, the one
//! from the configuration wins and [`check`] names both.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    str::FromStr,
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::config::load::{KeyPlaces, Problem};

pub use super::actions::{ACTIONS, Action, Context, Spec};

/// Context name → action name → keys, as the configuration file holds it.
pub type Overrides = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// What is wrong with the keys of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProblem {
    context: String,
    /// The actions it concerns; the configuration names at least one of them, or none is known.
    actions: Vec<String>,
    /// Which key of the action.
    key: Option<usize>,
    message: String,
    hint: Option<String>,
}

impl KeyProblem {
    fn new(context: &str, action: Option<&str>, message: String) -> Self {
        let actions = action.into_iter().map(str::to_owned).collect();
        Self { context: context.to_owned(), actions, key: None, message, hint: None }
    }

    fn of(spec: &Spec, message: String) -> Self {
        Self::new(spec.context.name(), Some(spec.name), message)
    }

    fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// As a mistake like any other in the settings, with its place in the file.
    #[must_use]
    pub fn placed(self, places: &KeyPlaces) -> Problem {
        let spot = match self.actions.as_slice() {
            [] => places.find(&self.context, None, None),
            actions => actions.iter().find_map(|action| places.find(&self.context, Some(action), self.key)),
        };
        let place = spot.map_or_else(|| format!("[keys.{}]", self.context), |spot| spot.place.clone());
        Problem { place, at: spot.and_then(|spot| spot.at), message: self.message, hint: self.hint }
    }
}

/// One key with its modifiers, in the one form that all terminals' ways of reporting it come down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    code: KeyCode,
    mods: KeyModifiers,
}

impl Chord {
    /// Terminals report Shift+G as `G`, as `G` with Shift, or as `g` with Shift; and `?` with or without Shift.
    fn normal(code: KeyCode, mods: KeyModifiers) -> Self {
        let mods = mods & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        match code {
            KeyCode::BackTab => Self { code: KeyCode::Tab, mods: mods | KeyModifiers::SHIFT },
            KeyCode::Char(c) if c.is_uppercase() => {
                let mut lower = c.to_lowercase();
                match (lower.next(), lower.next()) {
                    (Some(c), None) => Self { code: KeyCode::Char(c), mods: mods | KeyModifiers::SHIFT },
                    _ => Self { code, mods },
                }
            }
            KeyCode::Char(c) if !c.is_alphabetic() && c != ' ' => {
                Self { code: KeyCode::Char(c), mods: mods - KeyModifiers::SHIFT }
            }
            code => Self { code, mods },
        }
    }

    /// Terminals without the newer protocol send the same byte for these as for Enter, Tab, Backspace and Esc.
    fn is_indistinct(self) -> bool {
        self.mods == KeyModifiers::CONTROL && matches!(self.code, KeyCode::Char('m' | 'i' | 'h' | '['))
    }
}

impl From<KeyEvent> for Chord {
    fn from(key: KeyEvent) -> Self {
        Self::normal(key.code, key.modifiers)
    }
}

impl FromStr for Chord {
    /// What is wrong, and what to do.
    type Err = (String, Option<String>);

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut mods = KeyModifiers::NONE;
        let mut rest = text.trim();
        // The last part may itself be a plus sign: `ctrl++`.
        while let Some((head, tail)) = rest.split_once('+').filter(|(head, tail)| !head.is_empty() && !tail.is_empty())
        {
            mods |= match head.to_ascii_lowercase().as_str() {
                "ctrl" | "control" => KeyModifiers::CONTROL,
                "alt" | "meta" | "option" => KeyModifiers::ALT,
                "shift" => KeyModifiers::SHIFT,
                other => {
                    let hint = "There are ctrl, alt and shift.".to_owned();
                    return Err((format!("“{text}” is not a key: “{other}” is not a modifier."), Some(hint)));
                }
            };
            rest = tail;
        }
        let mut chars = rest.chars();
        if let (Some(c), None) = (chars.next(), chars.next()) {
            return Ok(Self::normal(KeyCode::Char(c), mods));
        }
        let lower = rest.to_ascii_lowercase();
        if let Some(code) = NAMED.iter().find(|(name, _)| *name == lower).map(|(_, code)| *code) {
            return Ok(Self::normal(code, mods));
        }
        if let Some(n) = lower.strip_prefix('f').and_then(|n| n.parse().ok()).filter(|n| (1..=24).contains(n)) {
            return Ok(Self::normal(KeyCode::F(n), mods));
        }
        Err((format!("“{text}” is not a key."), nearest(&lower, NAMED.iter().map(|(name, _)| *name))))
    }
}

const NAMED: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("return", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("escape", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("del", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pgup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("pgdn", KeyCode::PageDown),
];

/// As footers and help show it: `Ctrl+P`, `G`, `PgUp`, `↑`.
impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mods.contains(KeyModifiers::CONTROL) {
            f.write_str("Ctrl+")?;
        }
        if self.mods.contains(KeyModifiers::ALT) {
            f.write_str("Alt+")?;
        }
        let plain = self.mods - KeyModifiers::SHIFT == KeyModifiers::NONE;
        let shift = self.mods.contains(KeyModifiers::SHIFT);
        match self.code {
            KeyCode::Char(' ') => f.write_str(if shift { "Shift+Space" } else { "Space" }),
            KeyCode::Char(c) if plain && shift => write!(f, "{}", c.to_uppercase()),
            KeyCode::Char(c) if plain => write!(f, "{c}"),
            KeyCode::Char(c) => write!(f, "{}{}", if shift { "Shift+" } else { "" }, c.to_uppercase()),
            code => {
                if shift {
                    f.write_str("Shift+")?;
                }
                match code {
                    KeyCode::Enter => f.write_str("Enter"),
                    KeyCode::Esc => f.write_str("Esc"),
                    KeyCode::Tab => f.write_str("Tab"),
                    KeyCode::Backspace => f.write_str("Backspace"),
                    KeyCode::Delete => f.write_str("Del"),
                    KeyCode::Insert => f.write_str("Ins"),
                    KeyCode::Up => f.write_str("↑"),
                    KeyCode::Down => f.write_str("↓"),
                    KeyCode::Left => f.write_str("←"),
                    KeyCode::Right => f.write_str("→"),
                    KeyCode::Home => f.write_str("Home"),
                    KeyCode::End => f.write_str("End"),
                    KeyCode::PageUp => f.write_str("PgUp"),
                    KeyCode::PageDown => f.write_str("PgDn"),
                    KeyCode::F(n) => write!(f, "F{n}"),
                    // The parser makes no others.
                    other => write!(f, "{other:?}"),
                }
            }
        }
    }
}

/// What each key means in each context.
#[derive(Clone, Debug)]
pub struct Keymap {
    meaning: HashMap<(Context, Chord), Action>,
    /// By action, in the table's order.
    keys: Vec<Vec<Chord>>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::new(&Overrides::new()).0
    }
}

impl Keymap {
    /// The table with a person's changes, and what is wrong with those: one sentence each. A wrong change is left out,
    /// the rest holds.
    #[must_use]
    pub fn new(overrides: &Overrides) -> (Self, Vec<KeyProblem>) {
        let mut problems = Vec::new();
        let chosen = chosen(overrides, &mut problems);
        let mut map = Self { meaning: HashMap::new(), keys: vec![Vec::new(); ACTIONS.len()] };
        // A person's own choice first, so that it wins over a default.
        for own in [true, false] {
            for spec in ACTIONS {
                let chords = match (own, chosen.get(&spec.action)) {
                    (true, Some(chords)) => chords.clone(),
                    (false, None) => spec.keys.iter().filter_map(|key| key.parse().ok()).collect(),
                    (true, None) | (false, Some(_)) => continue,
                };
                for chord in chords {
                    map.bind(spec, chord, &mut problems);
                }
            }
        }
        for spec in ACTIONS {
            let keys = map.keys(spec.action);
            if !keys.is_empty() && keys.iter().all(|key| key.is_indistinct()) {
                let message = format!(
                    "{} alone, for `{}`, cannot be told from Enter, Tab, Backspace or Esc in most terminals.",
                    keys[0], spec.name,
                );
                problems.push(KeyProblem::of(spec, message).hint(Some("Add another key.".to_owned())));
            }
        }
        (map, problems)
    }

    fn bind(&mut self, spec: &Spec, chord: Chord, problems: &mut Vec<KeyProblem>) {
        match self.meaning.get(&(spec.context, chord)) {
            Some(&other) if other == spec.action => {}
            Some(&other) => {
                let first = other.spec().name;
                let message = format!(
                    "{chord} in [keys.{}] is bound to both `{first}` and `{}`; it means `{first}`.",
                    spec.context.name(),
                    spec.name,
                );
                let mut problem = KeyProblem::of(other.spec(), message);
                problem.actions.push(spec.name.to_owned());
                problems.push(problem.hint(Some("Give one of them another key.".to_owned())));
            }
            None => {
                self.meaning.insert((spec.context, chord), spec.action);
                self.keys[spec.action as usize].push(chord);
            }
        }
    }

    /// What this key means here: in the context first, then around it, then everywhere.
    #[must_use]
    pub fn resolve(&self, context: Context, key: KeyEvent) -> Option<Action> {
        let chord = Chord::from(key);
        let look = |context| self.meaning.get(&(context, chord)).copied();
        look(context).or_else(|| context.within().and_then(look)).or_else(|| look(Context::Global))
    }

    #[must_use]
    pub fn keys(&self, action: Action) -> &[Chord] {
        &self.keys[action as usize]
    }

    /// The first key of an action as a footer shows it; `None` when it is unbound.
    #[must_use]
    pub fn label(&self, action: Action) -> Option<String> {
        self.keys(action).first().map(ToString::to_string)
    }

    /// All keys of an action: `Ctrl+P, F2`; empty when it is unbound.
    #[must_use]
    pub fn labels(&self, action: Action) -> String {
        self.keys(action).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// Reads the overrides into keys per action; what cannot be read is reported and keeps its default.
fn chosen(overrides: &Overrides, problems: &mut Vec<KeyProblem>) -> BTreeMap<Action, Vec<Chord>> {
    let mut chosen = BTreeMap::new();
    for (context_name, actions) in overrides {
        let Some(context) = Context::ALL.into_iter().find(|context| context.name() == context_name) else {
            let all = || Context::ALL.into_iter().map(Context::name);
            let hint = nearest(context_name, all())
                .unwrap_or_else(|| format!("There are {}.", all().collect::<Vec<_>>().join(", ")));
            let message = format!("There is no part of the screen `{context_name}` in [keys].");
            problems.push(KeyProblem::new(context_name, None, message).hint(Some(hint)));
            continue;
        };
        let here = || ACTIONS.iter().filter(move |spec| spec.context == context);
        for (name, keys) in actions {
            let Some(spec) = here().find(|spec| spec.name == name) else {
                let elsewhere = ACTIONS.iter().find(|spec| spec.name == name);
                let hint = match elsewhere {
                    Some(spec) => format!("It belongs under [keys.{}].", spec.context.name()),
                    None => nearest(name, here().map(|spec| spec.name))
                        .unwrap_or_else(|| "docs/keys.md and F1 in the interface name the actions.".to_owned()),
                };
                let message = format!("There is no action `{name}` in [keys.{context_name}].");
                problems.push(KeyProblem::new(context_name, Some(name), message).hint(Some(hint)));
                continue;
            };
            let mut good = Vec::new();
            for (number, key) in keys.iter().enumerate() {
                match key.parse::<Chord>() {
                    Ok(chord) => good.push(chord),
                    Err((message, hint)) => {
                        let problem = KeyProblem::of(spec, message).hint(hint);
                        problems.push(KeyProblem { key: Some(number), ..problem });
                    }
                }
            }
            if !good.is_empty() || keys.is_empty() {
                chosen.insert(spec.action, good);
            }
        }
    }
    chosen
}

fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    names
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, name)| format!("Did you mean `{name}`?"))
}

/// What is wrong with the keys of a configuration, in the file's order: for `config check`, the doctor and the start.
#[must_use]
pub fn check(overrides: &Overrides, places: &KeyPlaces) -> Vec<Problem> {
    placed(Keymap::new(overrides).1, places)
}

/// Mistakes in the keys with their places, in the file's order.
#[must_use]
pub fn placed(problems: Vec<KeyProblem>, places: &KeyPlaces) -> Vec<Problem> {
    let mut problems: Vec<Problem> = problems.into_iter().map(|problem| problem.placed(places)).collect();
    problems.sort_by_key(|problem| problem.at);
    problems
}

/// The default keys as Markdown tables, for `docs/keys.md`.
#[must_use]
pub fn keys_markdown() -> String {
    use fmt::Write;

    let map = Keymap::default();
    let mut text = String::new();
    for context in Context::ALL {
        let _ = writeln!(
            text,
            "## {} (`[keys.{}]`)\n\n| Action | Keys | What it does |\n|---|---|---|",
            context.title(),
            context.name()
        );
        for spec in ACTIONS.iter().filter(|spec| spec.context == context) {
            let keys: Vec<String> = map.keys(spec.action).iter().map(|key| format!("`{key}`")).collect();
            let keys = if keys.is_empty() { "–".to_owned() } else { keys.join(", ").replace('|', "\\|") };
            let _ = writeln!(text, "| `{}` | {keys} | {} |", spec.name, spec.help);
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overrides(rows: &[(&str, &str, &[&str])]) -> Overrides {
        let mut all = Overrides::new();
        for (context, action, keys) in rows {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            all.entry((*context).to_owned()).or_default().insert((*action).to_owned(), keys);
        }
        all
    }

    fn check(rows: &[(&str, &str, &[&str])]) -> Vec<String> {
        super::check(&overrides(rows), &KeyPlaces::default()).iter().map(ToString::to_string).collect()
    }

    fn key(text: &str) -> KeyEvent {
        let chord: Chord = text.parse().unwrap();
        KeyEvent::new(chord.code, chord.mods)
    }

    #[test]
    fn the_table_is_in_the_order_of_its_actions_and_its_keys_can_be_read() {
        for (at, spec) in ACTIONS.iter().enumerate() {
            assert_eq!(spec.action as usize, at);
            for key in spec.keys {
                key.parse::<Chord>().unwrap();
            }
        }
    }

    #[test]
    fn the_defaults_have_no_conflict_and_no_key_that_terminals_confuse() {
        assert_eq!(check(&[]), Vec::<String>::new());
    }

    #[test]
    fn every_way_of_reporting_a_key_means_the_same() {
        let shift_g = "shift+g".parse::<Chord>().unwrap();
        for (code, mods) in [
            (KeyCode::Char('G'), KeyModifiers::NONE),
            (KeyCode::Char('G'), KeyModifiers::SHIFT),
            (KeyCode::Char('g'), KeyModifiers::SHIFT),
        ] {
            assert_eq!(Chord::from(KeyEvent::new(code, mods)), shift_g);
        }
        assert_eq!("G".parse::<Chord>().unwrap(), shift_g);
        let question = Chord::from(KeyEvent::new(KeyCode::Char('?'), KeyModifiers::SHIFT));
        assert_eq!(question, "?".parse::<Chord>().unwrap());
        let back_tab = Chord::from(KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT));
        assert_eq!(back_tab, "shift+tab".parse::<Chord>().unwrap());
    }

    #[test]
    fn keys_are_shown_as_people_know_them() {
        for (written, shown) in [
            ("ctrl+p", "Ctrl+P"),
            ("shift+g", "G"),
            ("g", "g"),
            ("pageup", "PgUp"),
            ("ctrl++", "Ctrl++"),
            ("alt+enter", "Alt+Enter"),
            ("shift+tab", "Shift+Tab"),
            ("space", "Space"),
            ("f12", "F12"),
        ] {
            assert_eq!(written.parse::<Chord>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn the_context_is_asked_before_global() {
        let map = Keymap::default();
        assert_eq!(map.resolve(Context::Composer, key("ctrl+p")), Some(Action::Palette));
        assert_eq!(map.resolve(Context::List, key("ctrl+p")), Some(Action::ListUp));
        assert_eq!(map.resolve(Context::Composer, key("x")), None);
    }

    #[test]
    fn a_person_can_add_replace_and_unbind() {
        let (map, problems) =
            Keymap::new(&overrides(&[("global", "quit", &["ctrl+x", "f10"]), ("global", "lock", &[])]));
        assert_eq!(problems, []);
        assert_eq!(map.resolve(Context::Tree, key("f10")), Some(Action::Quit));
        assert_eq!(map.resolve(Context::Tree, key("ctrl+q")), None);
        assert_eq!(map.resolve(Context::Tree, key("ctrl+l")), None);
        assert_eq!(map.label(Action::Lock), None);
        assert_eq!(map.labels(Action::Quit), "Ctrl+X, F10");
    }

    #[test]
    fn wrong_names_and_keys_are_reported_with_the_nearest_and_keep_their_defaults() {
        let rows: &[(&str, &str, &[&str])] = &[
            ("globl", "quit", &["f9"]),
            ("global", "qiut", &["f9"]),
            ("global", "lock", &["ctrl+entr"]),
            ("tree", "rename", &["hyper+r"]),
            ("tree", "quit", &["f9"]),
        ];
        assert_eq!(
            check(rows),
            [
                "[keys.global]: “ctrl+entr” is not a key. Did you mean `enter`?",
                "[keys.global]: There is no action `qiut` in [keys.global]. Did you mean `quit`?",
                "[keys.globl]: There is no part of the screen `globl` in [keys]. Did you mean `global`?",
                "[keys.tree]: There is no action `quit` in [keys.tree]. It belongs under [keys.global].",
                "[keys.tree]: “hyper+r” is not a key: “hyper” is not a modifier. There are ctrl, alt and shift.",
            ]
        );
        let (map, _) = Keymap::new(&overrides(rows));
        assert_eq!(map.resolve(Context::Tree, key("ctrl+l")), Some(Action::Lock));
    }

    #[test]
    fn a_conflict_names_both_and_the_configured_one_wins() {
        let rows: &[(&str, &str, &[&str])] = &[("global", "lock", &["ctrl+q"])];
        assert_eq!(
            check(rows),
            [
                "[keys.global]: Ctrl+Q in [keys.global] is bound to both `lock` and `quit`; it means `lock`. Give one of them another key."
            ]
        );
        let (map, _) = Keymap::new(&overrides(rows));
        assert_eq!(map.resolve(Context::Global, key("ctrl+q")), Some(Action::Lock));
    }

    #[test]
    fn a_key_that_terminals_confuse_may_not_stand_alone() {
        let problems = check(&[("global", "lock", &["ctrl+i"])]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("Ctrl+I alone, for `lock`, cannot be told"), "{problems:?}");
        assert_eq!(check(&[("global", "lock", &["ctrl+i", "f12"])]), Vec::<String>::new());
    }

    #[test]
    fn the_documentation_names_every_action() {
        let text = keys_markdown();
        for spec in ACTIONS {
            assert!(text.contains(&format!("| `{}` |", spec.name)), "{}", spec.name);
            assert!(text.contains(spec.help));
        }
    }
}
