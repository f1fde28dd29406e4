//! Conversations as one web page that needs nothing else: no script, no address that is fetched by looking at it.
//!
//! Invariant: no letter of foreign text is markup. Markdown is rendered, and HTML in it is text; a link goes out only
//! where it is followed, and only to the web or a mailbox.

use std::fmt::Write as _;

use base64::{Engine, prelude::BASE64_STANDARD};
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::{
    Counted, Out, Source,
    readable::{Walk, attached, heading, one_line, stamp},
};
use crate::{
    api::{
        Fault,
        chat::{AttachmentKind, Message, MessageRole},
    },
    safe_text::SafeText,
    store::vault::{
        dump::{self, Whole},
        portable::Note,
    },
};

const STYLE: &str = "\
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}
article{border-top:2px solid #8888;margin-top:3rem}
section{margin:1.5rem 0;padding:.2rem 1rem;border-left:4px solid #8888}
section.user{border-color:#28c}section.assistant{border-color:#2a6}
h3{font-size:.9rem;opacity:.75;margin:.3rem 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:0 1rem;font-size:.9rem;opacity:.8}dd{margin:0}
pre{overflow-x:auto;padding:.6rem;background:#8882}code{font-family:ui-monospace,monospace}
table{border-collapse:collapse}th,td{border:1px solid #8888;padding:.2rem .5rem}
blockquote{margin:.5rem 0;padding-left:1rem;border-left:2px solid #8888}
aside{margin:.5rem 0;padding:.3rem .8rem;background:#fd32}
details{opacity:.85}img{max-width:100%}
";

pub(super) fn begin() -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src \
         data:\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Conversations</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n"
    )
}

pub(super) fn end() -> String {
    "</body>\n</html>\n".to_owned()
}

pub(super) async fn conversation(
    source: &Source<'_>,
    key: i64,
    whole: &Whole,
    out: &Out,
    counted: &Counted<'_>,
) -> Result<u64, Fault> {
    let mut walk = Walk::new(source, key, whole).await?;
    out.text(head(&walk)).await?;
    let mut written = 0;
    while let Some(page) = walk.next(source.vault).await? {
        for message in page {
            out.text(opening(&message)).await?;
            for attachment in &message.attachments {
                let id = attachment.id;
                let shown = escaped(&attached(attachment));
                out.text(format!("<p><em>Attached: {shown}</em></p>\n")).await?;
                if attachment.kind == AttachmentKind::Image {
                    let body = source.vault.db.read(move |tx| dump::body(tx, id)).await?;
                    out.text(image(&body, &shown)).await?;
                }
            }
            out.text(body(&message, &walk.notes_on(&message))).await?;
            written += 1;
        }
        counted.go_on()?;
    }
    out.text("</article>\n".to_owned()).await?;
    Ok(written)
}

fn head(walk: &Walk<'_>) -> String {
    let head = &walk.head;
    let row = &head.whole.conversation.row;
    let mut text = format!("<article>\n<h1>{}</h1>\n<dl>\n", escaped(&one_line(&row.title)));
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(text, "<dt>{name}</dt><dd>{}</dd>", escaped(value));
    };
    if let Some(path) = &head.folder {
        fact("folder", &one_line(path));
    }
    if !head.whole.tags.is_empty() {
        fact("tags", &one_line(&head.whole.tags.join(", ")));
    }
    if let Some(model) = &row.model {
        fact("model", &one_line(model));
    }
    fact("created", &stamp(head.whole.conversation.created_at));
    fact("updated", &stamp(row.updated_at));
    if let Some(at) = head.whole.archived_at {
        fact("archived", &stamp(at));
    }
    if let Some(at) = head.whole.trashed_at {
        fact("trashed", &stamp(at));
    }
    text.push_str("</dl>\n");
    if let Some(system) = &head.whole.conversation.system_prompt {
        let _ = write!(text, "<section class=\"system\">\n<h3>System</h3>\n{}</section>\n", rendered(system));
    }
    for note in &head.notes {
        push_note(&mut text, note);
    }
    text
}

fn opening(message: &Message) -> String {
    let class = match message.role {
        MessageRole::User => "user",
        MessageRole::Assistant => "assistant",
        MessageRole::System => "system",
        MessageRole::Tool => "tool",
    };
    format!("<section class=\"{class}\">\n<h3>{}</h3>\n", escaped(&heading(message)))
}

fn body(message: &Message, notes: &[&Note]) -> String {
    let mut text = String::new();
    if !message.thinking.trim().is_empty() {
        let thought = rendered(message.thinking.trim());
        let _ = write!(text, "<details>\n<summary>Thinking</summary>\n{thought}</details>\n");
    }
    text.push_str(&rendered(&message.content));
    for call in &message.tool_calls {
        let shown = escaped(&one_line(&format!("{}({})", call.name, call.arguments)));
        let _ = writeln!(text, "<p><em>Asks for a tool, which was not run: <code>{shown}</code></em></p>");
    }
    if let Some(error) = &message.error {
        let _ = writeln!(text, "<p><em>{}</em></p>", escaped(&one_line(error)));
    }
    for note in notes {
        push_note(&mut text, note);
    }
    text.push_str("</section>\n");
    text
}

fn push_note(text: &mut String, note: &Note) {
    text.push_str("<aside>\n<strong>Note</strong>\n");
    if let Some(quote) = &note.quote {
        let _ = writeln!(text, "<blockquote>{}</blockquote>", escaped(SafeText::new(quote).as_str()));
    }
    let _ = writeln!(text, "{}</aside>", rendered(&note.body));
}

/// The picture itself, if it is of a kind that is one.
fn image(body: &[u8], shown: &str) -> String {
    let kind = infer::get(body).map(|kind| kind.mime_type());
    let Some(kind @ ("image/png" | "image/jpeg" | "image/gif" | "image/webp")) = kind else { return String::new() };
    format!("<p><img alt=\"{shown}\" src=\"data:{kind};base64,{}\"></p>\n", BASE64_STANDARD.encode(body))
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// Markdown as HTML of our own making.
fn rendered(markdown: &str) -> String {
    let safe = SafeText::new(markdown);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut links: Vec<bool> = Vec::new();
    let events = Parser::new_ext(safe.as_str(), options).map(|event| harmless(event, &mut links));
    let mut html = String::with_capacity(markdown.len() + markdown.len() / 4);
    pulldown_cmark::html::push_html(&mut html, events);
    html
}

/// What would be markup of somebody else's is text; what would fetch something only says so.
fn harmless<'a>(event: Event<'a>, links: &mut Vec<bool>) -> Event<'a> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
        Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
        Event::Start(Tag::Link { link_type, dest_url, id, .. }) => {
            let goes_out = may_lead(&dest_url, link_type);
            links.push(goes_out);
            if goes_out {
                Event::Start(Tag::Link { link_type, dest_url, title: CowStr::Borrowed(""), id })
            } else {
                Event::Text(CowStr::from("["))
            }
        }
        Event::End(TagEnd::Link) => {
            if links.pop().unwrap_or(false) {
                Event::End(TagEnd::Link)
            } else {
                Event::Text(CowStr::from("]"))
            }
        }
        Event::Start(Tag::Image { dest_url, .. }) => Event::Text(CowStr::from(format!("[image {dest_url}: "))),
        Event::End(TagEnd::Image) => Event::Text(CowStr::from("]")),
        other => other,
    }
}

/// Whether an address may be followed from the page.
fn may_lead(address: &str, link: LinkType) -> bool {
    let lower = address.trim_start().to_ascii_lowercase();
    link == LinkType::Email || ["http://", "https://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_tables_and_links_are_rendered() {
        let html = rendered(
            "# A & B\n\n| a | b |\n|---|---|\n| 1 | `<x>` |\n\n```rust\nlet a = \"<b>\";\n```\n\n[web](https://example.org/?a=1&b=2)",
        );
        assert!(html.contains("<h1>A &amp; B</h1>") && html.contains("<table>"), "{html}");
        assert!(
            html.contains("<code>&lt;x&gt;</code>") && html.contains("<pre><code class=\"language-rust\">"),
            "{html}"
        );
        assert!(html.contains("<a href=\"https://example.org/?a=1&amp;b=2\">web</a>"), "{html}");
    }

    #[test]
    fn nothing_foreign_becomes_markup_or_is_fetched() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[x](javascript:alert(1))",
            "[x](  JaVaScRiPt:alert(1))",
            "[x](data:text/html,<script>1</script>)",
            "![x](https://evil.example/pixel.png)",
            "<div>\n<iframe src=\"https://evil.example\"></iframe>\n</div>",
            "```\"><script>\nx\n```",
            "[x](https://a.example/\"onmouseover=\"alert(1))",
            "[x](https://a.example \"\\\" onclick=\\\"alert(1)\")",
            "<https://a.example/'><script>>",
            "| a |\n|---|\n| <svg onload=alert(1)> |",
        ] {
            let html = rendered(hostile);
            let lower = html.to_ascii_lowercase();
            for forbidden in ["<script", "<img", "<iframe", "<svg", "<div", "href=\"javascript", "href=\"data", "\" on"]
            {
                assert!(!lower.contains(forbidden), "{hostile:?} gives {html:?}");
            }
        }
        assert_eq!(escaped("<a href='x' title=\"y\">&"), "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;");
    }
}
