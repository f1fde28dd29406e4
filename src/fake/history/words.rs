//! The words that made-up texts are made of: English by falling frequency, identifiers, and a handful of other scripts.

use std::{collections::HashSet, sync::OnceLock};

use super::random::Random;

/// The words that every text is full of, most frequent first.
const COMMON: &str = "the of to and a in is it that for you with as on be this are or can from your an by not if we will have at use \
    which one has when but was all so do more what there how any into also each other time then its data like value \
    name code using some just need function example make them only file first should these list set get would way \
    result number two here see return new where same does between type about line than because state work user want \
    string after run test key call add most even through check case server over request error step read change \
    before write good start however long possible different out such part model index point order might sure large \
    small right while great simple under both query process very system local memory back default open find being \
    path without since object version next may output input best current table message create end show give keep \
    second still following per thread every another instead given around many few something actually better within \
    try means note often idea could project three main help build those level problem world down last response based \
    search stream terminal token size several high whole kind";

const BEGINNINGS: &[&str] = &[
    "b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "v", "br", "cr", "dr", "pl", "st", "tr", "", "ch",
    "sh",
];
const MIDDLES: &[&str] = &["a", "e", "i", "o", "u", "a", "e", "i", "o", "ea", "ou", "io"];
const ENDS: &[&str] = &["", "", "", "n", "r", "s", "t", "l", "m", "nd", "st"];

/// How many words there are.
const WORDS: usize = 30_000;

/// Words of one language and what stands between them.
pub(super) struct Language {
    pub(super) words: &'static [&'static str],
    pub(super) between: &'static str,
}

const GERMAN: Language = Language {
    words: &[
        "und",
        "die",
        "Größe",
        "können",
        "über",
        "nicht",
        "Straße",
        "Fähigkeit",
        "während",
        "Schlüssel",
        "möglich",
        "einfach",
        "für",
        "Übung",
        "Antwort",
        "Verbindung",
        "schließen",
        "Geschwindigkeit",
    ],
    between: " ",
};
const SPANISH: Language = Language {
    words: &[
        "también",
        "función",
        "años",
        "pequeño",
        "según",
        "código",
        "búsqueda",
        "además",
        "según",
        "qué",
        "está",
        "mañana",
        "lógica",
        "título",
        "versión",
        "corazón",
    ],
    between: " ",
};
const RUSSIAN: Language = Language {
    words: &[
        "привет",
        "можно",
        "функция",
        "сообщение",
        "память",
        "быстро",
        "поток",
        "значение",
        "ошибка",
        "строка",
        "например",
        "модель",
        "ответ",
        "почему",
        "сервер",
    ],
    between: " ",
};
const CHINESE: Language = Language {
    words: &[
        "我们", "可以", "使用", "这个", "函数", "数据", "模型", "消息", "终端", "搜索", "速度", "问题", "因为", "如果",
        "代码", "结果", "中文", "延迟",
    ],
    between: "",
};
const JAPANESE: Language = Language {
    words: &[
        "これは",
        "モデル",
        "です",
        "メッセージ",
        "速い",
        "検索",
        "ファイル",
        "関数",
        "を",
        "使って",
        "ください",
        "端末",
        "日本語",
        "と",
        "の",
        "エラー",
    ],
    between: "",
};
const KOREAN: Language = Language {
    words: &["모델", "메시지", "빠른", "검색", "파일을", "사용하여", "터미널", "한국어", "응답", "오류가", "속도는"],
    between: " ",
};
const ARABIC: Language = Language {
    words: &["مرحبا", "النموذج", "رسالة", "بحث", "سريع", "الخادم", "ذاكرة", "اللغة", "العربية", "ملف"],
    between: " ",
};
const HINDI: Language = Language {
    words: &["नमस्ते", "संदेश", "खोज", "तेज़", "मॉडल", "फ़ाइल", "हिन्दी", "उत्तर", "त्रुटि"],
    between: " ",
};

pub(super) const LANGUAGES: &[Language] = &[GERMAN, SPANISH, RUSSIAN, CHINESE, JAPANESE, KOREAN, ARABIC, HINDI];
pub(super) const WIDE: &[&Language] = &[&CHINESE, &CHINESE, &JAPANESE, &KOREAN];
pub(super) const EMOJI: &[&str] =
    &["🙂", "🚀", "🔥", "✅", "❌", "👍🏽", "👩‍💻", "🇩🇪", "❤️", "🧪", "⚠️", "🎉", "👨‍👩‍👧‍👦", "1️⃣", "🏳️‍🌈"];
pub(super) const TOPICS: &[&str] = &[
    "Borrow checker",
    "Holiday plan",
    "Regex help",
    "SQL tuning",
    "Email draft",
    "Docker network",
    "Unit tests",
    "Poem",
    "Recipe",
    "Kernel panic",
    "Tax question",
    "Story idea",
    "Refactor",
    "Bash script",
    "Linear algebra",
    "Interview prep",
    "Log analysis",
    "Translation",
    "Garden",
    "CI failure",
];
pub(super) const FOLDERS: &[&str] = &[
    "",
    "",
    "",
    "Work",
    "Work/Backend",
    "Work/Frontend",
    "Personal",
    "Personal/Travel",
    "Research",
    "Research/LLM",
    "Learning",
    "Ideas",
    "Archive",
    "日本語",
    "Über uns",
];
/// Models that answers are said to come from.
pub const MODELS: &[&str] = &[
    "llama3.2:3b",
    "qwen3:8b",
    "gemma3:12b",
    "mistral:7b",
    "deepseek-r1:14b",
    "phi4:14b",
    "codellama:13b",
    "nomic-embed-text:latest",
];

/// The words by falling frequency, and the running sum of their weights (Zipf's law). The same for every seed.
pub(super) struct Vocabulary {
    words: Vec<String>,
    weights: Vec<f64>,
}

impl Vocabulary {
    pub(super) fn shared() -> &'static Self {
        static SHARED: OnceLock<Vocabulary> = OnceLock::new();
        SHARED.get_or_init(Self::make)
    }

    fn make() -> Self {
        let mut words: Vec<String> = COMMON.split(' ').map(str::to_owned).collect();
        let mut seen: HashSet<String> = words.iter().cloned().collect();
        let mut random = Random::new(0x5EED_0A11);
        while words.len() < WORDS {
            let syllables = 2 + random.below(2) + usize::from(random.chance(0.3));
            let word: String = (0..syllables)
                .flat_map(|_| [random.pick(BEGINNINGS), random.pick(MIDDLES), random.pick(ENDS)])
                .collect();
            if (3..16).contains(&word.len()) && seen.insert(word.clone()) {
                words.push(word);
            }
        }
        let mut sum = 0.0;
        let weights = (0..words.len())
            .map(|rank| {
                sum += 1.0 / (rank as f64 + 2.7).powf(1.18);
                sum
            })
            .collect();
        Self { words, weights }
    }

    pub(super) fn word(&self, random: &mut Random) -> &str {
        let sum = self.weights.last().copied().unwrap_or_default();
        let wanted = random.unit() * sum;
        let at = self.weights.partition_point(|weight| *weight < wanted);
        &self.words[at.min(self.words.len() - 1)]
    }

    /// The word of this rank, 0 being the most frequent: for asking for words that are common, or rare.
    pub(super) fn ranked(&self, rank: usize) -> &str {
        &self.words[rank.min(self.words.len() - 1)]
    }
}
