//! Texts as they stand in chats: sentences, lists, tables, code, quotes, and now and then another script.

use super::{
    random::Random,
    words::{EMOJI, FOLDERS, LANGUAGES, MODELS, TOPICS, Vocabulary, WIDE},
};

/// Makes texts from a seed, each different from the one before.
pub struct TextMaker {
    pub(super) random: Random,
    vocabulary: &'static Vocabulary,
}

impl std::fmt::Debug for TextMaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TextMaker")
    }
}

impl TextMaker {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), vocabulary: Vocabulary::shared() }
    }

    /// What a person asks: mostly a sentence or two, sometimes with code.
    pub fn question(&mut self) -> String {
        match self.random.below(20) {
            0 => self.foreign(),
            1 => {
                let words = self.random.between(5, 20);
                [self.paragraph(words), self.code_block()].join("\n\n")
            }
            _ => {
                let words = self.random.skewed(14.0, 0.8).min(400);
                self.paragraph(words)
            }
        }
    }

    /// What a model answers: around ninety words, mostly Markdown.
    pub fn answer(&mut self) -> String {
        let words = self.random.skewed(90.0, 0.8).min(2_000);
        if self.random.chance(0.7) { self.markdown(words) } else { self.paragraph(words) }
    }

    /// A message of one or two sentences.
    pub fn remark(&mut self) -> String {
        if self.random.chance(0.08) {
            return self.foreign();
        }
        let words = self.random.skewed(16.0, 0.6).clamp(2, 60);
        self.paragraph(words)
    }

    pub fn title(&mut self) -> String {
        let topic = self.random.pick(TOPICS);
        let words = self.random.between(1, 4);
        [topic, ": ", &self.plain(words).replace('.', "")].concat()
    }

    /// A path of folders, or nothing.
    pub fn folder(&mut self) -> &'static str {
        self.random.pick(FOLDERS)
    }

    pub fn model(&mut self) -> &'static str {
        self.random.pick(MODELS)
    }

    pub fn word(&mut self) -> &'static str {
        self.vocabulary.word(&mut self.random)
    }

    /// The word of this rank in the vocabulary, 0 being the most frequent.
    #[must_use]
    pub fn word_of_rank(&self, rank: usize) -> &'static str {
        self.vocabulary.ranked(rank)
    }

    pub fn sentence(&mut self) -> String {
        let words = self.random.skewed(12.0, 0.45).clamp(3, 40);
        let mut sentence = String::new();
        for place in 0..words {
            let word = self.word();
            if place == 0 {
                let mut letters = word.chars();
                sentence.extend(letters.next().into_iter().flat_map(char::to_uppercase));
                sentence.push_str(letters.as_str());
                continue;
            }
            sentence.push_str(if self.random.chance(0.06) { ", " } else { " " });
            let mark = match self.random.below(60) {
                0 => "`",
                1 => "**",
                2 => "*",
                _ => "",
            };
            sentence.extend([mark, word, mark]);
        }
        sentence.push_str(self.random.pick(&[".", ".", ".", ".", "?", "!", ":"]));
        sentence
    }

    /// Sentences of at least so many words together.
    pub fn paragraph(&mut self, words: usize) -> String {
        let mut paragraph = String::new();
        let mut count = 0;
        while count < words {
            let sentence = self.sentence();
            count += sentence.split(' ').count();
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(&sentence);
        }
        paragraph
    }

    /// Words without marks, here and there a full stop.
    pub fn plain(&mut self, words: usize) -> String {
        let mut text = String::new();
        for place in 0..words {
            if place > 0 {
                text.push(' ');
            }
            text.push_str(self.word());
            if self.random.chance(0.08) {
                text.push('.');
            }
        }
        text
    }

    /// A few words in a language that is not English.
    pub fn foreign(&mut self) -> String {
        let language = &LANGUAGES[self.random.below(LANGUAGES.len())];
        let words = self.random.between(4, 18);
        let words: Vec<&str> = (0..words).map(|_| self.random.pick(language.words)).collect();
        let mut text = words.join(language.between);
        if self.random.chance(0.3) {
            text.push(' ');
            text.push_str(self.random.pick(EMOJI));
        }
        text
    }

    /// Characters of two cells and emoji only.
    pub fn wide(&mut self, pieces: usize) -> String {
        let piece = |random: &mut Random| {
            if random.chance(0.2) { random.pick(EMOJI) } else { random.pick(random.clone().pick(WIDE).words) }
        };
        (0..pieces).map(|_| piece(&mut self.random)).collect()
    }

    fn identifier(&mut self) -> String {
        let word = self.word();
        if self.random.chance(0.4) { [word, "_", self.word()].concat() } else { word.to_owned() }
    }

    pub fn code_block(&mut self) -> String {
        let kind = self.random.below(5);
        let (name, first, second) = (self.identifier(), self.identifier(), self.identifier());
        let room = self.random.between(1, 999);
        match kind {
            0 => format!(
                "```rust\nfn {name}({first}: &str, {second}: usize) -> Result<String, Error> {{\n    \
                 let mut out = String::with_capacity({room});\n    for (i, line) in {first}.lines().enumerate() {{\n        \
                 if i > {second} {{ break; }}\n        out.push_str(line);\n    }}\n    Ok(out) // {name}\n}}\n```"
            ),
            1 => format!(
                "```python\ndef {name}({first}, {second}=None):\n    \"\"\"Return the {first}.\"\"\"\n    \
                 items = [x for x in {first} if x is not {second}]\n    return {{k: v for k, v in enumerate(items)}}\n\n\
                 print({name}(range({room})))\n```"
            ),
            2 => format!(
                "```javascript\nexport async function {name}({first}) {{\n  const res = await fetch(`/api/${{{first}}}`);\n  \
                 if (!res.ok) throw new Error(res.status);\n  return res.json();\n}}\n```"
            ),
            3 => format!(
                "```sql\nSELECT {second}, count(*) AS n\nFROM {first}\nWHERE created_at > now() - interval '7 days'\n\
                 GROUP BY {second}\nORDER BY n DESC\nLIMIT {room};\n```"
            ),
            _ => format!(
                "```bash\nfor f in *.{first}; do\n  grep -q \"{second}\" \"$f\" && echo \"$f\"\ndone | sort | uniq -c\n```"
            ),
        }
    }

    fn list(&mut self) -> String {
        let items = self.random.between(3, 7);
        let ordered = self.random.chance(0.5);
        let items: Vec<String> = (1..=items)
            .map(|number| {
                let words = self.random.between(4, 14);
                let text = self.plain(words);
                if ordered { format!("{number}. {text}") } else { format!("- {text}") }
            })
            .collect();
        items.join("\n")
    }

    fn table(&mut self) -> String {
        let rows = self.random.between(2, 6);
        let mut lines = vec![
            format!("| {} | {} | {} |", self.identifier(), self.identifier(), self.identifier()),
            "|---|---:|:-:|".into(),
        ];
        for _ in 0..rows {
            let number = self.random.between(0, 99_999);
            lines.push(format!("| {} | {number} | {} |", self.identifier(), self.identifier()));
        }
        lines.join("\n")
    }

    /// Markdown of at least so many words.
    pub fn markdown(&mut self, words: usize) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut count = 0;
        while count < words {
            let part = match self.random.below(12) {
                0 => {
                    let words = self.random.between(2, 6);
                    ["## ", &self.plain(words)].concat()
                }
                1 | 2 => self.code_block(),
                3 | 4 => self.list(),
                5 => self.table(),
                6 => self.foreign(),
                7 => {
                    let words = self.random.between(8, 20);
                    ["> ", &self.plain(words)].concat()
                }
                _ => {
                    let words = self.random.between(15, 60);
                    self.paragraph(words)
                }
            };
            count += part.split_whitespace().count();
            parts.push(part);
        }
        parts.join("\n\n")
    }
}
