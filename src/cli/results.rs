//! What became of several things at once: a line for each, and the exit code of the worst.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{
    Desk, End,
    out::{print, print_json, safe, say},
};
use crate::api::Fault;

#[derive(Debug)]
pub struct Results {
    json: bool,
    told: Vec<Value>,
    worst: u8,
}

impl Results {
    #[must_use]
    pub fn new(desk: &Desk) -> Self {
        Self { json: desk.global.json, told: Vec::new(), worst: 0 }
    }

    /// One that went well: a line (already safe) for people, members of an object for programs.
    ///
    /// # Errors
    /// When nobody reads.
    pub fn done(&mut self, name: &str, line: &str, members: Value) -> Result<(), End> {
        if !self.json {
            return print(&format!("{line}\n"));
        }
        let mut told = Map::from_iter([("name".to_owned(), json!(name)), ("done".to_owned(), json!(true))]);
        if let Value::Object(members) = members {
            told.extend(members);
        }
        self.told.push(Value::Object(told));
        Ok(())
    }

    /// One that did not.
    pub fn failed(&mut self, name: &str, fault: &Fault) {
        self.worst = self.worst.max(fault.exit_code());
        let mut text = format!("ollamanet: {}: {}", safe(name), fault.message);
        if let Some(hint) = &fault.hint {
            let _ = write!(text, "\n{hint}");
        }
        say(&text);
        if self.json {
            self.told.push(json!({ "name": name, "done": false, "fault": fault }));
        }
    }

    /// # Errors
    /// The exit code of the worst.
    pub fn finish(self) -> Result<(), End> {
        if self.json {
            print_json(&self.told)?;
        }
        if self.worst == 0 { Ok(()) } else { Err(End::Code(self.worst)) }
    }
}
