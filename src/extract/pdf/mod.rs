//! The text of a PDF: letters by what their fonts say of them, spaces and lines by where they stand on the page.
//!
//! It reads what writers of today make: packed objects, fonts with and without tables, forms within pages. It does not
//! open what is encrypted, and it does not look at pictures. Invisible letters count: under the picture of a scanned
//! page they are the only ones.

mod file;
mod filters;
mod fonts;
mod glyphs;
mod page;
mod value;

use std::collections::{HashMap, HashSet};

use self::{
    file::File,
    page::Page,
    value::{Dict, Value},
};
use super::{Refusal, budget::Budget};

const PAGES: usize = 5000;

pub fn is_pdf(bytes: &[u8]) -> bool {
    // Viewers look further than its beginning; then a program that speaks of PDFs would be one.
    bytes.trim_ascii_start().starts_with(b"%PDF-")
}

pub fn text(bytes: &[u8], budget: &mut Budget) -> Result<String, Refusal> {
    let file = File::open(bytes, budget)?;
    let pages = pages(&file, budget)?;
    if pages.is_empty() {
        return Err(Refusal::Broken);
    }
    let mut fonts = HashMap::new();
    let mut text = String::new();
    let (mut known, mut unknown) = (0_u64, 0_u64);
    for page in pages {
        let mut shown = Page::new(&file, &mut fonts, &mut text);
        shown.read(&page, budget)?;
        known += shown.known;
        unknown += shown.unknown;
        text.push_str("\n\n");
    }
    // A sign here and there has no letter; a text of nothing else is none.
    if unknown > known { Err(Refusal::Unreadable) } else { Ok(text) }
}

/// The pages in their order, each with what it inherits.
fn pages(file: &File<'_>, budget: &mut Budget) -> Result<Vec<Dict>, Refusal> {
    let mut found = Vec::new();
    let Some(root) = file.root() else { return Err(Refusal::Broken) };
    let root = file.dict(Some(&Value::Ref(root)), budget)?;
    let mut seen = HashSet::new();
    let mut open = vec![(root.get("Pages").cloned().unwrap_or(Value::Null), Value::Null)];
    while let Some((node, inherited)) = open.pop() {
        budget.step()?;
        // A tree that leads back into itself has no end.
        if node.reference().is_some_and(|number| !seen.insert(number)) {
            continue;
        }
        let mut dict = file.dict(Some(&node), budget)?;
        let resources = dict.get("Resources").cloned().unwrap_or(inherited);
        if let Value::List(kids) = file.resolved(dict.get("Kids"), budget)? {
            open.extend(kids.into_iter().rev().map(|kid| (kid, resources.clone())));
        } else if dict.contains_key("Contents") {
            dict.insert("Resources".into(), resources);
            found.push(dict);
            if found.len() > PAGES {
                return Err(Refusal::TooManyPages);
            }
        } else if dict.get("Type").and_then(Value::name) == Some("Page") {
            found.push(Dict::new());
        }
    }
    Ok(found)
}
