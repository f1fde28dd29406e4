//! Coloured code: made by a worker, kept here, looked up while drawing.
//!
//! It never works while something is drawn: loading a grammar takes up to 30 ms, so a block is plain until its colours
//! have come. The seam: `HighlightCache::missing` names the jobs (`Effect::Highlight`), a worker runs `Job::run`, and
//! `HighlightCache::keep` takes what came back (`Msg::Highlighted`). Without the feature `highlight` there are no jobs.

use std::{
    collections::{HashMap, VecDeque, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::Arc,
};

use ratatui::text::Line;

use super::markdown::{Coloured, Rendered};
use crate::ui::theme::{Palette, Theme};

/// Blocks that are kept; the oldest go first.
const KEPT: usize = 256;
/// A block longer than this stays plain, bytes: nobody reads it here, and colouring it would take seconds.
const LONGEST: usize = 256 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    block: u64,
    palette: Palette,
}

/// A block that wants colours.
#[derive(Clone, Debug)]
pub struct Job {
    key: Key,
    language: String,
    text: String,
}

/// What a job gave: one line per line of the block, or nothing for a language nobody knows.
#[derive(Clone, Debug)]
pub struct Highlighted {
    key: Key,
    lines: Option<Coloured>,
}

/// The colours made so far.
#[derive(Debug, Default)]
pub struct HighlightCache {
    /// `None` while they are being made, and for good where there are none to make.
    blocks: HashMap<Key, Option<Coloured>>,
    order: VecDeque<Key>,
}

impl Job {
    /// Makes the colours. Slow: for a worker.
    #[must_use]
    pub fn run(&self) -> Highlighted {
        let theme = match self.key.palette {
            Palette::Dark => Theme::dark(),
            Palette::Light => Theme::light(),
            Palette::Plain => Theme::plain(),
        };
        Highlighted { key: self.key, lines: highlight_block(&self.language, &self.text, &theme).map(Arc::new) }
    }
}

impl HighlightCache {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The colours of a block, if they have been made. For `Look::colours`.
    #[must_use]
    pub fn lookup(&self, language: &str, text: &str, palette: Palette) -> Option<Coloured> {
        self.blocks.get(&key(language, text, palette)).cloned().flatten()
    }

    /// The jobs for complete blocks that nobody has asked about yet. Each is named once.
    pub fn missing(&mut self, rendered: &Rendered, palette: Palette) -> Vec<Job> {
        let mut jobs = Vec::new();
        for block in rendered.blocks.iter().filter(|block| block.closed && block.text.len() <= LONGEST) {
            let key = key(&block.language, &block.text, palette);
            if is_known(&block.language) && !self.blocks.contains_key(&key) {
                self.put(key, None);
                jobs.push(Job { key, language: block.language.clone(), text: block.text.clone() });
            }
        }
        jobs
    }

    /// Takes what a worker made. True if there is something new to draw.
    pub fn keep(&mut self, done: Highlighted) -> bool {
        let is_new = done.lines.is_some();
        self.put(done.key, done.lines);
        is_new
    }

    fn put(&mut self, key: Key, lines: Option<Coloured>) {
        if self.blocks.insert(key, lines).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > KEPT {
            if let Some(oldest) = self.order.pop_front() {
                self.blocks.remove(&oldest);
            }
        }
    }
}

/// A block's lines in colour; nothing if its language is not known. Slow: for a worker.
#[must_use]
pub fn highlight_block(language: &str, text: &str, theme: &Theme) -> Option<Vec<Line<'static>>> {
    let mut highlighter = Highlighter::new(language)?;
    Some(text.split('\n').map(|line| highlighter.line(line, theme)).collect())
}

fn key(language: &str, text: &str, palette: Palette) -> Key {
    let mut hasher = DefaultHasher::new();
    language.hash(&mut hasher);
    text.hash(&mut hasher);
    Key { block: hasher.finish(), palette }
}

pub use engine::Highlighter;
use engine::is_known;

#[cfg(feature = "highlight")]
mod engine {
    use std::sync::LazyLock;

    use ratatui::{
        style::Style,
        text::{Line, Span},
    };
    use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

    use crate::ui::theme::{Syntax, Theme};

    static GRAMMARS: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

    /// Scopes and what they look like; of those that fit, the longest decides.
    static ROLES: LazyLock<Vec<(Scope, Role)>> = LazyLock::new(|| {
        let roles: [(&str, Role); 24] = [
            ("comment", |syntax| Some(syntax.comment)),
            ("string", |syntax| Some(syntax.string)),
            ("constant", |syntax| Some(syntax.number)),
            ("keyword", |syntax| Some(syntax.keyword)),
            ("keyword.operator", |_| None),
            ("keyword.operator.word", |syntax| Some(syntax.keyword)),
            ("storage", |syntax| Some(syntax.keyword)),
            ("entity.name", |syntax| Some(syntax.type_name)),
            ("entity.name.function", |syntax| Some(syntax.function)),
            ("entity.name.tag", |syntax| Some(syntax.keyword)),
            ("entity.other.attribute-name", |syntax| Some(syntax.type_name)),
            ("support.function", |syntax| Some(syntax.function)),
            ("support.macro", |syntax| Some(syntax.function)),
            ("support.type", |syntax| Some(syntax.type_name)),
            ("support.class", |syntax| Some(syntax.type_name)),
            ("support.constant", |syntax| Some(syntax.number)),
            ("variable.function", |syntax| Some(syntax.function)),
            ("variable.language", |syntax| Some(syntax.keyword)),
            ("variable.annotation", |syntax| Some(syntax.attribute)),
            ("meta.annotation", |syntax| Some(syntax.attribute)),
            ("markup.heading", |syntax| Some(syntax.keyword)),
            ("markup.inserted", |syntax| Some(syntax.inserted)),
            ("markup.deleted", |syntax| Some(syntax.deleted)),
            ("invalid", |_| None),
        ];
        roles.into_iter().filter_map(|(name, role)| Some((Scope::new(name).ok()?, role))).collect()
    });

    type Role = fn(&Syntax) -> Option<Style>;

    /// Colours a block line by line, so that a growing one costs only its new lines.
    pub struct Highlighter {
        state: ParseState,
        stack: ScopeStack,
    }

    impl Highlighter {
        /// Nothing if no grammar has this name.
        #[must_use]
        pub fn new(language: &str) -> Option<Self> {
            Some(Self { state: ParseState::new(grammar(language)?), stack: ScopeStack::new() })
        }

        /// The next line, without its line break.
        pub fn line(&mut self, text: &str, theme: &Theme) -> Line<'static> {
            let ended = format!("{text}\n");
            // A grammar that fails leaves its line plain; the next one may go well.
            let Ok(changes) = self.state.parse_line(&ended, &GRAMMARS) else {
                return Line::raw(text.to_owned());
            };
            let mut spans: Vec<Span<'static>> = Vec::new();
            let mut from = 0;
            for (at, change) in changes {
                let at = at.min(text.len());
                self.paint(text.get(from..at), theme, &mut spans);
                from = at.max(from);
                if self.stack.apply(&change).is_err() {
                    self.stack = ScopeStack::new();
                }
            }
            self.paint(text.get(from..), theme, &mut spans);
            Line::from(spans)
        }

        fn paint(&self, text: Option<&str>, theme: &Theme, spans: &mut Vec<Span<'static>>) {
            let Some(text) = text.filter(|text| !text.is_empty()) else { return };
            let style = style(&self.stack, theme);
            match spans.last_mut() {
                Some(last) if last.style == style => last.content.to_mut().push_str(text),
                Some(_) | None => spans.push(Span::styled(text.to_owned(), style)),
            }
        }
    }

    /// The innermost scope that means something decides.
    fn style(stack: &ScopeStack, theme: &Theme) -> Style {
        for scope in stack.scopes.iter().rev() {
            let fitting = ROLES.iter().filter(|(prefix, _)| prefix.is_prefix_of(*scope));
            if let Some((_, role)) = fitting.max_by_key(|(prefix, _)| prefix.len()) {
                return role(&theme.syntax).unwrap_or(theme.code_block);
            }
        }
        theme.code_block
    }

    /// Whether asking for colours is worth a job. Does not load the grammars: a wrong yes costs one job.
    pub(super) fn is_known(language: &str) -> bool {
        !matches!(language, "" | "text" | "txt" | "plain" | "plaintext" | "output" | "console")
    }

    fn grammar(language: &str) -> Option<&'static SyntaxReference> {
        let lower = language.to_lowercase();
        let name = match lower.as_str() {
            "shell" | "sh" | "zsh" | "shellscript" => "bash",
            "c++" => "cpp",
            "c#" | "csharp" => "cs",
            "golang" => "go",
            "jsonc" | "json5" | "jsonl" => "json",
            "docker" => "dockerfile",
            other => other,
        };
        let grammar = GRAMMARS.find_syntax_by_token(name)?;
        (grammar.name != "Plain Text").then_some(grammar)
    }
}

#[cfg(not(feature = "highlight"))]
mod engine {
    use ratatui::text::Line;

    use crate::ui::theme::Theme;

    /// Without grammars there is none: `new` never gives one.
    pub enum Highlighter {}

    impl Highlighter {
        #[must_use]
        pub fn new(_language: &str) -> Option<Self> {
            None
        }

        pub fn line(&mut self, _text: &str, _theme: &Theme) -> Line<'static> {
            match *self {}
        }
    }

    pub(super) fn is_known(_language: &str) -> bool {
        false
    }
}

#[cfg(all(test, feature = "highlight"))]
mod tests {
    use super::*;
    use crate::{
        safe_text::SafeText,
        ui::text::markdown::{Look, render},
    };

    const CODE: &str = "// a comment\nfn main() {\n    let x = \"text\";\n}";

    fn style_of(lines: &[Line<'static>], word: &str) -> Option<ratatui::style::Style> {
        let spans = lines.iter().flat_map(|line| &line.spans);
        spans.filter(|span| span.content.contains(word)).map(|span| span.style).next()
    }

    #[test]
    fn code_is_coloured_by_what_its_words_are() {
        let theme = Theme::dark();
        let lines = highlight_block("rust", CODE, &theme).unwrap();
        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(text.join("\n"), CODE);
        assert_eq!(style_of(&lines, "comment"), Some(theme.syntax.comment));
        assert_eq!(style_of(&lines, "fn"), Some(theme.syntax.keyword));
        assert_eq!(style_of(&lines, "main"), Some(theme.syntax.function));
        assert_eq!(style_of(&lines, "text"), Some(theme.syntax.string));
    }

    #[test]
    fn common_names_of_languages_are_known_and_others_are_not() {
        for name in [
            "rust",
            "rs",
            "python",
            "py",
            "js",
            "javascript",
            "ts",
            "typescript",
            "tsx",
            "bash",
            "shell",
            "c++",
            "csharp",
            "go",
            "toml",
            "yaml",
            "json",
            "sql",
            "html",
            "css",
            "dockerfile",
            "diff",
            "java",
            "kotlin",
            "swift",
            "php",
            "ruby",
        ] {
            assert!(Highlighter::new(name).is_some(), "{name}");
        }
        assert!(Highlighter::new("no such language").is_none());
    }

    #[test]
    fn a_block_is_asked_for_once_and_drawn_in_colour_when_it_has_come() {
        let theme = Theme::dark();
        let text = SafeText::new(&format!("```rust\n{CODE}\n```\n"));
        let mut cache = HighlightCache::new();
        let plain = render(&text, Look::new(40, &theme));
        let jobs = cache.missing(&plain, theme.palette);
        assert_eq!(jobs.len(), 1);
        assert!(cache.missing(&plain, theme.palette).is_empty());
        assert!(cache.lookup("rust", CODE, theme.palette).is_none());

        assert!(cache.keep(jobs[0].run()));
        let colours = |language: &str, text: &str| cache.lookup(language, text, theme.palette);
        let coloured = render(&text, Look { colours: Some(&colours), ..Look::new(40, &theme) });
        assert_eq!(style_of(&coloured.lines, "fn"), Some(theme.syntax.keyword));
        let letters = |rendered: &Rendered| rendered.lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(letters(&coloured), letters(&plain));
        assert!(cache.lookup("rust", CODE, Palette::Light).is_none());
    }

    #[test]
    fn the_cache_forgets_the_oldest() {
        let mut cache = HighlightCache::new();
        for n in 0..KEPT as u64 + 10 {
            cache.put(Key { block: n, palette: Palette::Dark }, None);
        }
        assert_eq!((cache.blocks.len(), cache.order.len()), (KEPT, KEPT));
    }
}
