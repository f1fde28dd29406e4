//! What a character is to the sanitiser. Ranges are those of Unicode 16; what is unassigned there and has no width is
//! dropped like the rest of the invisible ones.

use unicode_normalization::char::is_combining_mark;
use unicode_width::UnicodeWidthChar;

/// What to do with a character that is neither ASCII nor part of an escape sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Shown as it is.
    Plain,
    /// A space of another width: shown as the ordinary one.
    Space,
    /// U+2028, U+2029, U+0085.
    Newline,
    /// Sits on the character before it.
    Mark,
    /// U+200C, U+200D: kept only between characters that it joins.
    Joiner,
    /// U+FE00–FE0F and Mongolian ones: kept only after a character that has variants.
    Variation,
    /// U+E0020–E007F: kept only in the three flags that are written with them.
    Tag,
    /// No shape, or one that turns others around: dropped.
    Invisible,
    /// No agreed shape: shown as U+FFFD.
    Unknown,
}

pub(super) fn class(c: char) -> Class {
    match c {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' => Class::Space,
        '\u{85}' | '\u{2028}' | '\u{2029}' => Class::Newline,
        '\u{200c}' | '\u{200d}' => Class::Joiner,
        '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180d}' | '\u{180f}' => Class::Variation,
        '\u{e0020}'..='\u{e007f}' => Class::Tag,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffc}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => Class::Invisible,
        '\u{e000}'..='\u{f8ff}' | '\u{40000}'..='\u{dffff}' | '\u{e1000}'..='\u{10ffff}' | '\u{fdd0}'..='\u{fdef}' => {
            Class::Unknown
        }
        c if u32::from(c) & 0xfffe == 0xfffe => Class::Unknown,
        // Skin tones extend the emoji before them without end, as combining marks do.
        '\u{1f3fb}'..='\u{1f3ff}' | '\u{ff9e}' | '\u{ff9f}' => Class::Mark,
        c if is_combining_mark(c) => Class::Mark,
        // Vowels and finals of Hangul have no width of their own and every right to be here.
        '\u{1161}'..='\u{11ff}' | '\u{d7b0}'..='\u{d7fb}' => Class::Plain,
        c if c.width().unwrap_or(0) == 0 => Class::Invisible,
        _ => Class::Plain,
    }
}

/// Whether `joiner` means something between these two.
pub(super) fn joins(before: char, joiner: char, after: char) -> bool {
    let emoji_before = is_emoji(before) || before == '\u{fe0f}' || is_skin_tone(before);
    (joiner == '\u{200d}' && emoji_before && is_emoji(after)) || (is_joining_script(before) && is_joining_script(after))
}

/// Whether `selector` chooses among variants of `base`.
pub(super) fn has_variant(base: char, selector: char) -> bool {
    match selector {
        '\u{fe0e}' | '\u{fe0f}' => is_emoji(base),
        // Mathematical operators have one registered variant.
        '\u{fe00}' => matches!(base, '\u{2205}'..='\u{22ff}' | '\u{2a00}'..='\u{2aff}'),
        '\u{180b}'..='\u{180f}' => matches!(base, '\u{1820}'..='\u{18aa}'),
        _ => false,
    }
}

fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

/// The Unicode property Extended_Pictographic.
pub(super) fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2194}'..='\u{2199}' | '\u{21a9}' | '\u{21aa}' | '\u{231a}' | '\u{231b}' | '\u{2328}' | '\u{2388}'
        | '\u{23cf}' | '\u{23e9}'..='\u{23f3}' | '\u{23f8}'..='\u{23fa}' | '\u{24c2}' | '\u{25aa}' | '\u{25ab}'
        | '\u{25b6}' | '\u{25c0}' | '\u{25fb}'..='\u{25fe}' | '\u{2600}'..='\u{2605}' | '\u{2607}'..='\u{2612}'
        | '\u{2614}'..='\u{2685}' | '\u{2690}'..='\u{2705}' | '\u{2708}'..='\u{2712}' | '\u{2714}' | '\u{2716}'
        | '\u{271d}' | '\u{2721}' | '\u{2728}' | '\u{2733}' | '\u{2734}' | '\u{2744}' | '\u{2747}' | '\u{274c}'
        | '\u{274e}' | '\u{2753}'..='\u{2755}' | '\u{2757}' | '\u{2763}'..='\u{2767}' | '\u{2795}'..='\u{2797}'
        | '\u{27a1}' | '\u{27b0}' | '\u{27bf}' | '\u{2934}' | '\u{2935}' | '\u{2b05}'..='\u{2b07}' | '\u{2b1b}'
        | '\u{2b1c}' | '\u{2b50}' | '\u{2b55}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1f0ff}' | '\u{1f10d}'..='\u{1f10f}' | '\u{1f12f}' | '\u{1f16c}'..='\u{1f171}'
        | '\u{1f17e}' | '\u{1f17f}' | '\u{1f18e}' | '\u{1f191}'..='\u{1f19a}' | '\u{1f1ad}'..='\u{1f1e5}'
        | '\u{1f201}'..='\u{1f20f}' | '\u{1f21a}' | '\u{1f22f}' | '\u{1f232}'..='\u{1f23a}'
        | '\u{1f23c}'..='\u{1f23f}' | '\u{1f249}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1f53d}'
        | '\u{1f546}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6ff}' | '\u{1f774}'..='\u{1f77f}'
        | '\u{1f7d5}'..='\u{1f7ff}' | '\u{1f80c}'..='\u{1f80f}' | '\u{1f848}'..='\u{1f84f}'
        | '\u{1f85a}'..='\u{1f85f}' | '\u{1f888}'..='\u{1f88f}' | '\u{1f8ae}'..='\u{1f8ff}'
        | '\u{1f90c}'..='\u{1f93a}' | '\u{1f93c}'..='\u{1f945}' | '\u{1f947}'..='\u{1faff}'
        | '\u{1fc00}'..='\u{1fffd}')
}

/// Scripts in which a joiner changes how neighbours are written: Arabic and its kin, the scripts of India and the
/// South-East, Mongolian, Adlam.
fn is_joining_script(c: char) -> bool {
    matches!(c,
        '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{f00}'..='\u{fff}' | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}' | '\u{1800}'..='\u{18af}' | '\u{1900}'..='\u{1aaf}' | '\u{1b00}'..='\u{1c7f}'
        | '\u{a840}'..='\u{a87f}' | '\u{a8e0}'..='\u{a9ff}' | '\u{aa00}'..='\u{aadf}' | '\u{fb50}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefe}' | '\u{10d00}'..='\u{10d3f}' | '\u{11000}'..='\u{1247f}'
        | '\u{1e900}'..='\u{1e95f}')
}
